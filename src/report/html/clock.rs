//! Steps and moments as a clock's face has them.

use crate::base::{Span, Stamp};

/// The least step of a clock that is no shorter than `length`, in nanoseconds.
pub(super) fn nice(length: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    let mut decade = 1_000;
    while decade < SECOND {
        if let Some(step) = [1, 2, 5]
            .map(|digit| digit * decade)
            .iter()
            .find(|step| **step >= length)
        {
            return *step;
        }
        decade *= 10;
    }
    let seconds = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    ];
    let step = seconds
        .iter()
        .map(|seconds| seconds * SECOND)
        .find(|step| *step >= length);
    // Whole days.
    step.unwrap_or_else(|| {
        (length / (86_400 * SECOND))
            .saturating_add(1)
            .saturating_mul(86_400 * SECOND)
    })
}

/// A moment with the digits that its step needs.
pub(super) fn clock(stamp: Stamp, step: i64, length: i64) -> String {
    let mut digits = 0;
    let mut unit = 1_000_000_000;
    while step % unit != 0 && digits < 9 {
        digits += 1;
        unit /= 10;
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = stamp.write_rfc3339(&mut text, digits);
    let text = text.trim_end_matches('Z');
    let from = if length > 86_400_000_000_000 { 5 } else { 11 };
    let to = if step % 60_000_000_000 == 0 { 16 } else { text.len() };
    text.get(from..to).unwrap_or(text).replace('T', " ")
}

/// How wide a bin is.
pub(super) fn width(width: Span) -> String {
    let seconds = width.as_secs();
    if seconds >= 1.0 {
        format!("{seconds} s")
    } else if seconds >= 0.001 {
        format!("{} ms", seconds * 1e3)
    } else {
        format!("{} µs", seconds * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_a_clock() {
        const SECOND: i64 = 1_000_000_000;
        for (length, step) in [
            (1, 1_000),
            (SECOND / 9, SECOND / 5),
            (SECOND / 2, SECOND / 2),
            (7 * SECOND, 10 * SECOND),
            (400 * SECOND, 600 * SECOND),
            (50_000 * SECOND, 86_400 * SECOND),
            (90_000 * SECOND, 2 * 86_400 * SECOND),
        ] {
            assert_eq!(nice(length), step, "{length}");
        }
        assert!(nice(i64::MAX) > 0);
    }

    #[test]
    fn a_moment_has_the_digits_of_its_step() {
        let noon = Stamp::new(1_709_210_096, 120_000_000);
        assert_eq!(clock(noon, 20_000_000, 1_000_000_000), "12:34:56.12");
        assert_eq!(clock(noon, 5_000_000_000, 60_000_000_000), "12:34:56");
        assert_eq!(clock(noon, 60_000_000_000, 6_000_000_000_000), "12:34");
        assert_eq!(clock(noon, 3_600_000_000_000, 90_000_000_000_000), "02-29 12:34");
    }
}
