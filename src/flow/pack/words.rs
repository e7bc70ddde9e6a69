//! Words to bytes, without those that are zero.

use super::{Bases, Pack, Unpacker};

/// Words that one mask tells of.
const GROUP: usize = 64;
/// Bytes of a word.
const BYTES: usize = 8;
/// Words of a head, at most.
const HEAD: usize = 16;
/// Words that nearly every flow stays below.
const FEW: usize = 4 * GROUP;

/// Appends the bases and, of every group of words, a mask of those that are not zero, and these.
pub(super) fn write(words: &[u64], bases: &Bases, to: &mut Vec<u8>) {
    to.extend_from_slice(&bases.packet.to_le_bytes());
    to.extend_from_slice(&bases.stamp.to_le_bytes());
    for group in words.chunks(GROUP) {
        let mut mask = group
            .iter()
            .rev()
            .fold(0, |mask: u64, &word| mask << 1 | u64::from(word != 0));
        // A group that is full leaves room for itself: one reservation, not one for every word.
        let mut bytes = [0; BYTES + GROUP * BYTES];
        let mut free = bytes.chunks_exact_mut(BYTES);
        let mut put = |word: u64| {
            if let Some(place) = free.next() {
                place.copy_from_slice(&word.to_le_bytes());
            }
        };
        put(mask);
        let length = BYTES * (1 + mask.count_ones() as usize);
        while mask != 0 {
            put(group.get(mask.trailing_zeros() as usize).copied().unwrap_or(0));
            mask &= mask - 1;
        }
        to.extend_from_slice(bytes.get(..length).unwrap_or_default());
    }
}

/// The first packet number in what was written.
pub fn first_packet(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The head of what was packed, which takes few words.
pub fn unpack<T: Pack>(bytes: &[u8]) -> T {
    let mut rest = words_of(bytes);
    let bases = Bases::new(rest.next().unwrap_or(0), rest.next().unwrap_or(0) as i64);
    let mut words = [0; HEAD];
    let mask = rest.next().unwrap_or(0) & ((1 << HEAD) - 1);
    fill(&mut words, mask, &mut rest);
    T::unpack(&mut Unpacker::new(&words, bases))
}

/// What was packed behind its head, or the part of it that was packed first.
pub fn unpack_behind<H: Pack, T: Pack>(bytes: &[u8]) -> T {
    let mut rest = words_of(bytes);
    let bases = Bases::new(rest.next().unwrap_or(0), rest.next().unwrap_or(0) as i64);
    let mut few = [0; FEW];
    let mut many;
    let used = fill_all(&mut few, rest.clone());
    let words = if used <= FEW {
        few.get(..used).unwrap_or_default()
    } else {
        many = vec![0; used];
        fill_all(&mut many, rest);
        &many
    };
    let mut from = Unpacker::new(words, bases);
    H::unpack(&mut from);
    T::unpack(&mut from)
}

#[inline(always)]
fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> + Clone {
    bytes.chunks_exact(BYTES).map(|bytes| match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => 0,
    })
}

/// Fills `to`, which is zero, as far as it goes, and says how far it should.
#[inline(always)]
fn fill_all(to: &mut [u64], mut from: impl Iterator<Item = u64>) -> usize {
    let mut used = 0;
    while let Some(mask) = from.next() {
        fill(to.get_mut(used..).unwrap_or_default(), mask, &mut from);
        used += GROUP;
    }
    used
}

/// Fills the places that a mask names.
#[inline(always)]
fn fill(to: &mut [u64], mut mask: u64, from: &mut impl Iterator<Item = u64>) {
    while mask != 0 {
        let word = from.next().unwrap_or(0);
        if let Some(place) = to.get_mut(mask.trailing_zeros() as usize) {
            *place = word;
        }
        mask &= mask - 1;
    }
}
