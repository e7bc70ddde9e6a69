//! What was decoded is put together and counted, and what is to be tracked is dealt to the shards.

use super::early::{Early, Payloads};
use crate::base::{FlowKey, Map, Set, limits};
use crate::capture::Record;
use crate::lookup::{Lookups, Names, Neighbors};
use crate::wire::{
    DnsMessage, Heard, Place, Places, Reassembled, Reassembler, Segment, Why, decode_other, decode_plain, dns_in_tcp,
    payload,
};
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

/// What each shard gets.
#[derive(Debug, Default)]
pub(super) struct Dealt {
    pub(super) shares: [Share; limits::SHARDS],
    /// Payloads that may matter, by the place of their segment among those of its shard.
    kept: [Vec<Kept>; limits::SHARDS],
    pub(super) payloads: Payloads,
}

/// A payload that was kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Place of its segment in its share.
    pub(super) place: usize,
    /// Its number among all payloads that were kept.
    pub(super) number: u32,
}

impl Dealt {
    pub(super) fn clear(&mut self) {
        self.payloads.clear();
        self.kept.iter_mut().for_each(Vec::clear);
        self.shares.iter_mut().for_each(|share| share.count = 0);
    }

    /// The payloads for a shard, in the order of its segments.
    pub(super) fn kept(&self, shard: usize) -> &[Kept] {
        self.kept.get(shard).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What one shard gets, in the order in which it is tracked.
#[derive(Debug)]
pub(super) struct Share {
    /// Places that are used again and again: what is made where it stays is not moved, and little of it is dropped.
    places: Vec<Heard>,
    /// Places in use.
    count: usize,
    /// Stands for a place that there is none of, which never happens.
    never: Segment,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            count: 0,
            never: Segment::blank(),
        }
    }
}

impl Share {
    /// What is to be tracked: segments, and errors about segments.
    pub(super) fn heard(&self) -> &[Heard] {
        self.places.get(..self.count).unwrap_or_default()
    }

    /// A place for a segment, in which there is another one.
    #[inline(always)]
    fn segment(&mut self) -> &mut Segment {
        let place = self.count;
        self.count += 1;
        if !matches!(self.places.get(place), Some(Heard::Segment(_))) {
            self.renew(place);
        }
        match self.places.get_mut(place) {
            Some(Heard::Segment(segment)) => segment,
            _ => &mut self.never,
        }
    }

    /// Takes in what `heard` holds, and leaves there what will be of no more use.
    fn swap(&mut self, heard: &mut Heard) {
        let place = self.count;
        self.count += 1;
        if place == self.places.len() {
            self.renew(place);
        }
        if let Some(there) = self.places.get_mut(place) {
            std::mem::swap(there, heard);
        }
    }

    #[cold]
    fn renew(&mut self, place: usize) {
        let blank = Heard::Segment(Segment::blank());
        match self.places.get_mut(place) {
            Some(there) => *there = blank,
            None => self.places.push(blank),
        }
    }
}

/// Where a segment is dealt to.
struct DealtPlace<'a> {
    /// Of its connection.
    hash: u64,
    /// Place in its share.
    number: usize,
    segment: &'a mut Segment,
}

impl Place for DealtPlace<'_> {
    #[inline]
    fn segment(&mut self) -> &mut Segment {
        self.segment
    }
}

/// Deals segments to the shares of their flows.
struct Dealing<'h, 'a> {
    hasher: &'h foldhash::fast::FixedState,
    shares: &'a mut [Share; limits::SHARDS],
}

impl<'a> Places for Dealing<'_, 'a> {
    type Place = DealtPlace<'a>;

    #[inline(always)]
    fn place(self, key: &FlowKey) -> DealtPlace<'a> {
        let hash = hash_of(self.hasher, key);
        let share = &mut self.shares[shard_of(hash)];
        DealtPlace {
            hash,
            number: share.count,
            segment: share.segment(),
        }
    }
}

/// Deals in capture order.
#[derive(Debug, Default)]
pub(super) struct Dealer {
    /// Deals flows to shards, the same way in every run: what a shard packs, and when, then never depends on chance. The
    /// tables inside hash with a seed of their own.
    hasher: foldhash::fast::FixedState,
    pub(super) reassembler: Reassembler,
    early: Early,
    pub(super) tally: Tally,
}

/// What is counted besides flows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) tcp_packets: u64,
    pub(super) skipped: Map<Why, u64>,
    pub(super) heard: Set<IpAddr>,
    pub(super) names: Names,
    pub(super) lookups: Lookups,
    pub(super) neighbors: Neighbors,
}

