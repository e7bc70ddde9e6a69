//! Segments to script lines: a flow as it can be pasted into a ticket, with relative numbers and without its addresses.

use super::icmp::name;
use super::options::{relative, write_options};
use super::packet::FLAG_LETTERS;
use super::time::write_time;
use super::{HABITS, Habits, WINDOW};
use crate::base::{Dir, Seq, Span, Stamp};
use crate::wire::{Flags, IcmpError, PayloadKind, Segment};
use std::fmt::Write;

/// A copy comes this soon: longer after, an identical packet is a retransmission of a host that does not count its packets.
const COPY_WITHIN: Span = Span::from_millis(100);

/// Writes the lines of one flow. It remembers what the lines before have told.
#[derive(Debug)]
pub struct Scribe {
    client: Dir,
    before: Option<Stamp>,
    sides: [Known; 2],
}

/// What the lines so far tell of one side.
#[derive(Debug)]
struct Known {
    isn: Option<Seq>,
    next_id: u16,
    last: Option<Segment>,
}

/// A flow as a script. `client` is the direction of the client's packets.
#[must_use]
pub fn write_flow<'a>(client: Dir, segments: impl IntoIterator<Item = &'a Segment>) -> String {
    let mut scribe = Scribe::new(client);
    segments
        .into_iter()
        .map(|segment| scribe.write_segment(segment) + "\n")
        .collect()
}

impl Scribe {
    /// Begins a flow; `client` is the direction of the client's packets.
    #[must_use]
    pub fn new(client: Dir) -> Self {
        let sides = HABITS.map(|habits| Known {
            isn: None,
            next_id: habits.id,
            last: None,
        });
        Self {
            client,
            before: None,
            sides,
        }
    }

    /// The line of a segment, without line end. Reading it back gives the segment, but for addresses, checksum, packet number
    /// and the day.
    pub fn write_segment(&mut self, segment: &Segment) -> String {
        let side = usize::from(segment.dir != self.client);
        let mut line = self.opening(side, segment.stamp);
        let isn = self.isn(side, segment.seq, segment.flags.any(Flags::SYN));
        let start = relative(segment.seq, isn);
        let flags = write_flags(segment.flags);
        let _ = write!(
            line,
            " {flags:<2} {start}:{}({})",
            start + i64::from(segment.length),
            segment.length
        );
        let peer = self.peer_isn(side, segment);
        if segment.flags.is_ack() {
            let _ = write!(line, " ack {}", relative(segment.ack, peer));
        } else if segment.ack != Seq(0) {
            let _ = write!(line, " rawack {}", segment.ack);
        }
        if self.is_copy(side, segment) {
            line.push_str(" copy");
        } else {
            line.push_str(&self.fields(side, isn, peer, segment));
        }
        line.push_str(&whereabouts(segment, HABITS[side]));
        self.sides[side].last = Some(segment.clone());
        line
    }

    /// The line of an ICMP error about a segment of this flow, without line end.
    pub fn write_icmp(&mut self, error: &IcmpError) -> String {
        let quoted = usize::from(error.dir != self.client);
        let mut line = self.opening(1 - quoted, error.stamp);
        let seq = relative(error.seq, self.isn(quoted, error.seq, false));
        let (version, word) = (
            if error.v6 { "icmp6" } else { "icmp" },
            name(error.kind, error.code, error.v6),
        );
        let _ = write!(line, " {version} {word} from {} seq {seq}", error.from);
        push_unless(&mut line, "mtu", error.mtu, 0);
        push_unless(&mut line, "quote", error.quoted, 20);
        push_unless(&mut line, "ttl", error.ttl, 64);
        line
    }

    /// Time and arrow.
    fn opening(&mut self, side: usize, stamp: Stamp) -> String {
        let before = self.before.replace(stamp);
        format!("{:<9} {}", write_time(stamp, before), [">", "<"][side])
    }

