//! What was decoded is put together and counted, and what is to be tracked is dealt to the shards.

use super::early::{Early, Payloads};
use crate::base::{FlowKey, Map, Set, limits};
use crate::capture::Record;
use crate::lookup::{Lookups, Names, Neighbors};
use crate::wire::{DnsMessage, Heard, Reassembled, Reassembler, Segment, Why, dns_in_tcp, payload};
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Set in a dealt place whose payload was kept. There are never so many places.
pub(super) const KEPT: u32 = 1 << 31;

/// What each shard gets.
#[derive(Debug, Default)]
pub(super) struct Dealt {
    /// Places of what was decoded, with [`KEPT`] where the payload is there too.
    pub(super) places: [Vec<u32>; limits::SHARDS],
    /// The numbers of these payloads.
    pub(super) kept: [Vec<u32>; limits::SHARDS],
    /// Payloads that may matter.
    pub(super) payloads: Payloads,
}

impl Dealt {
    pub(super) fn clear(&mut self) {
        self.payloads.clear();
        self.places.iter_mut().chain(&mut self.kept).for_each(Vec::clear);
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
    /// Deals what `record` was decoded to, which stands at `place`. `lent`: the bytes of its batch, if they are lent until it
    /// is tracked.
    #[inline(never)]
    pub(super) fn deal(
        &mut self,
        place: u32,
        heard: &mut Heard,
        record: &Record,
        bytes: &[u8],
        lent: Option<&[u8]>,
        dealt: &mut Dealt,
    ) {
        if !matches!(heard, Heard::Segment(_)) {
            self.on_other(place, heard, bytes, dealt);
        }
        if let Heard::Segment(segment) = heard {
            self.deal_segment(place, segment, lent, dealt, || payload(record, bytes));
        }
    }

    /// Deals a segment that stands at `place`.
    #[expect(clippy::inline_always, reason = "it goes on with what decoding has in its registers")]
    #[inline(always)]
    pub(super) fn deal_segment<'a>(
        &mut self,
        mut place: u32,
        segment: &Segment,
        lent: Option<&[u8]>,
        dealt: &mut Dealt,
        payload: impl FnOnce() -> Option<&'a [u8]>,
    ) {
        self.tally.tcp_packets += 1;
        let hash = self.hasher.hash_one(segment.key);
        let shard = shard_of(hash);
        if self.early.wants(segment, hash) {
            if let Some(payload) = payload() {
                dealt.kept[shard].push(match lent {
                    Some(lent) => dealt.payloads.note(payload, lent),
                    None => dealt.payloads.copy(payload),
                });
                self.tally.on_payload(segment, payload);
                place |= KEPT;
            }
        }
        dealt.places[shard].push(place);
    }

    /// Puts fragments together, and counts what is no TCP.
    fn on_other(&mut self, place: u32, heard: &mut Heard, bytes: &[u8], dealt: &mut Dealt) {
        if let Heard::Fragment(fragment) = heard {
            *heard = match self.reassembler.on_fragment(fragment, bytes) {
                Reassembled::Complete(whole) => whole,
                Reassembled::Waiting | Reassembled::Dropped => return,
            };
        }
        match heard {
            Heard::IcmpError(error) => {
                self.tally.hear(error.from);
                dealt.places[shard_of(self.hasher.hash_one(error.key))].push(place);
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

    /// The beginning of a connection: to a name server, perhaps.
    fn on_payload(&mut self, segment: &Segment, payload: &[u8]) {
        if is_dns(&segment.key) {
            if let Some(message) = dns_in_tcp(segment, payload) {
                self.on_dns(&message, true);
            }
        }
    }
}
