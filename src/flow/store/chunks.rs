//! Bytes of packed flows, piece by piece: the latest pieces in memory, those before them on a shelf if there is one. A
//! piece is put there once and never changed.

use super::blocks::{Blocks, Lent};
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the length before each flow.
pub(super) const LENGTH: usize = 2;
/// Bytes of a piece, unless there is room for less.
const SIZE: usize = 1 << 20;
/// A flow is shorter than this.
pub(super) const LONGEST: usize = LENGTH + u16::MAX as usize;

/// A place for bytes that need not be in memory: a file, as a rule.
pub trait Shelf: Debug + Send + Sync {
    /// Puts `bytes` at an offset, which lies behind all before. `false`: they are not there, and no more will be brought.
    fn put(&mut self, bytes: &[u8], at: u64) -> bool;

    /// Takes a look at the bytes at an offset: fills `to` as far as there are any, and says how far. `None` where what was
    /// put there cannot be read.
    fn look(&self, to: &mut [u8], at: u64) -> Option<usize>;
}

/// Packed flows, named by their places.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Bytes of a piece.
    size: usize,
    /// Pieces in memory, behind those on the shelf.
    memory: Vec<Vec<u8>>,
    /// Pieces on the shelf.
    written: usize,
    /// Pieces that stay in memory where there is a shelf that takes more.
    most: usize,
    shelf: Option<Box<dyn Shelf>>,
    /// It takes no more.
    is_full: bool,
    /// What was last read from the shelf.
    blocks: Mutex<Blocks>,
    /// Flows that could not be read from the shelf.
    lost: AtomicU64,
    /// Bytes in memory, and how many of them belong to flows that were taken out again.
    used: usize,
    garbage: usize,
}

impl Default for Chunks {
    fn default() -> Self {
        Self {
            size: SIZE,
            memory: Vec::new(),
            written: 0,
            most: 0,
            shelf: None,
            is_full: false,
            blocks: Mutex::default(),
            lost: AtomicU64::new(0),
            used: 0,
            garbage: 0,
        }
    }
}

impl Chunks {
    /// About so many bytes stay in memory; what is older goes to `shelf`. To be said before anything is kept.
    pub(super) fn set_shelf(&mut self, shelf: Box<dyn Shelf>, bytes: usize) {
        self.size = (bytes / 4).clamp(1 << 12, SIZE);
        self.most = (bytes / self.size).max(1);
        self.shelf = Some(shelf);
    }

    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.memory.len() * self.size
    }

    /// Flows that could not be read from the shelf.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Keeps a flow. `None` where it is too long for that.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Option<u64> {
        let length = u16::try_from(bytes.len()).ok()?;
        let needed = bytes.len() + LENGTH;
        if needed > self.size {
            return None;
        }
        if self.memory.last().is_none_or(|chunk| chunk.len() + needed > self.size) {
            let chunk = self.next_chunk();
            self.memory.push(chunk);
        }
        let before = (self.written + self.memory.len() - 1) * self.size;
        let chunk = self.memory.last_mut()?;
        let at = (before + chunk.len()) as u64;
        chunk.extend_from_slice(&length.to_le_bytes());
        chunk.extend_from_slice(bytes);
        self.used += needed;
        Some(at)
    }

    /// An empty piece: that of the oldest one, where the shelf takes it.
    fn next_chunk(&mut self) -> Vec<u8> {
        if self.memory.len() < self.most || !self.put_oldest() {
            return Vec::with_capacity(self.size);
        }
        let mut chunk = self.memory.remove(0);
        self.used = self.used.saturating_sub(chunk.len());
        self.garbage = self.garbage.min(self.used);
        chunk.clear();
        chunk
    }

    /// A shelf that is full or broken costs memory, and no flow.
    fn put_oldest(&mut self) -> bool {
        let (Some(shelf), Some(oldest), false) = (&mut self.shelf, self.memory.first(), self.is_full) else {
            return false;
        };
        self.is_full = !shelf.put(oldest, (self.written * self.size) as u64);
        self.written += usize::from(!self.is_full);
        !self.is_full
    }

    /// What `read` makes of the flow at `at`. `None` where it cannot be read from the shelf.
    pub(super) fn read<T>(&self, at: u64, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (chunk, start) = ((at / self.size as u64) as usize, (at % self.size as u64) as usize);
        if let Some(place) = chunk.checked_sub(self.written) {
            let chunk = self.memory.get(place).map(Vec::as_slice).unwrap_or_default();
            return flow_at(chunk, start).map(read);
        }
        let lent = self.lend(at, (chunk as u64 + 1) * self.size as u64);
        match lent.as_ref().and_then(Lent::flow) {
            Some(flow) => Some(read(flow)),
            None => self.lose(),
        }
    }

    /// The flow at `at` on the shelf, whose piece ends at `end`. Others wait until it is found, not until it is read.
    fn lend(&self, at: u64, end: u64) -> Option<Lent> {
        let look = |to: &mut [u8], at| self.shelf.as_ref()?.look(to, at);
        let mut blocks = self.blocks.lock().ok()?;
        blocks.read(at, (end - at) as usize, look)
    }

    fn lose<T>(&self) -> Option<T> {
        self.lost.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// The flow at `at` is not there any more, all `length` bytes of it.
    pub(super) fn forget(&mut self, at: u64, length: usize) {
        if at / self.size as u64 >= self.written as u64 {
            self.garbage += length + LENGTH;
        }
    }

    /// So much is garbage that it is time to leave it behind.
    pub(super) fn is_littered(&self) -> bool {
        self.garbage > self.size && self.garbage > self.used / 4
    }

    /// Leaves the garbage in memory behind: `moved` names the new places of what is in use. What is on the shelf stays.
    pub(super) fn sweep(&mut self, places: impl Iterator<Item = (u32, u64)>, mut moved: impl FnMut(u32, Option<u64>)) {
        let old = std::mem::take(&mut self.memory);
        (self.used, self.garbage) = (0, 0);
        let (size, written) = (self.size as u64, self.written as u64);
        for (number, at) in places {
            let Some(place) = (at / size).checked_sub(written) else {
                continue;
            };
            let chunk = old.get(place as usize).map(Vec::as_slice).unwrap_or_default();
            let flow = flow_at(chunk, (at % size) as usize);
            moved(number, flow.and_then(|flow| self.keep_in_memory(flow)));
        }
    }

    /// As [`Chunks::keep`], without making room.
    fn keep_in_memory(&mut self, bytes: &[u8]) -> Option<u64> {
        let most = std::mem::replace(&mut self.most, usize::MAX);
        let at = self.keep(bytes);
        self.most = most;
        at
    }
}

