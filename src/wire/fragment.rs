//! Fragments to datagrams (RFC 791 3.2, RFC 8200 4.5): bounded, and charged to the fragment that completes them.

use super::walk::{Layer, Net, Origin, Pair, Walk};
use super::{Fragment, Heard, Part, Why};
use crate::base::{Span, Stamp, limits};
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};
use hashbrown::HashMap;
use std::net::IpAddr;

/// How long a datagram may take to arrive: RFC 8200 4.5 says 60 s, Linux waits 30 s, RFC 791 at least 15 s.
const TIMEOUT: Span = Span::from_secs(30);

/// Puts fragments together again.
#[derive(Debug, Default)]
pub struct Reassembler {
    pending: HashMap<Datagram, Pending, foldhash::fast::RandomState>,
    /// Fragments of datagrams that were given up.
    dropped: u64,
    /// Fragments of complete datagrams, without those that completed them.
    parts: u64,
}

/// What became of a fragment.
#[derive(Debug)]
pub enum Reassembled {
    /// It was the last one missing; this is what the datagram carries.
    Complete(Heard),
    /// Others are missing.
    Waiting,
    /// It contradicts the others, or itself; its datagram was given up.
    Dropped,
}

/// What names a datagram. The interface is part of it: a capture on several sees every fragment several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    source: IpAddr,
    target: IpAddr,
    identification: u32,
    protocol: u8,
    interface: u16,
    path: u32,
}

#[derive(Debug)]
struct Pending {
    buffer: IpDefragBuf,
    /// Arrival of the first fragment.
    since: Stamp,
    fragments: u64,
    /// Bytes from the start of the datagram that no capture cut.
    known: usize,
    /// TTL or hop limit of the fragment at offset 0, or of the first one seen.
    ttl: u8,
}

impl Reassembler {
    /// Takes one fragment in capture order; `bytes` are the captured bytes of its record.
    pub fn on_fragment(&mut self, fragment: &Fragment, bytes: &[u8]) -> Reassembled {
        let start = fragment.start as usize;
        let captured = bytes
            .get(start..)
            .map_or(&[][..], |rest| rest.get(..fragment.captured as usize).unwrap_or(rest));
        let mut outcome = self.add(fragment, captured);
        // A tunnel may carry fragments inside a fragmented datagram; every round takes off at least one header.
        for _ in 0..limits::MAX_TUNNELS {
            match outcome {
                Added::Complete(Heard::Fragment(inner), datagram) => {
                    let from = inner.start as usize;
                    let payload = datagram.get(from..from + inner.captured as usize).unwrap_or_default();
                    outcome = self.add(&inner, payload);
                }
                Added::Complete(heard, _) => return Reassembled::Complete(heard),
                Added::Waiting => return Reassembled::Waiting,
                Added::Dropped => return Reassembled::Dropped,
            }
        }
        Reassembled::Complete(Heard::Skipped(Why::TooDeep))
    }

    /// Fragments whose datagram was given up or is still incomplete ([`Why::FragmentIncomplete`]).
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        let waiting: u64 = self.pending.values().map(|pending| pending.fragments).sum();
        self.dropped + waiting
    }

    /// Fragments of complete datagrams, without those that completed them ([`Why::FragmentPart`]).
    #[must_use]
    pub fn parts(&self) -> u64 {
        self.parts
    }

    fn add(&mut self, fragment: &Fragment, captured: &[u8]) -> Added {
        let datagram = Datagram::of(fragment);
        self.make_room(&datagram, fragment.stamp);
        let pending = self.pending.entry(datagram).or_insert_with(|| Pending::new(fragment));
        pending.fragments += 1;
        let fits = pending.add(fragment, captured);
        if fits && !pending.buffer.is_complete() {
            return Added::Waiting;
        }
        let Some(pending) = self.pending.remove(&datagram) else {
            return Added::Waiting;
        };
        if !fits {
            self.dropped += pending.fragments;
            return Added::Dropped;
        }
        self.parts += pending.fragments - 1;
        let heard = pending.read(fragment);
        Added::Complete(heard, pending.buffer.take_bufs().0)
    }

    /// Gives up the datagram of the same name if it is too old, and the oldest of all if there is no room for another.
    fn make_room(&mut self, datagram: &Datagram, now: Stamp) {
        let victim = match self.pending.get(datagram) {
            Some(pending) if now - pending.since <= TIMEOUT => return,
            Some(_) => Some(*datagram),
            None if self.pending.len() < limits::MAX_REASSEMBLIES => return,
            None => self
                .pending
                .iter()
                .min_by_key(|(_, pending)| pending.since)
                .map(|(oldest, _)| *oldest),
        };
        if let Some(pending) = victim.and_then(|victim| self.pending.remove(&victim)) {
            self.dropped += pending.fragments;
        }
    }
}

