//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): where a client wants to go, and what the proxy answers.

use super::text_of;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A SOCKS 5 client's offer of methods.
#[must_use]
pub fn is_socks5_offer(bytes: &[u8]) -> bool {
    matches!(bytes, [5, count, methods @ ..] if *count > 0 && methods.len() == usize::from(*count))
}

/// Where a SOCKS 4 or 4a request wants to go.
#[must_use]
pub fn socks4_target(bytes: &[u8]) -> Option<Box<str>> {
    let [4, 1 | 2, high, low, a, b, c, d, rest @ ..] = bytes else {
        return None;
    };
    let port = u16::from_be_bytes([*high, *low]);
    let mut texts = rest.split(|byte| *byte == 0);
    texts.next()?;
    if !rest.contains(&0) {
        return None;
    }
    // 4a: an address 0.0.0.x, and the name after the user.
    let named = [*a, *b, *c] == [0, 0, 0] && *d != 0;
    let host = if named {
        text_of(texts.next()?)?.into()
    } else {
        Ipv4Addr::new(*a, *b, *c, *d).to_string()
    };
    Some(format!("{host}:{port}").into())
}

/// Where a SOCKS 5 request wants to go.
#[must_use]
pub fn socks5_target(bytes: &[u8]) -> Option<Box<str>> {
    let [5, 1..=3, 0, kind, rest @ ..] = bytes else {
        return None;
    };
    let (host, port) = match kind {
        1 => {
            let (ip, port) = rest.split_first_chunk::<4>()?;
            (Ipv4Addr::from(*ip).to_string(), port)
        }
        4 => {
            let (ip, port) = rest.split_first_chunk::<16>()?;
            (format!("[{}]", Ipv6Addr::from(*ip)), port)
        }
        3 => {
            let (name, port) = super::split_vector(rest, 1)?;
            (text_of(name)?.into(), port)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(*port.first_chunk::<2>()?);
    Some(format!("{host}:{port}").into())
}

/// A SOCKS 5 reply in words (RFC 1928 6).
#[must_use]
pub fn socks5_reply(code: u8) -> &'static str {
    match code {
        0 => "succeeded",
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unknown reply",
    }
}

/// A SOCKS 4 reply in words.
#[must_use]
pub fn socks4_reply(code: u8) -> &'static str {
    match code {
        90 => "granted",
        91 => "rejected or failed",
        92 => "the client runs no identd",
        93 => "identd knows another user",
        _ => "unknown reply",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_as_the_client_wrote_them() {
        assert!(is_socks5_offer(&[5, 2, 0, 2]) && !is_socks5_offer(&[5, 2, 0]) && !is_socks5_offer(&[5, 0]));
        assert_eq!(
            socks5_target(b"\x05\x01\0\x03\x02db\x15\x38").as_deref(),
            Some("db:5432")
        );
        assert_eq!(
            socks5_target(b"\x05\x01\0\x01\x0a\0\0\x01\0\x50").as_deref(),
            Some("10.0.0.1:80")
        );
        assert_eq!(socks5_target(b"\x05\x01\0\x03\x09db"), None);
        assert_eq!(
            socks4_target(b"\x04\x01\0\x50\x0a\0\0\x01me\0").as_deref(),
            Some("10.0.0.1:80")
        );
        assert_eq!(
            socks4_target(b"\x04\x01\0\x50\0\0\0\x01me\0db\0").as_deref(),
            Some("db:80")
        );
        assert_eq!(socks4_target(b"\x04\x01\0\x50\x0a\0\0\x01me"), None);
    }
}
