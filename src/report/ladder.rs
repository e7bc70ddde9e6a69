//! One flow as a ladder: a line a packet, with what it means, as a colleague would say it who has seen many.

use super::FlowRow;
use super::text::{clean, thousands, wrap};
use crate::base::{Dir, FlowKey, Seq, Span, Stamp};
use crate::flow::mark::{Mark, Marks};
use crate::flow::table::Table;
use crate::verdict::words::Status;
use crate::wire::{Flags, Heard, IcmpError, PayloadKind, Segment};
use std::fmt::Write as _;

/// Packets of one flow that are kept; of the others only the number is told.
const KEPT: usize = 200_000;
/// From so many ordinary packets in a row on, they are folded.
const FOLD: usize = 5;
/// A silence as long as this gets a line of its own.
const SILENCE: Span = Span::from_secs(3);
/// Columns before the sentence.
const INDENT: usize = 49;

/// One packet of the flow.
#[derive(Clone, Debug)]
enum Step {
    Segment(Box<Segment>),
    Icmp(Box<IcmpError>),
}

/// The packets of one flow, to be told.
#[derive(Debug)]
pub struct Ladder {
    row: FlowRow,
    client: Dir,
    steps: Vec<Step>,
    left_out: u64,
}

impl Ladder {
    /// For the flow of `row`.
    #[must_use]
    pub fn new(row: FlowRow) -> Self {
        let client = FlowKey::between(row.client, row.server).map_or(Dir::Up, |(_, dir)| dir);
        Self {
            row,
            client,
            steps: Vec::new(),
            left_out: 0,
        }
    }

    /// Its number in the report.
    #[must_use]
    pub fn flow(&self) -> u64 {
        self.row.flow
    }

    /// One more packet of it.
    pub fn on(&mut self, heard: &Heard) {
        if self.steps.len() >= KEPT {
            self.left_out += 1;
            return;
        }
        match heard {
            Heard::Segment(segment) => self.steps.push(Step::Segment(Box::new(segment.clone()))),
            Heard::IcmpError(error) => self.steps.push(Step::Icmp(Box::new(error.clone()))),
            _ => {}
        }
    }

    /// All of it, in lines of at most `width` columns.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let row = &self.row;
        let name = row
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!(" ({})", clean(name)));
        let mut lines = vec![
            format!("Flow {}: {} > {}{name}", row.flow, row.client, row.server),
            format!(
                "  {}, handshake {}, ending {}, culprit {}, {} confidence",
                row.status, row.handshake, row.ending, row.culprit, row.confidence
            ),
        ];
        let summary = clean(&row.summary);
        lines.extend(
            wrap(&summary, width.saturating_sub(2))
                .into_iter()
                .map(|line| format!("  {line}")),
        );
        lines.push(String::new());
        lines.push(format!(
            "{:>9} {:>11}     {:5} {:>7} {:>7}",
            "packet", "time", "flags", "seq", "len"
        ));
        let mut told = Teller::new(self, width);
        told.tell(&self.marks());
        lines.extend(told.lines);
        if self.left_out > 0 {
            lines.push(format!("... and {} more packets", thousands(self.left_out)));
        }
        lines
    }

    /// What Wireshark says of its packets.
    fn marks(&self) -> Vec<Marks> {
        let mut table = Table::default();
        table.want_marks(true);
        for step in &self.steps {
            match step {
                Step::Segment(segment) => table.on_segment(segment, 0),
                Step::Icmp(error) => table.on_icmp(error),
            }
        }
        let marked = table.finish().marked;
        let mut next = marked.iter().peekable();
        let of = |step: &Step| {
            let Step::Segment(segment) = step else {
                return Marks::default();
            };
            while next.next_if(|mark| mark.packet < segment.packet).is_some() {}
            next.next_if(|mark| mark.packet == segment.packet)
                .map(|mark| mark.marks)
                .unwrap_or_default()
        };
        self.steps.iter().map(of).collect()
    }
}

