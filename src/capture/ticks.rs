//! Time stamps of pcapng interfaces: ticks of any resolution to nanoseconds, exactly.

use crate::base::Stamp;

/// The clock of one interface (`if_tsresol` and `if_tsoffset`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    resolution: u8,
    offset: i64,
}

impl Default for Ticks {
    /// Microseconds since 1970: what holds without options.
    fn default() -> Self {
        Self {
            resolution: 6,
            offset: 0,
        }
    }
}

impl Ticks {
    /// `resolution` as in `if_tsresol`: a negative power of ten, or with the highest bit set of two.
    pub(super) fn set_resolution(&mut self, resolution: u8) {
        self.resolution = resolution;
    }

    /// Seconds to add to every stamp.
    pub(super) fn set_offset(&mut self, seconds: i64) {
        self.offset = seconds;
    }

    /// The moment of `ticks`, rounded down to nanoseconds, saturating.
    #[inline]
    pub(super) fn stamp(self, ticks: u64) -> Stamp {
        self.usual(ticks).unwrap_or_else(|| self.exact(ticks))
    }

    /// Micro- or nanoseconds since 1970, which nearly all clocks count.
    #[inline]
    fn usual(self, ticks: u64) -> Option<Stamp> {
        let nanos_per_tick = match self.resolution {
            6 => 1000,
            9 => 1,
            _ => return None,
        };
        let nanos = i64::try_from(ticks).ok()?.checked_mul(nanos_per_tick)?;
        (self.offset == 0).then_some(Stamp(nanos))
    }

    /// As [`Ticks::stamp`], for any clock.
    fn exact(self, ticks: u64) -> Stamp {
        let ticks = u128::from(ticks);
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = if self.resolution & 0x80 != 0 {
            // Below 2^64 * 10^9 < 2^94, so a shift by 94 or more leaves nothing.
            (ticks * 1_000_000_000).checked_shr(exponent).unwrap_or(0)
        } else if exponent <= 9 {
            ticks * 10_u128.pow(9 - exponent)
        } else {
            10_u128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor)
        };
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX) + i128::from(self.offset) * 1_000_000_000;
        Stamp(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// Decimal digits of a second that mean something, at most 9.
    pub(super) fn digits(self) -> u8 {
        let exponent = u32::from(self.resolution & 0x7f);
        let digits = if self.resolution & 0x80 == 0 {
            exponent
        } else {
            // 2^-n has as many digits as are needed to write n bits in decimal: n * log10(2), rounded up.
            (exponent * 30_103).div_ceil(100_000)
        };
        digits.min(9) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(resolution: u8, offset: i64) -> Ticks {
        Ticks { resolution, offset }
    }

    #[test]
    fn usual_clocks_tell_what_exact_ones_do() {
        for resolution in 0..=u8::MAX {
            for offset in [0, 7, -7] {
                for number in [
                    0,
                    1,
                    1_700_000_000_123_456,
                    u64::MAX / 2000,
                    u64::MAX / 2,
                    u64::MAX / 2 + 1,
                    u64::MAX,
                ] {
                    let clock = ticks(resolution, offset);
                    assert_eq!(clock.stamp(number), clock.exact(number), "{clock:?} {number}");
                }
            }
        }
    }

    #[test]
    fn decimal_and_binary_resolutions_are_exact() {
        assert_eq!(
            Ticks::default().stamp(1_709_210_096_000_001),
            Stamp(1_709_210_096_000_001_000)
        );
        assert_eq!(
            ticks(9, 0).stamp(1_709_210_096_123_456_789),
            Stamp(1_709_210_096_123_456_789)
        );
        assert_eq!(ticks(0, 0).stamp(7), Stamp(7_000_000_000));
        assert_eq!(ticks(12, 0).stamp(1_999), Stamp(1));
        // 2^-10: 1025 ticks are 1 s and 1/1024 s = 976562.5 ns; 2^-32: half a second.
        assert_eq!(ticks(0x8a, 0).stamp(1025), Stamp(1_000_976_562));
        assert_eq!(ticks(0xa0, 0).stamp(1 << 31), Stamp(500_000_000));
        assert_eq!(ticks(6, -3).stamp(1), Stamp(-2_999_999_000));
    }

    #[test]
    fn no_resolution_overflows() {
        for resolution in 0..=255 {
            for offset in [i64::MIN, 0, i64::MAX] {
                let clock = ticks(resolution, offset);
                assert!(clock.stamp(u64::MAX) >= clock.stamp(0));
                assert!(clock.digits() <= 9);
            }
        }
        assert_eq!(ticks(0, 0).stamp(u64::MAX), Stamp(i64::MAX));
        assert_eq!(ticks(0xff, 0).stamp(u64::MAX), Stamp(0));
        assert_eq!(ticks(0x7f, 0).stamp(u64::MAX), Stamp(0));
    }

    #[test]
    fn digits_follow_the_resolution() {
        assert_eq!(ticks(6, 0).digits(), 6);
        assert_eq!(ticks(12, 0).digits(), 9);
        assert_eq!(ticks(0x8a, 0).digits(), 4);
        assert_eq!(ticks(0x94, 0).digits(), 7);
    }
}
