//! The words of a packet line, and what they state.

use super::Read;
use super::options::{number, offset, read_options};
use crate::base::Seq;
use crate::wire::{Options, PayloadKind};
use std::str::FromStr;

/// The words of a line, taken one after the other; `<…>` is one word once the arrow is behind.
pub(super) struct Words<'a> {
    rest: &'a str,
    options: bool,
}

impl<'a> Words<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self {
            rest: rest.trim(),
            options: false,
        }
    }

    /// From here on `<` opens options.
    pub(super) fn with_options(self) -> Read<Self> {
        if self.rest.matches('<').count() == self.rest.matches('>').count() {
            Ok(Self { options: true, ..self })
        } else {
            Err("`<` without `>`".to_string())
        }
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        Words {
            rest: self.rest,
            options: self.options,
        }
        .next()
    }

    /// The number that must follow `after`.
    pub(super) fn expect<T: FromStr>(&mut self, after: &str) -> Read<T> {
        number(self.next().ok_or_else(|| format!("`{after}` needs a value"))?)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let ends = |c: char| c.is_whitespace() || (self.options && c == '<');
        let end = if self.rest.starts_with('"') {
            self.rest.get(1..).and_then(|rest| rest.find('"')).map(|at| at + 2)
        } else if self.options && self.rest.starts_with('<') {
            self.rest.find('>').map(|at| at + 1)
        } else {
            self.rest.find(ends)
        };
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }
}

/// What a packet line says after its numbers.
#[derive(Default)]
pub(super) struct Stated {
    pub options: Option<Options>,
    pub ack: Option<Seq>,
    pub raw_ack: Option<u32>,
    pub window: Option<u16>,
    pub ttl: Option<u8>,
    pub id: Option<u16>,
    pub sum: Option<u16>,
    pub isn: bool,
    pub interface: Option<u16>,
    pub path: Option<u32>,
    pub kind: Option<PayloadKind>,
    pub name: Option<Box<str>>,
    pub payload: Option<Vec<u8>>,
    pub header_cut: bool,
    pub copy: bool,
}

impl Stated {
    /// `peer` is the ISN of the other side, whose bytes `ack` and `sack` name.
    pub(super) fn read(words: &mut Words<'_>, peer: Seq) -> Read<Self> {
        let mut stated = Self::default();
        while let Some(word) = words.next() {
            match word {
                "ack" => stated.ack = Some(peer.plus(offset(words.next().unwrap_or_default())?)),
                "rawack" => stated.raw_ack = Some(words.expect(word)?),
                "win" => stated.window = Some(words.expect(word)?),
                "ttl" => stated.ttl = Some(words.expect(word)?),
                "id" => stated.id = Some(words.expect(word)?),
                "sum" => stated.sum = Some(words.expect(word)?),
                "iface" => stated.interface = Some(words.expect(word)?),
                "path" => stated.path = Some(words.expect(word)?),
                "isn" => stated.isn = words.expect::<u32>(word).is_ok(),
                "copy" => stated.copy = true,
                "header-cut" => stated.header_cut = true,
                "unread" => stated.kind = Some(PayloadKind::None),
                "tls" | "http" => stated.read_payload(word, words)?,
                "text" | "hex" => stated.read_bytes(word, words)?,
                _ => match word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
                    Some(inside) => stated.options = Some(read_options(inside, peer)?),
                    None => return Err(format!("unknown word `{word}`")),
                },
            }
        }
        Ok(stated)
    }

    /// Payload bytes, which say themselves what they are.
    fn read_bytes(&mut self, form: &str, words: &mut Words<'_>) -> Read<()> {
        let word = words.next().unwrap_or_default();
        let bytes = if form == "hex" { hex(word) } else { text(word) };
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let bytes =
            bytes.ok_or_else(|| format!("`{form}` needs {}", if form == "hex" { "digits" } else { "\"text\"" }))?;
        let (kind, name) = crate::wire::payload_kind(&bytes);
        (self.kind, self.name, self.payload) = (Some(kind), name, Some(bytes));
        Ok(())
    }

    fn read_payload(&mut self, protocol: &str, words: &mut Words<'_>) -> Read<()> {
        let what = words.next().unwrap_or_default();
        let kind = match (protocol, what) {
            ("tls", "hello") => PayloadKind::TlsClientHello,
            ("tls", "server") => PayloadKind::TlsServerHello,
            ("tls", "alert") => PayloadKind::TlsAlert,
            ("tls", "data") => PayloadKind::TlsData,
            ("http", "request") => PayloadKind::HttpRequest,
            ("http", "response") => PayloadKind::HttpResponse,
            ("http", "error") => PayloadKind::HttpError,
            _ => return Err(format!("unknown payload `{protocol} {what}`")),
        };
        self.kind = Some(kind);
        if matches!(kind, PayloadKind::TlsClientHello | PayloadKind::HttpRequest) {
            let name = words
                .next()
                .ok_or_else(|| format!("`{protocol} {what}` needs a name, or `-` for none"))?;
            self.name = (name != "-").then(|| name.into());
        }
        Ok(())
    }
}

