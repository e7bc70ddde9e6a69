//! `--flow N`: one connection packet by packet, with what each packet means.

use crate::common::capture::PACKS;
use crate::common::command::{Folder, run, run_with};
use crate::common::fixture::Fixture;

fn ladder(path: &str, flow: &str) -> String {
    let ran = run(&["analyze", path, "--flow", flow]);
    ran.is_fine();
    ran.out
}

fn fixture(folder: &str) -> String {
    Fixture::of(folder, "client").path.display().to_string()
}

#[test]
fn every_packet_has_its_sentence() {
    insta::assert_snapshot!("ladder_dropped", ladder(&fixture("router-drop-syn"), "2"));
    insta::assert_snapshot!("ladder_forged", ladder(&fixture("hello-reset"), "3"));
    insta::assert_snapshot!("ladder_stalled", ladder(&fixture("mid-stream-drop"), "2"));
    insta::assert_snapshot!("ladder_full", ladder(&fixture("zero-window"), "2"));
    insta::assert_snapshot!("ladder_rejected", ladder(&fixture("icmp-mid-stream"), "2"));
    insta::assert_snapshot!("ladder_too_large", ladder(&fixture("pmtu-black-hole"), "2"));
    insta::assert_snapshot!("ladder_healthy", ladder(&fixture("healthy-mix"), "1"));
}

#[test]
fn long_healthy_stretches_are_folded() {
    let text = ladder(&fixture("healthy-offload"), "2");
    assert!(text.contains("nothing unusual"), "{text}");
    assert!(text.lines().count() < 60, "{text}");
}

#[test]
fn compressed_and_cut_recordings_show_the_same() {
    let folder = Folder::new("ladder");
    let capture = Fixture::of("mid-stream-drop", "client").capture();
    let whole = ladder(&folder.file("whole.pcap", &capture.pcap()), "2");
    for (end, pack) in PACKS {
        let path = folder.file(&format!("packed.{end}"), &pack(&capture.pcapng()));
        assert_eq!(ladder(&path, "2"), whole, "{end}");
    }
    let (first, second) = capture.packets.split_at(20);
    let first = folder.file("first.pcap", &capture.with(first).pcap());
    let second = folder.file("second.pcap", &capture.with(second).pcap());
    let ran = run(&["analyze", &second, &first, "--flow", "2"]);
    assert_eq!(ran.is_fine().out, whole);
}

#[test]
fn several_are_shown_one_after_the_other() {
    let text = ladder(&fixture("router-drop-syn"), "3,1,3");
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("Flow ")).collect();
    assert_eq!(heads.len(), 2);
    assert!(
        heads[0].starts_with("Flow 1: ") && heads[1].starts_with("Flow 3: "),
        "{heads:?}"
    );
}

#[test]
fn a_pipe_is_shown_as_a_file_is_and_a_number_must_be_there() {
    let bytes = Fixture::of("outage", "client").bytes();
    let file = run(&["analyze", &fixture("outage"), "--flow", "1,3"]);
    let pipe = run_with(&["analyze", "-", "--flow", "1,3"], &bytes);
    assert_eq!(pipe.is_fine().out, file.is_fine().out);
    run(&["analyze", &fixture("outage"), "--flow", "99"]).is_refused(&["no connection 99", "1 to 16"]);
    assert_eq!(run(&["analyze", &fixture("outage"), "--flow", "0"]).status, Some(2));
}
