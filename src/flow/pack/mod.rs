//! Facts and live state to few bytes and back, exactly: how flows that have been quiet for a while are kept.
//!
//! Numbers are variable-length, times and packet numbers relative to the flow's first packet, sequence numbers relative to
//! each other, and runs of zeros (most counters of most flows) take two bytes.

mod values;

pub use values::{pack_bare_seq, pack_packet, unpack_bare_seq, unpack_packet};

use crate::base::Stamp;

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

/// What differences are taken from.
#[derive(Clone, Copy, Debug, Default)]
struct Bases {
    packet: u64,
    stamp: i64,
    /// Two sequence numbers, one for each direction as a rule: the first two that were packed.
    seqs: [Option<u32>; 2],
}

/// A value that can be packed and comes back the same.
pub trait Pack: Sized {
    /// Appends it.
    fn pack(&self, to: &mut Packer);
    /// Takes it back.
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

impl Packer {
    /// An empty packer that writes into `bytes`, which are cleared, with times and numbers relative to these.
    pub fn new(mut bytes: Vec<u8>, packet: u64, stamp: Stamp) -> Self {
        bytes.clear();
        let mut packer = Self {
            bytes,
            zeros: 0,
            bases: Bases {
                packet: 0,
                stamp: 0,
                seqs: [None; 2],
            },
        };
        packer.number(packet);
        packer.signed(stamp.0);
        packer.bases = Bases {
            packet,
            stamp: stamp.0,
            seqs: [None; 2],
        };
        packer
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.flush_zeros();
        self.bytes
    }

    fn number(&mut self, mut value: u64) {
        if value == 0 {
            self.zeros += 1;
            return;
        }
        self.flush_zeros();
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    /// No number begins with a zero byte, so one announces a run of zeros.
    fn flush_zeros(&mut self) {
        while self.zeros > 0 {
            let run = self.zeros.min(255);
            self.bytes.extend([0, run as u8]);
            self.zeros -= run;
        }
    }
}

impl<'a> Unpacker<'a> {
    /// Reads what a packer wrote.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut unpacker = Self {
            bytes,
            zeros: 0,
            bases: Bases::default(),
        };
        unpacker.bases.packet = unpacker.number();
        unpacker.bases.stamp = unpacker.signed();
        unpacker
    }

    /// The packet number that others are relative to.
    pub fn packet(&self) -> u64 {
        self.bases.packet
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        if self.zeros > 0 {
            self.zeros -= 1;
            return 0;
        }
        let mut byte = self.byte();
        if byte == 0 {
            self.zeros = u64::from(self.byte()).saturating_sub(1);
            return 0;
        }
        let (mut value, mut shift) = (u64::from(byte & 0x7f), 7);
        while byte & 0x80 != 0 && shift < 64 {
            byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        value
    }

    fn signed(&mut self) -> i64 {
        let value = self.number();
        (value >> 1) as i64 ^ -((value & 1) as i64)
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