/// `160301…`
fn hex(word: &str) -> Option<Vec<u8>> {
    let digits = word.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(|pair| byte(pair).filter(|_| pair.len() == 2)).collect()
}

/// `"GET / HTTP/1.1\r\n"`: `\r`, `\n`, `\\` and `\xNN` as in Rust.
fn text(word: &str) -> Option<Vec<u8>> {
    let mut rest = word.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::new();
    while let Some((plain, after)) = rest.split_once('\\') {
        bytes.extend(plain.bytes());
        let (letter, more) = after.split_at_checked(1)?;
        rest = more;
        match letter {
            "r" => bytes.push(b'\r'),
            "n" => bytes.push(b'\n'),
            "\\" => bytes.push(b'\\'),
            "x" => {
                let (digits, more) = rest.split_at_checked(2)?;
                bytes.extend(hex(digits)?);
                rest = more;
            }
            _ => return None,
        }
    }
    bytes.extend(rest.bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn payload_bytes_may_stand_in_a_line() {
        let script = Script::parse(
            "0 > P. 1:30(29) ack 1 text \"GET / HTTP/1.1\\r\\nHost: a\\x3b\\r\\n\" win 3\n+0 < P. 1:8(7) ack 30 hex 15030300020230",
        )
        .unwrap();
        assert_eq!(script.events[0].payload, b"GET / HTTP/1.1\r\nHost: a;\r\n");
        let segments: Vec<_> = script.segments().collect();
        assert_eq!((segments[0].kind, segments[0].window), (PayloadKind::HttpRequest, 3));
        assert_eq!(segments[0].name.as_deref(), Some("a;"));
        assert_eq!(
            (segments[1].kind, script.events[1].payload.len()),
            (PayloadKind::TlsAlert, 7)
        );
        for bad in ["hex 1", "hex xx", "text x", "text \"\\q\"", "text \"abcdef\"", "hex"] {
            assert!(Script::parse(&format!("0 > P. 1:6(5) ack 1 {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn payloads_say_what_they_are() {
        let heard = Script::parse(
            "0 > P. 1:9(8) ack 1 tls hello a.example\n+0 > P. 9:10(1) ack 1 http request - win 3\n+0 < . 1:2(1) ack 1 unread\n+0 < . 2:3(1) ack 1",
        )
        .unwrap();
        let kinds: Vec<_> = heard
            .segments()
            .map(|segment| (segment.kind, segment.name.as_deref()))
            .collect();
        assert_eq!(kinds[0], (PayloadKind::TlsClientHello, Some("a.example")));
        assert_eq!(kinds[1], (PayloadKind::HttpRequest, None));
        assert_eq!((kinds[2].0, kinds[3].0), (PayloadKind::None, PayloadKind::Other));
    }

    #[test]
    fn contradictions_are_errors() {
        for bad in [
            "0 > S 0:1(0)",
            "0 > S 0:0",
            "0 > S",
            "0 >",
            "0 > X 0:0(0)",
            "0 > . 0:0(0)",
            "0 > S 0:0(0) ack 1",
            "0 > S 0:0(0) what",
            "0 > S 0:0(0) win 65536",
            "0 > S 0:0(0) win",
            "0 > S 0:0(0) tls data",
            "0 > S 0:0(0) copy",
            "0 > P 0:1(1) tls what",
            "0 > P 0:1(1) tls hello",
            "0 > S 0:0(0)\n+0 > S 0:0(0) isn 5",
            "0 > S 0:0(0)\n+0 > S 0:0(0) copy win 5",
            "@ client [::1]:1\n@ server [::2]:2\n0 > S 0:0(0) id 4",
            "0 > S. 0:0(0) ack",
        ] {
            assert!(Script::parse(bad).is_err(), "{bad}");
        }
    }
}
