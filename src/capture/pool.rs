//! Blocks of decompressed bytes on their way to the reader: a few of its own for each stream, and spare ones for all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::limits::READ_BLOCK;

/// Blocks that each stream may have out: one being filled, two that wait, one being read. 1 MiB.
const OWN: usize = 4;

/// What streams share.
#[derive(Debug, Default)]
pub(super) struct Pool {
    shared: Mutex<Shared>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Shared {
    /// Blocks that nobody needs at the moment.
    idle: Vec<Vec<u8>>,
    /// Blocks beyond their own that streams may still take.
    left: usize,
}

impl Pool {
    /// With so many bytes for streams that run ahead of their reader.
    pub(super) fn new(bytes: usize) -> Self {
        let shared = Shared {
            idle: Vec::new(),
            left: bytes / READ_BLOCK,
        };
        Self {
            shared: Mutex::new(shared),
            changed: Condvar::new(),
        }
    }

    /// Nothing is left half done by a thread that panics here.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's part of a pool. Its numbers change only while the pool is locked.
#[derive(Debug)]
pub(super) struct Quota {
    pool: Arc<Pool>,
    own: AtomicUsize,
    closed: AtomicBool,
}

impl Quota {
    pub(super) fn new(pool: &Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            pool: Arc::clone(pool),
            own: AtomicUsize::new(OWN),
            closed: AtomicBool::new(false),
        })
    }

    /// A block of [`READ_BLOCK`] bytes, as soon as there is one; `None` once the stream is closed.
    pub(super) fn take(self: &Arc<Self>) -> Option<Block> {
        let mut shared = self.pool.lock();
        let is_own = loop {
            if self.closed.load(Ordering::Relaxed) {
                return None;
            }
            if self.own.load(Ordering::Relaxed) > 0 {
                self.own.fetch_sub(1, Ordering::Relaxed);
                break true;
            }
            if shared.left > 0 {
                shared.left -= 1;
                break false;
            }
            let waited = self.pool.changed.wait(shared);
            shared = waited.unwrap_or_else(PoisonError::into_inner);
        };
        let idle = shared.idle.pop();
        drop(shared);
        Some(Block {
            bytes: idle.unwrap_or_else(|| vec![0; READ_BLOCK]),
            is_own,
            quota: Arc::clone(self),
        })
    }

    /// Nobody reads this stream any more.
    pub(super) fn close(&self) {
        let shared = self.pool.lock();
        self.closed.store(true, Ordering::Relaxed);
        drop(shared);
        self.pool.changed.notify_all();
    }
}

/// A block lent by a pool, which has it back when this is dropped.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    is_own: bool,
    quota: Arc<Quota>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut shared = self.quota.pool.lock();
        shared.idle.push(std::mem::take(&mut self.bytes));
        if self.is_own {
            self.quota.own.fetch_add(1, Ordering::Relaxed);
        } else {
            shared.left += 1;
        }
        drop(shared);
        self.quota.pool.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_its_own_blocks_whatever_others_hold() {
        let pool = Arc::new(Pool::new(3 * READ_BLOCK));
        let (first, second) = (Quota::new(&pool), Quota::new(&pool));
        let held: Vec<Block> = (0..OWN + 3).map(|_| first.take().unwrap()).collect();
        assert_eq!(pool.lock().left, 0);
        let others: Vec<Block> = (0..OWN).map(|_| second.take().unwrap()).collect();
        drop(others);
        drop(held);
        assert_eq!(pool.lock().left, 3);
        assert_eq!(pool.lock().idle.len(), 2 * OWN + 3);
        let again: Vec<Block> = (0..OWN).map(|_| second.take().unwrap()).collect();
        assert_eq!(pool.lock().idle.len(), OWN + 3, "what is idle is used again");
        assert!(again.iter().all(|block| block.bytes.len() == READ_BLOCK));
    }

    #[test]
    fn who_waits_for_a_block_hears_that_the_stream_is_closed() {
        let pool = Arc::new(Pool::default());
        let quota = Quota::new(&pool);
        let held: Vec<Block> = (0..OWN).map(|_| quota.take().unwrap()).collect();
        let waiting = std::thread::spawn({
            let quota = Arc::clone(&quota);
            move || quota.take().is_none()
        });
        quota.close();
        assert!(waiting.join().unwrap());
        drop(held);
    }
}
