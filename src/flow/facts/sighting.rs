//! A packet that was seen, as all facts refer to it.

use crate::base::Stamp;
use crate::wire::Segment;
use std::num::NonZeroU64;

/// A packet that was seen: its number and time. No bigger where there may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    packet: NonZeroU64,
    /// Capture time.
    pub stamp: Stamp,
}

impl Sighting {
    /// Stands where there will be another.
    pub(in crate::flow) const BLANK: Self = Self {
        packet: NonZeroU64::MIN,
        stamp: Stamp(0),
    };

    /// Packet `number` (from 1) at `stamp`.
    #[inline]
    #[must_use]
    pub fn new(number: u64, stamp: Stamp) -> Self {
        Self {
            packet: NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN),
            stamp,
        }
    }

    /// Packet number in the recording.
    #[inline]
    #[must_use]
    pub fn number(&self) -> u64 {
        self.packet.get()
    }
}

impl From<&Segment> for Sighting {
    fn from(segment: &Segment) -> Self {
        Self::new(segment.packet, segment.stamp)
    }
}
