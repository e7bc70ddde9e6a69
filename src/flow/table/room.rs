//! How much memory a shard's flows may take.

use super::{Shelf, Table};
use crate::base::limits;

impl Table {
    /// Starts no flow that would take the whole beyond so many bytes.
    pub fn set_room(&mut self, bytes: usize) {
        let open = bytes / limits::OPEN_SHARE / limits::OPEN_FLOW;
        self.store.set_open_flows(open.min(limits::OPEN_PER_SHARD));
        self.room = Some(bytes);
    }

    /// Keeps about so many bytes of packed flows in memory, and the rest on `shelf`. To be said before the first segment.
    pub fn set_shelf(&mut self, shelf: Box<dyn Shelf>, bytes: usize) {
        self.store.set_shelf(shelf, bytes);
    }

    /// Is there room for one flow more?
    pub(super) fn has_room(&self) -> bool {
        if self.store.used() >= self.most_flows() {
            return false;
        }
        self.room.is_none_or(|room| self.bytes() <= room)
    }

    /// Memory of all flows, what the report will need included.
    pub(super) fn bytes(&self) -> usize {
        self.store.bytes() + self.newest.bytes() + self.store.len() * limits::REPORT_PER_FLOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Endpoint, FlowKey};
    use crate::script::Script;
    use crate::wire::Segment;
    use std::net::Ipv4Addr;

    /// The segments of a connection, each with its place.
    fn talk() -> Vec<Segment> {
        let script = "0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1\n+.1 > . 1:1(0) ack 1\n+.1 > P. 1:9(8) ack 1\n\
            +.1 < P. 1:9(8) ack 9\n+.1 > F. 9:9(0) ack 9\n+.1 < F. 9:9(0) ack 10\n+.1 > . 10:10(0) ack 10";
        Script::parse(script).expect("a script").segments().cloned().collect()
    }

    /// The same segment of connection `number`.
    fn of(number: u32, segment: &Segment, packet: u64) -> Segment {
        let client = Endpoint {
            ip: Ipv4Addr::from(0x0b00_0000 + number).into(),
            port: 40_000,
        };
        let server = Endpoint {
            ip: Ipv4Addr::new(10, 0, 0, 1).into(),
            port: 80,
        };
        let is_down = segment.key.sender(segment.dir).port < segment.key.sender(segment.dir.flip()).port;
        let (from, to) = if is_down { (server, client) } else { (client, server) };
        let (key, dir) = FlowKey::between(from, to).expect("both IPv4");
        Segment {
            packet,
            key,
            dir,
            ..segment.clone()
        }
    }

    const NUMBER: u32 = limits::OPEN_OF_FEW as u32 * 3;

    #[test]
    fn connections_that_take_turns_stay_open_and_those_that_are_over_do_not() {
        let talk = talk();
        let (mut turns, mut in_turn) = (Table::default(), Table::default());
        let mut packets = 1..;
        for segment in &talk {
            for number in 0..NUMBER {
                turns.on_segment(&of(number, segment, packets.next().unwrap_or(0)), 0);
            }
        }
        for number in 0..NUMBER {
            for segment in &talk {
                in_turn.on_segment(&of(number, segment, packets.next().unwrap_or(0)), 0);
            }
        }
        let room = limits::OPEN_OF_FEW * limits::OPEN_FLOW;
        assert!(turns.store.bytes() > room * 3, "{}", turns.store.bytes());
        // Beside the open ones, those that are packed, at a third of that.
        assert!(in_turn.store.bytes() < room * 3, "{}", in_turn.store.bytes());
        assert_eq!(
            (turns.finish().len(), in_turn.finish().len()),
            (NUMBER as usize, NUMBER as usize)
        );
    }
}
