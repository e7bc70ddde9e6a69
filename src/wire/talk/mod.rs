//! What the first bytes of a connection say: TLS, HTTP, proxies, greetings. Bytes in, plain values out; total, and tolerant
//! of cut input. Whose bytes they are, and in which order, is the tracker's business.
//!
//! Own code and no crate: tls-parser brings nom and five more for what are 150 lines here, and gives nothing for a
//! ClientHello of which the end is missing; httparse wants whole lines, and only one line of HTTP is read.

pub mod greeting;
pub mod http;
pub mod proxy;
pub mod tls;

pub use greeting::{Greeting, Refusal};
pub use http::{Request, Status};
pub use tls::{Alert, ClientHello, ServerHello};

use crate::base::words;

words! {
    /// Which protocol the two ends speak.
    Protocol {
        Tls "tls" "TLS.",
        Http "http" "HTTP/1.",
        Http2 "http2" "HTTP/2 without TLS.",
        Socks4 "socks4" "SOCKS 4, to a proxy.",
        Socks5 "socks5" "SOCKS 5, to a proxy.",
        Ssh "ssh" "SSH.",
        Smtp "smtp" "SMTP.",
        Ftp "ftp" "FTP.",
        Imap "imap" "IMAP.",
        Pop3 "pop3" "POP3.",
        Mysql "mysql" "MySQL or MariaDB.",
        Postgres "postgresql" "PostgreSQL.",
        Redis "redis" "Redis.",
        Other "other" "Something else.",
    }
}

/// Longest text kept of what a stranger wrote.
const LONGEST_TEXT: usize = 200;

/// The printable part of the first line: no control characters, not too long; `None` where nothing is left.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Option<Box<str>> {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .take_while(|c| !matches!(c, '\r' | '\n' | '\0'))
        .filter(|c| !c.is_control())
        .take(LONGEST_TEXT)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

/// A vector whose length stands before it in `width` bytes, and what follows.
fn split_vector(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    rest.split_at_checked(number(length))
}

/// A number in network order.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}
