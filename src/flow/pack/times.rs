//! How times and packets are packed: by their distance to the flow's first.

use super::{Kind, Pack, Packer, Unpacker, option_in_place};
use crate::base::{Span, Stamp};
use crate::flow::Sighting;

/// Bits of a time in nanoseconds: 18 minutes. What is longer takes a word more.
const TIME: u32 = 40;
/// Bits of the distance between two packets of a flow.
const PACKET: u32 = 24;

impl Pack for Span {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        to.number(self.0 as u64, TIME);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(from.number(TIME) as i64)
    }
    option_in_place!();
}

impl Pack for Stamp {
    /// Zero, which many are that tell nothing, as it is; any other one more than its distance. What would be zero by that
    /// takes the number that zero has left free.
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        let before = to.bases.stamp.wrapping_sub(1);
        let number = match self.0 {
            0 => 0,
            stamp if stamp == before => before.wrapping_neg(),
            stamp => stamp.wrapping_sub(before),
        };
        to.number(number as u64, TIME);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let before = from.bases.stamp.wrapping_sub(1);
        match from.number(TIME) as i64 {
            0 => Self(0),
            number if number == before.wrapping_neg() => Self(before),
            number => Self(number.wrapping_add(before)),
        }
    }
}

impl Pack for Sighting {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        let packet = self.number().wrapping_sub(to.bases.packet);
        let time = self.stamp.0.wrapping_sub(to.bases.stamp) as u64;
        let fits = packet < (1 << PACKET) - 1 && time < 1 << TIME;
        let word = if fits { packet << TIME | time } else { u64::MAX };
        to.like_last(Kind::Packet, word);
        if !fits {
            to.word(self.number());
            to.word(self.stamp.0 as u64);
        }
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.like_last(Kind::Packet);
        if word == u64::MAX {
            return Self::new(from.word(), Stamp(from.word() as i64));
        }
        let (packet, time) = (word >> TIME, (word & ((1 << TIME) - 1)) as i64);
        Self::new(
            from.bases.packet.wrapping_add(packet),
            Stamp(from.bases.stamp.wrapping_add(time)),
        )
    }
    #[inline(always)]
    fn pack_option(value: Option<&Self>, to: &mut Packer<'_>) {
        to.bits(u64::from(value.is_some()), 1);
        match value {
            Some(value) => value.pack(to),
            None => to.word(0),
        }
    }
    #[inline(always)]
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.bits(1) {
            0 => {
                from.word();
                None
            }
            _ => Some(Self::unpack(from)),
        }
    }
}

/// A packet number of this flow.
#[inline(always)]
pub fn pack_packet(packet: u64, to: &mut Packer<'_>) {
    to.number(packet.wrapping_sub(to.bases.packet), PACKET);
}

/// See [`pack_packet`].
#[inline(always)]
pub fn unpack_packet(from: &mut Unpacker<'_>) -> u64 {
    from.number(PACKET).wrapping_add(from.bases.packet)
}
