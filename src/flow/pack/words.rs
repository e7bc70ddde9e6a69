//! Words to bytes, without those that are zero.

use super::{Bases, Pack, Shared, Unpacker};

/// Words that one mask tells of.
const GROUP: usize = 64;
/// Bytes of a word.
const BYTES: usize = 8;
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

/// What was packed, or the part of it that was packed first.
pub fn unpack<T: Pack>(bytes: &[u8]) -> T {
    let mut rest = bytes.chunks_exact(BYTES).map(|bytes| match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => 0,
    });
    let bases = Bases {
        packet: rest.next().unwrap_or(0),
        stamp: rest.next().unwrap_or(0) as i64,
        last: 0,
    };
    let mut few = [0; FEW];
    let mut many;
    let used = read(rest.clone(), &mut few);
    let words = if used <= FEW {
        few.get(..used).unwrap_or_default()
    } else {
        many = vec![0; used];
        read(rest, &mut many);
        &many
    };
    let mut unpacker = Unpacker {
        words,
        at: 0,
        shared: Shared::NONE,
        bases,
    };
    T::unpack(&mut unpacker)
}

/// Fills `to`, which is zero, as far as it goes, and says how far it should.
fn read(mut from: impl Iterator<Item = u64>, to: &mut [u64]) -> usize {
    let mut used = 0;
    while let Some(mut mask) = from.next() {
        let mut group = to.get_mut(used..);
        while mask != 0 {
            let word = from.next().unwrap_or(0);
            let place = group
                .as_mut()
                .and_then(|group| group.get_mut(mask.trailing_zeros() as usize));
            if let Some(place) = place {
                *place = word;
            }
            mask &= mask - 1;
        }
        used += GROUP;
    }
    used
}
