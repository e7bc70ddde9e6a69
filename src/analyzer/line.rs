//! Reading and tracking side by side: what was read waits in a short line until what came before it is tracked.

use super::front::{Front, Work};
use super::{FEW_THREADS, FeedError, Tables};
use crate::capture::Source;
use rayon::{Scope, ThreadPool, Yield};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Portions on their way: one is read, one is tracked, and one waits, so that a portion that takes longer than most keeps
/// nobody waiting. About 0.7 MB each.
const PORTIONS: usize = 3;

/// Says whether reading goes on, from the bytes of the source and the records of all captures so far.
pub type GoesOn<'a> = &'a mut (dyn FnMut(u64, u64) -> bool + Send);

/// Portions on their way, and what they are tracked in.
struct Line<'t> {
    portions: Mutex<Portions>,
    /// Locked while portions are tracked.
    tables: Mutex<Tables<'t>>,
}

struct Portions {
    /// Read and not tracked yet, in order.
    ready: VecDeque<Work>,
    /// Room for what is read next.
    spare: Vec<Work>,
    /// Somebody tracks, and looks again before leaving.
    is_tracked: bool,
}

/// Reads `source` to its end or as long as `goes_on`, and tracks it all, on the threads of `pool`.
pub(super) fn read_all(
    pool: &ThreadPool,
    front: &mut Front,
    tables: Tables<'_>,
    spare: &mut Vec<Work>,
    source: &mut dyn Source,
    goes_on: GoesOn<'_>,
) -> Result<(), FeedError> {
    let is_parallel = pool.current_num_threads() > FEW_THREADS;
    spare.resize_with(PORTIONS, Work::default);
    let line = Line::new(tables, std::mem::take(spare));
    let outcome = pool.scope(|scope| {
        while let Some(mut work) = line.free_one() {
            let more = front.read(source, is_parallel, goes_on, &mut work);
            // Before an error, too, something may have been read.
            line.put(work, scope);
            if !more? {
                break;
            }
        }
        Ok(())
    });
    *spare = line.into_spare();
    outcome
}

impl<'t> Line<'t> {
    fn new(tables: Tables<'t>, spare: Vec<Work>) -> Self {
        let portions = Portions {
            ready: VecDeque::new(),
            spare,
            is_tracked: false,
        };
        Self {
            portions: Mutex::new(portions),
            tables: Mutex::new(tables),
        }
    }

    /// Room for a portion. As long as there is none, helps with the tracking. Nothing where that has panicked: whoever
    /// waits for its end will panic, too.
    fn free_one(&self) -> Option<Work> {
        while !self.tables.is_poisoned() {
            let free = self.portions().spare.pop();
            if free.is_some() {
                return free;
            }
            if rayon::yield_now() != Some(Yield::Executed) {
                std::thread::yield_now();
            }
        }
        None
    }

    /// Puts a portion at the end, and has somebody track it unless somebody does.
    fn put<'s>(&'s self, work: Work, scope: &Scope<'s>) {
        let mut portions = self.portions();
        portions.ready.push_back(work);
        if !std::mem::replace(&mut portions.is_tracked, true) {
            scope.spawn(|_| self.track());
        }
    }

    /// Tracks portions until there is none.
    fn track(&self) {
        let Ok(mut tables) = self.tables.lock() else { return };
        while let Some(mut work) = self.next() {
            tables.track_shared(&work, None);
            work.clear();
            self.portions().spare.push(work);
        }
    }

    /// The next portion that is to be tracked.
    fn next(&self) -> Option<Work> {
        let mut portions = self.portions();
        let next = portions.ready.pop_front();
        portions.is_tracked = next.is_some();
        next
    }

    /// Nobody panics while it is locked.
    fn portions(&self) -> MutexGuard<'_, Portions> {
        self.portions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_spare(self) -> Vec<Work> {
        let portions = self.portions.into_inner();
        portions.unwrap_or_else(PoisonError::into_inner).spare
    }
}

#[cfg(test)]
mod tests {
    use super::super::Marking;
    use super::*;

    #[test]
    fn nobody_waits_for_a_tracker_that_has_panicked() {
        let mut marking = Marking {
            is_wanted: false,
            most: 0,
        };
        let tables = Tables {
            shards: &mut [],
            marking: &mut marking,
        };
        let line = Line::new(tables, Vec::new());
        let tracker = std::thread::scope(|scope| {
            let tracker = scope.spawn(|| {
                let _tables = line.tables.lock();
                panic!("on purpose");
            });
            tracker.join()
        });
        assert!(tracker.is_err() && line.free_one().is_none());
    }
}