impl Dealer {
    /// Deals what a record with these captured `bytes` most likely holds, right from them; `false` leaves it to
    /// [`Dealer::deal`]. `lent`: the bytes of its batch, if they are lent until it is tracked.
    #[expect(
        clippy::inline_always,
        reason = "so that one loop reads and deals, and hands on little"
    )]
    #[inline(always)]
    pub(super) fn deal_plain(
        &mut self,
        record: &Record,
        bytes: &[u8],
        number: u64,
        lent: Option<&[u8]>,
        dealt: &mut Dealt,
    ) -> bool {
        let Dealt { shares, kept, payloads } = dealt;
        let hasher = &self.hasher;
        let found = decode_plain(record, bytes, number, Dealing { hasher, shares });
        let Some((place, payload)) = found else { return false };
        self.on_segment(&place, payload, lent, kept, payloads);
        true
    }

    /// As [`Dealer::deal_plain`], for whatever there is.
    #[inline(never)]
    pub(super) fn deal_other(
        &mut self,
        record: &Record,
        bytes: &[u8],
        number: u64,
        lent: Option<&[u8]>,
        dealt: &mut Dealt,
    ) {
        let Dealt { shares, kept, payloads } = &mut *dealt;
        let hasher = &self.hasher;
        match decode_other(record, bytes, number, Dealing { hasher, shares }) {
            Ok((place, payload)) => self.on_segment(&place, payload, lent, kept, payloads),
            Err(mut heard) => self.deal(&mut heard, record, bytes, lent, dealt),
        }
    }

    /// A segment was dealt: its payload may matter.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn on_segment(
        &mut self,
        place: &DealtPlace<'_>,
        payload: &[u8],
        lent: Option<&[u8]>,
        kept: &mut [Vec<Kept>; limits::SHARDS],
        payloads: &mut Payloads,
    ) {
        self.tally.tcp_packets += 1;
        if self.early.wants(place.segment, place.hash) {
            let kept = &mut kept[shard_of(place.hash)];
            kept.push(self.tally.kept(place.segment, place.number, payload, lent, payloads));
        }
    }

    /// Deals what `record` was decoded to, and leaves something of no use in its place.
    #[inline(never)]
    pub(super) fn deal(
        &mut self,
        heard: &mut Heard,
        record: &Record,
        bytes: &[u8],
        lent: Option<&[u8]>,
        dealt: &mut Dealt,
    ) {
        if !matches!(heard, Heard::Segment(_)) {
            self.on_other(heard, bytes, dealt);
        }
        let Heard::Segment(segment) = heard else { return };
        self.tally.tcp_packets += 1;
        let hash = hash_of(&self.hasher, &segment.key);
        let share = &mut dealt.shares[shard_of(hash)];
        if self.early.wants(segment, hash) {
            if let Some(payload) = payload(record, bytes) {
                let kept = &mut dealt.kept[shard_of(hash)];
                let (place, payloads) = (share.count, &mut dealt.payloads);
                kept.push(self.tally.kept(segment, place, payload, lent, payloads));
            }
        }
        share.swap(heard);
    }

    /// Puts fragments together, and counts what is no TCP.
    fn on_other(&mut self, heard: &mut Heard, bytes: &[u8], dealt: &mut Dealt) {
        if let Heard::Fragment(fragment) = heard {
            *heard = match self.reassembler.on_fragment(fragment, bytes) {
                Reassembled::Complete(whole) => whole,
                Reassembled::Waiting | Reassembled::Dropped => return,
            };
        }
        match heard {
            Heard::IcmpError(error) => {
                self.tally.hear(error.from);
                let shard = shard_of(hash_of(&self.hasher, &error.key));
                dealt.shares[shard].swap(heard);
                // What is there now was tracked long ago.
                *heard = Heard::Other { source: None };
            }
            Heard::Dns(message) => self.tally.on_dns(message, false),
            Heard::Neighbor(neighbor) => {
                self.tally.hear(neighbor.sender);
                self.tally.neighbors.on(neighbor);
            }
            Heard::Other { source } => source.iter().for_each(|&ip| self.tally.hear(ip)),
            Heard::Skipped(why) => *self.tally.skipped.entry(*why).or_default() += 1,
            Heard::Segment(_) | Heard::Fragment(_) => {}
        }
    }
}

/// As `hash_one`, here and now.
#[expect(
    clippy::inline_always,
    clippy::manual_hash_one,
    reason = "the words of a key are at hand where it was just made, and need not stand in memory for a call"
)]
#[inline(always)]
fn hash_of(hasher: &foldhash::fast::FixedState, key: &FlowKey) -> u64 {
    let mut state = hasher.build_hasher();
    key.hash(&mut state);
    state.finish()
}

fn shard_of(hash: u64) -> usize {
    hash as usize % limits::SHARDS
}

/// One end is a name server.
fn is_dns(key: &FlowKey) -> bool {
    let (FlowKey::V4(_, _, low, high) | FlowKey::V6(_, _, low, high)) = key;
    *low == 53 || *high == 53
}

impl Tally {
    fn hear(&mut self, ip: IpAddr) {
        if self.heard.len() < limits::MAX_HOSTS {
            self.heard.insert(ip);
        }
    }

    fn on_dns(&mut self, message: &DnsMessage, by_tcp: bool) {
        self.hear(message.sender());
        for (name, ip) in &message.names {
            self.names.on_answer(message.client.ip, *ip, name, message.stamp);
        }
        self.lookups.on(message, by_tcp);
    }

    /// Keeps the payload of `segment`, which stands at `place` of its share, until it is tracked.
    #[inline]
    fn kept(
        &mut self,
        segment: &Segment,
        place: usize,
        payload: &[u8],
        lent: Option<&[u8]>,
        payloads: &mut Payloads,
    ) -> Kept {
        if is_dns(&segment.key) {
            self.on_dns_payload(segment, payload);
        }
        Kept {
            place,
            number: payloads.keep(payload, lent),
        }
    }

    /// The beginning of a connection to a name server, perhaps.
    #[inline(never)]
    fn on_dns_payload(&mut self, segment: &Segment, payload: &[u8]) {
        if let Some(message) = dns_in_tcp(segment, payload) {
            self.on_dns(&message, true);
        }
    }
}
