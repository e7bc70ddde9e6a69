//! Round trips, losses and their repair.

use super::{TALK, holds_once};
use whodropped::base::Span;

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
