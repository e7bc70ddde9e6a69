//! Lines to events: which kind of line it is, and what is known before it is read.

use super::expect::{comment_marks, expectation};
use super::icmp::read_icmp;
use super::options::number;
use super::packet::read_segment;
use super::time::read_time;
use super::words::Words;
use super::{EPOCH, Event, HABITS, Mark, Read, Script, ScriptError, Seen, What};
use crate::base::{Dir, Endpoint, FlowKey, Seq, Stamp};
use crate::wire::Segment;
use std::net::IpAddr;

/// Reads a whole script.
pub(super) fn parse(text: &str) -> Result<Script, ScriptError> {
    let mut reader = Reader::new();
    // ISNs and addresses first: an acknowledgment may stand before the line that states the ISN it counts from.
    for (line, body) in lines(text) {
        reader.on_line_early(body).map_err(|what| ScriptError { line, what })?;
    }
    let (key, client) = FlowKey::between(reader.script.client, reader.script.server).ok_or(ScriptError {
        line: 1,
        what: "one side is IPv4 and the other IPv6".to_string(),
    })?;
    (reader.key, reader.client) = (key, client);
    for (line, body) in lines(text) {
        reader.on_line(line, body).map_err(|what| ScriptError { line, what })?;
    }
    Ok(reader.script)
}

/// The lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//"))
}

/// What is known of one side while reading.
#[derive(Debug)]
pub(super) struct Side {
    /// Where its sequence numbers count from.
    pub isn: Seq,
    /// IP identification of its next packet.
    pub next_id: u16,
    /// The last packet that it sent.
    pub last: Option<Segment>,
}

/// The state of reading a script.
#[derive(Debug)]
pub(super) struct Reader {
    pub script: Script,
    pub key: FlowKey,
    /// Direction of the client's packets.
    pub client: Dir,
    /// Client, server.
    pub sides: [Side; 2],
    /// Packets so far.
    pub packets: u64,
    /// Payload of the line that is being read.
    pub payload: Vec<u8>,
    now: Stamp,
}

impl Reader {
    fn new() -> Self {
        let client = Endpoint {
            ip: IpAddr::from([10, 0, 0, 1]),
            port: 40_000,
        };
        let server = Endpoint {
            ip: IpAddr::from([10, 0, 0, 2]),
            port: 80,
        };
        Self {
            script: Script {
                events: Vec::new(),
                expectations: Vec::new(),
                client,
                server,
            },
            key: FlowKey::v4([0; 4], [0; 4], 0, 0).0,
            client: Dir::Up,
            sides: HABITS.map(|habits| Side {
                isn: Seq(habits.isn),
                next_id: habits.id,
                last: None,
            }),
            packets: 0,
            payload: Vec::new(),
            now: EPOCH,
        }
    }

