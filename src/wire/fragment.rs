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
