//! The first payload bytes of a segment: TLS or HTTP, and the name that the client asks for. Tolerant of cut input.

use super::PayloadKind;

/// Bytes of an HTTP head that are searched for its `Host` field.
const HEAD_SEARCHED: usize = 4096;

/// Longest name taken as true: a domain name has at most 253 characters (RFC 1035 2.3.4).
const MAX_NAME: usize = 255;

/// What `payload` begins with, and the server's name if it states one.
pub(super) fn read(payload: &[u8]) -> (PayloadKind, Option<Box<str>>) {
    let kind = kind_of(payload);
    (kind, name_in(kind, payload))
}

/// What `payload` begins with.
#[inline(always)]
pub(super) fn kind_of(payload: &[u8]) -> PayloadKind {
    match payload {
        [] => PayloadKind::None,
        [20..=23, 3, 0..=4, ..] => kind_of_record(payload),
        [b'A'..=b'Z', b'A'..=b'Z' | b'-', ..] => kind_of_http(payload),
        // A ClientHello in the old format, offering SSL 3 or TLS (RFC 5246 E.2).
        [first, _, 1, 3, 0..=4, ..] if *first >= 0x80 => PayloadKind::TlsClientHello,
        _ => PayloadKind::Other,
    }
}

/// A payload of this kind may state the server's name.
pub(super) fn may_have_name(kind: PayloadKind) -> bool {
    matches!(kind, PayloadKind::TlsClientHello | PayloadKind::HttpRequest)
}

/// The server's name, if a payload of this kind states one.
#[inline(never)]
pub(super) fn name_in(kind: PayloadKind, payload: &[u8]) -> Option<Box<str>> {
    match kind {
        PayloadKind::TlsClientHello => read_server_name(payload),
        PayloadKind::HttpRequest => read_host(payload),
        _ => None,
    }
}

/// RFC 8446 5.1: type, version, length, content.
fn kind_of_record(payload: &[u8]) -> PayloadKind {
    match payload {
        [22, _, _, _, _, 1, ..] => PayloadKind::TlsClientHello,
        [22, _, _, _, _, _, ..] => PayloadKind::TlsServerHello,
        // Two bytes, level and description; an encrypted alert is longer.
        [21, _, _, 0, 2, ..] => PayloadKind::TlsAlert,
        [20 | 21 | 23, ..] => PayloadKind::TlsData,
        _ => PayloadKind::Other,
    }
}

/// The name in the `server_name` extension (RFC 6066 3) of a `ClientHello` (RFC 8446 4.1.2).
#[inline(never)]
fn read_server_name(payload: &[u8]) -> Option<Box<str>> {
    // The old format has no names.
    let [22, ..] = payload else { return None };
    // Record and handshake headers, version, random.
    let rest = payload.get(5 + 4 + 2 + 32..)?;
    let (_, rest) = split_vector(rest, 1)?; // session id
    let (_, rest) = split_vector(rest, 2)?; // cipher suites
    let (_, rest) = split_vector(rest, 1)?; // compression methods
    let mut extensions = rest.get(2..)?;
    while let [high, low, rest @ ..] = extensions {
        let (value, rest) = split_vector(rest, 2)?;
        if (*high, *low) == (0, 0) {
            // A list of names, each with its type; 0 is a host name.
            let (_, host) = value.get(2..)?.split_first().filter(|(kind, _)| **kind == 0)?;
            return name_of(split_vector(host, 2)?.0);
        }
        extensions = rest;
    }
    None
}

