//! The driver: records in, judged flows out. Everything about threads is here.

mod analysis;
mod ascending;
mod deal;
mod desks;
mod early;
mod front;
mod line;
mod lone;
mod marks;
mod merge;
mod observe;
mod order;
mod pair;
mod rows;
mod second;
mod shelf;
mod streams;
mod tell;
pub mod watch;

pub use analysis::{Analysis, CaptureReport};
pub use line::GoesOn;
pub use second::{Again, Found, Wanted};

use crate::base::limits;
use crate::capture::{Batch, CaptureError, CaptureInfo, Source};
use crate::flow::table::{Ahead, Table};
use crate::wire::{Heard, Segment};
use deal::Kept;
use front::{Front, Work};
use marks::Ledger;
use rayon::prelude::*;
use shelf::TemporaryFile;

/// With more threads than this, one reads, and the others share the decoding and the tracking.
const FEW_THREADS: usize = 2;

/// Feeds on batches of one or more captures in turn; what it says does not depend on how they are cut or on threads.
#[derive(Debug)]
pub struct Analyzer {
    pool: Option<rayon::ThreadPool>,
    front: Front,
    shards: Vec<Table>,
    marking: Marking,
    /// Room for what is decoded next.
    spare: Vec<Work>,
    /// Captures that are finished.
    captures: Vec<CaptureReport>,
}

/// Whether packets get marks, and how many may have some.
#[derive(Debug)]
struct Marking {
    is_wanted: bool,
    most: usize,
}

/// What segments are tracked in.
struct Tables<'a> {
    shards: &'a mut [Table],
    marking: &'a mut Marking,
}

/// Why no more can be taken in.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The capture cannot be read any further.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// libpcap cannot compile the filter for the link type of these records: one sentence.
    #[error("{0}")]
    Filter(String),
}

impl Analyzer {
    /// An analyzer on `threads` threads; 0 takes one per core.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        Self::start(threads, rayon::ThreadPoolBuilder::build)
    }

    /// The same, with the calling thread as one of these: it need not be woken for every few packets. For a program that
    /// analyses once: the other threads end with it, and the calling thread has no second such analyzer.
    ///
    /// # Errors
    /// When the operating system gives no threads, and for a second one.
    pub fn on_this_thread(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        Self::start(threads, |builder| builder.use_current_thread().build())
    }

    fn start(
        threads: usize,
        build: impl FnOnce(rayon::ThreadPoolBuilder) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError>,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = if threads == 0 {
            std::thread::available_parallelism().map_or(1, usize::from)
        } else {
            threads
        };
        let builder = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads));
        let pool = builder.map(build).transpose()?;
        Ok(Self {
            pool,
            front: Front::default(),
            shards: (0..limits::SHARDS).map(|_| Table::default()).collect(),
            marking: Marking {
                is_wanted: false,
                most: limits::MAX_MARKED,
            },
            spare: Vec::new(),
            captures: Vec::new(),
        })
    }

    /// Looks only at packets that match `text`, in libpcap's syntax. Packet numbers stay those of the whole capture.
    pub fn set_filter(&mut self, text: String) {
        self.front.set_filter(text);
    }

    /// Keeps so many flows unpacked, in each of [`limits::SHARDS`] shards. Changes the memory needed and no answer.
    pub fn set_open_flows(&mut self, count: usize) {
        self.shards.iter_mut().for_each(|table| table.set_open_flows(count));
    }

    /// Keeps about so many bytes of flows that have been quiet in memory, and the others in temporary files, one a shard. To
    /// be said before the first record. A disk that is full costs memory, and no flow.
    pub fn set_packed_room(&mut self, bytes: usize) {
        let share = bytes / limits::SHARDS;
        for table in &mut self.shards {
            table.set_shelf(Box::new(TemporaryFile::default()), share);
        }
    }

    /// Stays about below so many bytes of memory: where flows would take more, further ones are counted and not tracked.
    pub fn set_max_memory(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .saturating_sub(limits::BESIDE_FLOWS);
        let share = bytes / limits::SHARDS;
        self.shards.iter_mut().for_each(|table| table.set_room(share));
    }

    /// From now on, packets get their marks.
    pub fn want_marks(&mut self) {
        self.marking.is_wanted = true;
        self.shards.iter_mut().for_each(|table| table.want_marks(true));
    }

    /// Lists no more than so many packets with marks, instead of [`limits::MAX_MARKED`].
    pub fn set_most_marked(&mut self, count: usize) {
        self.marking.most = count;
    }

    /// Records taken in so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.front.records()
    }

    /// Takes in the records of `source`, the current capture, to its end, or until `goes_on` says no: it is asked after every
    /// few of them. On several threads, what was read last is tracked while more is read and decoded.
    ///
    /// # Errors
    /// Where the capture cannot be read any further, or there is a filter and it does not compile.
    pub fn feed_from(&mut self, source: &mut dyn Source, goes_on: GoesOn<'_>) -> Result<(), FeedError> {
        if let Some(pool) = &self.pool {
            let tables = Tables {
                shards: &mut self.shards,
                marking: &mut self.marking,
            };
            let (front, spare) = (&mut self.front, &mut self.spare);
            return match source.ahead().filter(|_| pool.current_num_threads() <= FEW_THREADS) {
                Some(ahead) => pair::read_all(pool, front, tables, spare, (source, ahead), goes_on),
                None => line::read_all(pool, front, tables, spare, source, goes_on),
            };
        }
        while let Some(batch) = source.next_batch()? {
            self.feed(batch)?;
            if !goes_on(source.consumed(), self.records()) {
                break;
            }
        }
        Ok(())
    }

    /// Takes in the next records of the current capture, all the way.
    ///
    /// # Errors
    /// One sentence, if there is a filter and libpcap cannot compile it for the link type of these records.
    pub fn feed(&mut self, batch: Batch<'_>) -> Result<(), FeedError> {
        let mut work = self.spare.pop().unwrap_or_default();
        let lent = Some(batch.data);
        let mut tables = Tables {
            shards: &mut self.shards,
            marking: &mut self.marking,
        };
        if let Some(pool) = &self.pool {
            pool.install(|| self.front.take(batch, true, &mut work))?;
            pool.install(|| tables.track_shared(&work, lent));
        } else {
            self.front.take(batch, false, &mut work)?;
            tables.track(&work, lent);
        }
        work.clear();
        self.spare.push(work);
        Ok(())
    }

    /// The current capture is at its end; what is fed next belongs to the next one.
    pub fn end_capture(&mut self, info: &CaptureInfo) {
        let (before, skipped) = self.front.end_capture(info);
        self.captures.push(CaptureReport::new(info.clone(), before, skipped));
    }

    /// All that was learned. `interrupted`: the user stopped the reading.
    #[must_use]
    pub fn finish(self, interrupted: bool) -> Analysis {
        let mut finished: Vec<_> = self.shards.into_iter().map(Table::leave).collect();
        let marked = finished.iter_mut().map(|shard| std::mem::take(&mut shard.marked));
        let marks = Ledger::new(marked, self.marking.most);
        Analysis::new(
            self.pool,
            self.captures,
            finished,
            marks,
            self.front.dealer.tally,
            interrupted,
        )
    }
}

