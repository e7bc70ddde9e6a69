//! Two threads on one plain file. One rather reads and decodes, the other rather tracks; who would have to wait does what the
//! other has no time for. Both may read at the same time; what one has read it decodes, too, since the bytes are near. All is
//! decoded and tracked in capture order, so that nothing depends on who does it.

use super::front::{ENOUGH, Front, Work};
use super::line::GoesOn;
use super::{FeedError, Marking, Tables, track};
use crate::base::limits::READ_BLOCK;
use crate::capture::{Ahead, Source, Stretch};
use crate::flow::table::Table;
use rayon::ThreadPool;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Portions and stretches on their way, at most. About 0.7 MB each.
const ON_THE_WAY: usize = 3;
/// Records of a portion, at most, but for a batch: more than stand in a stretch.
const MOST: usize = READ_BLOCK / 8;
/// How often who waits looks again before going to sleep.
const PATIENCE: u32 = 200;

/// What two threads share.
struct Pair<'a> {
    state: Mutex<State>,
    /// There may be something to do again.
    changed: Condvar,
    ahead: Ahead,
    /// Locked by who decodes.
    desk: Mutex<Desk<'a>>,
    /// The shards, locked by who tracks in these.
    halves: [Mutex<Half<'a>>; 2],
}

/// Where stretches are decoded.
struct Desk<'a> {
    source: &'a mut dyn Source,
    front: &'a mut Front,
    goes_on: GoesOn<'a>,
    /// The file has ended, or could not be read: the source reads on by itself.
    is_alone: bool,
}

/// Half of the shards.
struct Half<'a> {
    /// Number of the first.
    first: usize,
    shards: &'a mut [Table],
}

/// Who does what. Stretches and portions have numbers, from 0.
#[derive(Debug)]
struct State {
    /// Stretches that somebody reads or has read, and that were decoded.
    taken: u64,
    decoded: u64,
    /// There is nothing more to decode, or nothing more is wanted.
    has_ended: bool,
    /// What the next stretch is decoded to, with those before it.
    open: Option<Work>,
    /// Portions on their way, in order, and how many have left before them.
    portions: VecDeque<Portion>,
    left: u64,
    /// Portions that each half has tracked, and whether it is at one.
    tracked: [u64; 2],
    is_tracking: [bool; 2],
    /// Marks are still wanted, and how many at most.
    wants_marks: bool,
    most_marked: usize,
    spare: Vec<Work>,
    error: Option<FeedError>,
    /// Nobody goes on: a thread has panicked.
    is_over: bool,
    /// Threads that wait for something to do.
    waiting: usize,
}

/// Decoded, to be tracked.
#[derive(Debug)]
struct Portion {
    work: Arc<Work>,
    /// Halves that have not tracked it.
    halves: u8,
    /// Marks in all shards after it.
    marked: usize,
}

/// What is next for somebody.
enum Task {
    Read(u64),
    Track { half: usize, work: Arc<Work>, marks: bool },
}

/// Reads `source` to its end or as long as `goes_on`, and tracks it all, on the two threads of `pool`.
pub(super) fn read_all(
    pool: &ThreadPool,
    front: &mut Front,
    tables: Tables<'_>,
    spare: &mut Vec<Work>,
    (source, ahead): (&mut dyn Source, Ahead),
    goes_on: GoesOn<'_>,
) -> Result<(), FeedError> {
    let Tables { shards, marking } = tables;
    let desk = Desk {
        source,
        front,
        goes_on,
        is_alone: false,
    };
    let pair = Pair::new(desk, ahead, shards, marking, std::mem::take(spare));
    pool.in_place_scope(|scope| {
        scope.spawn(|_| pair.work(false));
        pair.work(true);
    });
    let state = pair.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if marking.is_wanted && !state.wants_marks {
        marking.is_wanted = false;
        for table in shards {
            table.want_marks(false);
        }
    }
    *spare = state.spare;
    state.error.map_or(Ok(()), Err)
}

