//! Facts and live state to few bytes and back, exactly: how flows that have been quiet for a while are kept.
//!
//! Every value has its place in a row of words: small ones share a word, a packet and its time take one. What does not fit
//! into its bits has them all set, and follows in words of its own. So the usual flow takes the same straight way, without
//! asking how long anything is. Of the row, blocks that are zero are left out.

mod times;
mod values;
mod words;

pub use times::{pack_packet, unpack_packet};
pub use values::{pack_like_last, pack_word, unpack_like_last, unpack_word};
pub use words::{Block, first_packet, unpack, unpack_behind};

use crate::base::Stamp;
use words::Word;

/// The longest packed flow, in blocks.
const MOST: usize = 1 << 11;

/// Writes values one after the other.
#[derive(Debug)]
pub struct Packer<'a> {
    words: &'a mut [Word],
    /// Words so far, and what goes before them.
    at: usize,
    shared: Shared,
    bases: Bases,
}

/// Reads values in the order in which they were written; zeros after the end.
#[derive(Debug)]
pub struct Unpacker<'a> {
    words: &'a [Word],
    at: usize,
    shared: Shared,
    bases: Bases,
}

/// The word that small values share.
#[derive(Clone, Copy, Debug)]
pub struct Shared {
    word: u64,
    /// Its place.
    at: usize,
    /// Bits that are taken.
    taken: u32,
}

impl Shared {
    /// None yet: the next value opens one.
    const NONE: Self = Self {
        word: 0,
        at: usize::MAX,
        taken: u64::BITS,
    };
}

/// What differences are taken from.
#[derive(Clone, Copy, Debug)]
struct Bases {
    /// First packet.
    packet: u64,
    stamp: i64,
    /// Of each kind the last word.
    last: [u64; Kind::ALL],
}

/// Words of which most are like the last of their kind.
#[derive(Clone, Copy)]
pub enum Kind {
    Packet,
    Addresses,
    History,
    HistoryEnd,
}

impl Kind {
    const ALL: usize = Self::HistoryEnd as usize + 1;
}

impl Bases {
    fn new(packet: u64, stamp: i64) -> Self {
        Self {
            packet,
            stamp,
            last: [0; Kind::ALL],
        }
    }
}

/// A value that can be packed and comes back the same.
pub trait Pack: Sized {
    /// Appends it.
    fn pack(&self, to: &mut Packer<'_>);
    /// Takes it back.
    fn unpack(from: &mut Unpacker<'_>) -> Self;

    /// Appends it where there may be none.
    #[inline(always)]
    fn pack_option(value: Option<&Self>, to: &mut Packer<'_>) {
        to.bits(u64::from(value.is_some()), 1);
        if let Some(value) = value {
            to.rare(value);
        }
    }
    /// See [`Pack::pack_option`].
    #[inline(always)]
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.bits(1) {
            0 => None,
            _ => Some(from.rare()),
        }
    }
}

/// Bytes of `head` and `value`, with times and numbers relative to these. `blocks` is where they are made. `None` where it
/// is too long.
pub fn pack<'a>(
    head: &impl Pack,
    value: &impl Pack,
    packet: u64,
    stamp: Stamp,
    blocks: &'a mut Vec<Block>,
) -> Option<&'a [u8]> {
    blocks.resize(MOST, Block::default());
    let mut packer = Packer {
        words: blocks.as_flattened_mut(),
        at: words::START,
        shared: Shared::NONE,
        bases: Bases::new(packet, stamp.0),
    };
    head.pack(&mut packer);
    value.pack(&mut packer);
    packer.close();
    let (bases, used) = (packer.bases, packer.at);
    words::squeeze(blocks, used, &bases)
}

impl Packer<'_> {
    /// A word of its own.
    #[inline(always)]
    fn word(&mut self, word: u64) {
        if let Some(free) = self.words.get_mut(self.at) {
            *free = word.to_le_bytes();
        }
        self.at += 1;
    }

    /// The same: zero where it is that of `kind` before.
    #[inline(always)]
    fn like_last(&mut self, kind: Kind, word: u64) {
        let last = std::mem::replace(&mut self.bases.last[kind as usize], word);
        self.word(word ^ last);
    }

    /// A value of so many bits, which it must fit into: at most 64.
    #[inline(always)]
    fn bits(&mut self, value: u64, width: u32) {
        if self.shared.taken + width > u64::BITS {
            let at = self.at;
            self.close();
            self.shared = Shared { word: 0, at, taken: 0 };
            self.at = at + 1;
        }
        self.shared.word |= value << self.shared.taken;
        self.shared.taken += width;
    }

    /// Appends something rare, in a function of its own. The packer is handed over and back: as long as nobody else has its
    /// address, the compiler knows for the rest which bit goes where.
    #[inline(always)]
    fn rare(&mut self, value: &impl Pack) {
        #[inline(never)]
        fn rare<'a>(value: &impl Pack, mut to: Packer<'a>) -> Packer<'a> {
            let outside = to.enter();
            value.pack(&mut to);
            to.leave(outside);
            to
        }
        let own = Packer {
            words: std::mem::take(&mut self.words),
            ..*self
        };
        *self = rare(value, own);
    }

    /// The same for a value that need not fit.
    #[inline(always)]
    fn number(&mut self, value: u64, width: u32) {
        let all = u64::MAX >> (u64::BITS - width);
        self.bits(value.min(all), width);
        if value >= all {
            self.word(value);
        }
    }

    /// The shared word is full.
    #[inline(always)]
    fn close(&mut self) {
        if let Some(place) = self.words.get_mut(self.shared.at) {
            *place = self.shared.word.to_le_bytes();
        }
    }

    /// What follows shares no words with what came before, until [`Packer::leave`]: so either side knows, without looking,
    /// where in its own word it is.
    #[inline(always)]
    pub fn enter(&mut self) -> Shared {
        std::mem::replace(&mut self.shared, Shared::NONE)
    }

    /// See [`Packer::enter`].
    #[inline(always)]
    pub fn leave(&mut self, outside: Shared) {
        self.close();
        self.shared = outside;
    }
}