/// A flow in a piece, behind its length.
pub(super) fn flow_at(chunk: &[u8], start: usize) -> Option<&[u8]> {
    let (length, rest) = chunk.get(start..)?.split_first_chunk::<LENGTH>()?;
    rest.get(..u16::from_le_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds so many bytes.
    #[derive(Debug, Default)]
    struct Memory {
        bytes: Vec<u8>,
        most: usize,
        is_broken: bool,
    }

    impl Shelf for Memory {
        fn put(&mut self, bytes: &[u8], at: u64) -> bool {
            let end = at as usize + bytes.len();
            if end > self.most {
                return false;
            }
            self.bytes.resize(end, 0);
            self.bytes[at as usize..].copy_from_slice(bytes);
            true
        }

        fn look(&self, to: &mut [u8], at: u64) -> Option<usize> {
            let bytes = &self.bytes[(at as usize).min(self.bytes.len())..];
            let count = bytes.len().min(to.len());
            to[..count].copy_from_slice(&bytes[..count]);
            (!self.is_broken).then_some(count)
        }
    }

    fn shelf(most: usize) -> Memory {
        Memory {
            most,
            ..Memory::default()
        }
    }

    fn flow(number: usize) -> Vec<u8> {
        vec![number as u8; number * 7 % 300]
    }

    fn filled(room: Option<usize>, shelf: Memory) -> (Chunks, Vec<u64>) {
        let mut chunks = Chunks::default();
        if let Some(room) = room {
            chunks.set_shelf(Box::new(shelf), room);
        }
        let places = (0..2000).map(|number| chunks.keep(&flow(number)).unwrap()).collect();
        (chunks, places)
    }

    #[test]
    fn flows_come_back_from_memory_and_from_the_shelf() {
        const PLENTY: usize = 1 << 30;
        for (room, most) in [
            (None, 0),
            (Some(1), PLENTY),
            (Some(40_000), PLENTY),
            (Some(PLENTY), PLENTY),
            (Some(1), 0),
            (Some(1), 30_000),
        ] {
            let (mut chunks, mut places) = filled(room, shelf(most));
            assert_eq!(chunks.written > 0, room.is_some_and(|room| room <= 40_000) && most > 0);
            if let (Some(room @ 1..=40_000), PLENTY) = (room, most) {
                assert!(chunks.bytes() <= room.max(1 << 12), "{room}: {}", chunks.bytes());
            }
            for (number, at) in places.iter().enumerate().rev().chain(places.iter().enumerate()) {
                chunks.read(*at, |bytes| assert_eq!(bytes, flow(number))).unwrap();
            }
            // All but every third are taken out; the others may move.
            for (number, &at) in places.iter().enumerate().filter(|(number, _)| number % 3 > 0) {
                chunks.forget(at, flow(number).len());
            }
            let kept: Vec<(u32, u64)> = (0..).zip(places.iter().copied()).step_by(3).collect();
            chunks.sweep(kept.into_iter(), |number, at| places[number as usize] = at.unwrap());
            for (number, at) in places.iter().enumerate().step_by(3) {
                chunks.read(*at, |bytes| assert_eq!(bytes, flow(number))).unwrap();
            }
            assert!(chunks.garbage == 0 && chunks.lost() == 0);
        }
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let broken = Memory {
            is_broken: true,
            ..shelf(1 << 30)
        };
        let (chunks, places) = filled(Some(1), broken);
        assert!(chunks.read(places[900], |_| ()).is_none());
        assert_eq!(chunks.lost(), 1);
    }

    #[test]
    fn a_flow_that_is_too_long_is_not_kept() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.keep(&vec![1; 1 << 16]), None);
        chunks.set_shelf(Box::new(shelf(0)), 1);
        assert_eq!(chunks.keep(&vec![1; 1 << 12]), None);
    }
}