impl<'a> Pair<'a> {
    fn new(desk: Desk<'a>, ahead: Ahead, shards: &'a mut [Table], marking: &Marking, spare: Vec<Work>) -> Self {
        let middle = shards.len() / 2;
        let (low, high) = shards.split_at_mut(middle);
        let state = State {
            taken: 0,
            decoded: 0,
            has_ended: false,
            open: None,
            portions: VecDeque::with_capacity(ON_THE_WAY),
            left: 0,
            tracked: [0; 2],
            is_tracking: [false; 2],
            wants_marks: marking.is_wanted,
            most_marked: marking.most,
            spare,
            error: None,
            is_over: false,
            waiting: 0,
        };
        let halves = [(0, low), (middle, high)].map(|(first, shards)| Mutex::new(Half { first, shards }));
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            ahead,
            desk: Mutex::new(desk),
            halves,
        }
    }

    /// Does what comes until nothing is left.
    fn work(&self, rather_reads: bool) {
        let _end = End(self);
        let mut stretch = Stretch::default();
        while let Some(task) = self.next(rather_reads) {
            match task {
                Task::Read(number) => self.read(number, &mut stretch),
                Task::Track { half, work, marks } => self.track(half, work, marks),
            }
        }
    }

    /// Waits for something to do. Nothing when all is done, or over.
    fn next(&self, rather_reads: bool) -> Option<Task> {
        let (mut state, mut waited) = (self.state(), 0);
        loop {
            if state.is_over {
                return None;
            }
            let task = if rather_reads {
                state.next_read().or_else(|| state.next_track())
            } else {
                state.next_track().or_else(|| state.next_read())
            };
            if task.is_some() || state.is_done() {
                return task;
            }
            state = self.wait(state, &mut waited);
        }
    }

    /// Reads a stretch, and decodes it when those before it are decoded.
    fn read(&self, number: u64, stretch: &mut Stretch) {
        self.ahead.read(number, stretch);
        let (mut state, mut waited) = (self.state(), 0);
        while state.decoded < number && !state.is_over {
            state = self.wait(state, &mut waited);
        }
        if !state.has_ended && !state.is_over {
            let mut work = state.open.take().or_else(|| state.spare.pop()).unwrap_or_default();
            drop(state);
            let decoded = lock(&self.desk).decode(stretch, &mut work);
            state = self.state();
            match decoded {
                Ok(more) => state.has_ended |= !more,
                Err(error) => {
                    state.has_ended = true;
                    state.error = Some(error);
                }
            }
            state.open = Some(work);
        }
        state.decoded += 1;
        state.close_portion();
        self.wake(&state);
    }

    /// Tracks half of a portion.
    fn track(&self, number: usize, work: Arc<Work>, marks: bool) {
        let mut half = lock(&self.halves[number]);
        let Half { first, shards } = &mut *half;
        let mut marked = 0;
        for (shard, table) in (*first..).zip(shards.iter_mut()) {
            if !marks {
                table.want_marks(false);
            }
            track(table, &work, shard, None);
            marked += table.marked();
        }
        drop((work, half));
        let mut state = self.state();
        state.on_tracked(number, marked);
        self.wake(&state);
    }

    /// Waits until something may have changed: what others do takes less time than to sleep and be woken.
    fn wait<'s>(&'s self, state: MutexGuard<'s, State>, waited: &mut u32) -> MutexGuard<'s, State> {
        *waited += 1;
        if *waited < PATIENCE {
            drop(state);
            std::thread::yield_now();
            return self.state();
        }
        *waited = 0;
        self.sleep(state)
    }

    fn sleep<'s>(&self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        state.waiting += 1;
        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Those who wait look again: there may be something to do.
    fn wake(&self, state: &State) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Where a thread panics, the other stops, and whoever waits for both will panic, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody stops: in a panic, everybody has to.
struct End<'p, 'a>(&'p Pair<'a>);

impl Drop for End<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over |= !state.is_done();
        self.0.wake(&state);
    }
}

impl Desk<'_> {
    /// Decodes a stretch. Says whether there may be more, and more is wanted.
    fn decode(&mut self, stretch: &mut Stretch, work: &mut Work) -> Result<bool, FeedError> {
        self.is_alone |= !stretch.is_whole();
        while let Some(batch) = self.source.next_of(stretch)? {
            self.front.add(batch, false, false, work)?;
            if !(self.goes_on)(self.source.consumed(), self.front.records()) {
                return Ok(false);
            }
            if work.count() >= MOST {
                // Looking for records behind damage, the source reads far beyond, again and again.
                self.is_alone = true;
                return Ok(true);
            }
        }
        if self.is_alone {
            // Most often there is nothing. A file that somebody writes to may have grown meanwhile.
            return self.front.read(self.source, false, self.goes_on, work);
        }
        // Behind damage there may be nothing more to find.
        Ok(self.source.ahead().is_some())
    }
}

impl State {
    /// A stretch is to be read, and there is room for what is in it.
    fn next_read(&mut self) -> Option<Task> {
        let on_the_way = self.portions.len() + (self.taken - self.decoded) as usize;
        if self.has_ended || on_the_way >= ON_THE_WAY {
            return None;
        }
        self.taken += 1;
        Some(Task::Read(self.taken - 1))
    }

    /// Half of a portion is to be tracked, and nobody is at that half of the shards.
    fn next_track(&mut self) -> Option<Task> {
        let next = |half: usize| self.portions.get((self.tracked[half] - self.left) as usize);
        // The half that is behind first.
        let order = if self.tracked[0] > self.tracked[1] {
            [1, 0]
        } else {
            [0, 1]
        };
        let (half, portion) = order
            .into_iter()
            .filter(|&half| !self.is_tracking[half])
            .find_map(|half| Some((half, next(half)?)))?;
        let work = Arc::clone(&portion.work);
        self.is_tracking[half] = true;
        Some(Task::Track {
            half,
            work,
            marks: self.wants_marks,
        })
    }

    /// A stretch was decoded: what is enough, or the last, is a portion.
    fn close_portion(&mut self) {
        let is_last = self.has_ended && self.decoded == self.taken;
        let is_enough = |work: &mut Work| work.count() >= ENOUGH || is_last && work.count() > 0;
        if let Some(work) = self.open.take_if(|work| is_enough(work)) {
            self.portions.push_back(Portion {
                work: Arc::new(work),
                halves: 2,
                marked: 0,
            });
        }
    }

    /// A half has tracked its next portion; there are so many marks in it.
    fn on_tracked(&mut self, half: usize, marked: usize) {
        self.is_tracking[half] = false;
        let place = (self.tracked[half] - self.left) as usize;
        self.tracked[half] += 1;
        if let Some(portion) = self.portions.get_mut(place) {
            portion.halves -= 1;
            portion.marked += marked;
        }
        while self.portions.front().is_some_and(|portion| portion.halves == 0) {
            let Some(portion) = self.portions.pop_front() else {
                return;
            };
            self.left += 1;
            // Both halves have tracked as much: what they have marked so far is all up to here.
            self.wants_marks &= portion.marked <= self.most_marked;
            if let Some(mut work) = Arc::into_inner(portion.work) {
                work.clear();
                self.spare.push(work);
            }
        }
    }

    /// All was read, decoded and tracked.
    fn is_done(&self) -> bool {
        self.has_ended && self.decoded == self.taken && self.portions.is_empty()
    }
}

// Elsewhere nobody reads ahead.
#[cfg(all(test, unix))]
mod tests;