    /// Where a side's numbers count from: its SYN, or for want of one the byte before the first that was heard of.
    fn isn(&mut self, side: usize, seq: Seq, syn: bool) -> Seq {
        let first = if syn { seq } else { seq.minus(1) };
        *self.sides[side].isn.get_or_insert(first)
    }

    fn peer_isn(&mut self, side: usize, segment: &Segment) -> Seq {
        match (segment.flags.is_ack(), self.sides[1 - side].isn) {
            (false, isn) => isn.unwrap_or(Seq(HABITS[1 - side].isn)),
            (true, _) => self.isn(1 - side, segment.ack, false),
        }
    }

    fn is_copy(&self, side: usize, segment: &Segment) -> bool {
        self.sides[side].last.as_ref().is_some_and(|last| {
            let soon = segment.stamp - last.stamp < COPY_WITHIN && segment.stamp >= last.stamp;
            let again = Segment {
                packet: segment.packet,
                stamp: segment.stamp,
                ttl: segment.ttl,
                interface: segment.interface,
                path: segment.path,
                ..last.clone()
            };
            soon && again == *segment
        })
    }

    /// What a copy shares with its original.
    fn fields(&mut self, side: usize, isn: Seq, peer: Seq, segment: &Segment) -> String {
        let mut text = String::new();
        let options = write_options(&segment.options, peer);
        if !options.is_empty() {
            let _ = write!(text, " <{options}>");
        }
        push_unless(&mut text, "win", segment.window, WINDOW);
        let known = &mut self.sides[side];
        if known.last.is_none() {
            push_unless(&mut text, "isn", isn.0, HABITS[side].isn);
        }
        if let Some(id) = segment.ip_id {
            push_unless(&mut text, "id", id, known.next_id);
            if known.last.is_none() && id != 0 {
                known.next_id = id;
            }
            if id == known.next_id {
                known.next_id = id.wrapping_add(1);
            }
        }
        text.push_str(&write_payload(segment));
        if segment.header_cut {
            text.push_str(" header-cut");
        }
        text
    }
}

/// What capturing a packet once more can change.
fn whereabouts(segment: &Segment, habits: Habits) -> String {
    let mut text = String::new();
    push_unless(&mut text, "ttl", segment.ttl, habits.ttl);
    push_unless(&mut text, "iface", segment.interface, 0);
    push_unless(&mut text, "path", segment.path, 0);
    text
}

fn push_unless<T: PartialEq + Copy + std::fmt::Display>(text: &mut String, word: &str, value: T, usual: T) {
    if value != usual {
        // Writing to a String cannot fail.
        let _ = write!(text, " {word} {value}");
    }
}

fn write_flags(flags: Flags) -> String {
    let letters: String = FLAG_LETTERS
        .iter()
        .filter(|(_, bit)| flags.any(*bit))
        .map(|(letter, _)| letter)
        .collect();
    if letters.is_empty() { "-".to_string() } else { letters }
}