/// What is known while the ladder is climbed down.
struct Teller<'a> {
    ladder: &'a Ladder,
    width: usize,
    lines: Vec<String>,
    start: Option<Stamp>,
    last: Option<Stamp>,
    /// First sequence number of each side, and the next one: client, server.
    isn: [Option<Seq>; 2],
    next: [Option<Seq>; 2],
    syns: [Option<Stamp>; 2],
    is_open: bool,
    has_spoken: [bool; 2],
    has_closed: [bool; 2],
    is_reset: bool,
    /// A side's window is closed.
    is_full: [bool; 2],
    /// When a side's last new data was sent.
    sent: [Option<Stamp>; 2],
}

const NAMES: [&str; 2] = ["client", "server"];

impl<'a> Teller<'a> {
    fn new(ladder: &'a Ladder, width: usize) -> Self {
        Self {
            ladder,
            width,
            lines: Vec::new(),
            start: None,
            last: None,
            isn: [None; 2],
            next: [None; 2],
            syns: [None; 2],
            is_open: false,
            has_spoken: [false; 2],
            has_closed: [false; 2],
            is_reset: false,
            is_full: [false; 2],
            sent: [None; 2],
        }
    }

    fn tell(&mut self, marks: &[Marks]) {
        // Told one by one first: what is ordinary shows only then.
        let mut told: Vec<(Line, bool)> = Vec::new();
        for (step, marks) in self.ladder.steps.iter().zip(marks) {
            told.push(match step {
                Step::Segment(segment) => self.segment(segment, *marks),
                Step::Icmp(error) => (self.icmp(error), false),
            });
        }
        let mut from = 0;
        while from < told.len() {
            let ordinary = told[from..]
                .iter()
                .take_while(|(line, plain)| *plain && !line.is_late(SILENCE))
                .count();
            if ordinary >= FOLD {
                let folded: Vec<Line> = told[from..from + ordinary]
                    .iter()
                    .map(|(line, _)| line.clone())
                    .collect();
                self.fold(&folded);
                from += ordinary;
            } else {
                let (line, _) = told[from].clone();
                self.line(&line);
                from += 1;
            }
        }
    }

    fn fold(&mut self, folded: &[Line]) {
        let (Some(first), Some(last)) = (folded.first(), folded.last()) else {
            return;
        };
        let bytes = |side: usize| {
            folded
                .iter()
                .filter(|line| line.side == Some(side))
                .map(|line| u64::from(line.length))
                .sum::<u64>()
        };
        let (up, down) = (bytes(0), bytes(1));
        let what = match (up, down) {
            (0, 0) => "acknowledgments".to_owned(),
            (up, 0) => format!("{} bytes from the client", thousands(up)),
            (0, down) => format!("{} bytes from the server", thousands(down)),
            (up, down) => format!(
                "{} bytes from the client, {} from the server",
                thousands(up),
                thousands(down)
            ),
        };
        let took = last.at - first.at;
        self.lines.push(format!(
            "{:>9} {:>11}  ...  {} packets in {}: {what}, nothing unusual",
            "...",
            "",
            thousands(folded.len() as u64),
            span(took),
        ));
    }

    fn line(&mut self, line: &Line) {
        if line.is_late(SILENCE) {
            self.lines
                .push(format!("{:>9} {:>11}  ...  {} of silence", "", "", span(line.since)));
        }
        let start = self.start.unwrap_or(line.at);
        let head = format!(
            "{:>9} {:>11.6} {:3} {:5} {:>7} {:>7}  ",
            line.packet,
            (line.at - start).as_secs(),
            line.arrow,
            line.flags,
            line.seq.map_or_else(|| "?".to_owned(), |seq| seq.to_string()),
            line.length,
        );
        let room = self.width.saturating_sub(INDENT).max(24);
        for (index, text) in wrap(&clean(&line.said), room).iter().enumerate() {
            if index == 0 {
                self.lines.push(format!("{head:INDENT$}{text}").trim_end().to_owned());
            } else {
                self.lines.push(format!("{:INDENT$}{text}", ""));
            }
        }
    }

    fn side(&self, dir: Dir) -> usize {
        usize::from(dir != self.ladder.client)
    }

    fn begin(&mut self, at: Stamp) -> Span {
        self.start.get_or_insert(at);
        let since = self.last.map_or(Span::ZERO, |last| at - last);
        self.last = Some(at);
        since
    }

