//! Community ID v1, seed 0: one name for a flow across tools (github.com/corelight/community-id-spec).

use crate::base::Endpoint;
use data_encoding::BASE64;
use sha1_smol::Sha1;
use std::net::IpAddr;

/// IANA protocol number of TCP, then the padding byte that the specification asks for.
const TCP_AND_PADDING: [u8; 2] = [6, 0];

/// The Community ID of a TCP flow between `a` and `b`; the order does not matter.
#[must_use]
pub fn community_id(a: Endpoint, b: Endpoint) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut hash = Sha1::new();
    hash.update(&0_u16.to_be_bytes());
    for end in [low, high] {
        match end.ip {
            IpAddr::V4(ip) => hash.update(&ip.octets()),
            IpAddr::V6(ip) => hash.update(&ip.octets()),
        }
    }
    hash.update(&TCP_AND_PADDING);
    hash.update(&low.port.to_be_bytes());
    hash.update(&high.port.to_be_bytes());
    let mut text = String::with_capacity(30);
    text.push_str("1:");
    BASE64.encode_append(&hash.digest().bytes(), &mut text);
    text
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
        assert_eq!(community_id(end(a), end(b)), expected);
        assert_eq!(community_id(end(b), end(a)), expected);
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