impl<'a> Unpacker<'a> {
    fn new(words: &'a [Word], at: usize, bases: Bases) -> Self {
        Self {
            words,
            at,
            shared: Shared::NONE,
            bases,
        }
    }

    #[inline(always)]
    fn word(&mut self) -> u64 {
        let word = self.words.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        u64::from_le_bytes(word)
    }

    #[inline(always)]
    fn like_last(&mut self, kind: Kind) -> u64 {
        let word = self.word() ^ self.bases.last[kind as usize];
        self.bases.last[kind as usize] = word;
        word
    }

    #[inline(always)]
    fn bits(&mut self, width: u32) -> u64 {
        if self.shared.taken + width > u64::BITS {
            self.shared.word = self.word();
            self.shared.taken = 0;
        }
        let value = self.shared.word >> self.shared.taken & (u64::MAX >> (u64::BITS - width));
        self.shared.taken += width;
        value
    }

    #[inline(always)]
    fn number(&mut self, width: u32) -> u64 {
        let value = self.bits(width);
        if value == u64::MAX >> (u64::BITS - width) {
            self.word()
        } else {
            value
        }
    }

    /// See [`Packer::rare`].
    #[inline(always)]
    fn rare<T: Pack>(&mut self) -> T {
        #[inline(never)]
        fn rare<T: Pack>(mut from: Unpacker<'_>) -> (T, Unpacker<'_>) {
            let outside = from.enter();
            let value = T::unpack(&mut from);
            from.leave(outside);
            (value, from)
        }
        let (value, own) = rare(Unpacker { ..*self });
        *self = own;
        value
    }

    /// See [`Packer::enter`].
    #[inline(always)]
    pub fn enter(&mut self) -> Shared {
        std::mem::replace(&mut self.shared, Shared::NONE)
    }

    /// See [`Packer::enter`].
    #[inline(always)]
    pub fn leave(&mut self, outside: Shared) {
        self.shared = outside;
    }
}

/// The optional value of a kind that keeps its place where there is none, as zero: then what follows stands where it always does.
macro_rules! option_in_place {
    () => {
        #[inline(always)]
        fn pack_option(value: Option<&Self>, to: &mut $crate::flow::pack::Packer<'_>) {
            to.bits(u64::from(value.is_some()), 1);
            value.copied().unwrap_or_default().pack(to);
        }
        #[inline(always)]
        fn unpack_option(from: &mut $crate::flow::pack::Unpacker<'_>) -> Option<Self> {
            let is_some = from.bits(1) != 0;
            let value = Self::unpack(from);
            is_some.then_some(value)
        }
    };
}
use option_in_place;

/// Packs a fieldless enum by its place in a list of all its values, which must be in order.
macro_rules! pack_words {
    ($name:ident, $all:expr) => {
        impl $crate::flow::pack::Pack for $name {
            #[inline(always)]
            fn pack(&self, to: &mut $crate::flow::pack::Packer<'_>) {
                (*self as u8).pack(to);
            }
            #[inline(always)]
            fn unpack(from: &mut $crate::flow::pack::Unpacker<'_>) -> Self {
                let all = $all;
                let place = usize::from(u8::unpack(from)).min(all.len() - 1);
                all[place]
            }
        }
    };
}
pub(crate) use pack_words;

/// Packs a struct field by field. All fields must be named, or it does not compile.
macro_rules! pack_fields {
    ($name:ident { $($field:ident)+ }) => {
        impl $crate::flow::pack::Pack for $name {
            #[inline(always)]
            fn pack(&self, to: &mut $crate::flow::pack::Packer<'_>) {
                let outside = to.enter();
                $($crate::flow::pack::Pack::pack(&self.$field, to);)+
                to.leave(outside);
            }
            #[inline(always)]
            fn unpack(from: &mut $crate::flow::pack::Unpacker<'_>) -> Self {
                let outside = from.enter();
                let value = Self { $($field: $crate::flow::pack::Pack::unpack(from),)+ };
                from.leave(outside);
                value
            }
        }
    };
}
pub(crate) use pack_fields;
