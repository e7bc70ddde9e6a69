//! The same packets captured twice, and the same addresses used twice.

use super::{holds, holds_once};

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
