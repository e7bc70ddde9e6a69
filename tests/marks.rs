//! Wireshark's marks and Zeek's words in the situations of SEMANTICS.md 6.4 and 6.5, as measured with tshark 4.0.17.

use crate::common::command::{Folder, run};
use crate::common::fixture::Fixture;
use crate::common::situation::{play, wrong_marks};
use whodropped::script::Script;

/// A round trip of 100 ms.
const HANDSHAKE: &str =
    "0 > S 0:0(0) <mss 1460,wscale 2>\n+.05 < S. 0:0(0) ack 1 <mss 1460,wscale 2>\n+.05 > . 1:1(0) ack 1\n";

#[track_caller]
fn marks(lines: &str) {
    let script = Script::parse(lines).expect("a script");
    let wrong = wrong_marks(&script);
    assert!(wrong.is_empty(), "{lines}\n{wrong:?}");
}

#[track_caller]
fn marks_after_handshake(lines: &str) {
    marks(&format!("{HANDSHAKE}{lines}"));
}

/// Zeek's state and history of the first flow.
#[track_caller]
fn zeek(lines: &str, state: &str, history: &str) {
    let flows = play(&Script::parse(lines).expect("a script"));
    let facts = &flows[0].facts;
    assert_eq!(
        (facts.conn_state.word(), facts.history.text()),
        (state, history),
        "{lines}"
    );
}

#[test]
fn a_resent_segment_within_a_round_trip_is_called_out_of_order() {
    marks_after_handshake(
        "+1 > . 1:101(100) ack 1\n+0 > . 101:201(100) ack 1\n+.05 > . 1:101(100) ack 1 ; out-of-order",
    );
    marks_after_handshake(
        "+1 > . 1:101(100) ack 1\n+0 > . 101:201(100) ack 1\n+.1 > . 1:101(100) ack 1 ; retransmission",
    );
}

#[test]
fn the_last_segment_resent_is_never_out_of_order() {
    marks_after_handshake("+1 > . 1:101(100) ack 1\n+.01 > . 1:101(100) ack 1 ; retransmission");
}

#[test]
fn duplicate_acks_are_counted_and_followed_by_a_fast_retransmission() {
    marks_after_handshake(
        "+1 > . 1:101(100) ack 1\n+0 > . 101:201(100) ack 1\n\
         +.05 < . 1:1(0) ack 1 ; duplicate-ack 1\n+0 < . 1:1(0) ack 1 ; duplicate-ack 2\n\
         +.019 > . 1:101(100) ack 1 ; fast-retransmission, retransmission",
    );
}

#[test]
fn probes_without_a_byte_are_keep_alives_and_with_one_are_probes() {
    marks_after_handshake(
        "+1 < . 1:1(0) ack 1 win 0 ; zero-window\n+1 > . 0:0(0) ack 1 ; keep-alive\n\
         +0 < . 1:1(0) ack 1 win 0 ; zero-window\n+1 > . 1:2(1) ack 1 ; zero-window-probe\n\
         +0 < . 1:1(0) ack 1 win 0 ; zero-window, zero-window-probe-ack\n+1 < . 1:1(0) ack 1 win 9000 ; window-update",
    );
}

#[test]
fn an_acknowledgment_of_unseen_bytes_is_reported_once() {
    marks_after_handshake("+1 < . 1:1(0) ack 500 ; ack-lost-segment\n+1 < P. 1:11(10) ack 500");
}

#[test]
fn a_gap_a_full_window_and_an_answered_repetition_are_marked() {
    marks_after_handshake("+1 < . 1:1(0) ack 1 win 25 ; window-update\n+0 > . 1:101(100) ack 1 ; window-full");
    marks_after_handshake("+1 > . 101:201(100) ack 1 ; lost-segment");
    marks_after_handshake(
        "+1 > . 1:101(100) ack 1\n+.05 < . 1:1(0) ack 101\n\
         +1 > . 1:101(100) ack 1 ; retransmission, spurious-retransmission",
    );
}

