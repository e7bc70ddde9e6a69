//! The driver: records in, judged flows out. Everything about threads is here.

mod analysis;
mod marks;
mod rows;
pub mod watch;

pub use analysis::{Analysis, CaptureReport};

use crate::base::{FlowKey, Map, Set, limits};
use crate::capture::Filter;
use crate::capture::{Batch, CaptureInfo, Record};
use crate::flow::table::Table;
use crate::wire::{DnsAnswer, Heard, Reassembled, Reassembler, Why, decode};
use rayon::prelude::*;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Records that one thread decodes in a row.
const RUN: usize = 256;

/// Feeds on batches of one or more captures in turn; what it says does not depend on how they are cut or on threads.
#[derive(Debug)]
pub struct Analyzer {
    pool: Option<rayon::ThreadPool>,
    shards: Vec<Shard>,
    /// Deals flows to shards, the same way in every run: what a shard packs, and when, then never depends on chance. The
    /// tables inside hash with a seed of their own.
    hasher: foldhash::fast::FixedState,
    reassembler: Reassembler,
    decoded: Vec<Heard>,
    tally: Tally,
    /// Captures that are finished.
    captures: Vec<CaptureReport>,
    /// Packets of these.
    packets_before: u64,
    fragments_before: (u64, u64),
    /// A capture filter, and its program for every link type seen so far.
    filter: Option<(String, Vec<Filter>)>,
    wants_marks: bool,
    /// Number of the last record of the current capture.
    last_number: u64,
}

/// Flows that one thread tracks at a time, and what the batch holds for them.
#[derive(Debug, Default)]
struct Shard {
    table: Table,
    /// Places in `decoded`.
    deal: Vec<u32>,
}

/// What is counted besides flows.
#[derive(Debug, Default)]
struct Tally {
    tcp_packets: u64,
    skipped: Map<Why, u64>,
    heard: Set<IpAddr>,
    names: Map<IpAddr, String>,
}

