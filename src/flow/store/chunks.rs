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

/// Flows one behind the other, each behind its length.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// The number of each, and where it starts: to read that off their lengths would be to wait for each in turn.
    flows: Vec<Start>,
}

/// A flow's number, and where it starts in its piece.
type Start = (u32, u32);

impl Piece {
    fn with_capacity(size: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(size),
            flows: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.flows.clear();
    }

    /// Puts a flow at the end. Says where that is.
    fn push(&mut self, number: u32, length: u16, flow: &[u8]) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(flow);
        self.flows.push((number, start as u32));
        start
    }
}

/// Packed flows, named by their places.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Bytes of a piece.
    size: usize,
    /// Pieces in memory, behind those on the shelf.
    memory: Vec<Piece>,
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
    /// Flows in memory, those that were taken out again included.
    listed: usize,
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
            listed: 0,
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
        self.memory.len() * self.size + self.listed * size_of::<Start>()
    }

    /// Flows that could not be read from the shelf.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Keeps flow `number`. `None` where it is too long for that.
    pub(super) fn keep(&mut self, number: u32, bytes: &[u8]) -> Option<u64> {
        let length = u16::try_from(bytes.len()).ok()?;
        let needed = bytes.len() + LENGTH;
        if needed > self.size {
            return None;
        }
        if !self.has_room(bytes) {
            let piece = self.next_piece();
            self.memory.push(piece);
        }
        let before = (self.written + self.memory.len() - 1) * self.size;
        let start = self.memory.last_mut()?.push(number, length, bytes);
        self.used += needed;
        self.listed += 1;
        Some((before + start) as u64)
    }

    fn has_room(&self, bytes: &[u8]) -> bool {
        let last = self.memory.last();
        last.is_some_and(|piece| piece.bytes.len() + bytes.len() + LENGTH <= self.size)
    }

    /// To keep this flow, the oldest piece in memory has to go to the shelf.
    pub(super) fn is_full_for(&self, bytes: &[u8]) -> bool {
        self.shelf.is_some() && !self.is_full && self.memory.len() >= self.most && !self.has_room(bytes)
    }

    /// Numbers and places of the flows in the oldest piece in memory.
    pub(super) fn oldest(&self) -> Vec<(u32, u64)> {
        let base = (self.written * self.size) as u64;
        let flows = self.memory.first().into_iter().flat_map(|piece| &piece.flows);
        flows
            .map(|&(number, start)| (number, base + u64::from(start)))
            .collect()
    }

    /// Of that piece, leaves only `flows`, in this order. `moved` names their new places.
    pub(super) fn rewrite_oldest(&mut self, flows: &[(u32, u64)], mut moved: impl FnMut(u32, u64)) {
        let base = (self.written * self.size) as u64;
        let Some(oldest) = self.memory.first_mut() else { return };
        let mut piece = Piece::with_capacity(self.size);
        for &(number, at) in flows {
            if let Some(flow) = flow_at(&oldest.bytes, (at - base) as usize) {
                moved(number, base + piece.push(number, flow.len() as u16, flow) as u64);
            }
        }
        let left = oldest.bytes.len() - piece.bytes.len();
        self.used = self.used.saturating_sub(left);
        self.garbage = self.garbage.saturating_sub(left);
        self.listed -= oldest.flows.len() - piece.flows.len();
        *oldest = piece;
    }

    /// An empty piece: that of the oldest one, where the shelf takes it.
    fn next_piece(&mut self) -> Piece {
        if self.memory.len() < self.most || !self.put_oldest() {
            return Piece::with_capacity(self.size);
        }
        let mut piece = self.memory.remove(0);
        self.used = self.used.saturating_sub(piece.bytes.len());
        self.garbage = self.garbage.min(self.used);
        self.listed -= piece.flows.len();
        piece.clear();
        piece
    }

    /// A shelf that is full or broken costs memory, and no flow.
    fn put_oldest(&mut self) -> bool {
        let (Some(shelf), Some(oldest), false) = (&mut self.shelf, self.memory.first(), self.is_full) else {
            return false;
        };
        self.is_full = !shelf.put(&oldest.bytes, (self.written * self.size) as u64);
        self.written += usize::from(!self.is_full);
        !self.is_full
    }

    /// What `read` makes of the flow at `at`. `None` where it cannot be read from the shelf.
    pub(super) fn read<T>(&self, at: u64, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (chunk, start) = ((at / self.size as u64) as usize, (at % self.size as u64) as usize);
        if let Some(place) = chunk.checked_sub(self.written) {
            return flow_at(&self.memory.get(place)?.bytes, start).map(read);
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
        (self.used, self.garbage, self.listed) = (0, 0, 0);
        let (size, written) = (self.size as u64, self.written as u64);
        for (number, at) in places {
            let Some(place) = (at / size).checked_sub(written) else {
                continue;
            };
            let piece = old.get(place as usize);
            let flow = piece.and_then(|piece| flow_at(&piece.bytes, (at % size) as usize));
            moved(number, flow.and_then(|flow| self.keep_in_memory(number, flow)));
        }
    }

    /// As [`Chunks::keep`], without making room.
    fn keep_in_memory(&mut self, number: u32, bytes: &[u8]) -> Option<u64> {
        let most = std::mem::replace(&mut self.most, usize::MAX);
        let at = self.keep(number, bytes);
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
mod tests;
