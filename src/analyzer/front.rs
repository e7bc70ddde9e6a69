//! What comes before tracking: records are read, filtered, decoded, put together and dealt to the shards, in capture order.

use super::FeedError;
use super::early::{Early, Payloads};
use crate::base::{FlowKey, Map, Set, limits};
use crate::capture::{Batch, CaptureInfo, Filter, Record, Source};
use crate::lookup::{Lookups, Names, Neighbors};
use crate::wire::{DnsMessage, Heard, Reassembled, Reassembler, Segment, Why, decode, dns_in_tcp, payload};
use rayon::prelude::*;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Records that one thread decodes in a row.
const RUN: usize = 256;

/// Set in a dealt place whose payload was kept. There are never so many places.
pub(super) const KEPT: u32 = 1 << 31;

/// Records that were decoded and dealt, to be tracked.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) decoded: Vec<Heard>,
    /// For each shard, places in `decoded`, with [`KEPT`] where the payload is there too.
    pub(super) deals: [Vec<u32>; limits::SHARDS],
    /// For each shard, the numbers of these payloads.
    pub(super) kept: [Vec<u32>; limits::SHARDS],
    /// Payloads that may matter.
    pub(super) payloads: Payloads,
    /// Capture that they are in.
    pub(super) capture: u16,
}

impl Work {
    pub(super) fn clear(&mut self) {
        self.decoded.clear();
        self.payloads.clear();
        self.deals.iter_mut().chain(&mut self.kept).for_each(Vec::clear);
    }
}

/// Everything on the way from a record to a shard.
#[derive(Debug, Default)]
pub(super) struct Front {
    /// Deals flows to shards, the same way in every run: what a shard packs, and when, then never depends on chance. The
    /// tables inside hash with a seed of their own.
    hasher: foldhash::fast::FixedState,
    reassembler: Reassembler,
    early: Early,
    pub(super) tally: Tally,
    /// Number of the current capture.
    capture: u16,
    /// Packets of the captures before it.
    pub(super) packets_before: u64,
    fragments_before: (u64, u64),
    /// A capture filter, and its program for every link type seen so far.
    filter: Option<(String, Vec<Filter>)>,
    /// Number of the last record of the current capture.
    last_number: u64,
    /// Records of all captures.
    records: u64,
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

impl Front {
    /// Lets only packets through that match `text`, in libpcap's syntax.
    pub(super) fn set_filter(&mut self, text: String) {
        self.filter = Some((text, Vec::new()));
    }

    /// Records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Fills `work` with at least `enough` records of `source`, as long as it has more. Says whether it may.
    pub(super) fn read(
        &mut self,
        source: &mut dyn Source,
        enough: usize,
        is_parallel: bool,
        work: &mut Work,
    ) -> Result<bool, FeedError> {
        work.clear();
        loop {
            let Some(batch) = source.next_batch()? else {
                return Ok(false);
            };
            self.add(batch, is_parallel, false, work)?;
            if work.decoded.len() >= enough {
                return Ok(true);
            }
        }
    }

    /// Fills `work` with the records of one batch, whose bytes are to be lent to whoever tracks them.
    pub(super) fn take(&mut self, batch: Batch<'_>, is_parallel: bool, work: &mut Work) -> Result<(), FeedError> {
        work.clear();
        self.add(batch, is_parallel, true, work)
    }

    fn add(&mut self, batch: Batch<'_>, is_parallel: bool, is_lent: bool, work: &mut Work) -> Result<(), FeedError> {
        work.capture = self.capture;
        self.compile_filter(batch.records)?;
        self.last_number = batch.records.last().map_or(self.last_number, |record| record.number);
        self.records += batch.records.len() as u64;
        let before = self.packets_before;
        let filters = self.filter.as_ref().map(|(_, filters)| filters.as_slice());
        let one = |record: &Record| {
            let bytes = batch.bytes(record);
            if filters.is_some_and(|filters| !is_wanted(filters, record, bytes)) {
                return Heard::Skipped(Why::Filtered);
            }
            let number = record.number + before;
            decode(&Record { number, ..*record }, bytes)
        };
        let first = work.decoded.len();
        if is_parallel {
            work.decoded
                .par_extend(batch.records.par_iter().with_min_len(RUN).map(one));
        } else {
            work.decoded.extend(batch.records.iter().map(one));
        }
        self.deal(first, &batch, is_lent, work);
        Ok(())
    }