impl Analyzer {
    /// An analyzer on `threads` threads; 0 takes one per core.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = if threads == 0 {
            std::thread::available_parallelism().map_or(1, usize::from)
        } else {
            threads
        };
        let pool = if threads > 1 {
            Some(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?)
        } else {
            None
        };
        Ok(Self {
            pool,
            shards: (0..limits::SHARDS).map(|_| Shard::default()).collect(),
            hasher: foldhash::fast::FixedState::default(),
            reassembler: Reassembler::default(),
            decoded: Vec::new(),
            tally: Tally::default(),
            captures: Vec::new(),
            packets_before: 0,
            fragments_before: (0, 0),
            filter: None,
            wants_marks: false,
            last_number: 0,
        })
    }

    /// Looks only at packets that match `text`, in libpcap's syntax. Packet numbers stay those of the whole capture.
    pub fn set_filter(&mut self, text: String) {
        self.filter = Some((text, Vec::new()));
    }

    /// Keeps so many flows unpacked, in each of [`limits::SHARDS`] shards. Changes the memory needed and no answer.
    pub fn set_open_flows(&mut self, count: usize) {
        self.shards
            .iter_mut()
            .for_each(|shard| shard.table.set_open_flows(count));
    }

    /// From now on, packets get their marks.
    pub fn want_marks(&mut self) {
        self.wants_marks = true;
        self.shards.iter_mut().for_each(|shard| shard.table.want_marks(true));
    }

    /// Takes in the next records of the current capture.
    ///
    /// # Errors
    /// One sentence, if there is a filter and libpcap cannot compile it for the link type of these records.
    pub fn feed(&mut self, batch: Batch<'_>) -> Result<(), String> {
        self.compile_filter(batch.records)?;
        self.last_number = batch.records.last().map_or(self.last_number, |record| record.number);
        let mut decoded = std::mem::take(&mut self.decoded);
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
        decoded.clear();
        match &self.pool {
            Some(pool) => pool.install(|| {
                batch
                    .records
                    .par_iter()
                    .with_min_len(RUN)
                    .map(one)
                    .collect_into_vec(&mut decoded);
            }),
            None => decoded.extend(batch.records.iter().map(one)),
        }
        self.deal(&mut decoded, &batch);
        let capture = self.captures.len() as u16;
        let track = |shard: &mut Shard| shard.track(&decoded, capture);
        match &self.pool {
            Some(pool) => pool.install(|| self.shards.par_iter_mut().for_each(track)),
            None => self.shards.iter_mut().for_each(track),
        }
        self.decoded = decoded;
        if self.wants_marks {
            self.check_marks();
        }
        Ok(())
    }

    /// Beyond the limit no marks are kept. How the capture is cut into batches makes no difference: of what a last batch
    /// brings too many, the ledger keeps the first.
    fn check_marks(&mut self) {
        let marked: usize = self.shards.iter().map(|shard| shard.table.marked()).sum();
        if marked > limits::MAX_MARKED {
            self.wants_marks = false;
            self.shards.iter_mut().for_each(|shard| shard.table.want_marks(false));
        }
    }

    /// Has libpcap compile the filter for link types that were not seen before.
    fn compile_filter(&mut self, records: &[Record]) -> Result<(), String> {
        let Some((text, filters)) = &mut self.filter else {
            return Ok(());
        };
        for record in records {
            if filters.iter().all(|filter| filter.link() != record.link) {
                filters.push(Filter::compile(record.link, text)?);
            }
        }
        Ok(())
    }

    /// In capture order: puts fragments together, counts what is no TCP, and deals the rest to the shards.
    fn deal(&mut self, decoded: &mut [Heard], batch: &Batch<'_>) {
        for (place, (heard, record)) in decoded.iter_mut().zip(batch.records).enumerate() {
            if let Heard::Fragment(fragment) = heard {
                *heard = match self.reassembler.on_fragment(fragment, batch.bytes(record)) {
                    Reassembled::Complete(whole) => whole,
                    Reassembled::Waiting | Reassembled::Dropped => continue,
                };
            }
            match heard {
                Heard::Segment(segment) => {
                    self.tally.tcp_packets += 1;
                    let shard = self.shard_of(&segment.key);
                    self.shards[shard].deal.push(place as u32);
                }
                Heard::IcmpError(error) => {
                    self.tally.hear(error.from);
                    let shard = self.shard_of(&error.key);
                    self.shards[shard].deal.push(place as u32);
                }
                Heard::Dns(answer) => self.tally.on_dns(answer),
                Heard::Other { source } => source.iter().for_each(|&ip| self.tally.hear(ip)),
                Heard::Skipped(why) => *self.tally.skipped.entry(*why).or_default() += 1,
                Heard::Fragment(_) => {}
            }
        }
    }

    fn shard_of(&self, key: &FlowKey) -> usize {
        self.hasher.hash_one(key) as usize % limits::SHARDS
    }

    /// The current capture is at its end; the next `feed` belongs to the next one.
    pub fn end_capture(&mut self, info: &CaptureInfo) {
        let mut skipped = std::mem::take(&mut self.tally.skipped);
        let (parts, unfinished) = (self.reassembler.parts(), self.reassembler.unfinished());
        skipped.insert(Why::FragmentPart, parts - self.fragments_before.0);
        skipped.insert(
            Why::FragmentIncomplete,
            unfinished.saturating_sub(self.fragments_before.1),
        );
        self.fragments_before = (parts, unfinished);
        self.captures
            .push(CaptureReport::new(info.clone(), self.packets_before, skipped));
        // Some pcapng blocks have a number and no packet.
        self.packets_before += info.packets.max(self.last_number);
        self.last_number = 0;
    }

    /// All that was learned. `interrupted`: the user stopped the reading.
    #[must_use]
    pub fn finish(self, interrupted: bool) -> Analysis {
        let finished = self.shards.into_iter().map(|shard| shard.table.finish()).collect();
        let tally = self.tally;
        Analysis::new(
            self.captures,
            finished,
            tally.tcp_packets,
            tally.heard,
            tally.names,
            interrupted,
        )
    }
}

/// Does the filter of its link type let this record through?
fn is_wanted(filters: &[Filter], record: &Record, bytes: &[u8]) -> bool {
    filters
        .iter()
        .any(|filter| filter.link() == record.link && filter.matches(bytes, record.original))
}

impl Shard {
    fn track(&mut self, decoded: &[Heard], capture: u16) {
        for place in self.deal.drain(..) {
            match decoded.get(place as usize) {
                Some(Heard::Segment(segment)) => self.table.on_segment(segment, capture),
                Some(Heard::IcmpError(error)) => self.table.on_icmp(error),
                _ => {}
            }
        }
    }
}

impl Tally {
    fn hear(&mut self, ip: IpAddr) {
        if self.heard.len() < limits::MAX_HOSTS {
            self.heard.insert(ip);
        }
    }

    fn on_dns(&mut self, answer: &DnsAnswer) {
        self.hear(answer.server.ip);
        for (name, ip) in &answer.names {
            if self.names.len() < limits::MAX_NAMES {
                self.names.insert(*ip, name.clone());
            }
        }
    }
}
