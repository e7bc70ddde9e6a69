//! Numbers, times and addresses as text, appended to bytes: what nearly every cell of every row is made of.

mod ip;

pub use ip::{push_endpoint, push_ip};

use super::Stamp;
use super::stamp::civil_from_days;

/// The decimal digits of 0 to 99.
static PAIRS: [[u8; 2]; 100] = pairs();

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

fn pair(number: u64) -> [u8; 2] {
    PAIRS.get(number as usize).copied().unwrap_or_default()
}

/// `number` in decimal.
#[inline]
pub fn push_number(number: u64, line: &mut Vec<u8>) {
    match number {
        // Most counters of most flows.
        0..10 => line.push(b'0' + number as u8),
        10..100 => line.extend_from_slice(&pair(number)),
        _ => push_long(number, line),
    }
}

/// The first number that, with a comma, has more than eight characters.
const SEVEN: u64 = 10_000_000;

/// `number` in decimal, and a comma: together one piece, which is quicker than two.
#[expect(
    clippy::inline_always,
    reason = "every row has dozens: a call takes half as long as what it does"
)]
#[inline(always)]
pub fn push_cell(number: u64, line: &mut Vec<u8>) {
    if number >= SEVEN {
        return push_long_cell(number, line);
    }
    let digits = eight(number);
    // The last digit stands even where it is 0.
    let idle = (digits | 1 << 56).trailing_zeros() / 8;
    let text = (digits | ZEROS) >> (8 * idle) | u64::from(b',') << (8 * (8 - idle));
    let end = line.len() + 9 - idle as usize;
    line.extend_from_slice(&text.to_le_bytes());
    line.truncate(end);
}

#[inline(never)]
fn push_long_cell(number: u64, line: &mut Vec<u8>) {
    push_long(number, line);
    line.push(b',');
}

fn push_long(number: u64, line: &mut Vec<u8>) {
    if number >= EIGHT {
        push_long(number / EIGHT, line);
        return push_first(eight(number % EIGHT), 8, line);
    }
    let digits = eight(number);
    let idle = digits.trailing_zeros() / 8;
    push_first(digits >> (8 * idle), 8 - idle as usize, line);
}

/// Eight times the character `0`.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// The first number with more than eight digits.
const EIGHT: u64 = 100_000_000;

/// The values of the eight digits of `number` (below 10^8), the first of them in the lowest byte: all are split off at
/// once, the halves of four digits, then the pairs, then the digits, each with the multiplication that stands for a division.
#[inline]
fn eight(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0xf_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

/// The first `count` (at most 8) of these digits. All eight are written, which is quicker than some; then those too many are
/// taken back.
#[inline]
fn push_first(digits: u64, count: usize, line: &mut Vec<u8>) {
    let end = line.len() + count;
    line.extend_from_slice(&(digits | ZEROS).to_le_bytes());
    line.truncate(end);
}

/// `units` / 10^`places` (at most 9), exact, without idle zeros: `1500000` with 6 places is `1.5`.
#[inline]
pub fn push_decimal(units: i64, places: u8, line: &mut Vec<u8>) {
    match (units, places) {
        (0, _) => line.push(b'0'),
        (_, 9) => push_fraction::<1_000_000_000>(units, line),
        (_, 6) => push_fraction::<1_000_000>(units, line),
        _ => {
            let one = 10_i64.pow(9 - u32::from(places.min(9)));
            push_fraction::<1_000_000_000>(units.saturating_mul(one), line);
        }
    }
}

/// With the divisor known, the compiler needs no division.
fn push_fraction<const ONE: u64>(units: i64, line: &mut Vec<u8>) {
    if units < 0 {
        line.push(b'-');
    }
    let (whole, fraction) = (units.unsigned_abs() / ONE, units.unsigned_abs() % ONE);
    push_number(whole, line);
    if fraction == 0 {
        return;
    }
    let nanos = fraction * (1_000_000_000 / ONE);
    let (digits, last) = (eight(nanos / 10), nanos % 10);
    let idle = if last == 0 { digits.leading_zeros() / 8 } else { 0 };
    let count = 9 - idle as usize + usize::from(last > 0);
    let mut text = [0; 16];
    text[0] = b'.';
    text[1..9].copy_from_slice(&(digits | ZEROS).to_le_bytes());
    text[9] = b'0' + last as u8;
    let end = line.len() + count;
    line.extend_from_slice(&text);
    line.truncate(end);
}

/// Bytes of `2024-02-29T12:34:56`.
const SECOND: usize = 19;

/// Writes times; those of one second share its text, and rows come in order of time.
#[derive(Debug)]
pub struct Clock {
    /// The second of the last time written.
    second: i64,
    /// It as RFC 3339, without the `Z`. The years of a [`Stamp`] have four digits.
    text: [u8; SECOND],
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            second: i64::MIN,
            text: [0; SECOND],
        }
    }
}

