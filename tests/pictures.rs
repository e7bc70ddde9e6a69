//! What users see, as they see it: the report, the tables and the JSON of a few telling fixtures.

use crate::common::fixture::Fixture;
use crate::common::outcome::{self, Way};
use whodropped::analyzer::Analysis;

fn analysis(folder: &str, place: &str) -> Analysis {
    let fixture = Fixture::of(folder, place);
    let name = format!("{folder}/{place}.pcap");
    outcome::read_pieces(&[(&name, &fixture.bytes())], Way::default()).expect("it is a capture")
}

#[test]
fn the_report_on_refused_connections() {
    let analysis = analysis("router-reject-icmp", "client");
    insta::assert_snapshot!("rejected_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("rejected_120", outcome::terminal(&analysis, 120));
}

#[test]
fn the_report_on_dropped_connections() {
    let analysis = analysis("router-drop-syn", "client");
    insta::assert_snapshot!("dropped_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("dropped_120", outcome::terminal(&analysis, 120));
    insta::assert_snapshot!("dropped_csv", outcome::csv(&analysis));
    insta::assert_snapshot!("dropped_findings", outcome::findings_csv(&analysis));
    insta::assert_snapshot!("dropped_json", outcome::json(&analysis));
}

#[test]
fn the_report_on_a_reset_that_no_end_sent() {
    let analysis = analysis("hello-reset", "client");
    insta::assert_snapshot!("forged_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("forged_csv", outcome::csv(&analysis));
    insta::assert_snapshot!("forged_findings", outcome::findings_csv(&analysis));
}

#[test]
fn the_report_on_loss_and_stalls() {
    let analysis = analysis("mid-stream-drop", "client");
    insta::assert_snapshot!("stalled_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("stalled_json", outcome::json(&analysis));
}

#[test]
fn the_report_on_a_damaged_capture() {
    let analysis = analysis("capture-cut", "router");
    insta::assert_snapshot!("cut_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("cut_120", outcome::terminal(&analysis, 120));
}

#[test]
fn the_report_when_all_is_well() {
    let analysis = analysis("healthy-mix", "server");
    insta::assert_snapshot!("healthy_80", outcome::terminal(&analysis, 80));
    insta::assert_snapshot!("healthy_csv", outcome::csv(&analysis));
}

#[test]
fn no_line_of_a_report_is_wider_than_asked() {
    for (folder, place) in [
        ("healthy-mix", "client"),
        ("router-reject-icmpv6", "client"),
        ("random-loss", "server"),
    ] {
        let analysis = analysis(folder, place);
        for width in [60, 80, 100, 120] {
            for line in outcome::terminal(&analysis, width).lines() {
                let found = unicode_width::UnicodeWidthStr::width(line);
                // A single word, such as a command to copy, stays whole.
                let words = line.split_whitespace().count();
                assert!(
                    found <= width || words <= 2,
                    "{folder}@{place} at {width}: {found} columns\n{line}"
                );
            }
        }
    }
}
