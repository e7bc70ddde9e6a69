//! What is said over a connection of the probe: nothing, a ClientHello or a request, and how one leaves.

use super::ask::{PATIENCE, app_error, is_timeout, reason, span};
use super::target::Target;
use super::{Plan, hello};
use crate::base::digits::count;
use crate::report::probe::{Step, StepKind};
use crate::wire::talk::{http, text_of};
use hello::Answer;
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// A server that speaks first does so by then, and one that sends all clients away too.
const GREETING: Duration = Duration::from_millis(300);
/// The other side closes by then, or it does not matter.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes read of an answer.
const MOST: usize = 8 << 20;
/// Bytes of it that are searched for the end of its head.
const LONGEST_HEAD: usize = 64 << 10;
/// Bytes of a server's part of a TLS handshake.
const LONGEST_HANDSHAKE: usize = 256 << 10;

/// The steps after the connection; one at most.
pub(super) fn have(stream: &TcpStream, plan: &Plan, target: &Target) -> Option<Step> {
    let (since, mut first) = (Instant::now(), None);
    let timed = |kind, outcome, first: Option<Instant>| {
        let step = step(kind, since, outcome);
        // Up to the first byte, if one came.
        let took = first.map_or(step.took, |first| span(first - since));
        Some(Step { took, ..step })
    };
    if plan.tls {
        let its_name = || target.address().is_none().then_some(&*target.host);
        let outcome = tls(stream, plan.sni.as_deref().or_else(its_name), &mut first);
        return timed(StepKind::Tls, outcome, first);
    }
    if let Some(path) = &plan.http {
        let outcome = get(stream, path, target, &mut first);
        return timed(StepKind::Http, outcome, first);
    }
    greeting(stream).map(|outcome| step(StepKind::Greeting, since, outcome))
}

/// In words; with the system's error where it is one.
type Outcome = Result<String, (String, Option<io::Error>)>;

fn step(kind: StepKind, since: Instant, outcome: Outcome) -> Step {
    let took = span(since.elapsed());
    let (worked, said, error) = match outcome {
        Ok(said) => (true, said, None),
        Err((said, error)) => (false, said, error.as_ref().and_then(app_error)),
    };
    Step {
        kind,
        worked,
        took,
        said,
        error,
    }
}

/// How the reading ended.
enum End {
    /// There is enough.
    Enough,
    /// The other side closed.
    Closed,
    /// It failed, or nothing came in time.
    Failed(io::Error),
}

