//! Situations that happen rarely and go wrong easily, told as scripts.

use crate::common::situation::{Told, flow_of, play};
use whodropped::base::{Endpoint, FlowKey, Span};
use whodropped::script::{Script, What};

/// Plays `text`, checks its `=>` lines, and gives its flows.
#[track_caller]
fn holds(text: &str) -> Vec<Told> {
    let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let flows = play(&script);
    for expected in &script.expectations {
        let told = flows.get(flow_of(expected));
        let flow = told.unwrap_or_else(|| panic!("only {} flows\n{text}", flows.len()));
        let failings = flow.failings(expected);
        let (words, ids) = (flow.words(), flow.ids());
        assert!(
            failings.is_empty(),
            "line {}: {failings:?}; it is {words} {ids:?}\n{text}",
            expected.line
        );
    }
    flows
}

/// As [`holds`], where there is one flow.
#[track_caller]
fn holds_once(text: &str) -> Told {
    let mut flows = holds(text);
    assert_eq!(flows.len(), 1, "one flow\n{text}");
    flows.remove(0)
}

const OPENING: &str = "0 > S 0:0(0) <mss 1460>\n+.03 < S. 0:0(0) ack 1 <mss 1460>\n+.001 > . 1:1(0) ack 1\n";
const CLOSING: &str =
    "+.01 > F. 101:101(0) ack 201\n+.03 < F. 201:201(0) ack 102\n+.001 > . 102:102(0) ack 202\n@ end +30\n";
const TALK: &str = "+.01 > P. 1:101(100) ack 1\n+.03 < P. 1:201(200) ack 101\n+.001 > . 101:101(0) ack 201\n";

fn whole(between: &str, expected: &str) -> String {
    format!("{OPENING}{TALK}{between}{CLOSING}=> {expected}\n")
}

#[test]
fn an_ordinary_connection_is_nothing_to_talk_about() {
    let told = holds_once(&whole(
        "",
        "handshake=completed ending=fin status=ok stage=closed app_error=-",
    ));
    assert!(told.findings.is_empty(), "{:?}", told.ids());
    assert_eq!((told.facts.client().bytes, told.facts.server().bytes), (100, 200));
}

#[test]
fn both_ends_may_call_each_other_at_once() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460>
        +.001 < S 0:0(0) <mss 1460>
        +.03 > S. 0:0(0) ack 1 <mss 1460>
        +.001 < S. 0:0(0) ack 1 <mss 1460>
        +.01 > P. 1:101(100) ack 1
        +.03 < P. 1:201(200) ack 101
        +.001 > F. 101:101(0) ack 201
        +.03 < F. 201:201(0) ack 102
        +.001 > . 102:102(0) ack 202
        => -syn-silent -ports-reused handshake=completed ending=fin status=ok",
    );
    assert_eq!(told.facts.client().syns + told.facts.server().syns, 2);
}

#[test]
fn ports_used_again_after_both_fins_are_a_new_flow() {
    let flows = holds(
        &(whole("", "handshake=completed ending=fin status=ok flow=1")
            + "+1 > S 90000:90000(0) <mss 1460>
            +.03 < S. 70000:70000(0) ack 90001 <mss 1460>
            +.001 > . 90001:90001(0) ack 70001
            +.01 > F. 90001:90001(0) ack 70001
            +.03 < F. 70001:70001(0) ack 90002
            +.001 > . 90002:90002(0) ack 70002
            => handshake=completed ending=fin flow=2"),
    );
    assert_eq!(flows.len(), 2);
    assert!(flows[0].facts.superseded.is_none());
}

#[test]
fn ports_used_again_after_a_reset_are_a_new_flow() {
    let flows = holds(&format!(
        "{OPENING}{TALK}+.1 < R. 201:201(0) ack 101
        +1 > S 90000:90000(0) <mss 1460>
        +.03 < S. 70000:70000(0) ack 90001 <mss 1460>
        +.001 > . 90001:90001(0) ack 70001
        +.01 > F. 90001:90001(0) ack 70001
        +.03 < F. 70001:70001(0) ack 90002
        +.001 > . 90002:90002(0) ack 70002
        => handshake=completed ending=rst-server flow=1
        => handshake=completed ending=fin flow=2"
    ));
    assert_eq!(flows.len(), 2);
}

#[test]
fn the_same_syn_after_a_refusal_is_the_same_attempt_in_a_flow_of_its_own() {
    let flows = holds(
        "0 > S 0:0(0) <mss 1460>
        +.001 < R. -5000:-5000(0) ack 1 win 0 id 0
        +.5 > S 0:0(0) <mss 1460>
        +.001 < R. -5000:-5000(0) ack 1 win 0 id 0
        => refused-by-rst -syn-after-rst handshake=rst ending=none status=failed app_error=ECONNREFUSED
        => refused-by-rst syn-after-rst flow=2 handshake=rst ending=none status=failed",
    );
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0].facts.stream_start, flows[1].facts.stream_start);
}

