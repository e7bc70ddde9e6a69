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

/// What stands for a packet that is too far from the flow's first: its number and time follow.
const FAR: u64 = u64::MAX;

impl Packer<'_> {
    /// The distance of a packet from the flow's first, if it fits a word.
    #[inline(always)]
    fn distance(&self, at: Sighting) -> u64 {
        let packet = at.number().wrapping_sub(self.bases.packet);
        let time = at.stamp.0.wrapping_sub(self.bases.stamp) as u64;
        let fits = packet < (1 << PACKET) - 1 && time < 1 << TIME;
        if fits { packet << TIME | time } else { FAR }
    }

    /// A packet at this distance.
    #[inline(always)]
    fn packet(&mut self, at: Sighting, distance: u64) {
        self.like_last(Kind::Packet, distance);
        if distance == FAR {
            self.word(at.number());
            self.word(at.stamp.0 as u64);
        }
    }
}

impl Pack for Sighting {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        to.packet(*self, to.distance(*self));
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.like_last(Kind::Packet);
        if word == FAR {
            return Self::new(from.word(), Stamp(from.word() as i64));
        }
        from.near(word)
    }

    /// Many are the same packet as the one before: they take no word.
    #[inline(always)]
    fn pack_option(value: Option<&Self>, to: &mut Packer<'_>) {
        let Some(value) = value else {
            to.bits(0, 2);
            return;
        };
        let distance = to.distance(*value);
        if distance == to.bases.last[Kind::Packet as usize] && distance != FAR {
            to.bits(1, 2);
        } else {
            to.bits(2, 2);
            to.packet(*value, distance);
        }
    }
    #[inline(always)]
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.bits(2) {
            0 => None,
            1 => Some(from.near(from.bases.last[Kind::Packet as usize])),
            _ => Some(Self::unpack(from)),
        }
    }
}

impl Unpacker<'_> {
    /// The packet at this distance from the flow's first.
    #[inline(always)]
    fn near(&self, distance: u64) -> Sighting {
        let (packet, time) = (distance >> TIME, (distance & ((1 << TIME) - 1)) as i64);
        Sighting::new(
            self.bases.packet.wrapping_add(packet),
            Stamp(self.bases.stamp.wrapping_add(time)),
        )
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
