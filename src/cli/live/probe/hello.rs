//! A ClientHello such as browsers send (RFC 8446 4.1.2), and what the server says to it. Nothing is encrypted, decrypted or
//! verified: whether the hello is answered, with what version, or with which alert, stands in the clear.
//!
//! By hand, because that is what the question needs; rustls with its cryptography would double the program.

use crate::wire::talk::tls::{Alert, message, record, server_hello, version_name};
use std::hash::{BuildHasher, Hasher, RandomState};

/// Bytes of the hello: padded (RFC 7685) to a size that browsers had before post-quantum keys made theirs larger.
const SIZE: usize = 512;

/// What the server said to the hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Not enough yet.
    Partial,
    /// It goes on with the handshake, in words; `whole`: all that it says before the client's next turn is there, as far
    /// as can be seen.
    Goes { said: String, whole: bool },
    /// It sends the client away, in words.
    Refused(String),
    /// It speaks something else.
    NoTls,
}

/// A record with a ClientHello for `name`.
pub(super) fn client_hello(name: Option<&str>) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(noise());
    body.push(32);
    body.extend(noise());
    // TLS 1.3's three, then ECDHE and plain RSA for servers that know no better.
    let suites: [u16; 13] = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x002f,
    ];
    body.extend(vector(2, &suites.map(u16::to_be_bytes).concat()));
    body.extend([1, 0]);
    let mut all = extensions(name);
    // Headers of the message, of the list and of the padding itself.
    let padding = SIZE.saturating_sub(4 + body.len() + 2 + all.len() + 4);
    all.extend(extension(21, &vec![0; padding]));
    body.extend(vector(2, &all));
    let mut hello = vec![1];
    hello.extend(vector(3, &body));
    let mut bytes = vec![22, 3, 1];
    bytes.extend(vector(2, &hello));
    bytes
}

fn extensions(name: Option<&str>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(name) = name {
        let mut host = vec![0];
        host.extend(vector(2, name.as_bytes()));
        all.extend(extension(0, &vector(2, &host)));
    }
    all.extend(extension(23, &[])); // extended_master_secret
    all.extend(extension(0xff01, &[0])); // renegotiation_info
    all.extend(extension(10, &[0, 6, 0, 29, 0, 23, 0, 24])); // x25519, secp256r1, secp384r1
    all.extend(extension(11, &[1, 0])); // uncompressed points
    all.extend(extension(16, b"\0\x0c\x02h2\x08http/1.1"));
    let signatures: [u16; 9] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0807];
    all.extend(extension(13, &vector(2, &signatures.map(u16::to_be_bytes).concat())));
    // Any 32 bytes are a public key of X25519 (RFC 7748 5); nobody has its secret, so the handshake can go no further.
    let mut share = vec![0, 29];
    share.extend(vector(2, &noise()));
    all.extend(extension(51, &vector(2, &share)));
    all.extend(extension(45, &[1, 1])); // psk_dhe_ke
    all.extend(extension(43, &[4, 3, 4, 3, 3])); // TLS 1.3, 1.2
    all
}

/// `user_canceled` and `close_notify` (RFC 8446 6.1): the client leaves, and nothing was wrong.
pub(super) const FAREWELL: [u8; 14] = [21, 3, 3, 0, 2, 1, 90, 21, 3, 3, 0, 2, 1, 0];

/// What the server has said so far.
pub(super) fn answer(bytes: &[u8]) -> Answer {
    if record(bytes).is_none() && bytes.len() >= 5 || bytes.first().is_some_and(|kind| !(20..=24).contains(kind)) {
        return Answer::NoTls;
    }
    let (mut rest, mut joined, mut encrypted, mut whole) = (bytes, Vec::new(), false, true);
    while let Some((kind, length)) = record(rest) {
        let Some(content) = rest.get(5..5 + length) else {
            whole = false;
            break;
        };
        rest = rest.get(5 + length..).unwrap_or_default();
        match (kind, content) {
            (21, &[level, description]) => {
                let alert = Alert {
                    level,
                    description: Some(description),
                };
                // Behind warnings (unrecognized_name is a common one) the handshake goes on.
                if alert.is_fatal() || alert.is_farewell() {
                    return Answer::Refused(format!("alert {}", alert.text()));
                }
            }
            (22, content) if !encrypted => joined.extend_from_slice(content),
            (23, _) => encrypted = true,
            _ => {}
        }
    }
    let Some(hello) = hello_in(&joined) else {
        return Answer::Partial;
    };
    let is_done = encrypted || hello.last || hello.retry;
    Answer::Goes {
        said: hello.said,
        whole: whole && rest.is_empty() && is_done,
    }
}

/// What a server's plain handshake messages say.
struct Hello {
    said: String,
    retry: bool,
    /// ServerHelloDone was there, the last of TLS 1.2 before the client's turn.
    last: bool,
}