    fn on_line_early(&mut self, body: &str) -> Read<()> {
        let (body, _) = body.split_once(';').unwrap_or((body, ""));
        let words: Vec<&str> = body.split_whitespace().collect();
        match words.as_slice() {
            ["@", "client", address] => self.script.client = endpoint(address)?,
            ["@", "server", address] => self.script.server = endpoint(address)?,
            [_, _, "icmp6", ..] if self.script.client.ip.is_ipv4() && self.script.server.ip.is_ipv4() => {
                self.script.client.ip = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
                self.script.server.ip = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]);
            }
            [_, arrow @ (">" | "<"), rest @ ..] => {
                if let Some(at) = rest.iter().position(|word| *word == "isn") {
                    let stated = rest.get(at + 1).ok_or("isn needs a number")?;
                    self.sides[side_of(arrow)].isn = Seq(number(stated)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_line(&mut self, line: usize, body: &str) -> Read<()> {
        if let Some(rest) = body.strip_prefix("=>") {
            self.script.expectations.push(expectation(line, rest)?);
            return Ok(());
        }
        let (body, comment) = body.split_once(';').unwrap_or((body, ""));
        if let Some(rest) = body.strip_prefix('@') {
            return self.on_remark(line, rest);
        }
        let mut words = Words::new(body);
        self.now = read_time(words.next().unwrap_or_default(), self.now)?;
        let side = match words.next() {
            Some(arrow @ (">" | "<")) => side_of(arrow),
            _ => return Err("after the time comes `>` or `<`".to_string()),
        };
        let (marks, seen) = comment_marks(comment)?;
        let mut words = words.with_options()?;
        self.packets += 1;
        let what = match words.peek() {
            Some(word @ ("icmp" | "icmp6")) => What::Icmp(read_icmp(self, side, word == "icmp6", &mut words)?),
            _ => What::Segment(read_segment(self, side, &mut words)?),
        };
        self.push(line, what, marks, seen)
    }

    fn on_remark(&mut self, line: usize, rest: &str) -> Read<()> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (what, after) = match words.as_slice() {
            ["client" | "server", _] => return Ok(()),
            ["end"] => (What::End, None),
            ["end", after] => (What::End, Some(after)),
            ["loss"] => (What::Loss, None),
            ["cut"] => (What::Cut, None),
            ["other", address] => (What::Other(address_of(address)?), None),
            ["other", address, after] => (What::Other(address_of(address)?), Some(after)),
            _ => return Err(format!("unknown remark `@ {}`", rest.trim())),
        };
        if let Some(after) = after {
            self.now = read_time(after, self.now)?;
        }
        self.push(
            line,
            what,
            Vec::new(),
            Seen {
                client: true,
                server: true,
            },
        )
    }

    fn push(&mut self, line: usize, what: What, marks: Vec<Mark>, seen: Seen) -> Read<()> {
        if matches!(what, What::Icmp(_)) && !marks.is_empty() {
            return Err("an ICMP error gets no marks".to_string());
        }
        self.script.events.push(Event {
            line,
            stamp: self.now,
            what,
            payload: std::mem::take(&mut self.payload),
            marks,
            seen,
        });
        Ok(())
    }

    /// When the line that is being read was captured.
    pub(super) fn now(&self) -> Stamp {
        self.now
    }
}

fn side_of(arrow: &str) -> usize {
    usize::from(arrow == "<")
}

fn address_of(text: &str) -> Read<IpAddr> {
    text.parse().map_err(|_| format!("`{text}` is not an address"))
}

fn endpoint(text: &str) -> Read<Endpoint> {
    let socket: std::net::SocketAddr = text.parse().map_err(|_| format!("`{text}` is not address:port"))?;
    Ok(Endpoint {
        ip: socket.ip(),
        port: socket.port(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (usize, String) {
        let error = parse(text).expect_err(text);
        (error.line, error.what)
    }

    #[test]
    fn bad_lines_are_named() {
        for bad in [
            "x > S 0:0(0)",
            "+ > S 0:0(0)",
            "1.2.3 > S 0:0(0)",
            "99999999999999999999 > S 0:0(0)",
            "0 = S 0:0(0)",
            "0",
            "0 >",
            "@",
            "@ what",
            "@ other x",
            "@ end x",
            "=> -",
            "=> Foo",
            "=> wrong=x",
            "=> status=",
            "0 > S 0:0(0) ; nonsense",
            "0 > S 0:0(0) ; duplicate-ack x",
            "@ client x",
            "0 > S 0:0(0) <mss 1",
            "0 > S 0:0(0) isn",
        ] {
            let text = format!("# one\n\n{bad}");
            assert_eq!(error(&text).0, 3, "{bad}");
        }
        assert!(error("@ client 10.0.0.1:1\n@ server [::1]:2").1.contains("IPv6"));
    }

    #[test]
    fn expectations_and_remarks_are_told_apart() {
        let script = parse("@ loss\n@ cut\n@ other ::1 +1\n@ end\n=> a-b -c ; status=ok doubt=x").unwrap();
        let whats: Vec<&What> = script.events.iter().map(|event| &event.what).collect();
        assert!(matches!(
            whats.as_slice(),
            [What::Loss, What::Cut, What::Other(IpAddr::V6(_)), What::End]
        ));
        let expected = &script.expectations[0];
        assert_eq!(
            (expected.line, &expected.present[..], &expected.absent[..]),
            (5, &["a-b".to_string()][..], &["c".to_string()][..])
        );
        assert_eq!(
            expected.words,
            [("status".into(), "ok".into()), ("doubt".into(), "x".into())]
        );
    }
}
