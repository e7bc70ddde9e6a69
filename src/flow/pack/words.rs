//! Blocks of words to bytes, without those that are zero.

use super::{Bases, Pack, Unpacker};

/// A word as it is kept.
pub(super) type Word = [u8; BYTES];
/// Words that are kept or left out together: so few are left out in vain, and it is done by whole registers.
pub type Block = [Word; WORDS];

/// Bytes of a word.
const BYTES: usize = size_of::<u64>();
/// Words of a block.
const WORDS: usize = 4;
/// Bytes of a block.
const SIZE: usize = WORDS * BYTES;
/// Blocks that may be left out, of which a mask tells: nearly every flow has fewer. What is beyond stays as it is.
const SQUEEZED: usize = 40;
/// Blocks that a head lies in, with what stands before it.
const HEAD: usize = 5;
/// Words before the values: those of the bases, and the mask.
pub(super) const START: usize = 3;

/// Moves the blocks that are not zero together and writes before them what is to be known of them. Of these there are
/// `used`, values and what goes before; says what is to be kept.
pub(super) fn squeeze<'a>(blocks: &'a mut [Block], used: usize, bases: &Bases) -> Option<&'a [u8]> {
    let count = used.div_ceil(WORDS);
    let blocks = blocks.get_mut(..count)?;
    blocks.as_flattened_mut().get_mut(used..)?.fill([0; BYTES]);
    let (first, rest) = blocks.split_first_mut()?;
    let squeezed = rest.len().min(SQUEEZED);
    let (mut mask, mut kept) = (0, 0);
    for place in 0..squeezed {
        // Each is put behind those that count so far, and stays if it counts too: no branch that could be mistaken.
        let block = rest[place];
        rest[kept] = block;
        let counts = block.iter().fold(0, |any, word| any | u64::from_le_bytes(*word)) != 0;
        mask |= u64::from(counts) << place;
        kept += usize::from(counts);
    }
    rest.copy_within(squeezed.., kept);
    let before = [bases.packet, bases.stamp as u64, mask].map(u64::to_le_bytes);
    first.iter_mut().zip(before).for_each(|(to, word)| *to = word);
    let kept = 1 + kept + (count - 1 - squeezed);
    Some(blocks.get(..kept)?.as_flattened().as_flattened())
}

/// The first packet number in what was written.
pub fn first_packet(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The head of what was packed, which takes few words.
pub fn unpack<T: Pack>(bytes: &[u8]) -> T {
    let mut blocks = [Block::default(); HEAD];
    fill(&mut blocks, bytes);
    T::unpack(&mut unpacker(blocks.as_flattened()))
}

/// What was packed behind its head, or the part of it that was packed first.
#[inline(always)]
pub fn unpack_behind<H: Pack, T: Pack>(bytes: &[u8]) -> T {
    let mut few = [Block::default(); 1 + SQUEEZED];
    let rest = fill(&mut few, bytes);
    let mut many = Vec::new();
    let words = if rest.is_empty() {
        few.as_flattened()
    } else {
        many.extend_from_slice(&few);
        many.extend(rest.chunks_exact(SIZE).map(block_of));
        many.as_flattened()
    };
    let mut from = unpacker(words);
    H::unpack(&mut from);
    T::unpack(&mut from)
}

fn unpacker(words: &[Word]) -> Unpacker<'_> {
    let base = |place: usize| words.get(place).map_or(0, |word| u64::from_le_bytes(*word));
    Unpacker::new(words, START, Bases::new(base(0), base(1) as i64))
}

/// Fills blocks, which are zero, as far as they go, and says what is left: what was not squeezed.
#[inline(always)]
fn fill<'a>(to: &mut [Block], bytes: &'a [u8]) -> &'a [u8] {
    let mut kept = bytes.chunks_exact(SIZE).map(block_of);
    let first = kept.next().unwrap_or_default();
    let mut mask = u64::from_le_bytes(first[START - 1]);
    if let Some(to) = to.first_mut() {
        *to = first;
    }
    while mask != 0 {
        let place = 1 + mask.trailing_zeros() as usize;
        let (Some(to), Some(block)) = (to.get_mut(place), kept.next()) else {
            return &[];
        };
        *to = block;
        mask &= mask - 1;
    }
    let left = SIZE * kept.len();
    bytes.get(bytes.len() / SIZE * SIZE - left..).unwrap_or_default()
}

/// A block of so many bytes.
#[inline(always)]
fn block_of(bytes: &[u8]) -> Block {
    let mut block = Block::default();
    block.as_flattened_mut().copy_from_slice(bytes);
    block
}