enum Added {
    /// What it carries, and its bytes.
    Complete(Heard, Vec<u8>),
    Waiting,
    Dropped,
}

impl Datagram {
    fn of(fragment: &Fragment) -> Self {
        // IPv6 does not count the protocol in (RFC 8200 4.5): only the first fragment's is meant.
        let is_v4 = fragment.source.is_ipv4();
        Self {
            source: fragment.source,
            target: fragment.target,
            identification: fragment.identification,
            protocol: if is_v4 { fragment.protocol } else { 0 },
            interface: fragment.interface,
            path: fragment.path,
        }
    }
}

impl Pending {
    fn new(fragment: &Fragment) -> Self {
        Self {
            buffer: IpDefragBuf::new(IpNumber(fragment.protocol), Vec::new(), Vec::new()),
            since: fragment.stamp,
            fragments: 0,
            known: usize::MAX,
            ttl: fragment.ttl,
        }
    }

    /// `false` if the fragment cannot belong here. Bytes that the capture cut are zero, and known to be missing.
    fn add(&mut self, fragment: &Fragment, captured: &[u8]) -> bool {
        let Ok(offset) = IpFragOffset::try_new(fragment.offset >> 3) else {
            return false;
        };
        let length = fragment.length as usize;
        if length == 0 || usize::from(fragment.offset) + length > usize::from(u16::MAX) {
            return false;
        }
        if fragment.offset == 0 {
            self.ttl = fragment.ttl;
        }
        if captured.len() >= length {
            let whole = captured.get(..length).unwrap_or(captured);
            return self.buffer.add(offset, fragment.more, whole).is_ok();
        }
        self.known = self.known.min(usize::from(fragment.offset) + captured.len());
        let mut padded = captured.to_vec();
        padded.resize(length, 0);
        self.buffer.add(offset, fragment.more, &padded).is_ok()
    }

