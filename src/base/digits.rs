//! Numbers, times and addresses as text, appended to bytes: what nearly every cell of every row is made of.

use super::stamp::civil_from_days;
use super::{Endpoint, Stamp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

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

/// The decimal digits of an octet and a dot, and how many characters that is.
static OCTETS: [([u8; 4], u8); 256] = octets();

const fn octets() -> [([u8; 4], u8); 256] {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut number = 0;
    while number < 256 {
        let digits = [number / 100, number / 10 % 10, number % 10];
        let length = 1 + (number > 9) as usize + (number > 99) as usize;
        let mut place = 0;
        while place < length {
            octets[number].0[place] = b'0' + digits[3 - length + place] as u8;
            place += 1;
        }
        octets[number].1 = length as u8 + 1;
        number += 1;
    }
    octets
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

/// `number` in decimal, and a comma: together one piece, which is quicker than two.
pub fn push_cell(number: u64, line: &mut Vec<u8>) {
    let (upper, lower) = (pair(number / 100), pair(number % 100));
    match number {
        0..10 => line.extend_from_slice(&[lower[1], b',']),
        10..100 => line.extend_from_slice(&[lower[0], lower[1], b',']),
        100..1000 => line.extend_from_slice(&[upper[1], lower[0], lower[1], b',']),
        1000..10_000 => line.extend_from_slice(&[upper[0], upper[1], lower[0], lower[1], b',']),
        10_000..SEVEN => push_short_cell(number, line),
        _ => {
            push_long(number, line);
            line.push(b',');
        }
    }
}

/// The first number that, with a comma, has more than eight characters.
const SEVEN: u64 = 10_000_000;

fn push_short_cell(number: u64, line: &mut Vec<u8>) {
    let digits = eight(number);
    let idle = digits.trailing_zeros() / 8;
    let text = (digits | ZEROS) >> (8 * idle) | u64::from(b',') << (8 * (8 - idle));
    let end = line.len() + 9 - idle as usize;
    line.extend_from_slice(&text.to_le_bytes());
    line.truncate(end);
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

/// An address.
#[inline]
pub fn push_ip(ip: IpAddr, line: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => push_v4(ip, line),
        IpAddr::V6(ip) => push_v6(ip, line),
    }
}

fn push_v4(ip: Ipv4Addr, line: &mut Vec<u8>) {
    let (mut text, mut length) = ([0; 16], 0);
    for octet in ip.octets() {
        let (digits, count) = OCTETS[usize::from(octet)];
        // All four characters are written, which is quicker than some; the next ones stand over those too many.
        if let Some(room) = text.get_mut(length..length + 4) {
            room.copy_from_slice(&digits);
        }
        length += usize::from(count);
    }
    let end = line.len() + length - 1;
    line.extend_from_slice(&text);
    line.truncate(end);
}

/// RFC 5952: the longest run of at least two zero groups, of equal ones the first, is left out.
fn push_v6(ip: Ipv6Addr, line: &mut Vec<u8>) {
    let groups = ip.segments();
    if groups[..5] == [0; 5] {
        // IPv4 in disguise, and other rare ones.
        return line.extend_from_slice(ip.to_string().as_bytes());
    }
    let zeros = longest_zeros(groups);
    let (mut text, mut length) = ([0; 48], 0);
    // Four characters are written each time, as for IPv4.
    let mut put = |part: [u8; 4], count: usize| {
        if let Some(room) = text.get_mut(length..length + 4) {
            room.copy_from_slice(&part);
        }
        length += count;
    };
    for (place, group) in groups.into_iter().enumerate() {
        if zeros.contains(&place) {
            if place == zeros.start {
                put(*b"::..", 2);
            }
            continue;
        }
        if place > 0 && place != zeros.end {
            put([b':'; 4], 1);
        }
        let (digits, count) = hex(group);
        put(digits, count);
    }
    let end = line.len() + length;
    line.extend_from_slice(&text);
    line.truncate(end);
}

fn longest_zeros(groups: [u16; 8]) -> Range<usize> {
    let (mut longest, mut start) = (0..0, 0);
    for (place, group) in groups.into_iter().enumerate() {
        if group != 0 {
            start = place + 1;
        } else if place + 1 - start > longest.len().max(1) {
            longest = start..place + 1;
        }
    }
    longest
}

/// The two hexadecimal digits of each octet.
static HEX: [[u8; 2]; 256] = hexes();

const fn hexes() -> [[u8; 2]; 256] {
    let (mut all, digits) = ([[0; 2]; 256], b"0123456789abcdef");
    let mut octet = 0;
    while octet < 256 {
        all[octet] = [digits[octet / 16], digits[octet % 16]];
        octet += 1;
    }
    all
}

/// Its digits, and how many they are: what stands behind them is of no account.
fn hex(group: u16) -> ([u8; 4], usize) {
    let idle = (group.leading_zeros() / 4).min(3);
    let [upper, lower] = group.to_be_bytes().map(|byte| HEX[usize::from(byte)]);
    let digits = u32::from_le_bytes([upper[0], upper[1], lower[0], lower[1]]) >> (8 * idle);
    (digits.to_le_bytes(), 4 - idle as usize)
}

/// An address and a port, as [`Endpoint`] shows itself.
pub fn push_endpoint(end: Endpoint, line: &mut Vec<u8>) {
    if end.ip.is_ipv6() {
        line.push(b'[');
    }
    push_ip(end.ip, line);
    line.extend_from_slice(if end.ip.is_ipv6() { b"]:" } else { b":" });
    push_number(end.port.into(), line);
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

    fn shown(push: impl FnOnce(&mut Vec<u8>)) -> String {
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

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "0.0.0.0",
            "10.1.99.100",
            "255.254.10.9",
            "::1",
            "2001:db8::7",
            "::ffff:1.2.3.4",
        ] {
            assert_eq!(shown(|line| push_ip(text.parse().unwrap(), line)), text);
            let end = Endpoint {
                ip: text.parse().unwrap(),
                port: 8080,
            };
            let port = if text.contains(':') {
                format!("[{text}]:8080")
            } else {
                format!("{text}:8080")
            };
            assert_eq!(shown(|line| push_endpoint(end, line)), port);
            assert_eq!(end.to_string(), port);
        }
        // Every pattern of zero and other groups.
        for pattern in 0..=255_u32 {
            for group in [1, 0x10, 0xabc, 0xf00d] {
                let groups = [0, 1, 2, 3, 4, 5, 6, 7].map(|place| if pattern >> place & 1 == 1 { group } else { 0 });
                let ip = IpAddr::from(groups);
                assert_eq!(shown(|line| push_ip(ip, line)), ip.to_string());
            }
        }
    }
}
