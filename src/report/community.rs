//! Community ID v1, seed 0: one name for a flow across tools (github.com/corelight/community-id-spec).

use crate::base::Endpoint;
use data_encoding::BASE64_NOPAD;
use sha1::block_api::compress;
use std::net::{IpAddr, Ipv4Addr};

/// IANA protocol number of TCP, then the padding byte that the specification asks for.
const TCP_AND_PADDING: [u8; 2] = [6, 0];
/// RFC 3174 6.1.
const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
/// What stands before the hash: the version.
const VERSION: &[u8; 2] = b"1:";

/// A Community ID. It is made for every flow of a report: no memory is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommunityId([u8; 30]);

impl CommunityId {
    /// That of a TCP flow between `a` and `b`; the order does not matter.
    #[must_use]
    pub fn of(a: Endpoint, b: Endpoint) -> Self {
        let input = match (a.ip, b.ip) {
            (IpAddr::V4(ip), IpAddr::V4(other)) => Input::short((ip, a.port), (other, b.port)),
            _ => Input::long(a, b),
        };
        Self(text_of(input.hash()))
    }

    /// The bytes of [`CommunityId::text`].
    #[must_use]
    pub fn bytes(&self) -> &[u8; 30] {
        &self.0
    }

    /// `1:` and the hash in Base64.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The version, and these 20 bytes in Base64.
fn text_of(hash: [u32; 5]) -> [u8; 30] {
    // One byte more, for whole groups of three: in place of the padding the text ends in an idle character.
    let mut bytes = [0; 21];
    for (place, word) in hash.into_iter().enumerate() {
        bytes[4 * place..4 * place + 4].copy_from_slice(&word.to_be_bytes());
    }
    let mut text = [0; 30];
    let (version, encoded) = text.split_at_mut(VERSION.len());
    version.copy_from_slice(VERSION);
    BASE64_NOPAD.encode_mut(&bytes, encoded);
    text[29] = b'=';
    text
}

/// What is hashed: seed, addresses, protocol and ports, at most 42 bytes, so that one block takes them.
struct Input {
    block: [u8; 64],
    length: usize,
}

impl Input {
    /// That of IPv4: it is sixteen bytes, of which the seed is the first two.
    #[inline]
    fn short(a: (Ipv4Addr, u16), b: (Ipv4Addr, u16)) -> Self {
        let wide = |(ip, port): (Ipv4Addr, u16)| (u128::from(ip.to_bits()), u128::from(port));
        let ((low, low_port), (high, high_port)) = (wide(a.min(b)), wide(a.max(b)));
        let protocol = u128::from(u16::from_be_bytes(TCP_AND_PADDING));
        let whole = low << 80 | high << 48 | protocol << 32 | low_port << 16 | high_port;
        let mut block = [0; 64];
        block[..16].copy_from_slice(&whole.to_be_bytes());
        Self { block, length: 16 }
    }

    fn long(a: Endpoint, b: Endpoint) -> Self {
        let mut input = Self {
            block: [0; 64],
            length: 2,
        };
        let (low, high) = (a.min(b), a.max(b));
        for end in [low, high] {
            match end.ip {
                IpAddr::V4(ip) => input.push(&ip.octets()),
                IpAddr::V6(ip) => input.push(&ip.octets()),
            }
        }
        input.push(&TCP_AND_PADDING);
        input.push(&low.port.to_be_bytes());
        input.push(&high.port.to_be_bytes());
        input
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if let Some(room) = self.block.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
    }

    /// SHA-1 of it. Padding one block by hand takes a fraction of what a hasher takes that is made for any length.
    fn hash(mut self) -> [u32; 5] {
        let bits = self.length as u64 * 8;
        // RFC 3174 4: a bit that is set, zeros, and the length in bits.
        self.push(&[0x80]);
        if let Some(length) = self.block.last_chunk_mut() {
            *length = bits.to_be_bytes();
        }
        let mut state = START;
        compress(&mut state, &[self.block]);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: (&str, u16), b: (&str, u16), expected: &str) {
        let end = |(ip, port): (&str, u16)| Endpoint {
            ip: ip.parse().unwrap(),
            port,
        };
        assert_eq!(CommunityId::of(end(a), end(b)).text(), expected);
        assert_eq!(CommunityId::of(end(b), end(a)).text(), expected);
    }

    /// The TCP vectors of the specification's reference implementation (pycommunityid) and its baseline files.
    #[test]
    fn published_vectors() {
        check(("1.2.3.4", 1122), ("5.6.7.8", 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM=");
        check(
            ("128.232.110.120", 34855),
            ("66.35.250.204", 80),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        );
        check(
            ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
            ("2607:f8b0:400c:c03::1a", 25),
            "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
        );
    }
}
