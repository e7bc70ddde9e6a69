//! Who is client: the sender of the SYN, the receiver of the SYN-ACK, else a guess.

use super::facts::FlowFacts;
use crate::base::Dir;
use crate::wire::{Flags, Segment};

/// Client of a flow that starts with `segment`.
pub fn guess_client(segment: &Segment) -> Dir {
    if segment.flags.is_syn() {
        return segment.dir;
    }
    if segment.flags.is_syn_ack() {
        return segment.dir.flip();
    }
    by_ports(
        segment.key.sender_port(segment.dir),
        segment.key.sender_port(segment.dir.flip()),
        segment.dir,
    )
}

/// Client of a whole flow that showed neither SYN nor SYN-ACK.
pub fn guess_client_of(facts: &FlowFacts) -> Dir {
    let asked = |dir: Dir| {
        let kinds = facts.sides[dir.index()].kinds;
        kinds.has(crate::wire::PayloadKind::TlsClientHello) || kinds.has(crate::wire::PayloadKind::HttpRequest)
    };
    match (asked(Dir::Up), asked(Dir::Down)) {
        (true, false) => Dir::Up,
        (false, true) => Dir::Down,
        _ => facts.client,
    }
}

/// Servers listen on known and on lower ports.
fn by_ports(sender: u16, receiver: u16, dir: Dir) -> Dir {
    let (sender_known, receiver_known) = (is_known(sender), is_known(receiver));
    if sender_known != receiver_known {
        return if receiver_known { dir } else { dir.flip() };
    }
    if receiver <= sender { dir } else { dir.flip() }
}

/// Ports below 1024, and the registered ones that services really use (IANA; databases, proxies, brokers).
fn is_known(port: u16) -> bool {
    const REGISTERED: [u16; 24] = [
        1080, 1194, 1433, 1521, 1723, 1883, 2049, 2375, 3128, 3260, 3306, 3389, 5060, 5222, 5432, 5672, 5900, 5985,
        6379, 6443, 8080, 8443, 9092, 9200,
    ];
    port < 1024 || REGISTERED.contains(&port)
}

/// A SYN or SYN-ACK settles the roles, once.
pub fn on_syn(facts: &mut FlowFacts, segment: &Segment) {
    facts.sides[segment.dir.index()].isn = Some(segment.seq);
    if !facts.roles_seen {
        facts.roles_seen = true;
        facts.client = if segment.flags.is_syn() {
            segment.dir
        } else {
            segment.dir.flip()
        };
    }
}

/// Flags that no TCP sends: none at all, SYN with FIN, FIN without ACK (Xmas scans set PSH and URG too).
pub fn has_odd_flags(flags: Flags) -> bool {
    let control = flags.0 & (Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK);
    matches!(control, 0 | Flags::FIN) || control & (Flags::SYN | Flags::FIN) == Flags::SYN | Flags::FIN
}