#[test]
fn the_same_syn_that_succeeds_after_a_refusal_has_its_own_verdict() {
    let flows = holds(
        "0 > S 0:0(0) <mss 1460>
        +.001 < R. -5000:-5000(0) ack 1 win 0 id 0
        +.5 > S 0:0(0) <mss 1460>
        +.001 < S. 0:0(0) ack 1 <mss 1460>
        +.001 > . 1:1(0) ack 1
        => handshake=rst ending=none status=failed
        => syn-after-rst flow=2 handshake=completed ending=open",
    );
    assert_eq!(flows.len(), 2);
}

#[test]
fn a_new_syn_on_open_ports_supersedes_the_flow() {
    let flows = holds(&format!(
        "{OPENING}{TALK}+60 > S 90000:90000(0) <mss 1460>
        +.03 < S. 70000:70000(0) ack 90001 <mss 1460>
        +.001 > . 90001:90001(0) ack 70001
        => handshake=completed ending=superseded flow=1
        => handshake=completed ending=open flow=2"
    ));
    assert_eq!(flows.len(), 2);
}

#[test]
fn a_flow_without_its_beginning_is_not_captured_and_its_roles_are_a_guess() {
    let told = holds_once(&format!(
        "0 > P. 1:101(100) ack 1\n+.03 < P. 1:201(200) ack 101\n+.001 > . 101:101(0) ack 201\n{CLOSING}
        => mid-stream-start handshake=not-captured ending=fin doubt=mid-stream doubt=roles-guessed"
    ));
    assert!(!told.facts.roles_seen);
    assert_eq!(told.facts.key.sender(told.facts.client).port, 40_000);
}

#[test]
fn a_flow_that_starts_with_its_syn_ack_knows_its_roles() {
    let told = holds_once(&format!(
        "0 < S. 0:0(0) ack 1 <mss 1460>\n+.001 > . 1:1(0) ack 1\n{TALK}{CLOSING}=> handshake=completed ending=fin"
    ));
    assert!(told.facts.roles_seen);
    assert_eq!(told.facts.key.sender(told.facts.client).port, 40_000);
}

#[test]
fn sequence_numbers_may_wrap_inside_the_data() {
    let wrapping =
        whole("", "handshake=completed ending=fin status=ok").replacen("S 0:0(0)", "S 0:0(0) isn 4294967250", 1);
    let told = holds_once(&wrapping);
    assert!(told.findings.is_empty(), "{:?}", told.ids());
    assert_eq!((told.facts.client().bytes, told.facts.client().holes), (100, 0));
}

#[test]
fn sequence_numbers_may_wrap_inside_the_handshake() {
    let both = whole("", "handshake=completed ending=fin status=ok")
        .replacen("S 0:0(0)", "S 0:0(0) isn 4294967295", 1)
        .replacen("S. 0:0(0) ack 1", "S. 0:0(0) ack 1 isn 4294967295", 1);
    let told = holds_once(&both);
    assert!(told.findings.is_empty(), "{:?}", told.ids());
    assert_eq!((told.facts.client().bytes, told.facts.server().bytes), (100, 200));
}

#[test]
fn a_refusal_of_the_last_sequence_number_is_valid() {
    holds_once("0 > S 0:0(0) isn 4294967295\n+.001 < R. -5000:-5000(0) ack 1 win 0\n=> refused-by-rst handshake=rst");
}

#[test]
fn an_answered_keep_alive_is_no_retransmission() {
    let told = holds_once(&whole(
        "+75 > . 100:100(0) ack 201\n+.03 < . 201:201(0) ack 101\n+75 > . 100:101(1) ack 201\n+.03 < . 201:201(0) ack 101\n",
        "-keep-alive-failure -heavy-retransmission -stall handshake=completed ending=fin status=ok",
    ));
    assert_eq!(
        (told.facts.client().keep_alives, told.facts.client().retransmissions()),
        (2, 0)
    );
    assert_eq!(told.facts.server().duplicate_acks, 0);
}

