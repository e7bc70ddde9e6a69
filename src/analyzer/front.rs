//! What comes before tracking: records are read, filtered, decoded, put together and dealt to the shards, in capture order.

use super::FeedError;
use super::deal::{Dealer, Dealt};
use crate::base::Map;
use crate::capture::{Batch, CaptureInfo, Filter, Record, Source};
use crate::wire::{Heard, Why, decode_into};
use rayon::prelude::*;

/// Records of a portion, at least: enough for the threads to meet seldom.
pub(super) const ENOUGH: usize = 2048;
/// Records that one thread decodes in a row.
const RUN: usize = 256;

/// Records that were decoded and dealt, to be tracked.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Where several threads decode to, before it is dealt.
    places: Vec<Heard>,
    /// Records so far.
    count: usize,
    pub(super) dealt: Dealt,
    /// Capture that they are in.
    pub(super) capture: u16,
}

impl Work {
    /// Records so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.dealt.clear();
    }
}

/// Everything on the way from a record to a shard.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) dealer: Dealer,
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

impl Front {
    /// Lets only packets through that match `text`, in libpcap's syntax.
    pub(super) fn set_filter(&mut self, text: String) {
        self.filter = Some((text, Vec::new()));
    }

    /// Records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Fills `work` with the next portion of `source`. Says whether there may be more, and more is wanted.
    pub(super) fn read(
        &mut self,
        source: &mut dyn Source,
        is_parallel: bool,
        goes_on: &mut (impl FnMut(u64, u64) -> bool + ?Sized),
        work: &mut Work,
    ) -> Result<bool, FeedError> {
        loop {
            let Some(batch) = source.next_batch()? else {
                return Ok(false);
            };
            self.add(batch, is_parallel, false, work)?;
            if !goes_on(source.consumed(), self.records) {
                return Ok(false);
            }
            if work.count >= ENOUGH {
                return Ok(true);
            }
        }
    }

    /// Fills `work` with the records of one batch, whose bytes are to be lent to whoever tracks them.
    pub(super) fn take(&mut self, batch: Batch<'_>, is_parallel: bool, work: &mut Work) -> Result<(), FeedError> {
        self.add(batch, is_parallel, true, work)
    }

    /// Adds the records of one batch to `work`; `is_lent`: its bytes are lent to whoever tracks them.
    ///
    /// # Errors
    /// Where there is a filter and it does not compile.
    pub(super) fn add(
        &mut self,
        batch: Batch<'_>,
        is_parallel: bool,
        is_lent: bool,
        work: &mut Work,
    ) -> Result<(), FeedError> {
        work.capture = self.capture;
        self.compile_filter(batch.records)?;
        self.last_number = batch.records.last().map_or(self.last_number, |record| record.number);
        self.records += batch.records.len() as u64;
        let before = self.packets_before;
        let filters = self.filter.as_ref().map(|(_, filters)| filters.as_slice());
        work.count += batch.records.len();
        let lent = is_lent.then_some(batch.data);
        let decode_wanted = |(heard, record): (&mut Heard, &Record)| {
            let bytes = batch.bytes(record);
            if filters.is_none_or(|filters| is_wanted(filters, record, bytes)) {
                decode_into(record, bytes, record.number + before, heard);
            } else {
                *heard = Heard::Skipped(Why::Filtered);
            }
        };
        if is_parallel || filters.is_some() {
            if work.places.len() < batch.records.len() {
                work.places
                    .resize_with(batch.records.len(), || Heard::Other { source: None });
            }
            if is_parallel {
                let pairs = work.places.par_iter_mut().zip(batch.records);
                pairs.with_min_len(RUN).for_each(decode_wanted);
            } else {
                work.places.iter_mut().zip(batch.records).for_each(decode_wanted);
            }
            for (heard, record) in work.places.iter_mut().zip(batch.records) {
                self.dealer
                    .deal(heard, record, batch.bytes(record), lent, &mut work.dealt);
            }
            return Ok(());
        }
        for record in batch.records {
            let (number, dealt) = (record.number + before, &mut work.dealt);
            let is_plain = batch
                .get(record)
                .is_some_and(|bytes| self.dealer.deal_plain(record, bytes, number, lent, dealt));
            if !is_plain {
                self.dealer.deal_other(record, batch.bytes(record), number, lent, dealt);
            }
        }
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

    /// What is not tracked of the current capture, so far, by reason.
    pub(super) fn skipped(&self) -> Map<Why, u64> {
        self.dealer.tally.skipped.clone()
    }

    /// The current capture is at its end. Gives the packets before it, and what was skipped in it.
    pub(super) fn end_capture(&mut self, info: &CaptureInfo) -> (u64, Map<Why, u64>) {
        let mut skipped = std::mem::take(&mut self.dealer.tally.skipped);
        let (parts, unfinished) = (self.dealer.reassembler.parts(), self.dealer.reassembler.unfinished());
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

/// Does the filter of its link type let this record through?
pub(super) fn is_wanted(filters: &[Filter], record: &Record, bytes: &[u8]) -> bool {
    filters
        .iter()
        .any(|filter| filter.link() == record.link && filter.matches(bytes, record.original))
}