    fn icmp(&mut self, error: &IcmpError) -> Line {
        let since = self.begin(error.stamp);
        let fact = crate::flow::facts::IcmpFact::new(error);
        let who = NAMES[self.side(error.dir)];
        let end = if fact.is_hard() { "" } else { "; no failure by itself" };
        let mtu = if error.mtu > 0 {
            format!(", at most {} bytes", error.mtu)
        } else {
            String::new()
        };
        Line {
            packet: error.packet,
            at: error.stamp,
            since,
            side: None,
            arrow: if error.dir == self.ladder.client { "<--" } else { "-->" },
            flags: "icmp".to_owned(),
            seq: None,
            length: 0,
            said: format!("{} answers the {who}'s packet: {}{mtu}{end}", error.from, fact.text()),
        }
    }

    fn segment(&mut self, segment: &Segment, marks: Marks) -> (Line, bool) {
        let since = self.begin(segment.stamp);
        let side = self.side(segment.dir);
        if self.isn[side].is_none() && !segment.flags.is_rst() {
            let own = if segment.flags.any(Flags::SYN) {
                segment.seq
            } else {
                segment.seq.minus(1)
            };
            self.isn[side] = Some(own);
        }
        if self.isn[1 - side].is_none() && segment.flags.any(Flags::ACK) && !segment.flags.any(Flags::SYN | Flags::RST)
        {
            self.isn[1 - side] = Some(segment.ack.minus(1));
        }
        let (said, plain) = self.meaning(segment, side, marks);
        let seq = self.isn[side].map(|isn| i64::from(segment.seq.since(isn)));
        let line = Line {
            packet: segment.packet,
            at: segment.stamp,
            since,
            side: Some(side),
            arrow: if side == 0 { "-->" } else { "<--" },
            flags: letters(segment.flags),
            seq,
            length: segment.length,
            said,
        };
        if segment.length > 0 && !marks.has(Mark::Retransmission) {
            self.sent[side] = Some(segment.stamp);
        }
        let end = segment.end();
        self.next[side] = Some(self.next[side].map_or(end, |next| next.later(end)));
        (line, plain)
    }

    /// The sentence, and whether it is one that nobody needs to read.
    fn meaning(&mut self, segment: &Segment, side: usize, marks: Marks) -> (String, bool) {
        let (who, other) = (NAMES[side], NAMES[1 - side]);
        if segment.flags.is_rst() {
            return (self.reset(segment, side), false);
        }
        if segment.flags.any(Flags::SYN) {
            return (self.syn(segment, side), false);
        }
        if self.is_reset {
            return (format!("the {who} goes on, as if there had been no RST"), false);
        }
        let marked = self.marked(segment, side, marks);
        let was_full = std::mem::replace(&mut self.is_full[side], segment.window == 0);
        let fin = segment.flags.is_fin();
        let again = fin && self.has_closed[side];
        self.has_closed[side] |= fin;
        if let Some(said) = marked {
            return (if fin { format!("{said} (with FIN)") } else { said }, false);
        }
        if fin {
            let text = match (again, self.has_closed[1 - side]) {
                (true, _) => format!("the {who}'s FIN again"),
                (false, true) => format!("the {who} closes, too: all is said"),
                (false, false) => format!("the {who} has nothing more to send (FIN)"),
            };
            let data = if segment.length > 0 {
                format!(", after {} last bytes", segment.length)
            } else {
                String::new()
            };
            return (format!("{text}{data}"), false);
        }
        if segment.length > 0 {
            let first = !std::mem::replace(&mut self.has_spoken[side], true);
            return Self::data(segment, side, first);
        }
        if !self.is_open && side == 0 {
            self.is_open = true;
            if let Some(since) = self.syns[0] {
                return (
                    format!("handshake complete, {} after the SYN", span(segment.stamp - since)),
                    false,
                );
            }
        }
        if was_full && segment.window > 0 {
            return (format!("the {who} reads again: its window is open"), false);
        }
        let later = segment.options.sack.is_some();
        if later {
            let acked = self.acked(segment, side);
            return (
                format!("the {who} waits for byte {acked}; later bytes did arrive (SACK)"),
                false,
            );
        }
        (
            format!(
                "the {who} has all of the {other}'s bytes up to {}",
                self.acked(segment, side)
            ),
            true,
        )
    }

