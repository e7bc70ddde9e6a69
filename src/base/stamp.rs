//! Capture time in nanoseconds. Time always comes from the capture; no clock is ever asked.

use std::fmt;
use std::ops::{Add, Sub};

/// A moment as the capture states it: nanoseconds since 1970-01-01 UTC. Saturates at the ends (years 1677 and 2262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64);

/// A stretch of capture time in nanoseconds; negative where the capture's clock ran backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

impl Stamp {
    /// From whole seconds and nanoseconds, saturating.
    #[must_use]
    pub fn new(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// From whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From whole microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// In seconds, for printing and ratios.
    #[must_use]
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// In milliseconds, for printing and ratios.
    #[must_use]
    pub fn as_millis(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// `self` times `tenths`/10, saturating.
    #[must_use]
    pub fn times_tenths(self, tenths: i64) -> Self {
        Self(self.0.saturating_mul(tenths) / 10)
    }
}

impl Sub for Stamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Stamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl fmt::Display for Stamp {
    /// RFC 3339 in UTC with nine decimals.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_rfc3339(out, 9)
    }
}

impl Stamp {
    /// Writes RFC 3339 UTC with `digits` decimals (0 to 9).
    ///
    /// # Errors
    /// Only what `out` reports.
    pub fn write_rfc3339(self, out: &mut impl fmt::Write, digits: usize) -> fmt::Result {
        let seconds = self.0.div_euclid(1_000_000_000);
        let nanos = self.0.rem_euclid(1_000_000_000);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if digits > 0 {
            let fraction = nanos / 10_i64.pow(9 - digits.min(9) as u32);
            write!(out, ".{fraction:0width$}", width = digits.min(9))?;
        }
        out.write_char('Z')
    }
}

/// Days since 1970-01-01 to (year, month, day) of the proleptic Gregorian calendar
/// (the era method of Howard Hinnant's "chrono-compatible low-level date algorithms").
pub(super) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_rfc3339() {
        assert_eq!(Stamp(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(
            Stamp::new(1_709_210_096, 5_000).to_string(),
            "2024-02-29T12:34:56.000005000Z"
        );
        assert_eq!(Stamp(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        let mut text = String::new();
        Stamp::new(1_709_210_096, 5_999).write_rfc3339(&mut text, 6).unwrap();
        assert_eq!(text, "2024-02-29T12:34:56.000005Z");
    }

    #[test]
    fn never_overflows() {
        assert_eq!(Stamp(i64::MIN) - Stamp(i64::MAX), Span(i64::MIN));
        assert_eq!(Stamp(i64::MAX) + Span(1), Stamp(i64::MAX));
        let _ = Stamp(i64::MIN).to_string();
    }
}
