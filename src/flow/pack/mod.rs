//! Facts and live state to few bytes and back, exactly: how flows that have been quiet for a while are kept.
//!
//! Numbers are variable-length, a packet that was named before takes one byte, a new one is told by its distance to the
//! last, sequence numbers are relative to each other, and a run of zeros (most counters of most flows) takes one byte.

mod times;
mod values;

pub use times::{pack_packet, unpack_packet};
pub use values::{pack_bare_seq, pack_text, unpack_bare_seq, unpack_text};

use crate::base::{Span, Stamp};

/// Writes values one after the other.
#[derive(Debug, Default)]
pub struct Packer {
    bytes: Vec<u8>,
    /// Zeros not written yet.
    zeros: u64,
    bases: Bases,
}

/// Reads values in the order in which they were written; zeros after the end.
#[derive(Debug)]
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    zeros: u64,
    bases: Bases,
}

/// Packets that are remembered while a flow is packed: few have more that matter.
const NAMED: usize = 24;
/// More than that, so that few packets hide each other.
const SPREAD: usize = 64;
/// The longest run of zeros in one byte; the byte behind holds the length of a longer one.
const SHORT_RUN: u64 = 15;

/// What differences are taken from.
#[derive(Clone, Copy, Debug)]
struct Bases {
    /// First packet.
    packet: u64,
    /// The last packet and the last time that were told in full.
    last: (u64, i64),
    /// Packets told so far, with their times.
    named: [(u64, i64); NAMED],
    names: usize,
    /// For the packer: the last place named of each packet number modulo [`SPREAD`].
    places: [u8; SPREAD],
    /// Two sequence numbers, one for each direction as a rule: the last ones.
    seqs: [Option<u32>; 2],
}

impl Default for Bases {
    fn default() -> Self {
        Self {
            packet: 0,
            last: (0, 0),
            named: [(0, 0); NAMED],
            names: 0,
            places: [0; SPREAD],
            seqs: [None; 2],
        }
    }
}

impl Bases {
    fn new(packet: u64, stamp: i64) -> Self {
        let mut bases = Self {
            packet,
            ..Self::default()
        };
        bases.name(packet, stamp);
        bases
    }

    /// A packet was told in full.
    fn name(&mut self, packet: u64, stamp: i64) {
        self.last = (packet, stamp);
        if let Some(free) = self.named.get_mut(self.names) {
            *free = self.last;
            self.places[packet as usize % SPREAD] = self.names as u8;
            self.names += 1;
        }
    }

    /// The place of a packet that was told before, as far as that is still known.
    fn find(&self, packet: u64, stamp: i64) -> Option<usize> {
        let place = usize::from(self.places[packet as usize % SPREAD]);
        (self.names().get(place) == Some(&(packet, stamp))).then_some(place)
    }

    fn names(&self) -> &[(u64, i64)] {
        self.named.get(..self.names).unwrap_or_default()
    }
}

/// A value that can be packed and comes back the same.
pub trait Pack: Sized {
    /// Appends it.
    fn pack(&self, to: &mut Packer);
    /// Takes it back.
    fn unpack(from: &mut Unpacker<'_>) -> Self;

    /// Appends it where there may be none.
    fn pack_option(value: Option<&Self>, to: &mut Packer) {
        to.number(u64::from(value.is_some()));
        if let Some(value) = value {
            value.pack(to);
        }
    }
    /// See [`Pack::pack_option`].
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        (from.number() != 0).then(|| Self::unpack(from))
    }
}

impl Packer {
    /// An empty packer that writes into `bytes`, which are cleared, with times and numbers relative to these.
    pub fn new(mut bytes: Vec<u8>, packet: u64, stamp: Stamp) -> Self {
        bytes.clear();
        let mut packer = Self {
            bytes,
            zeros: 0,
            bases: Bases::new(packet, stamp.0),
        };
        packer.number(packet);
        Span(stamp.0).pack(&mut packer);
        packer
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.flush_zeros();
        self.bytes
    }

    #[inline]
    fn number(&mut self, value: u64) {
        if value == 0 {
            self.zeros += 1;
        } else {
            self.flush_zeros();
            self.push(value);
        }
    }

    /// The first byte of a number above zero: above that of a run of zeros, and by its top bit with or without another.
    #[inline]
    fn push(&mut self, mut value: u64) {
        if value < 0x80 - SHORT_RUN {
            self.bytes.push((SHORT_RUN + value) as u8);
            return;
        }
        let (mut bytes, mut length) = ([0; 10], 0);
        while value >= 0x80 || length == 0 {
            bytes[length] = value as u8 | 0x80;
            value >>= 7;
            length += 1;
        }
        bytes[length] = value as u8;
        self.bytes.extend_from_slice(&bytes[..=length]);
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    /// Bytes as they are; the reader must know how many.
    fn raw(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.flush_zeros();
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// A run of up to 15 zeros is its length less one, a longer one 15 and its length.
    #[inline]
    fn flush_zeros(&mut self) {
        while self.zeros > 0 {
            let run = self.zeros.min(255);
            if run < SHORT_RUN {
                self.bytes.push(run as u8 - 1);
            } else {
                self.bytes.extend([SHORT_RUN as u8 - 1, run as u8]);
            }
            self.zeros -= run;
        }
    }
}

impl<'a> Unpacker<'a> {
    /// Reads what a packer wrote.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut unpacker = Self::bare(bytes);
        let packet = unpacker.number();
        unpacker.bases = Bases::new(packet, Span::unpack(&mut unpacker).0);
        unpacker
    }

    fn bare(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            zeros: 0,
            bases: Bases::default(),
        }
    }

    /// The first packet number in what a packer wrote.
    pub fn packet(bytes: &'a [u8]) -> u64 {
        Self::bare(bytes).number()
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    #[inline]
    fn number(&mut self) -> u64 {
        if self.zeros > 0 {
            self.zeros -= 1;
            return 0;
        }
        self.pull()
    }

    fn pull(&mut self) -> u64 {
        let mut byte = self.byte();
        let small = u64::from(byte);
        if small < SHORT_RUN {
            let run = if small == SHORT_RUN - 1 {
                u64::from(self.byte())
            } else {
                small + 1
            };
            self.zeros = run.saturating_sub(1);
            return 0;
        }
        if byte < 0x80 {
            return small - SHORT_RUN;
        }
        let (mut value, mut shift) = (u64::from(byte & 0x7f), 7);
        while byte & 0x80 != 0 && shift < 64 {
            byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        value
    }

    #[inline]
    fn signed(&mut self) -> i64 {
        let value = self.number();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    /// So many bytes as they were, or what is left of them.
    fn raw(&mut self, length: usize) -> &'a [u8] {
        let (raw, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        raw
    }
}

/// Packs a fieldless enum by its place in a list of all its values, which must be in order.
macro_rules! pack_words {
    ($name:ident, $all:expr) => {
        impl $crate::flow::pack::Pack for $name {
            fn pack(&self, to: &mut $crate::flow::pack::Packer) {
                (*self as u8).pack(to);
            }
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
            fn pack(&self, to: &mut $crate::flow::pack::Packer) {
                $($crate::flow::pack::Pack::pack(&self.$field, to);)+
            }
            fn unpack(from: &mut $crate::flow::pack::Unpacker<'_>) -> Self {
                Self { $($field: $crate::flow::pack::Pack::unpack(from),)+ }
            }
        }
    };
}
pub(crate) use pack_fields;
