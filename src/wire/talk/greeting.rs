//! Servers that speak first, or that answer an attempt to log in: whom they are, and whether they send the client away.

use super::{Protocol, text_of};

/// A server's answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The protocol's number for it, where it has one.
    pub code: Option<u16>,
    /// Its words.
    pub text: Box<str>,
    /// What it objects to is the client's name, password or database, not the moment or the address.
    pub is_login: bool,
}

/// What a server's first bytes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Which protocol.
    pub protocol: Protocol,
    /// It sends the client away.
    pub refusal: Option<Refusal>,
}

impl Greeting {
    fn plain(protocol: Protocol) -> Self {
        Self {
            protocol,
            refusal: None,
        }
    }

    fn refused(protocol: Protocol, code: Option<u16>, text: &[u8]) -> Self {
        let refusal = text_of(text).map(|text| Refusal {
            code,
            text,
            is_login: false,
        });
        Self { protocol, refusal }
    }
}

/// A server's first bytes, before the client has said anything. `port` is the server's: it tells 220 from 220.
#[must_use]
pub fn read(bytes: &[u8], port: u16) -> Option<Greeting> {
    match bytes {
        [b'S', b'S', b'H', b'-', b'1' | b'2', b'.', ..] => Some(Greeting::plain(Protocol::Ssh)),
        // OpenSSH's sshd.c writes these instead of its version.
        _ if bytes.starts_with(b"Exceeded MaxStartups") || bytes.starts_with(b"Not allowed at this time") => {
            Some(Greeting::refused(Protocol::Ssh, None, bytes))
        }
        [
            a @ b'2'..=b'5',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b' ' | b'-',
            rest @ ..,
        ] => {
            let code = [a, b, c]
                .iter()
                .fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
            reply(code, rest, port)
        }
        [b'*', b' ', b'O', b'K', ..] | [b'*', b' ', b'P', b'R', b'E', ..] => Some(Greeting::plain(Protocol::Imap)),
        [b'*', b' ', b'B', b'Y', b'E', b' ', rest @ ..] => Some(Greeting::refused(Protocol::Imap, None, rest)),
        [b'+', b'O', b'K', b' ' | b'\r', ..] if port != 6379 => Some(Greeting::plain(Protocol::Pop3)),
        [b'-', b'E', b'R', b'R', b' ', rest @ ..] => {
            let protocol = if port == 110 { Protocol::Pop3 } else { Protocol::Redis };
            Some(Greeting::refused(protocol, None, rest))
        }
        [b'-', b'D', b'E', b'N', b'I', b'E', b'D', b' ', rest @ ..] => {
            Some(Greeting::refused(Protocol::Redis, None, rest))
        }
        _ => mysql(bytes),
    }
}

/// A reply code of SMTP (RFC 5321 4.2) or FTP (RFC 959 4.2): 220 welcomes; 421 and above send away.
fn reply(code: u16, rest: &[u8], port: u16) -> Option<Greeting> {
    let words = String::from_utf8_lossy(rest.get(..rest.len().min(120))?).to_ascii_lowercase();
    let protocol = match port {
        25 | 465 | 587 => Protocol::Smtp,
        21 | 990 => Protocol::Ftp,
        _ if words.contains("smtp") || words.contains("mail") => Protocol::Smtp,
        _ if words.contains("ftp") => Protocol::Ftp,
        _ => return None,
    };
    match code {
        220 | 120 => Some(Greeting::plain(protocol)),
        400..=599 => Some(Greeting::refused(protocol, Some(code), rest)),
        _ => None,
    }
}

/// A packet of MySQL's: three bytes of length, low byte first, a number, then 10 for a greeting or 255 for an error.
fn mysql(bytes: &[u8]) -> Option<Greeting> {
    let [a, b, c, 0, rest @ ..] = bytes else { return None };
    let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
    match rest {
        [0x0a, b'0'..=b'9', ..] if (20..1000).contains(&length) => Some(Greeting::plain(Protocol::Mysql)),
        [0xff, ..] if (4..1000).contains(&length) => {
            let refusal = mysql_error(bytes)?;
            Some(Greeting {
                protocol: Protocol::Mysql,
                refusal: Some(refusal),
            })
        }
        _ => None,
    }
}

/// MySQL's error packet, whatever its number in the dialogue.
#[must_use]
pub fn mysql_error(bytes: &[u8]) -> Option<Refusal> {
    let [_, _, _, _, 0xff, low, high, rest @ ..] = bytes else {
        return None;
    };
    let code = u16::from_le_bytes([*low, *high]);
    // `#` and five characters of SQL state, but not before the client has said what it can.
    let text = rest.strip_prefix(b"#").and_then(|rest| rest.get(5..)).unwrap_or(rest);
    (1000..10_000).contains(&code).then_some(())?;
    Some(Refusal {
        code: Some(code),
        text: text_of(text)?,
        is_login: matches!(code, 1044 | 1045 | 1049 | 1698 | 1251 | 1862 | 3118),
    })
}

/// A client's first bytes to PostgreSQL: a start-up message, or the question whether the server speaks TLS.
#[must_use]
pub fn is_postgres_start(bytes: &[u8]) -> bool {
    match bytes {
        [0, 0, high, low, 0, 3, 0, _, ..] => usize::from(u16::from_be_bytes([*high, *low])) >= 8,
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f | 0x30, ..] => true,
        _ => false,
    }
}