#[test]
fn data_on_the_syn_that_is_accepted_is_data() {
    let told = holds_once(
        "0 > S 0:100(100) <mss 1460,FO aabbccdd00112233>
        +.03 < S. 0:0(0) ack 101 <mss 1460>
        +.001 > . 101:101(0) ack 1
        +.01 < P. 1:201(200) ack 101
        +.001 > F. 101:101(0) ack 201
        +.03 < F. 201:201(0) ack 102
        +.001 > . 102:102(0) ack 202
        => handshake=completed ending=fin status=ok -no-response",
    );
    assert_eq!((told.facts.client().bytes, told.facts.server().bytes), (100, 200));
}

#[test]
fn data_on_the_syn_that_is_refused_is_sent_again_without_harm() {
    let told = holds_once(
        "0 > S 0:100(100) <mss 1460,FO aabbccdd00112233>
        +.03 < S. 0:0(0) ack 1 <mss 1460>
        +.001 > P. 1:101(100) ack 1
        +.03 < P. 1:201(200) ack 101
        +.001 > F. 101:101(0) ack 201
        +.03 < F. 201:201(0) ack 102
        +.001 > . 102:102(0) ack 202
        => handshake=completed ending=fin status=ok -syn-ack-ignored",
    );
    assert_eq!(told.facts.client().bytes, 100);
}

#[test]
fn a_syn_without_data_after_one_with_data_says_that_the_path_dislikes_it() {
    let told = holds_once(
        "0 > S 0:100(100) <mss 1460,FO aabbccdd00112233>
        +1 > S 0:0(0) <mss 1460>
        +.03 < S. 0:0(0) ack 1 <mss 1460>
        +.001 > P. 1:101(100) ack 1
        +.03 < P. 1:201(200) ack 101
        => syn-answered-late handshake=retransmitted",
    );
    assert!(told.facts.opening.fast_open_given_up);
}

#[test]
fn overlapping_address_plans_are_kept_apart() {
    let flows = holds(
        "0 > S 0:0(0) <mss 1460> path 1
        +.001 > S 90000000:90000000(0) <mss 1460> path 2
        +.03 < S. 0:0(0) ack 1 <mss 1460> path 1
        +.001 < R. -5000:-5000(0) ack 90000001 win 0 path 2
        +.001 > . 1:1(0) ack 1 path 1
        +.01 > P. 1:101(100) ack 1 path 1
        +.03 < P. 1:201(200) ack 101 path 1
        => handshake=completed ending=open flow=1
        => handshake=rst ending=none flow=2",
    );
    assert_eq!(flows.len(), 2);
}

#[test]
fn the_same_packets_in_two_vlans_are_one_flow_captured_twice() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460> path 1
        +.00005 > S 0:0(0) copy path 2
        +.03 < S. 0:0(0) ack 1 <mss 1460> path 2
        +.00005 < S. 0:0(0) ack 1 copy path 1
        +.001 > . 1:1(0) ack 1 path 1
        +.00005 > . 1:1(0) ack 1 copy path 2
        +.01 > P. 1:101(100) ack 1 path 1
        +.00005 > P. 1:101(100) ack 1 copy path 2
        +.03 < P. 1:201(200) ack 101 path 2
        +.00005 < P. 1:201(200) ack 101 copy path 1
        => captured-twice handshake=completed ending=open",
    );
    assert_eq!((told.facts.client().copies, told.facts.server().copies), (3, 2));
    assert_eq!(
        told.facts.client().retransmissions() + told.facts.server().retransmissions(),
        0
    );
    assert_eq!(told.facts.client().bytes, 100);
}

#[test]
fn copies_of_a_mirror_are_no_retransmissions() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460>
        +.00001 > S 0:0(0) copy
        +.03 < S. 0:0(0) ack 1 <mss 1460>
        +.00001 < S. 0:0(0) ack 1 copy
        +.001 > . 1:1(0) ack 1
        +.00001 > . 1:1(0) ack 1 copy
        +.01 > P. 1:101(100) ack 1
        +.00001 > P. 1:101(100) ack 1 copy
        +.03 < P. 1:201(200) ack 101
        +.00001 < P. 1:201(200) ack 101 copy
        => captured-twice -syn-answered-late -heavy-retransmission handshake=completed ending=open",
    );
    assert_eq!(told.facts.opening.syn.count, 1);
    assert_eq!(
        told.facts.client().retransmissions() + told.facts.server().retransmissions(),
        0
    );
}