impl Clock {
    /// `stamp` in RFC 3339 with `digits` decimals (0 to 9).
    #[inline]
    pub fn push(&mut self, stamp: Stamp, digits: u8, line: &mut Vec<u8>) {
        let second = stamp.0.div_euclid(1_000_000_000);
        if second != self.second {
            self.turn(second);
        }
        let nanos = stamp.0.rem_euclid(1_000_000_000).unsigned_abs();
        // All decimals are written, which is quicker than some; the `Z` stands over those too many.
        let mut text = [0; 32];
        text[..SECOND].copy_from_slice(&self.text);
        text[SECOND] = b'.';
        text[SECOND + 1..SECOND + 9].copy_from_slice(&(eight(nanos / 10) | ZEROS).to_le_bytes());
        text[SECOND + 9] = b'0' + (nanos % 10) as u8;
        let count = if digits == 0 {
            SECOND
        } else {
            SECOND + 1 + usize::from(digits.min(9))
        };
        text[count] = b'Z';
        let end = line.len() + count + 1;
        line.extend_from_slice(&text);
        line.truncate(end);
    }

    fn turn(&mut self, second: i64) {
        let (year, month, day) = civil_from_days(second.div_euclid(86_400));
        let of_day = second.rem_euclid(86_400);
        let parts = [
            year / 100,
            year % 100,
            month,
            day,
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60,
        ];
        self.second = second;
        self.text = *b"0000-00-00T00:00:00";
        for (place, part) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(parts) {
            self.text[place..place + 2].copy_from_slice(&pair(part.unsigned_abs()));
        }
    }
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 packet`, `2 packets`.
#[must_use]
pub fn count(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn shown(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = b">".to_vec();
        push(&mut line);
        String::from_utf8(line).unwrap()[1..].to_owned()
    }

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        let edges = (0..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1]);
        let numbers = edges.chain(0..12_000).chain([u64::MAX, 40_000, 65_535, 123_456_789]);
        for number in numbers {
            assert_eq!(shown(|line| push_number(number, line)), number.to_string());
            assert_eq!(shown(|line| push_cell(number, line)), format!("{number},"));
        }
    }

    #[test]
    fn decimals_have_no_exponent_and_no_idle_zeros() {
        let show = |units, places| shown(|line| push_decimal(units, places, line));
        assert_eq!(show(1, 9), "0.000000001");
        assert_eq!(show(0, 9), "0");
        assert_eq!(show(-1_500_000, 6), "-1.5");
        assert_eq!(show(41_500, 6), "0.0415");
        assert_eq!(show(100_000_000_000, 9), "100");
        assert_eq!(show(i64::MIN, 9), "-9223372036.854775808");
        assert_eq!(show(1_250, 3), "1.25");
    }

    #[test]
    fn times_are_those_of_the_stamp() {
        let mut clock = Clock::default();
        for nanos in [
            0,
            1,
            -1,
            1_709_210_096_123_456_789,
            1_709_210_096_000_000_000,
            951_782_399_000_000_000,
            1_709_251_199_999_999_999,
            i64::MIN,
            i64::MAX,
        ] {
            for digits in [0, 1, 3, 6, 9] {
                let mut expected = String::new();
                Stamp(nanos).write_rfc3339(&mut expected, digits.into()).unwrap();
                assert_eq!(shown(|line| clock.push(Stamp(nanos), digits, line)), expected);
            }
        }
    }
}