impl Tables<'_> {
    /// Tracks what is decoded; `lent`: the bytes of its batch, if payloads were not copied.
    fn track(&mut self, work: &Work, lent: Option<&[u8]>) {
        let shards = self.shards.iter_mut().enumerate();
        shards.for_each(|(shard, table)| track(table, work, shard, lent));
        self.check_marks();
    }

    /// The same on the threads of the pool that this is called in.
    fn track_shared(&mut self, work: &Work, lent: Option<&[u8]>) {
        let shards = self.shards.par_iter_mut().enumerate();
        shards.for_each(|(shard, table)| track(table, work, shard, lent));
        self.check_marks();
    }

    /// Beyond the limit no marks are kept. How the capture is cut into batches makes no difference: of what a last batch
    /// brings too many, the ledger keeps the first.
    fn check_marks(&mut self) {
        if !self.marking.is_wanted {
            return;
        }
        let marked: usize = self.shards.iter().map(Table::marked).sum();
        if marked > self.marking.most {
            self.marking.is_wanted = false;
            self.shards.iter_mut().for_each(|table| table.want_marks(false));
        }
    }
}

/// Each shard its part.
fn track(table: &mut Table, work: &Work, shard: usize, lent: Option<&[u8]>) {
    let dealt = &work.dealt;
    let mut kept = dealt.kept(shard);
    let mut ahead = Ahead::default();
    let chunks = dealt.shares[shard].heard().chunks(Ahead::AT_ONCE);
    for (first, chunk) in (0..).step_by(Ahead::AT_ONCE).zip(chunks) {
        let mut coming = kept;
        let segments = chunk.iter().enumerate();
        let segments = segments.map(|(at, heard)| (segment_of(heard), taken_of(&mut coming, first + at).is_some()));
        ahead.look(table, segments);
        let mut behind = ahead.spots();
        while let Some((&spot, rest)) = behind.split_first() {
            let at = chunk.len() - behind.len();
            behind = rest;
            if let Some(segment) = spot.segment {
                table.on_next(&ahead, spot, segment, work.capture);
                if let Some(number) = taken_of(&mut kept, first + at) {
                    table.on_payload(segment, dealt.payloads.get(number, lent));
                }
                behind = behind.get(table.go_on(behind, work.capture)..).unwrap_or_default();
            } else if let Some(Heard::IcmpError(error)) = chunk.get(at) {
                table.on_icmp(error);
            }
        }
    }
}

/// The payload of what stands at `place`, by its number, if it was kept and is the next.
#[inline]
fn taken_of(kept: &mut &[Kept], place: usize) -> Option<u32> {
    let (next, rest) = kept.split_first()?;
    if next.place != place {
        return None;
    }
    *kept = rest;
    Some(next.number)
}

fn segment_of(heard: &Heard) -> Option<&Segment> {
    match heard {
        Heard::Segment(segment) => Some(segment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_goes_to_the_segment_that_it_was_kept_for() {
        let all = [(2, 7), (3, 8), (9, 4)].map(|(place, number)| Kept { place, number });
        let mut kept = &all[..];
        let taken: Vec<_> = (0..12).map(|place| taken_of(&mut kept, place)).collect();
        let found = (0..).zip(taken).filter_map(|(place, number)| Some((place, number?)));
        assert_eq!(found.collect::<Vec<_>>(), [(2, 7), (3, 8), (9, 4)]);
    }
}
