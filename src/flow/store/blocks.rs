//! What was last read of a shelf. Flows were put there in batches, each in the order in which they will be read; a few
//! batches that lie far apart hold flows of the same time. So as many places are read on from.

use super::chunks::{LONGEST, flow_at};
use std::sync::Arc;

/// Bytes that are read at once: the next flows may be among them.
const SIZE: usize = 16 << 10;
/// Blocks kept. Of as many shards as there are, they take 8 MB.
const COUNT: usize = 32;

/// The blocks that were last read.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// Times that something was read.
    now: u64,
}

/// Bytes that lie together.
#[derive(Debug, Default)]
struct Block {
    start: u64,
    /// Shared with those who still read in them.
    bytes: Arc<Vec<u8>>,
    /// When something was last read here.
    used: u64,
}

/// A flow in a block, for as long as it is read.
#[derive(Debug)]
pub(super) struct Lent {
    bytes: Arc<Vec<u8>>,
    start: usize,
}

impl Lent {
    /// Its bytes.
    pub(super) fn flow(&self) -> Option<&[u8]> {
        flow_at(&self.bytes, self.start)
    }
}

impl Block {
    /// Where the flow at `at` starts here, if it is here as a whole.
    fn place_of(&self, at: u64) -> Option<usize> {
        let start = usize::try_from(at.checked_sub(self.start)?).ok()?;
        flow_at(&self.bytes, start).map(|_| start)
    }

    /// What stands at `at` begins here, or right behind.
    fn leads_to(&self, at: u64) -> bool {
        (self.start..=self.start + self.bytes.len() as u64).contains(&at)
    }
}

impl Blocks {
    /// The flow at `at`, behind which so many bytes may be read from the shelf by `look`. `None` where that fails.
    pub(super) fn read(
        &mut self,
        at: u64,
        most: usize,
        look: impl Fn(&mut [u8], u64) -> Option<usize>,
    ) -> Option<Lent> {
        self.now += 1;
        let place = match self.blocks.iter().position(|block| block.place_of(at).is_some()) {
            Some(place) => place,
            None => self.fetch(at, most, look)?,
        };
        let block = self.blocks.get_mut(place)?;
        block.used = self.now;
        let (bytes, start) = (Arc::clone(&block.bytes), block.place_of(at)?);
        Some(Lent { bytes, start })
    }

    /// Reads a block that begins at `at`.
    fn fetch(&mut self, at: u64, most: usize, look: impl Fn(&mut [u8], u64) -> Option<usize>) -> Option<usize> {
        let place = self.place_for(at);
        let block = self.blocks.get_mut(place)?;
        for length in [SIZE, LONGEST] {
            block.start = at;
            if Arc::get_mut(&mut block.bytes).is_none() {
                block.bytes = Arc::default();
            }
            let bytes = Arc::get_mut(&mut block.bytes)?;
            bytes.resize(length.min(most), 0);
            let count = look(bytes, at);
            bytes.truncate(count.unwrap_or(0));
            count?;
            if block.place_of(at).is_some() {
                return Some(place);
            }
        }
        None
    }

    /// The place of the block that ends where the next one begins, or of the one that nothing was read from for longest.
    fn place_for(&mut self, at: u64) -> usize {
        if let Some(place) = self.blocks.iter().position(|block| block.leads_to(at)) {
            return place;
        }
        if self.blocks.len() < COUNT {
            self.blocks.push(Block::default());
            return self.blocks.len() - 1;
        }
        let oldest = (0..).zip(&self.blocks).min_by_key(|(_, block)| block.used);
        oldest.map_or(0, |(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunks::LENGTH;
    use super::*;
    use std::cell::Cell;

    /// A flow of 500 bytes.
    const FLOW: usize = LENGTH + 500;

    #[test]
    fn batches_that_take_turns_are_read_once() {
        const BATCH: usize = 4_000;
        const BATCHES: usize = COUNT - 2;
        let flow = |number: usize| [500_u16.to_le_bytes().as_slice(), &[number as u8; 500]].concat();
        let shelf: Vec<u8> = (0..BATCH * BATCHES).flat_map(flow).collect();
        let (mut blocks, looks) = (Blocks::default(), Cell::new(0));
        let look = |to: &mut [u8], at: u64| {
            looks.set(looks.get() + 1);
            let rest = &shelf[at as usize..];
            let count = rest.len().min(to.len());
            to[..count].copy_from_slice(&rest[..count]);
            Some(count)
        };
        for place in 0..BATCH {
            for batch in 0..BATCHES {
                let number = batch * BATCH + place;
                let at = number * FLOW;
                let lent = blocks.read(at as u64, shelf.len() - at, look).unwrap();
                assert!(lent.flow().unwrap() == [number as u8; 500], "{number}");
            }
        }
        let flows_of_a_block = SIZE / FLOW;
        let fewest = BATCH.div_ceil(flows_of_a_block) * BATCHES;
        assert!(looks.get() <= fewest + BATCHES, "{} of {fewest}", looks.get());
    }

    #[test]
    fn a_block_that_was_read_to_its_end_makes_room_for_the_one_behind() {
        // Blocks end where flows end.
        const FLOW: usize = LENGTH + 510;
        const BATCH: usize = 4 * SIZE;
        let flow = [510_u16.to_le_bytes().as_slice(), &[7; 510]].concat();
        let shelf = flow.repeat(BATCH * COUNT / FLOW);
        let (mut blocks, looks) = (Blocks::default(), Cell::new(0));
        let look = |to: &mut [u8], at: u64| {
            looks.set(looks.get() + 1);
            to.copy_from_slice(&shelf[at as usize..][..to.len()]);
            Some(to.len())
        };
        // Of the first batch one is read, while two blocks of every other are.
        for turn in 0..BATCH / SIZE {
            let first = (turn % 2 == 0).then_some(turn * FLOW);
            let block = |batch: usize| (0..SIZE / FLOW).map(move |place| batch * BATCH + turn * SIZE + place * FLOW);
            for at in first.into_iter().chain((1..COUNT).flat_map(block)) {
                let lent = blocks.read(at as u64, shelf.len() - at, look);
                assert_eq!(lent.as_ref().and_then(Lent::flow), Some(&[7; 510][..]));
            }
        }
        assert_eq!(looks.get(), 1 + (COUNT - 1) * BATCH / SIZE);
    }
}
