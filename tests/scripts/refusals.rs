//! RSTs and ICMP errors: which count, and which not.

use super::{OPENING, TALK, holds_once, whole};

#[test]
fn a_refusal_of_the_last_sequence_number_is_valid() {
    holds_once("0 > S 0:0(0) isn 4294967295\n+.001 < R. -5000:-5000(0) ack 1 win 0\n=> refused-by-rst handshake=rst");
}

#[test]
fn a_reset_outside_the_window_ends_nothing() {
    let told = holds_once(&whole(
        "+.1 < R 90000000:90000000(0)\n+.1 > R -90000000:-90000000(0)\n",
        "reset-ignored -reset-mid-transfer handshake=completed ending=fin",
    ));
    assert!(told.facts.reset.is_none());
    assert_eq!(told.facts.invalid_resets.count, 2);
}

#[test]
fn a_reset_that_does_not_acknowledge_the_syn_refuses_nothing() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460>\n+.001 < R. -5000:-5000(0) ack 900000 win 0\n+.03 < S. 0:0(0) ack 1 <mss 1460>\n+.001 > . 1:1(0) ack 1
        => -refused-by-rst handshake=completed ending=open",
    );
    assert_eq!(told.facts.invalid_resets.count, 1);
}

#[test]
fn a_reset_that_acknowledges_more_than_the_syn_refuses_nothing() {
    holds_once(
        "0 > S 0:0(0) <mss 1460>\n+.001 < R. -5000:-5000(0) ack 77 win 0\n+.03 < S. 0:0(0) ack 1 <mss 1460>\n+.001 > . 1:1(0) ack 1
        => -refused-by-rst handshake=completed ending=open status=ok",
    );
}

#[test]
fn a_reset_at_the_next_expected_byte_is_valid() {
    holds_once(&format!(
        "{OPENING}{TALK}+.5 < R. 201:201(0) ack 101 win 0\n@ end +9\n=> reset-mid-transfer ending=rst-server status=failed"
    ));
}

#[test]
fn a_quote_of_eight_bytes_is_enough() {
    holds_once(
        "0 > S 0:0(0)\n+.01 < icmp admin-prohibited from 10.0.0.254 quote 8
        => icmp-rejected -syn-silent handshake=icmp-rejected ending=none status=failed",
    );
}

#[test]
fn an_icmp_error_about_a_packet_never_sent_is_ignored() {
    let told = holds_once(
        "0 > S 0:0(0)\n+.01 < icmp admin-prohibited from 10.0.0.254 seq 80000000\n+.02 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1
        => -icmp-rejected handshake=completed ending=open",
    );
    assert_eq!(told.facts.icmp_errors, 0);
}

#[test]
fn an_icmp_error_that_the_connection_survives_rejects_nothing() {
    holds_once(
        "0 > S 0:0(0)\n+.01 < icmp host-unreachable from 10.0.0.254\n+1 > S 0:0(0)\n+.03 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1
        => -icmp-rejected -host-unreachable handshake=retransmitted ending=open",
    );
}

#[test]
fn packet_too_big_is_no_rejection() {
    holds_once(&whole(
        "+.1 > icmp frag-needed from 10.0.0.254 mtu 1200\n",
        "-icmp-ended handshake=completed ending=fin status=ok",
    ));
}

#[test]
fn an_icmp_error_of_version_six_is_an_icmp_error() {
    holds_once(
        "0 > S 0:0(0)\n+.01 < icmp6 admin-prohibited from 2001:db8::254\n=> icmp-rejected handshake=icmp-rejected status=failed",
    );
}