/// A vector whose length stands before it in `width` bytes, and what follows.
fn split_vector(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// RFC 9112 3 and 4.
#[inline(never)]
fn kind_of_http(payload: &[u8]) -> PayloadKind {
    if let Some(rest) = payload.strip_prefix(b"HTTP/1.") {
        return match rest {
            [_, b' ', b'5', ..] => PayloadKind::HttpError,
            _ => PayloadKind::HttpResponse,
        };
    }
    if is_request(payload) {
        PayloadKind::HttpRequest
    } else {
        PayloadKind::Other
    }
}

/// A known method, and a version at the end of the line if that was captured: RTSP and SIP have `OPTIONS` too.
fn is_request(payload: &[u8]) -> bool {
    const METHODS: [&[u8]; 20] = [
        b"GET",
        b"POST",
        b"HEAD",
        b"PUT",
        b"DELETE",
        b"OPTIONS",
        b"PATCH",
        b"CONNECT",
        b"TRACE",
        b"PROPFIND",
        b"PROPPATCH",
        b"MKCOL",
        b"COPY",
        b"MOVE",
        b"LOCK",
        b"UNLOCK",
        b"REPORT",
        b"SEARCH",
        b"M-SEARCH",
        b"PRI",
    ];
    let Some(end) = payload.iter().take(12).position(|byte| *byte == b' ') else {
        return false;
    };
    let Some((method, rest)) = payload.split_at_checked(end) else {
        return false;
    };
    if !METHODS.contains(&method) {
        return false;
    }
    match rest.iter().take(HEAD_SEARCHED).position(|byte| *byte == b'\n') {
        Some(end) => rest.get(..end).is_some_and(|line| find(line, b" HTTP/").is_some()),
        None => true,
    }
}

/// The `Host` field without its port.
#[inline(never)]
fn read_host(payload: &[u8]) -> Option<Box<str>> {
    let head = payload.get(..HEAD_SEARCHED).unwrap_or(payload);
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').skip(1);
    let value = lines.find_map(|line| {
        let line = line.strip_suffix(b"\n")?; // A cut line would give half a name.
        let (field, value) = line.split_at_checked(5)?;
        field.eq_ignore_ascii_case(b"host:").then(|| value.trim_ascii())
    })?;
    let port = value.iter().rposition(|byte| *byte == b':').filter(|colon| {
        let digits = value.get(colon + 1..).unwrap_or_default();
        digits.iter().all(u8::is_ascii_digit) && !value.get(..*colon).unwrap_or_default().ends_with(b":")
    });
    name_of(port.and_then(|colon| value.get(..colon)).unwrap_or(value))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// `bytes` in lower case, if they are a plausible name: printable ASCII without spaces.
pub(super) fn name_of(bytes: &[u8]) -> Option<Box<str>> {
    let plausible = (1..=MAX_NAME).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(bytes).ok().filter(|_| plausible)?;
    Some(text.to_ascii_lowercase().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `ClientHello` with a GREASE extension before the name.
    fn client_hello(name: &str) -> Vec<u8> {
        let name_length = name.len() as u16;
        let mut extensions = vec![0x0a, 0x0a, 0, 1, 0, 0, 0];
        extensions.extend((name_length + 5).to_be_bytes());
        extensions.extend((name_length + 3).to_be_bytes());
        extensions.push(0);
        extensions.extend(name_length.to_be_bytes());
        extensions.extend(name.as_bytes());
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([2, 9, 9, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut hello = vec![22, 3, 1];
        hello.extend((body.len() as u16 + 4).to_be_bytes());
        hello.extend([1, 0]);
        hello.extend((body.len() as u16).to_be_bytes());
        hello.extend(body);
        hello
    }

    #[test]
    fn a_client_hello_gives_its_server_name() {
        let (kind, name) = read(&client_hello("WWW.Example.org"));
        assert_eq!(kind, PayloadKind::TlsClientHello);
        assert_eq!(name.as_deref(), Some("www.example.org"));
    }

    #[test]
    fn a_cut_client_hello_is_still_one() {
        let hello = client_hello("www.example.org");
        for end in 6..hello.len() {
            assert_eq!(read(&hello[..end]), (PayloadKind::TlsClientHello, None));
        }
    }

    #[test]
    fn hostile_names_are_no_names() {
        for name in ["a b", "a\nb", "ü.example", "", "\u{1b}[31m"] {
            assert_eq!(read(&client_hello(name)).1, None, "{name:?}");
        }
        assert_eq!(read(&client_hello(&"a".repeat(300))).1, None);
    }

    #[test]
    fn tls_records_are_told_apart() {
        let kind = |bytes: &[u8]| read(bytes).0;
        assert_eq!(kind(&[22, 3, 3, 0, 90, 2, 0, 0]), PayloadKind::TlsServerHello);
        assert_eq!(kind(&[21, 3, 3, 0, 2, 2, 40]), PayloadKind::TlsAlert);
        assert_eq!(kind(&[21, 3, 3, 0, 26, 9, 9]), PayloadKind::TlsData);
        assert_eq!(kind(&[23, 3, 3, 4, 0]), PayloadKind::TlsData);
        assert_eq!(kind(&[20, 3, 3, 0, 1, 1]), PayloadKind::TlsData);
        assert_eq!(kind(&[0x80, 46, 1, 3, 1, 0]), PayloadKind::TlsClientHello);
        assert_eq!(kind(&[22, 3, 3]), PayloadKind::Other);
    }

    #[test]
    fn a_request_gives_its_host_without_port() {
        let ask = |host: &str| read(format!("GET /a HTTP/1.1\r\nA: b\r\nhost: {host}\r\n\r\n").as_bytes()).1;
        assert_eq!(ask("Example.org:8080").as_deref(), Some("example.org"));
        assert_eq!(ask("example.org").as_deref(), Some("example.org"));
        assert_eq!(ask("[2001:db8::1]:80").as_deref(), Some("[2001:db8::1]"));
        assert_eq!(ask("[2001:db8::1]").as_deref(), Some("[2001:db8::1]"));
        assert_eq!(ask("a b"), None);
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost: exam"), (PayloadKind::HttpRequest, None));
        assert_eq!(read(b"GET /a-long-path").0, PayloadKind::HttpRequest);
    }

    #[test]
    fn look_alikes_are_not_http() {
        for text in [
            "OPTIONS rtsp://a RTSP/1.0\r\n",
            "GETS me",
            "USER anonymous\r\n",
            "HTTP/2",
            "EHLO a\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), (PayloadKind::Other, None), "{text}");
        }
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n").0, PayloadKind::HttpResponse);
        assert_eq!(read(b"HTTP/1.1 503 Busy\r\n").0, PayloadKind::HttpError);
    }
}