#[test]
fn zeek_tells_refused_unanswered_and_closed_apart() {
    zeek("0 > S 0:0(0)", "S0", "S");
    zeek("0 > S 0:0(0)\n+.1 < R. 0:0(0) ack 1", "REJ", "Sr");
    zeek("0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1", "S1", "Sh");
    zeek(
        &format!("{HANDSHAKE}+1 > F. 1:1(0) ack 1\n+.1 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2"),
        "SF",
        "ShAFf",
    );
    zeek(
        &format!("{HANDSHAKE}+1 > F. 1:1(0) ack 1\n+.1 < . 1:1(0) ack 2"),
        "S2",
        "ShAFa",
    );
    zeek("0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1\n+.1 > R 1:1(0)", "RSTO", "ShR");
    zeek(&format!("{HANDSHAKE}+1 < R. 1:1(0) ack 1"), "RSTR", "ShAr");
    zeek("0 > S 0:0(0)\n+.1 < . 7:7(0) ack 9\n+.1 > R 9:9(0)", "RSTOS0", "SaR");
}

/// SEMANTICS 2.2 and 6.4, in the order of the first hit; the rows that the test above does not hold.
#[test]
fn every_state_of_zeek_is_reached() {
    for (lines, state, history) in [
        // Both sides reset, and neither had sent a byte.
        ("+1 < R. 1:1(0) ack 1\n+0 > R. 1:1(0) ack 1", "REJ", "ShArR"),
        (
            "+1 > P. 1:11(10) ack 1\n+0 < R. 1:1(0) ack 11\n+0 > R. 11:11(0) ack 1",
            "RSTR",
            "ShADrR",
        ),
        ("+1 > R. 1:1(0) ack 1", "RSTO", "ShAR"),
        ("+1 < F. 1:1(0) ack 1\n+.1 > . 1:1(0) ack 2", "S3", "ShAf"),
        // A RST behind its sender's FIN; the other side's FIN makes it a clean close again.
        (
            "+1 > F. 1:1(0) ack 1\n+0 > R. 2:2(0) ack 1\n+.1 < F. 1:1(0) ack 2",
            "SF",
            "ShAFRf",
        ),
        (
            "+1 > F. 1:1(0) ack 1\n+.1 < F. 1:1(0) ack 2\n+.1 > R. 2:2(0) ack 2",
            "SF",
            "ShAFfR",
        ),
        ("+1 > P. 1:11(10) ack 1\n+.1 < . 1:1(0) ack 11", "S1", "ShADa"),
    ] {
        zeek(&format!("{HANDSHAKE}{lines}"), state, history);
    }
    for (lines, state, history) in [
        ("0 > S 0:0(0)\n+.1 > R 1:1(0)", "RSTOS0", "SR"),
        ("0 > S 0:0(0)\n+.1 > . 1:1(0) ack 1\n+.1 > F. 1:1(0) ack 1", "SH", "SAF"),
        (
            "0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1\n+.1 < R. 1:1(0) ack 1",
            "RSTR",
            "Shr",
        ),
        // In mid-connection.
        ("0 > P. 1:11(10) ack 1\n+.1 < . 1:1(0) ack 11", "OTH", "Da"),
        ("0 > R 1:1(0)", "OTH", "R"),
        ("0 > P. 1:11(10) ack 1\n+.1 < R. 1:1(0) ack 11", "RSTRH", "Dr"),
        ("0 > P. 1:11(10) ack 1\n+.1 < F. 1:1(0) ack 11", "SHR", "Df"),
        ("0 > F. 1:1(0) ack 1\n+.1 < F. 1:1(0) ack 2", "SF", "Ff"),
        (
            "0 > S 0:0(0)\n+.1 > . 1:1(0) ack 1\n+.1 > F. 1:1(0) ack 1\n+.1 > R. 2:2(0) ack 1",
            "OTH",
            "SAFR",
        ),
    ] {
        zeek(lines, state, history);
    }
}