    /// Decodes the complete datagram in the name of its `last` fragment.
    fn read(&self, last: &Fragment) -> Heard {
        let origin = Origin {
            packet: last.packet,
            stamp: last.stamp,
            interface: last.interface,
        };
        let Some(pair) = Pair::between(last.source, last.target) else {
            return Heard::Skipped(Why::Malformed);
        };
        let net = Net {
            pair,
            ttl: self.ttl,
            ip_id: last.source.is_ipv4().then_some(last.identification as u16),
        };
        let data = self.buffer.data();
        let part = Part::new(data.get(..self.known).unwrap_or(data), data.len());
        let mut walk = Walk::new(origin, last.path);
        walk.on_ip(last.source);
        walk.run(Layer::Protocol(self.buffer.ip_number().0, net), part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seq;
    use crate::wire::{Segment, decode, samples};

    /// One fragment of the IPv4 `packet` with its payload from `from` to `to`.
    fn cut_v4(packet: &[u8], identification: u16, from: usize, to: usize) -> Vec<u8> {
        let mut fragment = packet[..20].to_vec();
        fragment.extend(&packet[20 + from..20 + to]);
        let more = if 20 + to < packet.len() { 0x2000 } else { 0 };
        fragment[2..4].copy_from_slice(&(20 + (to - from) as u16).to_be_bytes());
        fragment[4..6].copy_from_slice(&identification.to_be_bytes());
        fragment[6..8].copy_from_slice(&(more | (from / 8) as u16).to_be_bytes());
        fragment
    }

    /// Gives the first `captured` bytes of a fragment to the reassembler as packet `number`, captured in that second.
    fn hear(reassembler: &mut Reassembler, number: u64, packet: &[u8], captured: usize) -> Reassembled {
        let mut record = samples::record(101, captured, packet.len());
        (record.number, record.stamp) = (number, Stamp::new(number as i64, 0));
        let bytes = &packet[..captured];
        match decode(&record, bytes) {
            Heard::Fragment(fragment) => reassembler.on_fragment(&fragment, bytes),
            other => panic!("{other:?}"),
        }
    }

    fn hear_all(reassembler: &mut Reassembler, packets: &[Vec<u8>]) -> Reassembled {
        let mut last = Reassembled::Waiting;
        for (number, packet) in (1..).zip(packets) {
            last = hear(reassembler, number, packet, packet.len());
        }
        last
    }

    fn segment(outcome: Reassembled) -> Segment {
        match outcome {
            Reassembled::Complete(Heard::Segment(segment)) => segment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fragments_in_any_order_make_the_segment_of_the_last_one() {
        let packet = samples::packet_v4();
        let pieces = [(0, 16), (16, 24), (24, 37)].map(|(from, to)| cut_v4(&packet, 9, from, to));
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut reassembler = Reassembler::default();
            let segment = segment(hear_all(&mut reassembler, &order.map(|at| pieces[at].clone())));
            assert_eq!((segment.packet, segment.stamp), (3, Stamp::new(3, 0)));
            assert_eq!(
                (segment.seq, segment.length, segment.ip_id, segment.ttl),
                (Seq(1000), 5, Some(9), 61)
            );
            assert_eq!((reassembler.parts(), reassembler.unfinished()), (2, 0));
        }
    }

    #[test]
    fn ipv6_fragments_too() {
        let whole = samples::tcp();
        let first = samples::outer_v6(44, "06 00 0001 00000007", &whole[..24]);
        let last = samples::outer_v6(44, "06 00 0018 00000007", &whole[24..]);
        let segment = segment(hear_all(&mut Reassembler::default(), &[first, last]));
        assert_eq!((segment.seq, segment.length, segment.ip_id), (Seq(1000), 5, None));
    }

    #[test]
    fn datagrams_are_kept_apart() {
        let packet = samples::packet_v4();
        let mut reassembler = Reassembler::default();
        let pieces = [cut_v4(&packet, 1, 0, 16), cut_v4(&packet, 2, 16, 37)];
        assert!(matches!(hear_all(&mut reassembler, &pieces), Reassembled::Waiting));
        assert_eq!((reassembler.parts(), reassembler.unfinished()), (0, 2));
    }

    #[test]
    fn a_cut_fragment_still_gives_header_and_length() {
        let packet = samples::packet_v4();
        let mut reassembler = Reassembler::default();
        hear(&mut reassembler, 1, &cut_v4(&packet, 1, 0, 24), 44);
        let last = cut_v4(&packet, 1, 24, 37);
        let segment = segment(hear(&mut reassembler, 2, &last, 22));
        assert_eq!((segment.seq, segment.length, segment.header_cut), (Seq(1000), 5, true));
    }

    #[test]
    fn tunnels_and_fragments_in_fragments_are_looked_through() {
        let inner = samples::packet_v4();
        let outer = |from, to| samples::outer_v4(4, "", &cut_v4(&inner, 5, from, to));
        let (first, last) = (outer(0, 16), outer(16, 37));
        let pieces = [
            cut_v4(&first, 6, 0, 16),
            cut_v4(&first, 6, 16, 36),
            cut_v4(&last, 7, 0, 16),
            cut_v4(&last, 7, 16, 41),
        ];
        let mut reassembler = Reassembler::default();
        let segment = segment(hear_all(&mut reassembler, &pieces));
        assert_eq!((segment.packet, segment.seq, segment.length), (4, Seq(1000), 5));
    }

    #[test]
    fn contradictions_drop_the_datagram() {
        let packet = samples::packet_v4();
        let mut reassembler = Reassembler::default();
        hear(&mut reassembler, 1, &cut_v4(&packet, 1, 16, 37), 41);
        let mut beyond = cut_v4(&packet, 1, 16, 37);
        beyond[6..8].copy_from_slice(&[0, 9]);
        assert!(matches!(hear(&mut reassembler, 2, &beyond, 41), Reassembled::Dropped));
        let mut huge = cut_v4(&packet, 1, 16, 37);
        huge[6..8].copy_from_slice(&[0x1f, 0xff]);
        assert!(matches!(hear(&mut reassembler, 3, &huge, 41), Reassembled::Dropped));
        assert_eq!(reassembler.unfinished(), 3);
    }

    #[test]
    fn old_datagrams_are_given_up_when_their_name_comes_again() {
        let packet = samples::packet_v4();
        let mut reassembler = Reassembler::default();
        hear(&mut reassembler, 1, &cut_v4(&packet, 1, 0, 16), 36);
        assert!(matches!(
            hear(&mut reassembler, 40, &cut_v4(&packet, 1, 16, 37), 41),
            Reassembled::Waiting
        ));
        assert!(matches!(
            hear(&mut reassembler, 41, &cut_v4(&packet, 1, 0, 16), 36),
            Reassembled::Complete(_)
        ));
        assert_eq!((reassembler.parts(), reassembler.unfinished()), (1, 1));
    }

    #[test]
    fn a_flood_of_first_fragments_stays_bounded_and_counted() {
        let packet = samples::packet_v4();
        let mut reassembler = Reassembler::default();
        for number in 0..2000 {
            hear(&mut reassembler, 1, &cut_v4(&packet, number, 0, 16), 36);
        }
        assert_eq!(reassembler.pending.len(), limits::MAX_REASSEMBLIES);
        assert_eq!(reassembler.unfinished(), 2000);
    }
}
