//! How times and packets are packed: what was told before by its place, anything else by its distance to the last.

use super::{Bases, Pack, Packer, Unpacker};
use crate::base::{Span, Stamp};
use crate::flow::Sighting;

/// Times are told in this unit where it divides them: most captures have no finer clock.
const UNIT: i64 = 1000;
/// Before a time or packet told in full: its distance to the last one is counted in [`UNIT`]s, or is not.
const NEW: [u64; 2] = [1, 2];
/// What was told before is named by its place, from this number up.
const NAMED: u64 = 3;

impl Pack for Span {
    /// Its low bits say in which unit the rest counts, or that the nanoseconds follow.
    fn pack(&self, to: &mut Packer) {
        let zigzag = |value: i64| (value << 1 ^ value >> 63) as u64;
        if self.0 % UNIT == 0 {
            to.number(zigzag(self.0 / UNIT) << 1);
        } else if zigzag(self.0) < 1 << 62 {
            to.number(zigzag(self.0) << 2 | 1);
        } else {
            to.number(3);
            to.signed(self.0);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let word = from.number();
        let zigzag = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
        Self(match word & 3 {
            0 | 2 => zigzag(word >> 1).wrapping_mul(UNIT),
            1 => zigzag(word >> 2),
            _ => from.signed(),
        })
    }
}

impl Pack for Stamp {
    /// As that of a packet told before, or its distance to the last one.
    fn pack(&self, to: &mut Packer) {
        let place = to.bases.names().iter().rposition(|&(_, stamp)| stamp == self.0);
        match place {
            _ if self.0 == 0 => to.number(0),
            Some(place) => to.number(NAMED + place as u64),
            None => {
                let distance = self.0.wrapping_sub(to.bases.last.1);
                let (unit, distance) = in_unit(distance);
                to.number(NEW[unit]);
                to.signed(distance);
                to.bases.last.1 = self.0;
            }
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        match from.number() {
            0 => Self(0),
            code if code < NAMED => {
                let distance = from_unit(code, from.signed());
                from.bases.last.1 = from.bases.last.1.wrapping_add(distance);
                Self(from.bases.last.1)
            }
            code => Self(from.bases.named(code).1),
        }
    }
}

fn in_unit(distance: i64) -> (usize, i64) {
    if distance % UNIT == 0 {
        (0, distance / UNIT)
    } else {
        (1, distance)
    }
}

fn from_unit(code: u64, distance: i64) -> i64 {
    if code == NEW[0] {
        distance.wrapping_mul(UNIT)
    } else {
        distance
    }
}

impl Pack for Sighting {
    fn pack(&self, to: &mut Packer) {
        Self::pack_option(Some(self), to);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self::unpack_option(from).unwrap_or_else(|| Self::new(from.bases.packet, Stamp(0)))
    }
    fn pack_option(value: Option<&Self>, to: &mut Packer) {
        let Some(sighting) = value else {
            to.number(0);
            return;
        };
        let this = (sighting.number(), sighting.stamp.0);
        if let Some(place) = to.bases.find(this.0, this.1) {
            to.number(NAMED + place as u64);
            return;
        }
        let (unit, distance) = in_unit(this.1.wrapping_sub(to.bases.last.1));
        to.number(NEW[unit]);
        to.signed(this.0.wrapping_sub(to.bases.last.0) as i64);
        to.signed(distance);
        to.bases.name(this.0, this.1);
    }
    fn unpack_option(from: &mut Unpacker<'_>) -> Option<Self> {
        let (packet, stamp) = match from.number() {
            0 => return None,
            code if code < NAMED => {
                let (packet, stamp) = from.bases.last;
                let packet = packet.wrapping_add(from.signed() as u64);
                let stamp = stamp.wrapping_add(from_unit(code, from.signed()));
                from.bases.name(packet, stamp);
                (packet, stamp)
            }
            code => from.bases.named(code),
        };
        Some(Self::new(packet, Stamp(stamp)))
    }
}

/// A packet number of this flow.
pub fn pack_packet(packet: u64, to: &mut Packer) {
    to.signed(packet.wrapping_sub(to.bases.packet) as i64);
}

/// See [`pack_packet`].
pub fn unpack_packet(from: &mut Unpacker<'_>) -> u64 {
    from.bases.packet.wrapping_add(from.signed() as u64)
}

impl Bases {
    fn named(&self, code: u64) -> (u64, i64) {
        let place = code.wrapping_sub(NAMED) as usize;
        self.names().get(place).copied().unwrap_or(self.last)
    }
}
