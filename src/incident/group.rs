//! The flows of one service that failed in one way: how many, when, from whom, under which names.

use super::family::Siblings;
use super::{Example, Failure, Observation};
use crate::base::{Endpoint, Map, Span, Stamp};
use crate::finding::candidates::Leaning;
use crate::finding::{Confidence, Meta};
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// Stretches of failures that are told apart.
const BURSTS: usize = 8;
/// So many successes in a row end a stretch, or twice as many as it has failures.
const PAUSE: u64 = 8;
/// Names told apart.
const NAMES: usize = 16;
/// Silences kept, to estimate a time-out from.
const SILENCES: usize = 64;

/// Ports kept, to see which range they are from.
const PORTS: usize = 64;

/// A failed flow, and where its service stood then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// When the trouble showed.
    pub at: Stamp,
    flow: u64,
    start: Stamp,
    packets: [u64; 8],
    /// Attempts at the service so far, this one included.
    pub attempts: u64,
    /// How many of them worked.
    pub ok: u64,
}

impl Mark {
    pub fn new(seen: &Observation<'_>, (attempts, ok): (u64, u64)) -> Self {
        let mut packets = [0; 8];
        for (place, packet) in packets.iter_mut().zip(seen.packets) {
            *place = *packet;
        }
        Self {
            at: seen.failed_at,
            flow: seen.flow,
            start: seen.start,
            packets,
            attempts,
            ok,
        }
    }

    pub fn example(&self) -> Example {
        Example {
            flow: Some(self.flow),
            stamp: self.start,
            packets: self.packets.iter().copied().take_while(|packet| *packet > 0).collect(),
        }
    }
}

/// Failures without many successes between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub failed: u64,
    pub first: Mark,
    pub last: Mark,
}

impl Burst {
    fn on(&mut self, mark: Mark) {
        self.failed += 1;
        self.last = mark;
    }

    /// From the start of one to the end of the other.
    pub fn join(self, other: Self) -> Self {
        let (first, last) = if self.first.flow <= other.first.flow {
            (self.first, other.last)
        } else {
            (other.first, self.last)
        };
        let last = if self.last.flow > last.flow { self.last } else { last };
        Self {
            failed: self.failed + other.failed,
            first,
            last,
        }
    }
}

/// What one source did at a failing service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Source {
    pub failed: u32,
    /// Worked, after its first failure.
    pub ok: u32,
}

/// What happened under one name at a failing service.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub name: Box<str>,
    pub failed: u64,
    /// Worked, after its first failure.
    pub ok: u64,
}

/// The flows of one service that failed in one way.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub service: Endpoint,
    pub way: Failure,
    pub failed: u64,
    pub bursts: Vec<Burst>,
    pub sources: Map<IpAddr, Source>,
    /// There were more sources than could be kept.
    pub more: bool,
    pub names: Vec<Named>,
    pub unnamed: u64,
    pub cause: Option<&'static Meta>,
    pub leaning: Leaning,
    pub culprit: Culprit,
    pub confidence: Confidence,
    /// Silences before the failure.
    pub silences: Vec<Span>,
    /// The clients' ports, where an old connection on them was in the way.
    pub ports: Vec<u16>,
    /// Smallest payload that was lost where smaller ones got through, and how many flows show that.
    pub too_large: (u32, u64),
    /// Failures beside which an attempt in the other address family worked.
    pub siblings: Siblings,
    /// Repeated SYNs.
    pub single_syns: u64,
}

impl Group {
    pub fn new(seen: &Observation<'_>, way: Failure) -> Self {
        Self {
            service: seen.server,
            way,
            failed: 0,
            bursts: Vec::new(),
            sources: Map::default(),
            more: false,
            names: Vec::new(),
            unnamed: 0,
            cause: seen.cause,
            leaning: seen.leaning,
            culprit: seen.culprit,
            confidence: seen.confidence,
            silences: Vec::new(),
            ports: Vec::new(),
            too_large: (0, 0),
            siblings: Siblings::default(),
            single_syns: 0,
        }
    }

