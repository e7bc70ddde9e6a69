//! The report that people read, acted out.

use super::*;
use crate::report::sample;
use crate::verdict::words::{Culprit, Doubt, Ending, Handshake};
use unicode_width::UnicodeWidthStr;

const STYLE: Style = Style {
    width: None,
    color: false,
    only: Only::All,
    selected: false,
};

fn report(style: Style, rows: &[crate::report::FlowRow]) -> String {
    let mut out = Vec::new();
    sample::play(&mut Terminal::new(&mut out, style), rows);
    String::from_utf8(out).unwrap()
}

#[test]
fn all_healthy_is_one_clear_line() {
    let text = report(STYLE, &[sample::fine(1), sample::fine(2)]);
    assert!(text.contains("\n2 TCP connections, all of them worked.\n"), "{text}");
    assert!(!text.contains("FAILED") && !text.contains("10.0.0.7"), "{text}");
}

#[test]
fn failures_come_before_what_is_unknown_and_healthy_flows_are_a_number() {
    let mut unknown = sample::row(3);
    (unknown.status, unknown.handshake) = (Status::Unknown, Handshake::Undetermined);
    (unknown.cause, unknown.culprit) = (None, Culprit::Capture);
    unknown.doubts = vec![Doubt::CaptureEndsEarly];
    let text = report(STYLE, &[sample::fine(1), unknown, sample::row(2)]);
    assert!(
        text.contains("3 TCP connections: 1 failed, 0 degraded, 1 unknown, 1 ok"),
        "{text}"
    );
    let failed = text.find("FAILED: 1 connection\n").unwrap();
    let unknown = text.find("CANNOT TELL: 1 connection\n").unwrap();
    assert!(failed < unknown);
    assert!(text.contains(" 1. 10.0.0.5:8080: SYN never answered\n"), "{text}");
    assert!(text.contains("The capture ended while an answer could still"), "{text}");
    assert!(text.contains("whodropped explain syn-silent"));
}

#[test]
fn lines_fit_the_terminal() {
    for width in [60, 80, 120] {
        let style = Style {
            width: Some(width),
            ..STYLE
        };
        let rows: Vec<_> = (1..=30).map(sample::row).collect();
        let text = report(style, &rows);
        let longest = text.lines().map(UnicodeWidthStr::width).max();
        assert!(longest <= Some(width), "{text}");
    }
}

#[test]
fn only_hides_sections_but_not_totals() {
    let mut degraded = sample::row(1);
    (degraded.status, degraded.ending) = (Status::Degraded, Ending::Fin);
    let style = Style {
        only: Only::Failed,
        ..STYLE
    };
    let text = report(style, &[degraded]);
    assert!(text.contains("1 degraded") && !text.contains("BADLY"), "{text}");
}

#[test]
fn colours_are_only_there_when_wanted_and_hostile_names_never_paint() {
    let mut row = sample::row(1);
    row.name = Some("\u{1b}[31mevil".to_owned());
    let plain = report(STYLE, std::slice::from_ref(&row));
    assert!(!plain.contains('\u{1b}') && plain.contains("\\u{1b}[31mevil"));
    let style = Style { color: true, ..STYLE };
    assert!(report(style, &[row]).contains("\u{1b}[1;31m"));
}

#[test]
fn no_tcp_says_what_there_is_instead() {
    let mut info = sample::info("udp.pcap");
    info.packets = 1_234;
    let captures = [CaptureHead {
        info: &info,
        packets_before: 0,
        skipped: &[("not-ip".to_owned(), 34)],
    }];
    let head = Head {
        tcp_packets: 0,
        ..sample::head(&captures)
    };
    let mut out = Vec::new();
    sample::play_with(&mut Terminal::new(&mut out, STYLE), &head, &[], &[]);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("No TCP connection in 1,234 packets: 1,200 other IP traffic"),
        "{text}"
    );
}

/// A night's incident, whole, as it stands in `night.txt`.
#[test]
fn a_night() {
    let text = night(80, false);
    assert_eq!(text, include_str!("night.txt"), "{text}");
}

fn night(width: usize, color: bool) -> String {
    use crate::finding::{Confidence, Meta, Severity};
    static REFUSED: Meta = Meta {
        id: "syn-refused",
        severity: Severity::Error,
        title: "Connection refused by RST",
        next: "on {server}: ss -ltnp 'sport = :{port}' (Windows: netstat -ano)",
        page: "",
    };
    static LOSS: Meta = Meta {
        id: "heavy-retransmission",
        severity: Severity::Warn,
        title: "Heavy retransmission",
        next: "mtr -T -P {port} {server} during the trouble; tc -s qdisc on both hosts",
        page: "",
    };
    let mut info = sample::info("client.pcapng");
    info.health.cut = Some(31_336_412);
    info.interfaces[0].dropped = Some(212);
    info.health.truncated = 48_000;
    let captures = [CaptureHead {
        info: &info,
        packets_before: 0,
        skipped: &[("not-ip".to_owned(), 34), ("cut-short".to_owned(), 3)],
    }];
    let head = Head {
        duplicates: 1_204,
        one_sided: (3, 412),
        ..sample::head(&captures)
    };
    let mut rows: Vec<_> = (1..=400).map(sample::fine).collect();
    for number in 1..=20 {
        let mut row = sample::row(number);
        row.client = sample::end(&format!("192.168.1.{}", 20 + number % 3), 50_000);
        row.name = Some("orders.example.com".to_owned());
        if number % 4 == 0 {
            row.doubts.push(Doubt::SingleSyn);
            row.confidence = Confidence::Low;
        }
        rows.push(row);
    }
    for number in 1..=9 {
        let mut row = sample::row(number);
        row.server = sample::end("2001:db8::7", 22);
        row.cause = Some("syn-refused");
        (row.culprit, row.confidence) = (Culprit::ServerHost, Confidence::High);
        (row.handshake, row.doubts) = (Handshake::Rst, vec![]);
        row.duration = crate::base::Span::ZERO;
        row.summary = "The SYN was answered by a RST after 0.4 ms, with the TTL of the host itself.".to_owned();
        rows.push(row);
    }
    for number in 1..=30 {
        let mut row = sample::row(number);
        row.server = sample::end(&format!("10.9.0.{number}"), 445);
        rows.push(row);
    }
    let mut slow = sample::row(3);
    (slow.status, slow.cause, slow.culprit) = (Status::Degraded, Some("heavy-retransmission"), Culprit::Unknown);
    (slow.handshake, slow.ending) = (Handshake::Completed, Ending::Fin);
    slow.server = sample::end("10.0.0.7", 443);
    slow.summary = "12 of 140 segments (8.6 %) had to be sent again.".to_owned();
    rows.push(slow);
    for number in 1..=4 {
        let mut row = sample::row(number);
        (row.status, row.handshake) = (Status::Unknown, Handshake::Undetermined);
        (row.cause, row.culprit) = (None, Culprit::Capture);
        row.doubts = vec![Doubt::CaptureEndsEarly];
        rows.push(row);
    }
    let style = Style {
        width: Some(width),
        color,
        ..STYLE
    };
    let mut out = Vec::new();
    let catalogue = [&sample::SYN_SILENT, &REFUSED, &LOSS];
    sample::play_with(&mut Terminal::new(&mut out, style), &head, &rows, &catalogue);
    String::from_utf8(out).unwrap()
}