#[test]
fn copies_before_and_after_a_router_are_no_retransmissions() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460> ttl 64
        +.0004 > S 0:0(0) copy ttl 63
        +.001 < R. -5000:-5000(0) ack 1 win 0 id 0 ttl 64
        +.0004 < R. -5000:-5000(0) ack 1 copy ttl 63
        => refused-by-rst captured-twice -syn-after-rst -syn-silent -refused-by-nearer-device handshake=rst ending=none",
    );
    assert_eq!((told.facts.opening.syn.count, told.facts.client().copies), (1, 1));
}

#[test]
fn a_syn_sent_again_is_no_copy() {
    let told = holds_once(
        "0 > S 0:0(0) <mss 1460>\n+1 > S 0:0(0) <mss 1460>\n+2 > S 0:0(0) <mss 1460>\n@ other 10.0.0.2 +30\n=> syn-silent handshake=silently-dropped ending=none status=failed app_error=ETIMEDOUT",
    );
    assert_eq!((told.facts.opening.syn.count, told.facts.client().copies), (3, 0));
}

#[test]
fn silence_towards_a_host_that_was_never_heard_is_no_proof() {
    holds_once(
        "0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)\n@ end +30\n=> handshake=silently-dropped doubt=no-reverse-traffic",
    );
}

#[test]
fn silence_at_the_end_of_the_capture_is_undetermined() {
    holds_once(
        "0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)\n@ other 10.0.0.2 +.5\n=> -syn-silent handshake=undetermined status=unknown doubt=capture-ends-early",
    );
}

#[test]
fn a_fin_sent_again_is_still_one_close() {
    let told = holds_once(&format!(
        "{OPENING}{TALK}+.01 > F. 101:101(0) ack 201
        +.2 > F. 101:101(0) ack 201
        +.4 > F. 101:101(0) ack 201
        +.03 < F. 201:201(0) ack 102
        +.001 > . 102:102(0) ack 202
        @ end +30
        => -stall handshake=completed ending=fin stage=closed"
    ));
    assert_eq!((told.facts.client().fins, told.facts.client().bytes), (3, 100));
}

#[test]
fn a_side_that_has_closed_may_still_be_sent_data() {
    let told = holds_once(&format!(
        "{OPENING}+.01 > P. 1:101(100) ack 1
        +0 > F. 101:101(0) ack 1
        +.03 < . 1:1(0) ack 102
        +1 < P. 1:1001(1000) ack 102
        +.03 > . 102:102(0) ack 1001
        +1 < P. 1001:2001(1000) ack 102
        +.03 > . 102:102(0) ack 2001
        +.01 < F. 2001:2001(0) ack 102
        +.03 > . 102:102(0) ack 2002
        => -half-closed -no-response handshake=completed ending=fin status=ok"
    ));
    assert_eq!(told.facts.server().bytes, 2000);
}

