//! Situations that happen rarely and go wrong easily, told as scripts.

mod copies;
mod losses;
mod proxies;
mod refusals;

use crate::common::situation::{Told, flow_of, play};
use whodropped::base::{Endpoint, FlowKey};
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
