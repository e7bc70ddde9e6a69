//! TLS in the clear: ClientHello, ServerHello, alerts (RFC 8446 4 to 6).

use super::{number, split_vector, text_of};
use crate::wire::hello::name_of;

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The server's name that it asks for (RFC 6066 3); with ECH only the name in front.
    pub name: Option<Box<str>>,
    /// Protocols offered, comma-separated (RFC 7301).
    pub alpn: Option<Box<str>>,
    /// Highest version offered, as on the wire: 0x0304 is TLS 1.3; 0 where it was not captured.
    pub version: u16,
    /// It bears the extension `encrypted_client_hello`. Whether in earnest or as grease, nobody can see: that is its purpose.
    pub ech: bool,
    /// Its end was not captured.
    pub cut: bool,
}

/// What the server chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// Version; 0 where it was not captured.
    pub version: u16,
    /// It asked for another ClientHello first (HelloRetryRequest).
    pub retry: bool,
    /// The protocol chosen, where that is in the clear.
    pub alpn: Option<Box<str>>,
}

/// Level and description of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// 1 warning, 2 fatal; 0 where it is encrypted.
    pub level: u8,
    /// Its number; `None` where it is encrypted.
    pub description: Option<u8>,
}

impl Alert {
    /// An alert that cannot be read.
    pub const ENCRYPTED: Self = Self {
        level: 0,
        description: None,
    };

    /// The ordinary end: `close_notify`, or `user_canceled` before it.
    #[must_use]
    pub fn is_farewell(&self) -> bool {
        matches!(self.description, Some(0 | 90))
    }

    /// Ends the connection, as far as can be read. In TLS 1.3 all are, but the two farewells.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.level == 2 && !self.is_farewell()
    }

    /// Its name and number: `unknown_ca (48)`.
    #[must_use]
    pub fn text(&self) -> String {
        self.description.map_or_else(
            || "that is encrypted".into(),
            |number| format!("{} ({number})", name_of_alert(number)),
        )
    }
}

/// IANA's TLS Alerts.
#[must_use]
pub fn name_of_alert(number: u8) -> &'static str {
    match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => "unknown alert",
    }
}

/// What a version number is called.
#[must_use]
pub fn version_name(version: u16) -> &'static str {
    match version {
        0x0200 => "SSL 2",
        0x0300 => "SSL 3",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => "unknown",
    }
}

/// Header of a record: type and length. `None` where these bytes begin no record.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [kind @ 20..=24, 3, 0..=4, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            // RFC 8446 5.2: 2^14 and the cipher's due; TLS 1.2 allowed 2048 for it.
            (length <= (1 << 14) + 2048).then_some((*kind, length))
        }
        _ => None,
    }
}

/// The handshake message at the beginning of `bytes` (RFC 8446 4): type, body as far as it is there, and whether it is whole.
#[must_use]
pub fn message(bytes: &[u8]) -> Option<(u8, &[u8], bool)> {
    let [kind, a, b, c, body @ ..] = bytes else { return None };
    let wanted = number(&[*a, *b, *c]);
    Some((*kind, body.get(..wanted).unwrap_or(body), body.len() >= wanted))
}

/// The body of a ClientHello (RFC 8446 4.1.2), as far as it is there.
#[must_use]
pub fn client_hello(body: &[u8], is_whole: bool) -> ClientHello {
    let mut hello = ClientHello {
        version: body.get(..2).map_or(0, |version| number(version) as u16),
        cut: !is_whole,
        ..ClientHello::default()
    };
    let mut offered = None;
    for (kind, value) in Extensions(client_extensions(body).unwrap_or_default()) {
        match kind {
            0 => hello.name = server_name(value),
            16 => hello.alpn = protocols(value),
            43 => offered = highest(value),
            0xfe0d => hello.ech = true,
            _ => {}
        }
    }
    // What the end would have said of versions is not known.
    let unknown = !is_whole && hello.version == 0x0303;
    hello.version = offered.unwrap_or(if unknown { 0 } else { hello.version });
    hello
}

/// The body of a ServerHello (RFC 8446 4.1.3).
#[must_use]
pub fn server_hello(body: &[u8], is_whole: bool) -> Option<ServerHello> {
    /// SHA-256 of "HelloRetryRequest".
    const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
    let mut hello = ServerHello {
        version: number(body.get(..2)?) as u16,
        retry: body.get(2..10)? == RETRY,
        alpn: None,
    };
    let after_random = body.get(34..).unwrap_or_default();
    let extensions = split_vector(after_random, 1).and_then(|(_, rest)| rest.get(5..));
    for (kind, value) in Extensions(extensions.unwrap_or_default()) {
        match (kind, value) {
            (43, [high, low]) => hello.version = u16::from_be_bytes([*high, *low]),
            (16, _) => hello.alpn = protocols(value),
            _ => {}
        }
    }
    // TLS 1.3 calls itself 1.2 there, and says better in an extension.
    if !is_whole && hello.version == 0x0303 {
        hello.version = 0;
    }
    Some(hello)
}