fn hello_in(joined: &[u8]) -> Option<Hello> {
    let (kind, body, is_whole) = message(joined)?;
    let hello = server_hello(body, is_whole).filter(|_| kind == 2 && is_whole)?;
    let alpn = hello
        .alpn
        .as_deref()
        .map_or_else(String::new, |alpn| format!(", ALPN {alpn}"));
    let retry = if hello.retry {
        ", which asks for another key (HelloRetryRequest)"
    } else {
        ""
    };
    let mut rest = joined.get(4 + body.len()..).unwrap_or_default();
    let mut last = false;
    while let Some((kind, body, true)) = message(rest) {
        last |= kind == 14;
        rest = rest.get(4 + body.len()..).unwrap_or_default();
    }
    Some(Hello {
        said: format!("ServerHello: {}{alpn}{retry}", version_name(hello.version)),
        retry: hello.retry,
        last,
    })
}

/// 32 bytes that differ each time; they protect nothing.
fn noise() -> [u8; 32] {
    let mut bytes = [0; 32];
    for part in bytes.chunks_mut(8) {
        let number = RandomState::new().build_hasher().finish();
        part.copy_from_slice(&number.to_be_bytes()[..part.len()]);
    }
    bytes
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(vector(2, value));
    bytes
}

/// `value` behind its length in `width` bytes.
fn vector(width: usize, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_be_bytes();
    let mut bytes = length.get(4 - width..).unwrap_or_default().to_vec();
    bytes.extend(value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::talk::tls::client_hello as read;

    fn server_hello(version: [u8; 2], more: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0x13, 1, 0]);
        let mut list = extension(43, &version);
        list.extend(extension(16, b"\0\x03\x02h2"));
        body.extend(vector(2, &list));
        let mut bytes = vec![2];
        bytes.extend(vector(3, &body));
        bytes.extend(more);
        let mut all = vec![22, 3, 3];
        all.extend(vector(2, &bytes));
        all
    }

    #[test]
    fn the_hello_is_one_that_our_own_reader_understands() {
        let bytes = client_hello(Some("db.example"));
        assert_eq!(bytes.len(), 5 + SIZE);
        assert_eq!(record(&bytes), Some((22, SIZE)));
        let (kind, body, is_whole) = message(&bytes[5..]).unwrap();
        assert_eq!((kind, is_whole), (1, true));
        let hello = read(body, is_whole);
        assert_eq!(
            (hello.name.as_deref(), hello.version, hello.cut),
            (Some("db.example"), 0x0304, false)
        );
        assert_eq!(hello.alpn.as_deref(), Some("h2,http/1.1"));
        assert_eq!(client_hello(None).len(), 5 + SIZE);
        assert_ne!(client_hello(None), client_hello(None));
        let long = client_hello(Some(&"a".repeat(250)));
        assert!(message(&long[5..]).is_some_and(|(_, _, is_whole)| is_whole));
    }

    #[test]
    fn a_server_hello_is_read_in_any_pieces() {
        let mut bytes = server_hello([3, 4], &[]);
        let hello = bytes.len();
        bytes.extend([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 3, 7, 7, 7]);
        for end in 0..hello {
            assert_eq!(answer(&bytes[..end]), Answer::Partial, "{end}");
        }
        for end in hello..=bytes.len() {
            let Answer::Goes { said, whole } = answer(&bytes[..end]) else {
                panic!("{end}")
            };
            assert_eq!(said, "ServerHello: TLS 1.3, ALPN h2");
            assert_eq!(whole, end == bytes.len(), "{end}");
        }
    }

    #[test]
    fn the_last_message_of_tls_1_2_ends_its_turn() {
        let bytes = server_hello([3, 3], &[11, 0, 0, 2, 5, 5, 14, 0, 0, 0]);
        assert!(matches!(answer(&bytes), Answer::Goes { whole: true, .. }));
        let bytes = server_hello([3, 3], &[11, 0, 0, 2, 5, 5]);
        assert!(matches!(answer(&bytes), Answer::Goes { whole: false, .. }));
    }

    #[test]
    fn alerts_and_other_protocols_are_told_apart() {
        assert_eq!(
            answer(&[21, 3, 3, 0, 2, 2, 40]),
            Answer::Refused("alert handshake_failure (40)".to_owned())
        );
        assert_eq!(answer(&[21, 3, 3, 0, 2, 1, 112]), Answer::Partial, "a warning");
        assert_eq!(answer(b"HTTP/1.1 400 Bad Request\r\n"), Answer::NoTls);
        assert_eq!(answer(b"H"), Answer::NoTls);
        assert_eq!(answer(&[22, 3]), Answer::Partial);
        assert_eq!(answer(&[22, 9, 9, 0, 1]), Answer::NoTls);
    }
}
