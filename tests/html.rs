//! `--html`: the page for a ticket, as the command writes it.

use crate::common::command::{Folder, run, run_with};
#[cfg(unix)]
use crate::common::command::{command, finish};
use crate::common::fixture::Fixture;
use crate::common::outcome::{self, Way};
use std::fs;
use whodropped::report::Html;
use whodropped::report::html::Look;

fn fixture(folder: &str) -> String {
    Fixture::of(folder, "client").path.display().to_string()
}

/// The page with a line a tag, its look and its script left out.
fn lines(page: &str) -> String {
    let mut page = page.to_owned();
    for tag in ["style", "script"] {
        let start = page.find(&format!("<{tag}>")).expect("it is there") + tag.len() + 2;
        let end = page.find(&format!("</{tag}>")).expect("it ends");
        page.replace_range(start..end, "");
    }
    page.replace("><", ">\n<")
}

fn page(folder: &str, place: &str) -> String {
    let fixture = Fixture::of(folder, place);
    let name = format!("{folder}/{place}.pcap");
    let analysis = outcome::read_pieces(&[(&name, &fixture.bytes())], Way::default()).expect("it is a capture");
    let look = Look {
        command: format!("whodropped analyze {name}"),
        ..Look::default()
    };
    let mut html = Html::new(Vec::new(), look);
    analysis
        .report(&|_, _| true, &mut [&mut html])
        .expect("memory takes all");
    String::from_utf8(html.write(&[]).expect("memory takes all")).expect("it is UTF-8")
}

#[test]
fn the_page_on_an_outage() {
    insta::assert_snapshot!("html_outage", lines(&page("outage", "client")));
}

#[test]
fn the_page_on_a_reset_that_no_end_sent() {
    insta::assert_snapshot!("html_forged", lines(&page("hello-reset", "client")));
}

#[test]
fn the_page_does_not_depend_on_threads() {
    let path = fixture("outage");
    let page = |threads: &str| {
        run(&["analyze", &path, "--html", "-", "--threads", threads])
            .is_fine()
            .out
            .clone()
    };
    let one = page("1");
    assert!(one.starts_with("<!DOCTYPE html>") && one.ends_with("</html>\n"));
    assert!(one.contains("--&gt; S "), "a connection of each kind packet by packet");
    assert!(
        page("2") == one && page("5") == one,
        "the same with any number of threads"
    );
}

#[test]
fn a_pipe_gives_the_packets_too() {
    let bytes = Fixture::of("outage", "client").bytes();
    let page = |page: &str| {
        let start = page.find("<section id=\"packets\">").expect("it is there");
        let part = &page[start..];
        part[..part.find("</section>").expect("it ends")].to_owned()
    };
    let file = page(&run(&["analyze", &fixture("outage"), "--html", "-"]).is_fine().out);
    let pipe = page(&run_with(&["analyze", "-", "--html", "-"], &bytes).is_fine().out);
    assert!(pipe.contains("--&gt; S ") && pipe.contains("id=\"cause-refused-by-rst\""));
    assert_eq!(pipe, file);
}

#[cfg(unix)]
#[test]
fn a_pipe_that_cannot_be_kept_gives_all_but_the_packets() {
    use std::os::fd::OwnedFd;
    let mut command = command(&["analyze", "-", "--html", "-"]);
    // A socket is not a file that can be read again, either.
    let (mut there, here) = std::os::unix::net::UnixStream::pair().expect("there are sockets");
    std::io::Write::write_all(&mut there, &Fixture::of("outage", "client").bytes()).expect("it is short");
    drop(there);
    command.stdin(OwnedFd::from(here)).env("TMPDIR", "/nowhere");
    let ran = finish(command);
    let page = &ran.is_fine().out;
    assert!(page.contains("6 of 16 TCP connections failed") && page.contains("id=\"cause-refused-by-rst\""));
    assert!(page.contains("of a pipe or a live capture, the first GiB"));
}

#[test]
fn the_page_appears_whole_or_not_at_all() {
    let folder = Folder::new("html");
    let page = folder.file("page.html", b"the old one");
    let bad = folder.file("bad.pcap", b"no capture, but long enough to look at");
    run(&["analyze", &bad, "--html", &page]).is_refused(&["bad.pcap"]);
    assert_eq!(fs::read(&page).expect("it is there"), b"the old one");
    run(&["analyze", &fixture("outage"), "-q", "--html", &page]).is_fine();
    assert!(fs::read_to_string(&page).expect("it is there").contains("6 of 16"));
    assert_eq!(folder.names(), ["bad.pcap", "page.html"], "nothing else is left behind");
    let missing = folder.at("no/page.html");
    run(&["analyze", &fixture("outage"), "--html", &missing]).is_refused(&["page.html"]);
    run(&["analyze", &fixture("outage"), "--html", &page, "--csv", &page]).is_refused(&["--csv", "--html"]);
}

#[test]
fn it_goes_along_with_the_other_outputs() {
    let folder = Folder::new("html-others");
    let (page, evidence) = (folder.at("page.html"), folder.at("failed.pcapng"));
    let ran = run(&[
        "analyze",
        &fixture("outage"),
        "--html",
        &page,
        "--evidence",
        &evidence,
        "--flow",
        "6",
    ]);
    assert!(ran.is_fine().out.starts_with("Flow 6: "));
    assert_eq!(folder.names(), ["failed.pcapng", "page.html"]);
}