/// What follows session id, cipher suites and compression methods.
fn client_extensions(body: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_vector(body.get(34..)?, 1)?;
    let (_, rest) = split_vector(rest, 2)?;
    let (_, rest) = split_vector(rest, 1)?;
    rest.get(2..)
}

/// Type and value of each extension that is whole.
struct Extensions<'a>(&'a [u8]);

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first_chunk::<2>()?;
        let (value, rest) = split_vector(rest, 2)?;
        self.0 = rest;
        Some((u16::from_be_bytes(*kind), value))
    }
}

/// A list of names, each with its type; 0 is a host name.
fn server_name(value: &[u8]) -> Option<Box<str>> {
    let (_, host) = value.get(2..)?.split_first().filter(|(kind, _)| **kind == 0)?;
    name_of(split_vector(host, 2)?.0)
}

/// A list of protocols, without grease (RFC 8701).
fn protocols(value: &[u8]) -> Option<Box<str>> {
    let mut rest = split_vector(value, 2)?.0;
    let mut names = String::new();
    while let Some((protocol, after)) = split_vector(rest, 1) {
        rest = after;
        if let Some(name) = text_of(protocol).filter(|name| name.is_ascii()) {
            if !names.is_empty() {
                names.push(',');
            }
            names.push_str(&name);
        }
        if names.len() > super::LONGEST_TEXT {
            break;
        }
    }
    (!names.is_empty()).then(|| names.into())
}

/// The highest version in a list, without grease.
fn highest(value: &[u8]) -> Option<u16> {
    let (versions, _) = split_vector(value, 1)?;
    let versions = versions.chunks_exact(2).map(|pair| number(pair) as u16);
    versions.filter(|version| version >> 8 == 3).max()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(value);
        bytes
    }

    /// A ClientHello in records of at most `most` bytes.
    pub(crate) fn client_hello_records(name: &str, most: usize) -> Vec<u8> {
        let mut list = vec![0];
        list.extend((name.len() as u16).to_be_bytes());
        list.extend(name.as_bytes());
        let mut names = (list.len() as u16).to_be_bytes().to_vec();
        names.extend(list);
        let mut extensions = extension(0x1a1a, &[]);
        // A key share of the size that post-quantum key exchange has.
        extensions.extend(extension(51, &[7; 1216]));
        extensions.extend(extension(43, &[6, 0x7a, 0x7a, 3, 4, 3, 3]));
        extensions.extend(extension(16, b"\0\x0c\x02h2\x08http/1.1"));
        extensions.extend(extension(0xfe0d, &[0; 30]));
        extensions.extend(extension(0, &names));
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        let mut stream = Vec::new();
        for part in message.chunks(most) {
            stream.extend([22, 3, 1]);
            stream.extend((part.len() as u16).to_be_bytes());
            stream.extend(part);
        }
        stream
    }

    #[test]
    fn a_client_hello_tells_what_is_offered() {
        let stream = client_hello_records("www.Example.org", 16_000);
        let (kind, body, is_whole) = message(&stream[5..]).unwrap();
        assert_eq!((kind, is_whole), (1, true));
        let hello = client_hello(body, is_whole);
        assert_eq!(hello.name.as_deref(), Some("www.example.org"));
        assert_eq!(hello.alpn.as_deref(), Some("h2,http/1.1"));
        assert_eq!((hello.version, hello.ech, hello.cut), (0x0304, true, false));
    }

    #[test]
    fn a_cut_client_hello_tells_what_is_left() {
        let stream = client_hello_records("a.example", 16_000);
        for end in 9..stream.len() {
            let (kind, body, is_whole) = message(&stream[5..end]).unwrap();
            assert_eq!((kind, is_whole), (1, false));
            assert!(client_hello(body, is_whole).cut);
        }
    }

    #[test]
    fn a_server_hello_tells_the_version_and_a_retry() {
        let mut body = vec![3, 3];
        body.extend([0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11]);
        body.extend([0; 24]);
        body.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        let hello = server_hello(&body, true).unwrap();
        assert_eq!((hello.version, hello.retry), (0x0304, true));
        assert_eq!(server_hello(&body[..34], true).unwrap().version, 0x0303);
        assert_eq!(server_hello(&body[..34], false).unwrap().version, 0);
        assert_eq!(server_hello(&body[..5], true), None);
    }

    #[test]
    fn alerts_have_their_names() {
        let alert = Alert {
            level: 2,
            description: Some(48),
        };
        assert_eq!(alert.text(), "unknown_ca (48)");
        assert!(alert.is_fatal() && !alert.is_farewell());
        assert!(!Alert::ENCRYPTED.is_fatal());
    }

    #[test]
    fn noise_is_survived() {
        let stream = client_hello_records("a.example", 16_000);
        for at in 0..stream.len() {
            for value in [0, 1, 22, 0xff] {
                let mut bytes = stream.clone();
                bytes[at] = value;
                let _ = record(&bytes);
                if let Some((_, body, is_whole)) = message(&bytes[5..]) {
                    let _ = (client_hello(body, is_whole), server_hello(body, is_whole));
                }
            }
        }
    }
}
