//! The same packet captured again: a mirror of both ports, the `any` interface, before and after a router.

use super::pack::{Pack, Packer, Unpacker, pack_fields};
use crate::base::{Span, Stamp};
use crate::wire::{Flags, Segment};

/// Packets remembered per direction.
const REMEMBERED: usize = 8;
/// Two packets with the same, non-zero IP identification and header are one packet within this time: an operating
/// system does not use an identification again so soon, and its smallest retransmission time-out is longer.
const WITH_ID: Span = Span::from_millis(100);
/// Without identification (IPv6, Linux SYN-ACKs), only what no sender does so soon: its own checksum again.
const WITHOUT_ID: Span = Span::from_millis(1);
/// Without identification, but seen at another place: TTL, interface or VLAN differ.
const ELSEWHERE: Span = Span::from_millis(20);
/// The longest of these.
pub const LONGEST: Span = WITH_ID;

/// What is remembered of a packet, in 16 bytes: short hashes of its header and of where it was seen. A false match needs
/// equal 32 bits within milliseconds, and costs one statistic.
#[derive(Clone, Copy, Debug)]
struct Print {
    stamp: Stamp,
    hash: u32,
    /// Folded from the VLANs and tunnels.
    path: u16,
    /// Folded from interface and TTL.
    seat: u8,
    is_set: bool,
}

/// The last few packets of one direction.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Copies {
    last_id: u16,
    /// Different packets had the same identification: this sender does not count, so it tells nothing.
    constant_id: bool,
    /// Two equal SYN-ACKs of this side are one: the other side has sent one SYN so far, or its packets come twice too.
    pub answers_once: bool,
    next: u8,
    prints: [Print; REMEMBERED],
}

impl Print {
    const NONE: Self = Self {
        stamp: Stamp(0),
        hash: 0,
        path: 0,
        seat: 0,
        is_set: false,
    };
}

impl Copies {
    /// Of nothing.
    pub const NONE: Self = Self {
        prints: [Print::NONE; REMEMBERED],
        next: 0,
        last_id: 0,
        constant_id: false,
        answers_once: false,
    };

    /// Bytes before the packets.
    #[cfg(test)]
    pub const HEAD: usize = std::mem::offset_of!(Self, prints);

    /// See [`super::Flow::touch`].
    pub fn touch(&self) -> u32 {
        self.last_id.into()
    }

    /// Time enough has passed that no further copy of these packets can come.
    pub fn forget(&mut self) {
        self.prints = [Print::NONE; REMEMBERED];
    }

    /// Is this packet a copy of one of the last few? Remembers it if it is not.
    pub fn is_copy(&mut self, segment: &Segment) -> bool {
        let has_id = self.has_id(segment);
        let print = Print::of(segment, has_id);
        if self.holds_print(&print, has_id, segment) {
            return true;
        }
        self.note_id(segment);
        self.put(if has_id && self.constant_id {
            Print::of(segment, false)
        } else {
            print
        });
        false
    }

    /// Remembers a packet that is no copy.
    #[inline]
    pub fn remember(&mut self, segment: &Segment) {
        self.note_id(segment);
        let has_id = self.last_id != 0 && !self.constant_id;
        self.put(Print::of(segment, has_id));
    }

    #[inline]
    fn note_id(&mut self, segment: &Segment) {
        let id = segment.ip_id.unwrap_or(0);
        if id != 0 && id == self.last_id {
            self.constant_id = true;
        }
        self.last_id = id;
    }

    #[inline]
    fn put(&mut self, print: Print) {
        self.prints[usize::from(self.next) % REMEMBERED] = print;
        self.next = (self.next + 1) % REMEMBERED as u8;
    }

    /// Its identification tells it from others.
    #[inline]
    fn has_id(&self, segment: &Segment) -> bool {
        segment.ip_id.is_some_and(|id| id != 0) && !self.constant_id
    }

    /// Is this packet a copy of one of the last few?
    pub fn holds(&self, segment: &Segment) -> bool {
        let has_id = self.has_id(segment);
        self.holds_print(&Print::of(segment, has_id), has_id, segment)
    }

    /// The same for its print, made with the identification or without.
    fn holds_print(&self, print: &Print, has_id: bool, segment: &Segment) -> bool {
        // A receiver may well send the same empty ACK several times within a millisecond, and a host without the
        // connection the same RST.
        let is_plain = segment.length == 0 && !segment.flags.any(Flags::SYN | Flags::FIN);
        self.prints
            .iter()
            .filter(|old| old.is_set && old.hash == print.hash)
            .any(|old| {
                let within = match (has_id, (old.path, old.seat) != (print.path, print.seat)) {
                    (true, _) => WITH_ID,
                    (false, true) if old.path != print.path => WITH_ID,
                    (false, true) => ELSEWHERE,
                    (false, false) if is_plain => return false,
                    // A Linux server answers a repeated SYN and its own timer with equal SYN-ACKs, microseconds apart.
                    (false, false) if segment.flags.is_syn_ack() && !self.answers_once => return false,
                    (false, false) => WITHOUT_ID,
                };
                (print.stamp - old.stamp).0.unsigned_abs() <= within.0.unsigned_abs()
            })
    }
}

impl Print {
    #[inline]
    fn of(segment: &Segment, has_id: bool) -> Self {
        Self {
            stamp: segment.stamp,
            hash: hash_of(segment, has_id),
            path: (segment.path ^ segment.path >> 16) as u16,
            seat: segment.ttl ^ (segment.interface as u8).wrapping_mul(31),
            is_set: true,
        }
    }
}

/// Header fields that a copy shares. The checksum only where there is no identification: offload may leave it unfinished in one.
#[inline]
fn hash_of(segment: &Segment, has_id: bool) -> u32 {
    let (tsval, tsecr) = segment.options.timestamps.unwrap_or_default();
    let tail = if has_id {
        segment.ip_id.unwrap_or_default()
    } else {
        segment.checksum
    };
    // Neighbours in a segment, so that they are read together.
    let numbers = u64::from(segment.ack.0) << 32 | u64::from(segment.seq.0);
    let times = u64::from(tsecr) << 32 | u64::from(tsval);
    let rest = u64::from(segment.window) << 16 | u64::from(segment.flags.0);
    let rest = rest | u64::from(segment.length ^ u32::from(tail) << 16) << 32;
    let right = u64::from(segment.options.sack.map_or(0, |(_, right)| right.0));
    // The high half of a sum of products: every bit counts. A collision, made on purpose, costs one statistic.
    let sum = numbers
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(times.wrapping_mul(0xD6E8_FEB8_6659_FD93))
        .wrapping_add(rest.wrapping_mul(0xA076_1D64_78BD_642F))
        .wrapping_add(right.wrapping_mul(0xE703_7ED1_A0B4_28DB));
    (sum >> 32) as u32
}

pack_fields!(Print { stamp hash path seat is_set });

impl Pack for Copies {
    /// Most are forgotten.
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        // All are looked at, at once.
        let is_any_set = self.prints.iter().fold(false, |any, print| any | print.is_set);
        let prints = is_any_set.then_some(self.prints);
        Pack::pack_option(prints.as_ref(), to);
        self.next.pack(to);
        self.last_id.pack(to);
        self.constant_id.pack(to);
        self.answers_once.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self {
            prints: Option::unpack(from).unwrap_or(Self::NONE.prints),
            next: u8::unpack(from),
            last_id: u16::unpack(from),
            constant_id: bool::unpack(from),
            answers_once: bool::unpack(from),
        }
    }
}