/// Reads until `is_enough` says so, which also says how long nothing may come.
fn read(stream: &TcpStream, most: Duration, is_enough: &mut dyn FnMut(&[u8]) -> Next) -> (Vec<u8>, End) {
    let deadline = Instant::now() + most;
    let (mut bytes, mut block) = (Vec::new(), vec![0; 16 << 10]);
    let mut next = Next::More(most);
    loop {
        let Next::More(quiet) = next else {
            return (bytes, End::Enough);
        };
        let left = deadline
            .saturating_duration_since(Instant::now())
            .min(quiet)
            .max(Duration::from_millis(1));
        let mut stream = stream;
        match stream
            .set_read_timeout(Some(left))
            .and_then(|()| stream.read(&mut block))
        {
            Ok(0) => return (bytes, End::Closed),
            Ok(length) => bytes.extend_from_slice(block.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (bytes, End::Failed(error)),
        }
        next = if bytes.len() > MOST {
            Next::Enough
        } else {
            is_enough(&bytes)
        };
        if deadline <= Instant::now() {
            next = Next::Enough;
        }
    }
}

/// What to do after a helping.
enum Next {
    /// Read on, if something comes within this time.
    More(Duration),
    /// That will do.
    Enough,
}

/// Nothing is said; a server may speak first, or close at once.
fn greeting(stream: &TcpStream) -> Option<Outcome> {
    let (bytes, end) = read(stream, GREETING, &mut |_| Next::Enough);
    if let Some(text) = text_of(&bytes) {
        return Some(Ok(format!("the server says: {text}")));
    }
    match end {
        End::Closed => Some(Err(("the server closed at once, without a word".to_owned(), None))),
        End::Failed(error) if !is_timeout(&error) => Some(Err((reason(&error), Some(error)))),
        _ => None,
    }
}

fn tls(mut stream: &TcpStream, name: Option<&str>, first: &mut Option<Instant>) -> Outcome {
    let for_name = name.map_or_else(String::new, |name| format!(" for {name}"));
    let sent = stream.write_all(&hello::client_hello(name));
    sent.map_err(|error| {
        (
            format!("the ClientHello{for_name} could not be sent: {}", reason(&error)),
            Some(error),
        )
    })?;
    let (bytes, end) = read(stream, PATIENCE, &mut |bytes| {
        first.get_or_insert_with(Instant::now);
        match hello::answer(bytes) {
            _ if bytes.len() > LONGEST_HANDSHAKE => Next::Enough,
            Answer::Partial | Answer::Goes { whole: false, .. } => Next::More(PATIENCE),
            // More of TLS 1.3's encrypted records may be on their way; who leaves too early resets the connection.
            Answer::Goes { whole: true, .. } => Next::More(GREETING),
            Answer::Refused(_) | Answer::NoTls => Next::Enough,
        }
    });
    match hello::answer(&bytes) {
        Answer::Goes { said, whole: true } => Ok(format!("{said}; left there, nothing was verified")),
        Answer::Goes { said, .. } => Err(short(&format!("{said}; then, in the middle of a record"), end)),
        Answer::Refused(said) => Err((format!("refused{for_name}: {said}"), None)),
        Answer::NoTls => Err((
            format!("the answer is no TLS: {}", text_of(&bytes).unwrap_or_default()),
            None,
        )),
        Answer::Partial => Err(short(&format!("no ServerHello to the ClientHello{for_name}"), end)),
    }
}

/// What was missing, and why.
fn short(what: &str, end: End) -> (String, Option<io::Error>) {
    match end {
        End::Closed => (format!("{what}: the server closed"), None),
        End::Failed(error) => (format!("{what}: {}", reason(&error)), Some(error)),
        End::Enough => (format!("{what}: timed out"), None),
    }
}

fn get(mut stream: &TcpStream, path: &str, target: &Target, first: &mut Option<Instant>) -> Outcome {
    let host = if target.port == 80 {
        target.to_string().trim_end_matches(":80").to_owned()
    } else {
        target.to_string()
    };
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: whodropped/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let sent = stream.write_all(request.as_bytes());
    sent.map_err(|error| {
        (
            format!("the request could not be sent: {}", reason(&error)),
            Some(error),
        )
    })?;
    let (bytes, end) = read(stream, PATIENCE, &mut |bytes| {
        first.get_or_insert_with(Instant::now);
        if is_whole(bytes) {
            Next::Enough
        } else {
            Next::More(PATIENCE)
        }
    });
    let Some(status) = http::status(&bytes) else {
        return Err(match &*bytes {
            [] => short("no answer to the request", end),
            [21 | 22, 3, ..] => ("the answer is TLS, no HTTP: --tls speaks that".to_owned(), None),
            _ => (
                format!("the answer is no HTTP: {}", text_of(&bytes).unwrap_or_default()),
                None,
            ),
        });
    };
    let words = status
        .reason
        .as_deref()
        .map_or_else(String::new, |words| format!(" {words}"));
    let said = format!("HTTP {}{words}, {}", status.code, count(bytes.len() as u64, "byte"));
    match end {
        End::Failed(error) => Err((format!("{said}, then: {}", reason(&error)), Some(error))),
        _ if status.code >= 500 => Err((said, None)),
        _ => Ok(said),
    }
}

/// The answer is there to its end, as far as its head says where that is.
fn is_whole(bytes: &[u8]) -> bool {
    let searched = bytes.get(..LONGEST_HEAD).unwrap_or(bytes);
    let Some(end) = searched.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let field = |name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim().to_owned())
    };
    if field("transfer-encoding").is_some() {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = field("content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// Leaves in order. With a RST where the other side hangs: what is unanswered is judged at once then, and the kernel does
/// not go on sending it for minutes.
pub(super) fn leave(mut stream: TcpStream, hangs: bool, tls: bool) {
    if hangs {
        // Without it, the end only takes longer.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return;
    }
    if tls {
        let _ = stream.write_all(&hello::FAREWELL);
    }
    let _ = stream.shutdown(Shutdown::Write);
    // What is left unread would make the kernel send a RST.
    let _ = read(&stream, FAREWELL, &mut |_| Next::More(FAREWELL));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that reads, says `answer` and closes.
    fn serve(answer: &'static [u8], is_first: bool) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if !is_first {
                let _ = stream.read(&mut [0; 2000]);
            }
            let _ = stream.write_all(answer);
            if is_first {
                let _ = stream.read(&mut [0; 2000]);
            }
        });
        TcpStream::connect(place).unwrap()
    }

    fn asked(answer: &'static [u8], plan: &Plan) -> (bool, String) {
        let target = Target::read("web.example:8080").unwrap();
        let step = have(&serve(answer, false), plan, &target).unwrap();
        (step.worked, step.said)
    }

    #[test]
    fn an_answer_to_a_request_is_its_status() {
        let plan = Plan {
            http: Some("/health".to_owned()),
            ..Plan::default()
        };
        let asked = |answer| asked(answer, &plan);
        let ok = "HTTP 200 OK, 43 bytes".to_owned();
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), (true, ok));
        let busy = "HTTP 503 Service Unavailable, 36 bytes".to_owned();
        assert_eq!(asked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), (false, busy));
        assert_eq!(
            asked(b""),
            (false, "no answer to the request: the server closed".to_owned())
        );
        assert!(asked(b"SSH-2.0-x\r\n").1.contains("no HTTP: SSH-2.0-x"));
        assert!(asked(&[21, 3, 1, 0, 2, 2, 10]).1.contains("TLS"));
    }

    #[test]
    fn an_answer_to_a_client_hello_is_told() {
        let plan = Plan {
            tls: true,
            ..Plan::default()
        };
        let asked = |answer| asked(answer, &plan);
        let refused = "refused for web.example: alert unrecognized_name (112)".to_owned();
        assert_eq!(asked(&[21, 3, 3, 0, 2, 2, 112]), (false, refused));
        assert!(
            asked(b"HTTP/1.1 400 Bad Request\r\n")
                .1
                .contains("no TLS: HTTP/1.1 400")
        );
        let cut = "no ServerHello to the ClientHello for web.example: the server closed".to_owned();
        assert_eq!(asked(b""), (false, cut));
    }

    #[test]
    fn a_server_that_speaks_first_is_quoted() {
        let target = Target::read("a:22").unwrap();
        let step = have(&serve(b"SSH-2.0-OpenSSH_9.2\r\n", true), &Plan::default(), &target).unwrap();
        assert_eq!(
            (step.worked, &*step.said),
            (true, "the server says: SSH-2.0-OpenSSH_9.2")
        );
        let step = have(&serve(b"", true), &Plan::default(), &target);
        assert_eq!(step, None, "it waits for us");
    }

    #[test]
    fn an_answer_is_whole_where_its_head_says() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-length: 2\r\n\r\nab"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-length: 3\r\n\r\nab"));
        assert!(is_whole(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        ));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"));
        assert!(!is_whole(b"HTTP/1.1 200"));
    }
}