/// SEMANTICS 2.3.
#[test]
fn zeek_writes_each_letter_when_it_should() {
    for (lines, state, history) in [
        // Once per side, but control segments again with another number.
        ("+1 > F. 1:1(0) ack 1\n+1 > F. 1:1(0) ack 1", "S2", "ShAF"),
        ("+1 < R 1:1(0)\n+0 < R 9:9(0)", "RSTR", "ShArr"),
        // Payload with a FIN is no letter of its own.
        ("+1 > F. 1:11(10) ack 1", "S2", "ShAF"),
        // Sent again, out of order, a closed window; the second to ninth time say nothing.
        (
            "+1 > P. 1:11(10) ack 1\n+1 > P. 1:11(10) ack 1\n+1 > P. 1:11(10) ack 1",
            "S1",
            "ShADT",
        ),
        ("+1 > P. 11:21(10) ack 1\n+0 > P. 1:11(10) ack 1", "S1", "ShADT"),
        ("+1 < . 1:1(0) ack 1 win 0\n+1 < . 1:1(0) ack 1 win 0", "S1", "ShAaw"),
        // Acknowledged, and never captured.
        ("+1 > P. 11:21(10) ack 1\n+.1 < . 1:1(0) ack 21", "S1", "ShADaG"),
        // A closed window behind the other side's FIN does not count.
        ("+1 > F. 1:1(0) ack 1\n+1 < . 1:1(0) ack 2 win 0", "S2", "ShAFa"),
        ("+1 > FR. 1:1(0) ack 1", "RSTO", "ShAI"),
    ] {
        zeek(&format!("{HANDSHAKE}{lines}"), state, history);
    }
    zeek("0 > SF 0:0(0)", "SH", "Q");
}

/// SEMANTICS 2.4: the first record's state, whatever comes later.
#[test]
fn zeek_begins_another_record_after_silence_and_after_the_end() {
    for (lines, state, history) in [
        ("+301 > P. 1:11(10) ack 1", "S1", "ShA"),
        ("+299 > P. 1:11(10) ack 1", "S1", "ShAD"),
        ("+1 > R 1:1(0)\n+6 < P. 1:11(10) ack 1", "RSTO", "ShAR"),
        ("+1 > R 1:1(0)\n+4 < P. 1:11(10) ack 1", "RSTO", "ShARd"),
        (
            "+1 > F. 1:1(0) ack 1\n+1 < F. 1:1(0) ack 2\n+6 > . 2:2(0) ack 2",
            "SF",
            "ShAFf",
        ),
    ] {
        zeek(&format!("{HANDSHAKE}{lines}"), state, history);
    }
    // A SYN again after its RST, with the same number: another record.
    zeek(
        "0 > S 0:0(0)\n+.1 < R. 0:0(0) ack 1\n+.5 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1",
        "REJ",
        "Sr",
    );
}

#[test]
fn zeek_forgets_an_unanswered_syn_after_five_seconds() {
    zeek("0 > S 0:0(0)\n+1 > S 0:0(0)\n+6 < S. 0:0(0) ack 1", "S0", "S");
}

#[test]
fn zeek_takes_who_answers_a_syn_ack_for_the_caller() {
    zeek(
        "0 < S. 0:0(0) ack 1\n+.1 > . 1:1(0) ack 1\n+1 > P. 1:11(10) ack 1",
        "S1",
        "^hAD",
    );
}

#[test]
fn the_marks_file_holds_the_selected_connections_in_order_of_packets() {
    let capture = Fixture::of("healthy-mix", "server").path.display().to_string();
    let all = run(&["analyze", &capture, "--marks", "-"]).is_fine().out.clone();
    let mut lines = all.lines();
    assert_eq!(
        lines.next(),
        Some("packet,flow,tcp_stream,time,src,src_port,dst,dst_port,mark,detail")
    );
    let packets: Vec<u64> = lines
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(!packets.is_empty() && packets.is_sorted(), "{all}");
    for (option, value) in [("--port", "1"), ("--only", "failed")] {
        let none = run(&["analyze", &capture, "--marks", "-", option, value])
            .is_fine()
            .out
            .clone();
        assert_eq!(none.lines().count(), 1, "{option}: {none}");
    }
    let folder = Folder::new("marks-file");
    run(&[
        "analyze",
        &capture,
        "--quiet",
        "--threads",
        "2",
        "--marks",
        &folder.at("marks.csv"),
    ])
    .is_fine();
    assert_eq!(std::fs::read_to_string(folder.at("marks.csv")).unwrap(), all);
}