    /// One more failure. Says whether it came from a source not known before, where `room` lets it be kept.
    pub fn on_failed(&mut self, seen: &Observation<'_>, mark: Mark, room: bool) -> bool {
        self.failed += 1;
        self.on_burst(mark);
        if self.culprit != seen.culprit {
            self.culprit = Culprit::Unknown;
        }
        self.confidence = self.confidence.max(seen.confidence);
        self.single_syns += u64::from(seen.syns == 1);
        let is_new = || !self.ports.contains(&seen.client.port);
        if self.way == Failure::StalePeer && self.ports.len() < PORTS && is_new() {
            self.ports.push(seen.client.port);
        }
        if seen.idle > Span::from_secs(5) && self.silences.len() < SILENCES {
            self.silences.push(seen.idle);
        }
        if seen.too_large > 0 {
            let (least, count) = self.too_large;
            let least = if count == 0 {
                seen.too_large
            } else {
                least.min(seen.too_large)
            };
            self.too_large = (least, count + 1);
        }
        self.on_name(seen);
        if let Some(source) = self.sources.get_mut(&seen.client.ip) {
            source.failed = source.failed.saturating_add(1);
            return false;
        }
        if room {
            self.sources.insert(seen.client.ip, Source { failed: 1, ok: 0 });
        }
        self.more |= !room;
        room
    }

    fn on_burst(&mut self, mark: Mark) {
        match self.bursts.last_mut() {
            Some(burst) if mark.ok - burst.last.ok < PAUSE.max(2 * burst.failed) => burst.on(mark),
            _ => {
                match self.bursts.len() {
                    BURSTS => self.join_nearest(),
                    // Most have no other.
                    0 => self.bursts.reserve_exact(1),
                    _ => {}
                }
                self.bursts.push(Burst {
                    failed: 1,
                    first: mark,
                    last: mark,
                });
            }
        }
    }

    /// Makes one of the two stretches with the fewest successes between them.
    fn join_nearest(&mut self) {
        let gap = |pair: &[Burst]| pair[1].first.ok - pair[0].last.ok;
        let nearest = (0..self.bursts.len() - 1).min_by_key(|&at| gap(&self.bursts[at..at + 2]));
        if let Some(at) = nearest {
            let next = self.bursts.remove(at + 1);
            self.bursts[at] = self.bursts[at].join(next);
        }
    }

    fn on_name(&mut self, seen: &Observation<'_>) {
        let Some(name) = seen.name else {
            self.unnamed += 1;
            return;
        };
        if let Some(named) = self.names.iter_mut().find(|named| *named.name == *name) {
            named.failed += 1;
        } else if self.names.len() < NAMES {
            self.names.push(Named {
                name: name.into(),
                failed: 1,
                ok: 0,
            });
        } else {
            self.unnamed += 1;
        }
    }

    /// A flow to the same service worked.
    pub fn on_ok(&mut self, seen: &Observation<'_>) {
        if let Some(source) = self.sources.get_mut(&seen.client.ip) {
            source.ok = source.ok.saturating_add(1);
        }
        if let Some(name) = seen.name {
            if let Some(named) = self.names.iter_mut().find(|named| *named.name == *name) {
                named.ok += 1;
            }
        }
    }

    /// Takes away what `client` did, where it is explained otherwise. Says whether nothing is left.
    pub fn without(&mut self, client: IpAddr) -> bool {
        if let Some(source) = self.sources.remove(&client) {
            let gone = u64::from(source.failed).min(self.failed);
            self.failed -= gone;
            let mut left = gone;
            for burst in &mut self.bursts {
                let here = burst.failed.min(left);
                burst.failed -= here;
                left -= here;
            }
            self.bursts.retain(|burst| burst.failed > 0);
        }
        self.failed == 0 || self.bursts.is_empty()
    }
}