#[test]
fn a_side_that_never_closes_leaves_the_flow_half_closed() {
    holds_once(&format!(
        "{OPENING}{TALK}+.01 > F. 101:101(0) ack 201\n+.03 < . 201:201(0) ack 102\n@ end +60\n=> half-closed ending=half-closed"
    ));
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

#[test]
fn a_syn_ack_sent_again_before_the_ack_makes_the_handshake_retransmitted() {
    let told = holds_once(
        "0 > S 0:0(0)\n+.03 < S. 0:0(0) ack 1\n+1 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1
        => handshake=retransmitted ending=open",
    );
    assert_eq!(told.facts.opening.syn_ack.count, 2);
}

#[test]
fn a_syn_ack_that_is_never_acknowledged_leaves_the_flow_half_open() {
    holds_once(
        "0 > S 0:0(0)\n+.03 < S. 0:0(0) ack 1\n+1 < S. 0:0(0) ack 1\n+2 < S. 0:0(0) ack 1\n@ other 10.0.0.1 +30
        => half-open -syn-silent handshake=half-open ending=none status=failed",
    );
}

#[test]
fn a_bare_ack_in_answer_to_a_syn_is_an_old_connection() {
    holds_once(
        "0 > S 0:0(0)\n+.03 < . 70000:70000(0) ack 900000\n+.001 > R 900000:900000(0)\n@ end +9
        => stale-peer -half-open handshake=stale-peer status=failed",
    );
}

#[test]
fn a_client_that_leaves_before_the_end_of_the_handshake_aborted_it() {
    holds_once(
        "0 > S 0:0(0)\n+.03 < S. 0:0(0) ack 1\n+.001 > R 1:1(0)\n@ end +9
        => client-aborted handshake=aborted ending=none status=failed",
    );
}

#[test]
fn one_direction_alone_is_said_to_be_one_direction() {
    holds_once(
        "0 > S 0:0(0)\n+.03 > . 1:1(0) ack 1\n+.01 > P. 1:101(100) ack 1\n+.1 > . 101:101(0) ack 201\n+.01 > F. 101:101(0) ack 201
        => one-sided-capture -syn-silent -stall doubt=one-sided",
    );
}

#[test]
fn data_that_is_never_acknowledged_stalls() {
    holds_once(&format!(
        "{OPENING}{TALK}+.01 > P. 101:1101(1000) ack 201
        +.2 > P. 101:1101(1000) ack 201
        +.4 > P. 101:1101(1000) ack 201
        +.8 > P. 101:1101(1000) ack 201
        +1.6 > P. 101:1101(1000) ack 201
        @ end +30
        => stall cause=stall ending=stalled status=failed"
    ));
}

#[test]
fn bytes_that_were_acknowledged_and_never_captured_are_the_captures_loss() {
    let told = holds_once(&format!(
        "{OPENING}{TALK}+.01 > P. 1101:2101(1000) ack 201\n+.03 < . 201:201(0) ack 2101\n+.01 > F. 2101:2101(0) ack 201
        +.03 < F. 201:201(0) ack 2102\n+.01 > . 2102:2102(0) ack 202\n=> capture-loss -stall -heavy-retransmission ending=fin doubt=capture-loss"
    ));
    assert_eq!(told.facts.client().missed_bytes, 1000);
}

#[test]
fn segments_in_another_order_are_not_lost() {
    let told = holds_once(&format!(
        "{OPENING}+.01 > . 1001:2001(1000) ack 1 id 1100\n+.0005 > . 1:1001(1000) ack 1 id 1099
        +.03 < . 1:1(0) ack 2001\n@ end +1\n=> -heavy-retransmission handshake=completed"
    ));
    assert_eq!(
        (told.facts.client().out_of_order, told.facts.client().retransmissions()),
        (1, 0)
    );
}

#[test]
fn a_host_that_talks_to_itself_is_a_flow_like_any_other() {
    holds_once(&format!(
        "@ client 127.0.0.1:40000\n@ server 127.0.0.1:80\n{OPENING}{TALK}{CLOSING}=> handshake=completed ending=fin status=ok"
    ));
}

#[test]
fn a_port_that_talks_to_itself_does_not_confuse_the_tracker() {
    let end = Endpoint {
        ip: "127.0.0.1".parse().expect("an address"),
        port: 9,
    };
    let (key, dir) = FlowKey::between(end, end).expect("the same family");
    let mut script = Script::parse(&format!("{OPENING}{TALK}{CLOSING}")).expect("it is a script");
    for event in &mut script.events {
        if let What::Segment(segment) = &mut event.what {
            (segment.key, segment.dir) = (key, dir);
        }
    }
    assert!(!play(&script).is_empty());
}

#[test]
fn flags_that_no_tcp_sends_are_a_scan_and_no_silence() {
    holds_once("0 > FPU 1:1(0)\n@ other 10.0.0.2 +30\n=> -syn-silent status=unknown");
    holds_once("0 > - 1:1(0)\n@ other 10.0.0.2 +30\n=> -syn-silent status=unknown");
}

/// A download whose round trips take 30 ms to the client and 2 ms to the server: the handshake says so.
const FAR: &str = "0 > S 0:0(0) <mss 1000,sackOK>\n+.002 < S. 0:0(0) ack 1 <mss 1000,sackOK>\n+.03 > . 1:1(0) ack 1\n\
    +.01 > P. 1:101(100) ack 1\n+.002 < . 1:1001(1000) ack 101\n+.03 > . 101:101(0) ack 1001\n";

#[test]
fn round_trips_are_told_apart_by_direction_and_repeated_segments_are_no_sample() {
    // Samples of the server: 30, then 40, 50, 60 ms; the repeated one gives none.
    let told = holds_once(&format!(
        "{FAR}+.01 < . 1001:2001(1000) ack 101
        +.04 > . 101:101(0) ack 2001
        +.01 < . 2001:3001(1000) ack 101
        +.05 > . 101:101(0) ack 3001
        +.01 < . 3001:4001(1000) ack 101
        +.06 > . 101:101(0) ack 4001
        +.01 < . 4001:5001(1000) ack 101
        +.5 < . 4001:5001(1000) ack 101
        +.001 > . 101:101(0) ack 5001
        => handshake=completed ending=open"
    ));
    let (client, server) = (told.facts.client(), told.facts.server());
    assert_eq!((client.rtts.samples(), server.rtts.samples()), (1, 4));
    assert_eq!(client.median_rtt(), Some(Span::from_millis(2)));
    assert_eq!(server.min_rtt, Some(Span::from_millis(30)));
    let near = |found: Option<Span>, millis: f64| (found.unwrap().as_millis() / millis - 1.0).abs() < 0.07;
    assert!(near(server.median_rtt(), 40.0), "{:?}", server.median_rtt());
    assert!(near(server.slow_rtt(), 60.0), "{:?}", server.slow_rtt());
    let dir = told.facts.client;
    assert_eq!(told.facts.handshake_rtt(dir), Some(Span::from_millis(2)));
    assert_eq!(told.facts.handshake_rtt(dir.flip()), Some(Span::from_millis(30)));
}

#[test]
fn a_loss_told_by_duplicate_acknowledgments_is_repaired_in_one_round_trip() {
    // 30 ms from the resent segment to its ACK, and 2 ms that the capture does not see: one round trip of 32 ms.
    let told = holds_once(&format!(
        "{FAR}+.01 < . 1001:2001(1000) ack 101
        +.0001 < . 2001:3001(1000) ack 101
        +.0001 < . 3001:4001(1000) ack 101
        +.0001 < . 4001:5001(1000) ack 101
        +.03 > . 101:101(0) ack 1001 <sack 2001:3001>
        +.0001 > . 101:101(0) ack 1001 <sack 2001:4001>
        +.0001 > . 101:101(0) ack 1001 <sack 2001:5001>
        +.002 < . 1001:2001(1000) ack 101
        +.03 > . 101:101(0) ack 5001
        => handshake=completed"
    ));
    let losses = told.facts.server().losses;
    assert_eq!((losses.count(), losses.fast, losses.recovered), (1, 1, 1));
    let (took, trips) = told.facts.mean_recovery(told.facts.client.flip()).unwrap();
    assert_eq!(took, Span::from_millis(32));
    assert!((trips.unwrap() - 1.0).abs() < 0.01, "{trips:?}");
}

#[test]
fn the_last_segment_lost_is_a_tail_loss_and_one_before_it_without_word_waits_for_the_timer() {
    let told = holds_once(&format!(
        "{FAR}+.01 < P. 1001:2001(1000) ack 101
        +.25 < P. 1001:2001(1000) ack 101
        +.03 > . 101:101(0) ack 2001
        +.01 < . 2001:3001(1000) ack 101
        +.0001 < P. 3001:4001(1000) ack 101
        +.3 < . 2001:3001(1000) ack 101
        +.03 > . 101:101(0) ack 3001
        +.002 < P. 3001:4001(1000) ack 101
        +.03 > . 101:101(0) ack 4001
        => handshake=completed"
    ));
    let losses = told.facts.server().losses;
    // The second loss is over when all that was outstanding is acknowledged: 62 ms; the first took 30.
    assert_eq!(
        (losses.tail, losses.timeout, losses.count(), losses.recovered),
        (1, 1, 2, 2)
    );
    let (took, _) = told.facts.mean_recovery(told.facts.client.flip()).unwrap();
    assert_eq!(took, Span::from_millis((30 + 62) / 2 + 2));
}

#[test]
fn a_loss_that_is_never_repaired_counts_and_takes_no_time() {
    let told = holds_once(&format!(
        "{FAR}+.01 < P. 1001:2001(1000) ack 101\n+.25 < P. 1001:2001(1000) ack 101\n+.5 < P. 1001:2001(1000) ack 101\n=> handshake=completed"
    ));
    let losses = told.facts.server().losses;
    assert_eq!((losses.count(), losses.recovered), (1, 0));
    assert_eq!(told.facts.mean_recovery(told.facts.client.flip()), None);
}

#[test]
fn a_duplicate_sack_proves_that_a_segment_was_sent_again_needlessly() {
    let told = holds_once(&format!(
        "{FAR}+.01 < P. 1001:2001(1000) ack 101
        +.25 < P. 1001:2001(1000) ack 101
        +.01 > . 101:101(0) ack 2001
        +.02 > . 101:101(0) ack 2001 <sack 1001:2001>
        => handshake=completed"
    ));
    assert_eq!((told.facts.server().dsacks, told.facts.client().dsacks), (1, 0));
}

#[test]
fn an_echo_of_the_first_time_stamp_proves_that_a_segment_was_sent_again_needlessly() {
    let talk = |echo: u32| {
        holds_once(&format!(
            "{FAR}+.01 < P. 1001:2001(1000) ack 101 <TS val 500 ecr 1>
            +.25 < P. 1001:2001(1000) ack 101 <TS val 750 ecr 1>
            +.01 > . 101:101(0) ack 2001 <TS val 9 ecr {echo}>
            => handshake=completed"
        ))
    };
    let needless = |echo| talk(echo).facts.server().lost().needless;
    assert_eq!((needless(500), needless(750)), (1, 0));
}

#[test]
fn a_repeated_syn_ack_or_keep_alive_that_is_reported_as_a_duplicate_is_no_data() {
    let told = holds_once(&format!(
        "0 > S 0:0(0) <mss 1000,sackOK>
        +.03 < S. 0:0(0) ack 1 <mss 1000,sackOK>
        +.001 > . 1:1(0) ack 1
        +1 < S. 0:0(0) ack 1 <mss 1000,sackOK>
        +.001 > . 1:1(0) ack 1 <sack 0:1>
        {TALK}+50 < . 200:201(1) ack 101
        +.001 > . 101:101(0) ack 201 <sack 200:201>
        => handshake=retransmitted"
    ));
    assert_eq!(told.facts.server().dsacks, 0);
    assert_eq!(told.facts.server().keep_alives, 1);
}

/// What is said of the flow's retransmissions.
#[track_caller]
fn heavy(between: &str) -> String {
    let told = holds_once(&format!("{FAR}{between}=> heavy-retransmission handshake=completed"));
    let mut findings = told.findings.iter();
    let finding = findings.find(|finding| finding.meta.id == "heavy-retransmission");
    finding.unwrap().summary.clone()
}

/// `count` segments of the server from number `first` (number 1 ends at 2001), acknowledged after 30 ms each.
fn segments(first: u32, count: u32) -> String {
    let one = |number: u32| {
        let (start, end) = (number * 1000 + 1, number * 1000 + 1001);
        format!("+.01 < . {start}:{end}(1000) ack 101\n+.03 > . 101:101(0) ack {end}\n")
    };
    (first..first + count).map(one).collect()
}

/// As [`segments`], each lost behind this point and sent again by a timer.
fn lost_behind(first: u32, count: u32) -> String {
    let one = |number: u32| {
        let (start, end) = (number * 1000 + 1, number * 1000 + 1001);
        format!(
            "+.01 < . {start}:{end}(1000) ack 101\n+.3 < . {start}:{end}(1000) ack 101\n+.03 > . 101:101(0) ack {end}\n"
        )
    };
    (first..first + count).map(one).collect()
}

/// As [`segments`] in pairs, the first of each lost before this point, and sent again after duplicate acknowledgments.
fn lost_before(first: u32, pairs: u32) -> String {
    let one = |pair: u32| {
        let start = (first + 2 * pair) * 1000 + 1;
        let (middle, end) = (start + 1000, start + 2000);
        format!(
            "+.01 < . {middle}:{end}(1000) ack 101\n+.03 > . 101:101(0) ack {start} <sack {middle}:{end}>\n\
             +.002 < . {start}:{middle}(1000) ack 101\n+.03 > . 101:101(0) ack {end}\n"
        )
    };
    (0..pairs).map(one).collect()
}

#[test]
fn losses_are_told_with_their_place_and_their_repair() {
    assert_eq!(
        heavy(&(segments(1, 10) + &lost_behind(11, 3))),
        "3 of the server's 17 data segments (17.6 %) were lost between this capture point and the client, recovered in 1.0 RTT \
         on average (3 at the tail)."
    );
    assert_eq!(
        heavy(&(segments(1, 10) + &lost_before(11, 4))),
        "4 of the server's 19 data segments (21.1 %) were lost between the server and this capture point, recovered in 1.0 RTT \
         on average (4 fast)."
    );
    assert_eq!(
        heavy(&(segments(1, 10) + &lost_before(11, 2) + &lost_behind(15, 3))),
        "5 of the server's 21 data segments (23.8 %) were lost, 3 between this capture point and the client and 2 between the \
         server and this capture point, recovered in 1.0 RTT on average (2 fast, 3 at the tail)."
    );
}

#[test]
fn what_was_never_acknowledged_need_not_be_lost() {
    let again = "+.3 < . 1001:2001(1000) ack 101\n".repeat(4);
    assert_eq!(
        heavy(&again),
        "3 of the server's 5 data segments (60.0 %) were sent again and never acknowledged: lost between this capture point and \
         the client, or not taken there."
    );
}

#[test]
fn what_was_sent_again_needlessly_was_not_lost() {
    let again = |number: u32| {
        let (start, end) = (number * 1000 + 1, number * 1000 + 1001);
        format!(
            "+.01 < . {start}:{end}(1000) ack 101\n+.25 < . {start}:{end}(1000) ack 101\n+.01 > . 101:101(0) ack {end}\n\
             +.02 > . 101:101(0) ack {end} <sack {start}:{end}>\n"
        )
    };
    let needless: String = (1..4).map(again).collect();
    assert_eq!(
        heavy(&needless),
        "3 of the server's 7 data segments (42.9 %) were sent again needlessly: the client had them."
    );
    assert_eq!(
        heavy(&(needless + &lost_behind(4, 1) + "+.01 < . 5001:6001(1000) ack 101\n+.3 < . 5001:6001(1000) ack 101\n")),
        "2 of the server's 11 data segments (18.2 %) were lost between this capture point and the client; 3 more came \
         needlessly, the client had them. Real or supposed, losses were recovered in 0.5 RTT on average (5 at the tail), the last \
         one never."
    );
}

/// One proxied connection: asked for `target`, answered `answer`.
fn proxied(target: &str, answer: &str) -> String {
    let ask = format!("CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n");
    let say = format!("HTTP/1.1 {answer}\\r\\n\\r\\n");
    let length = |text: &str| text.replace("\\r\\n", "__").len();
    let (asked, said) = (1 + length(&ask), 1 + length(&say));
    format!(
        "@ server 10.0.0.2:3128\n0 > S 0:0(0) <mss 1460>\n+.03 < S. 0:0(0) ack 1 <mss 1460>\n+.0001 > . 1:1(0) ack 1\n\
         +.001 > P. 1:{asked}({}) ack 1 text \"{ask}\"\n+.031 < P. 1:{said}({}) ack {asked} text \"{say}\"\n\
         +0 < F. {said}:{said}(0) ack {asked}\n+.0001 > F. {asked}:{asked}(0) ack {}\n+.03 < . {}:{}(0) ack {}\n",
        asked - 1,
        said - 1,
        said + 1,
        said + 1,
        said + 1,
        asked + 1,
    )
}

/// The first of two connections to a proxy, the second of which begins so many seconds later.
fn first_of_two(first: &str, second: &str, seconds: i64) -> Told {
    let mut script = Script::parse(first).unwrap_or_else(|error| panic!("{error}\n{first}"));
    let mut later = Script::parse(second).unwrap_or_else(|error| panic!("{error}\n{second}"));
    for event in &mut later.events {
        event.stamp = event.stamp + Span::from_secs(seconds);
        if let What::Segment(segment) = &mut event.what {
            let ends = [segment.dir, segment.dir.flip()].map(|dir| segment.key.sender(dir));
            let moved = ends.map(|end| Endpoint {
                port: if end.port == 3128 { 3128 } else { end.port + 1 },
                ..end
            });
            (segment.key, segment.dir) = FlowKey::between(moved[0], moved[1]).expect("the same family");
            segment.stamp = segment.stamp + Span::from_secs(seconds);
            segment.packet += 100;
        }
    }
    script.events.extend(later.events);
    play(&script).into_iter().next().expect("two flows")
}

#[test]
fn a_login_that_a_proxy_asks_for_and_gets_soon_is_no_failure() {
    let wanted = proxied("db:5432", "407 Proxy Authentication Required");
    let granted = proxied("db:5432", "200 Connection established");
    let told = first_of_two(&wanted, &granted, 1);
    assert_eq!(told.column("status"), "ok", "{}", told.words());
    assert_eq!(told.ids(), ["proxy-refused"]);
    assert!(
        told.findings[0].summary.contains("ordinary login"),
        "{}",
        told.findings[0].summary
    );
}

#[test]
fn a_login_that_comes_to_nothing_is_a_failure() {
    let wanted = proxied("db:5432", "407 Proxy Authentication Required");
    let forbidden = proxied("db:5432", "403 Forbidden");
    let granted = proxied("db:5432", "200 Connection established");
    let elsewhere = proxied("db:5433", "200 Connection established");
    // Refused again; another target; too late; and what its rules do not allow is no matter of a login.
    for (first, second, seconds) in [
        (&wanted, &wanted, 1),
        (&wanted, &elsewhere, 1),
        (&wanted, &granted, 90),
        (&forbidden, &granted, 1),
    ] {
        let told = first_of_two(first, second, seconds);
        assert_eq!(told.column("status"), "failed", "{}", told.words());
    }
}