    fn acked(&self, segment: &Segment, side: usize) -> i64 {
        self.isn[1 - side].map_or(0, |isn| i64::from(segment.ack.since(isn)))
    }

    fn syn(&mut self, segment: &Segment, side: usize) -> String {
        let who = NAMES[side];
        let is_answer = segment.flags.any(Flags::ACK);
        let before = self.syns[side].replace(segment.stamp);
        let mut said = match (is_answer, before, self.syns[1 - side]) {
            (false, None, _) => format!("the {who} asks for a connection"),
            (false, Some(before), _) if self.syns[1 - side].is_some() => {
                format!(
                    "SYN again after {}: the SYN-ACK did not reach the {who}, or it did not want it",
                    span(segment.stamp - before)
                )
            }
            (false, Some(before), _) => format!(
                "SYN again after {}: nothing has come back",
                span(segment.stamp - before)
            ),
            (true, Some(before), _) => {
                format!(
                    "SYN-ACK again after {}: the {who} has not seen the ACK",
                    span(segment.stamp - before)
                )
            }
            (true, None, Some(asked)) => format!("the {who} accepts, {} after the SYN", span(segment.stamp - asked)),
            (true, None, None) => format!("the {who} accepts; the SYN itself was not captured"),
        };
        if before.is_none() {
            said.push_str(&options(segment));
        }
        if segment.length > 0 {
            let _ = write!(said, ", with {} bytes (TCP Fast Open)", segment.length);
        }
        said
    }

    fn reset(&mut self, segment: &Segment, side: usize) -> String {
        let who = NAMES[side];
        let again = std::mem::replace(&mut self.is_reset, true);
        let ack = segment.flags.any(Flags::ACK);
        let style = match (ack, segment.options.timestamps.is_some(), segment.window) {
            (true, true, _) => "with ACK and timestamps: a live socket, its application aborted",
            (true, false, 0) => "with ACK, no options, window 0: no such port, or a rule",
            (true, false, _) => "with ACK",
            (false, ..) => "bare: a kernel without that connection, or a device",
        };
        let ttl = format!("TTL {}", segment.ttl);
        let what = if again {
            format!("one more RST in the {who}'s name")
        } else if !self.is_open && side == 1 && self.syns[1].is_none() {
            "the SYN is refused".to_owned()
        } else if self.has_closed[side] {
            format!("the {who} resets after its own FIN")
        } else {
            format!("RST in the {who}'s name")
        };
        format!("{what} ({style}; {ttl})")
    }

    /// What the marks say, where one of them is worth a sentence.
    fn marked(&self, segment: &Segment, side: usize, marks: Marks) -> Option<String> {
        let (who, other) = (NAMES[side], NAMES[1 - side]);
        let since = self.sent[side].map_or_else(String::new, |sent| {
            format!(" {} after they were last new", span(segment.stamp - sent))
        });
        let size = thousands(segment.length.into());
        let has = |mark| marks.has(mark);
        let is_probe = self.is_full[1 - side] && segment.length <= 1;
        Some(if is_probe && (has(Mark::KeepAlive) || has(Mark::ZeroWindowProbe)) {
            format!("does the {other} read again? (probe of its closed window)")
        } else if has(Mark::KeepAlive) {
            format!("keep-alive: is the {other} still there?")
        } else if has(Mark::KeepAliveAck) {
            format!("the {who} is still there")
        } else if has(Mark::ZeroWindowProbe) {
            format!("one byte to see whether the {other} reads again")
        } else if has(Mark::ZeroWindowProbeAck) {
            format!("the {who} still cannot take any more")
        } else if has(Mark::ZeroWindow) {
            format!("the {who}'s buffer is full: its application does not read")
        } else if has(Mark::SpuriousRetransmission) {
            format!(
                "the same {size} bytes again, although the {other} has acknowledged them: the ACK did not reach the {who}"
            )
        } else if has(Mark::FastRetransmission) {
            format!("the missing {size} bytes again: the {other}'s duplicate ACKs asked for them")
        } else if has(Mark::Retransmission) {
            self.again(segment, side, &since)
        } else if has(Mark::OutOfOrder) {
            format!("{size} bytes that belong before what has passed: reordered, or lost before here and repaired")
        } else if has(Mark::LostSegment) {
            "there is a hole before this one: lost before here, or missed by the capture".to_owned()
        } else if has(Mark::AckLostSegment) {
            format!("the {who} acknowledges what the capture never saw")
        } else if has(Mark::DuplicateAck) {
            let sack = if segment.options.sack.is_some() {
                "; later bytes did arrive (SACK)"
            } else {
                ""
            };
            format!(
                "the {who} still waits for byte {} (duplicate ACK no. {}){sack}",
                self.acked(segment, side),
                marks.number
            )
        } else if has(Mark::WindowFull) {
            format!("{size} bytes fill the {other}'s window: the {who} must wait now")
        } else {
            return None;
        })
    }

