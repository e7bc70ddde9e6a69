//! The first lines of HTTP/1 (RFC 9112 3 and 4): one request line, one status line.

use super::text_of;

/// A request line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `CONNECT` …
    pub method: Box<str>,
    /// What it asks for, without its query: that may hold secrets.
    pub target: Box<str>,
}

/// A status line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// 100 to 599.
    pub code: u16,
    /// The words behind it.
    pub reason: Option<Box<str>>,
}

/// The request line at the beginning of `bytes`, whose end may be missing.
#[must_use]
pub fn request(bytes: &[u8]) -> Option<Request> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (text_of(words.next()?)?, text_of(words.next()?)?);
    let target = target.split_once('?').map_or(&*target, |(path, _)| path).into();
    let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    is_method.then_some(Request { method, target })
}

/// The status line at the beginning of `bytes`.
#[must_use]
pub fn status(bytes: &[u8]) -> Option<Status> {
    let rest = bytes.strip_prefix(b"HTTP/1.")?;
    let [
        b'0'..=b'9',
        b' ',
        a @ b'1'..=b'5',
        b @ b'0'..=b'9',
        c @ b'0'..=b'9',
        after @ ..,
    ] = rest
    else {
        return None;
    };
    let code = [a, b, c]
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
    let line = after.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Some(Status {
        code,
        reason: text_of(line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_told_without_its_query() {
        let request = request(b"GET /a/b?token=x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!((&*request.method, &*request.target), ("GET", "/a/b"));
        assert_eq!(super::request(b"GET"), None);
        assert_eq!(super::request(b"get / HTTP/1.1"), None);
        assert_eq!(
            &*super::request(b"CONNECT db:5432 HTTP/1.1\r\n").unwrap().target,
            "db:5432"
        );
    }

    #[test]
    fn a_status_line_is_a_number_and_words() {
        let status = status(b"HTTP/1.1 503 Service Unavailable\r\nA: b").unwrap();
        assert_eq!(
            (status.code, status.reason.as_deref()),
            (503, Some("Service Unavailable"))
        );
        assert_eq!(super::status(b"HTTP/1.0 200").unwrap().reason, None);
        assert_eq!(super::status(b"HTTP/1.1 999 x"), None);
        assert_eq!(super::status(b"HTTP/1.1 5"), None);
    }
}