    /// Has libpcap compile the filter for link types that were not seen before.
    fn compile_filter(&mut self, records: &[Record]) -> Result<(), FeedError> {
        let Some((text, filters)) = &mut self.filter else {
            return Ok(());
        };
        for record in records {
            if filters.iter().all(|filter| filter.link() != record.link) {
                filters.push(Filter::compile(record.link, text).map_err(FeedError::Filter)?);
            }
        }
        Ok(())
    }

    /// Puts fragments together, counts what is no TCP, and deals the rest to the shards.
    fn deal(&mut self, first: usize, batch: &Batch<'_>, is_lent: bool, work: &mut Work) {
        let fresh = work.decoded.iter_mut().enumerate().skip(first);
        for ((place, heard), record) in fresh.zip(batch.records) {
            if let Heard::Fragment(fragment) = heard {
                *heard = match self.reassembler.on_fragment(fragment, batch.bytes(record)) {
                    Reassembled::Complete(whole) => whole,
                    Reassembled::Waiting | Reassembled::Dropped => continue,
                };
            }
            match heard {
                Heard::Segment(segment) => {
                    self.tally.tcp_packets += 1;
                    let hash = self.hasher.hash_one(segment.key);
                    let (shard, mut dealt) = (shard_of(hash), place as u32);
                    if self.early.wants(segment, hash) {
                        if let Some(payload) = payload(record, batch.bytes(record)) {
                            work.kept[shard].push(if is_lent {
                                work.payloads.note(payload, batch.data)
                            } else {
                                work.payloads.copy(payload)
                            });
                            self.tally.on_payload(segment, payload);
                            dealt |= KEPT;
                        }
                    }
                    work.deals[shard].push(dealt);
                }
                Heard::IcmpError(error) => {
                    self.tally.hear(error.from);
                    work.deals[shard_of(self.hasher.hash_one(error.key))].push(place as u32);
                }
                Heard::Dns(message) => self.tally.on_dns(message, false),
                Heard::Neighbor(neighbor) => {
                    self.tally.hear(neighbor.sender);
                    self.tally.neighbors.on(neighbor);
                }
                Heard::Other { source } => source.iter().for_each(|&ip| self.tally.hear(ip)),
                Heard::Skipped(why) => *self.tally.skipped.entry(*why).or_default() += 1,
                Heard::Fragment(_) => {}
            }
        }
    }

    /// What is not tracked of the current capture, so far, by reason.
    pub(super) fn skipped(&self) -> Map<Why, u64> {
        self.tally.skipped.clone()
    }

    /// The current capture is at its end. Gives the packets before it, and what was skipped in it.
    pub(super) fn end_capture(&mut self, info: &CaptureInfo) -> (u64, Map<Why, u64>) {
        let mut skipped = std::mem::take(&mut self.tally.skipped);
        let (parts, unfinished) = (self.reassembler.parts(), self.reassembler.unfinished());
        skipped.insert(Why::FragmentPart, parts - self.fragments_before.0);
        skipped.insert(
            Why::FragmentIncomplete,
            unfinished.saturating_sub(self.fragments_before.1),
        );
        self.fragments_before = (parts, unfinished);
        let before = self.packets_before;
        // Some pcapng blocks have a number and no packet.
        self.packets_before += info.packets.max(self.last_number);
        self.last_number = 0;
        self.capture += 1;
        (before, skipped)
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

/// Does the filter of its link type let this record through?
pub(super) fn is_wanted(filters: &[Filter], record: &Record, bytes: &[u8]) -> bool {
    filters
        .iter()
        .any(|filter| filter.link() == record.link && filter.matches(bytes, record.original))
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