    /// Bytes sent again, perhaps with some that are new, and whether they had been acknowledged.
    fn again(&self, segment: &Segment, side: usize, since: &str) -> String {
        let (who, end) = (NAMES[side], segment.seq.plus(segment.length));
        let new = self.next[side].map_or(0, |next| end.since(next).max(0)).unsigned_abs();
        let size = thousands(segment.length.into());
        if segment.length == 0 {
            format!("the {who} repeats itself: no acknowledgment came")
        } else if new > 0 && new < segment.length {
            let old = thousands((segment.length - new).into());
            format!("{size} bytes: {old} of them again, the others are new")
        } else {
            format!("the same {size} bytes again,{since}: no acknowledgment came")
        }
    }

    fn data(segment: &Segment, side: usize, first: bool) -> (String, bool) {
        let who = NAMES[side];
        let size = format!("{} bytes", thousands(segment.length.into()));
        let name = segment
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!(" for {name}"));
        let said = match segment.kind {
            PayloadKind::TlsClientHello => format!("TLS ClientHello{name}, {size}"),
            PayloadKind::TlsServerHello => format!("TLS ServerHello, {size}"),
            PayloadKind::TlsAlert => format!("a TLS alert from the {who}: it does not like something"),
            PayloadKind::HttpRequest => format!("HTTP request{name}, {size}"),
            PayloadKind::HttpResponse => format!("HTTP response, {size}"),
            _ if first => format!("the {who}'s first {size}"),
            _ => return (size, true),
        };
        (said, false)
    }
}

/// One packet's line.
#[derive(Clone, Debug)]
struct Line {
    packet: u64,
    at: Stamp,
    /// Since the packet before.
    since: Span,
    side: Option<usize>,
    arrow: &'static str,
    flags: String,
    seq: Option<i64>,
    length: u32,
    said: String,
}

impl Line {
    fn is_late(&self, limit: Span) -> bool {
        self.since >= limit
    }
}

fn letters(flags: Flags) -> String {
    let all = [
        (Flags::SYN, 'S'),
        (Flags::FIN, 'F'),
        (Flags::RST, 'R'),
        (Flags::PSH, 'P'),
        (Flags::ACK, '.'),
        (Flags::URG, 'U'),
        (Flags::ECE, 'E'),
        (Flags::CWR, 'C'),
    ];
    all.iter()
        .filter(|(bit, _)| flags.any(*bit))
        .map(|(_, letter)| letter)
        .collect()
}

fn options(segment: &Segment) -> String {
    let options = &segment.options;
    let mut said: Vec<String> = Vec::new();
    said.extend(options.mss.map(|mss| format!("MSS {mss}")));
    said.extend(options.window_scale.map(|scale| format!("window scale {scale}")));
    said.extend(options.sack_permitted.then(|| "SACK".to_owned()));
    said.extend(options.timestamps.map(|_| "timestamps".to_owned()));
    if said.is_empty() {
        "; no options".to_owned()
    } else {
        format!(" ({})", said.join(", "))
    }
}

fn span(span: Span) -> String {
    let seconds = span.as_secs();
    if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        super::text::span(span)
    }
}

/// A flow that a ladder can be asked for.
#[must_use]
pub fn is_bad(row: &FlowRow) -> bool {
    row.status != Status::Ok
}