/// PostgreSQL's ErrorResponse: `E`, length, then fields, each a letter and a text that a zero ends.
#[must_use]
pub fn postgres_error(bytes: &[u8]) -> Option<Refusal> {
    let [b'E', 0, 0, _, _, fields @ ..] = bytes else {
        return None;
    };
    let (mut severity, mut state, mut message) = (None, None, None);
    for field in fields.split(|byte| *byte == 0) {
        match field {
            // `V` is never translated, `S` may be.
            [b'V', text @ ..] => severity = text_of(text),
            [b'S', text @ ..] if severity.is_none() => severity = text_of(text),
            [b'C', text @ ..] => state = text_of(text),
            [b'M', text @ ..] => message = text_of(text),
            _ => {}
        }
    }
    let state = state.unwrap_or_default();
    // An ordinary ERROR is a statement's, and the session goes on.
    let severity = severity.filter(|severity| matches!(&**severity, "FATAL" | "PANIC"))?;
    let text = format!("{severity}: {}", message?);
    let text = if state.is_empty() {
        text
    } else {
        format!("{text} ({state})")
    };
    Some(Refusal {
        code: None,
        text: text.into(),
        // Class 28: invalid authorization; 3D000: no such database.
        is_login: state.starts_with("28") || &*state == "3D000",
    })
}

/// A command in Redis' own form: an array of bulk strings.
#[must_use]
pub fn is_redis_command(bytes: &[u8]) -> bool {
    matches!(bytes, [b'*', b'1'..=b'9', b'\r', b'\n', b'$', ..])
}

/// Redis' errors that send a client away.
#[must_use]
pub fn redis_error(bytes: &[u8]) -> Option<Refusal> {
    let text = bytes.strip_prefix(b"-")?;
    let is_login = text.starts_with(b"NOAUTH") || text.starts_with(b"WRONGPASS");
    let sends_away = text.starts_with(b"ERR max number of clients") || text.starts_with(b"DENIED");
    (is_login || sends_away).then_some(())?;
    Some(Refusal {
        code: None,
        text: text_of(text)?,
        is_login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_speak_first_are_known_by_their_words() {
        let protocol = |bytes: &[u8], port| read(bytes, port).map(|greeting| (greeting.protocol, greeting.refusal));
        assert_eq!(protocol(b"SSH-2.0-OpenSSH_9.6\r\n", 22), Some((Protocol::Ssh, None)));
        assert_eq!(
            protocol(b"220 mx.example ESMTP\r\n", 2525),
            Some((Protocol::Smtp, None))
        );
        assert_eq!(protocol(b"220 (vsFTPd 3.0.5)\r\n", 21), Some((Protocol::Ftp, None)));
        assert_eq!(protocol(b"* OK IMAP4rev1\r\n", 143), Some((Protocol::Imap, None)));
        assert_eq!(protocol(b"404 nothing\r\n", 8080), None);
        let greeting = b"\x4a\0\0\0\x0a8.0.36\0rest";
        assert_eq!(protocol(greeting, 3306), Some((Protocol::Mysql, None)));
    }

    #[test]
    fn servers_that_send_away_give_their_reason() {
        let refusal = |bytes: &[u8], port| read(bytes, port).unwrap().refusal.unwrap();
        let full = refusal(b"\x17\0\0\0\xff\x10\x04Too many connections", 3306);
        assert_eq!(
            (full.code, &*full.text, full.is_login),
            (Some(1040), "Too many connections", false)
        );
        let busy = refusal(b"421 4.7.0 try again later\r\n", 25);
        assert_eq!((busy.code, &*busy.text), (Some(421), "4.7.0 try again later"));
        assert_eq!(&*refusal(b"Exceeded MaxStartups\r\n", 22).text, "Exceeded MaxStartups");
        assert_eq!(
            &*refusal(b"-ERR max number of clients reached\r\n", 6379).text,
            "max number of clients reached"
        );
    }

    #[test]
    fn a_database_says_why_it_lets_nobody_in() {
        assert!(
            is_postgres_start(b"\0\0\0\x29\0\x03\0\0user\0me\0") && is_postgres_start(b"\0\0\0\x08\x04\xd2\x16\x2f")
        );
        let error = postgres_error(b"E\0\0\0\x40SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0").unwrap();
        assert_eq!(&*error.text, "FATAL: sorry, too many clients already (53300)");
        assert!(!error.is_login);
        let denied = mysql_error(b"\x48\0\0\x02\xff\x15\x04#28000Access denied for user 'a'@'b'").unwrap();
        assert_eq!((denied.code, denied.is_login), (Some(1045), true));
        assert_eq!(redis_error(b"-ERR unknown command"), None);
        assert!(redis_error(b"-NOAUTH Authentication required.\r\n").unwrap().is_login);
    }

    #[test]
    fn every_cut_and_mutation_is_survived() {
        let samples: [&[u8]; 4] = [
            b"\x17\0\0\0\xff\x10\x04#08004Too many connections",
            b"E\0\0\0\x40SFATAL\0C53300\0Msorry\0\0",
            b"421 4.7.0 try again later\r\n",
            b"-ERR max number of clients reached\r\n",
        ];
        for sample in samples {
            for at in 0..sample.len() {
                let mut bytes = sample.to_vec();
                bytes[at] = bytes[at].wrapping_add(0x81);
                for bytes in [&sample[..at], &bytes[..]] {
                    let _ = (
                        read(bytes, 25),
                        mysql_error(bytes),
                        postgres_error(bytes),
                        redis_error(bytes),
                    );
                }
            }
        }
    }
}