fn write_payload(segment: &Segment) -> String {
    // A name is whatever a stranger sent: only what cannot end the word or the line goes through.
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-._:[]".contains(c) {
            c
        } else {
            '?'
        }
    };
    let name = segment.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("-");
    let name: String = name.chars().map(safe).collect();
    match segment.kind {
        kind if segment.length == 0 || kind == PayloadKind::Other => String::new(),
        PayloadKind::None | PayloadKind::Other => " unread".to_string(),
        PayloadKind::TlsClientHello => format!(" tls hello {name}"),
        PayloadKind::TlsServerHello => " tls server".to_string(),
        PayloadKind::TlsAlert => " tls alert".to_string(),
        PayloadKind::TlsData => " tls data".to_string(),
        PayloadKind::HttpRequest => format!(" http request {name}"),
        PayloadKind::HttpResponse => " http response".to_string(),
        PayloadKind::HttpError => " http error".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Script, What};

    fn rewritten(script: &Script) -> String {
        let mut scribe = Scribe::new(script.segments().next().unwrap().dir);
        let lines = script.events.iter().filter_map(|event| match &event.what {
            What::Segment(segment) => Some(scribe.write_segment(segment)),
            What::Icmp(error) => Some(scribe.write_icmp(error)),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Everything that a script holds comes back, whatever its numbers.
    fn round_trip(text: &str) {
        let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let lines = rewritten(&script);
        let again = Script::parse(&lines).unwrap_or_else(|error| panic!("{error}\n{lines}"));
        assert_eq!(
            format!("{:?}", whats(&script)),
            format!("{:?}", whats(&again)),
            "{lines}"
        );
        assert_eq!(rewritten(&again), lines);
    }

    fn whats(script: &Script) -> Vec<&What> {
        script.events.iter().map(|event| &event.what).collect()
    }

    #[test]
    fn a_flow_comes_back() {
        round_trip(
            "0 > SEC 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,wscale 7> win 64240 id 7 isn 4294967290\n\
             +.030000001 < S. 0:0(0) ack 1 <mss 1460> id 0 isn 77 iface 2 path 9\n\
             +0 > . 1:1(0) ack 1 id 900\n+0 > P. 1:101(100) ack 1 tls hello a.example\n-.5 > P. 1:101(100) ack 1 copy ttl 3\n\
             +1 < . 1:11(10) ack 101 <sack -3:7 9:10> unread\n+1 < P. 11:12(1) ack 101 http response header-cut\n\
             +.01 > icmp frag-needed from 10.9.9.9 mtu 1400 seq 11 quote 8\n+1 < R. 12:12(0) ack 4000 ttl 250\n\
             +0 > - 101:101(0) rawack 5\n+0 > FUN. 101:101(0) ack 12",
        );
    }

    #[test]
    fn a_flow_caught_in_the_middle_comes_back() {
        round_trip("0 > P. 1:2(1) ack 1 isn 70000\n+1 < . 1:1(0) ack 2 isn 999\n+1 > . 1:2(1) ack 1");
    }

    #[test]
    fn an_early_ack_names_the_isn_that_the_other_side_states_later() {
        let lines = rewritten(&Script::parse("0 > P. 1:2(1) ack 500 isn 3\n+1 < . 777:777(0) ack 2 isn 9").unwrap());
        assert_eq!(
            lines,
            "0         > P. 1:2(1) ack 1 isn 3\n+1        < .  278:278(0) ack 2 isn 508"
        );
    }

    #[test]
    fn lines_look_as_a_person_would_write_them() {
        let text = "0 > S 0:0(0) <mss 1460>\n+.03 < S. 0:0(0) ack 1\n+0 > . 1:1(0) ack 1\n+0 > . 1:1(0) ack 1 copy";
        let script = Script::parse(text).unwrap();
        let segments: Vec<Segment> = script.segments().cloned().collect();
        let written = write_flow(segments[0].dir, &segments);
        let expected = "0         > S  0:0(0) <mss 1460>\n+0.03     < S. 0:0(0) ack 1\n+0        > .  1:1(0) ack 1\n\
                        +0        > .  1:1(0) ack 1 copy\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn a_hostile_name_cannot_break_the_line() {
        let mut segment = Script::parse("0 > P. 1:2(1) ack 1 http request x")
            .unwrap()
            .segments()
            .next()
            .unwrap()
            .clone();
        segment.name = Some("a b;\n=> -x <".into());
        let line = write_flow(segment.dir, [&segment]);
        let again = Script::parse(&line).unwrap();
        let names: Vec<_> = again.segments().map(|segment| segment.name.as_deref()).collect();
        assert_eq!(names, [Some("a?b?????-x??")]);
        segment.name = Some("".into());
        assert!(write_flow(segment.dir, [&segment]).ends_with("http request -\n"));
    }
}
