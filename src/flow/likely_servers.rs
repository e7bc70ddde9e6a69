//! Which end Zeek takes for the server where no SYN was captured.

use crate::wire::{Flags, Segment};

/// Zeek's `likely_server_ports` as its base scripts fill them.
const SERVER_PORTS: [u16; 46] = [
    21, 22, 25, 53, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 502, 563, 585, 587, 614, 631, 636, 989, 990, 992,
    993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667, 6668, 6669,
    8000, 8080, 8888,
];

/// A connection whose SYN is missing: the likelier server is the responder.
pub(super) fn is_flipped_by_ports(segment: &Segment) -> bool {
    if segment.flags.any(Flags::SYN) && !segment.flags.is_syn_ack() {
        return false;
    }
    let [source, target] = [segment.dir, segment.dir.flip()].map(|dir| segment.key.sender_port(dir));
    match [source, target].map(|port| SERVER_PORTS.contains(&port)) {
        _ if segment.flags.is_syn_ack() => false,
        [true, false] => true,
        [true, true] => source < target,
        _ => false,
    }
}
