//! Addresses, and ports behind them.

use super::push_number;
use crate::base::Endpoint;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digits::tests::shown;

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
