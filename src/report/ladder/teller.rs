//! Climbs down a ladder: a line a packet, ordinary ones folded, with what is known by then.

mod meaning;

use super::{Ladder, Step};
use crate::base::{Dir, Seq, Span, Stamp};
use crate::flow::mark::{Mark, Marks};
use crate::report::text::{clean, thousands, wrap};
use crate::wire::{Flags, IcmpError, Segment};

/// From so many ordinary packets in a row on, they are folded.
const FOLD: usize = 5;
/// A silence as long as this gets a line of its own.
const SILENCE: Span = Span::from_secs(3);
/// Columns before the sentence.
const INDENT: usize = 49;
/// What is known while the ladder is climbed down.
pub(super) struct Teller<'a> {
    ladder: &'a Ladder,
    width: usize,
    pub(super) lines: Vec<String>,
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
    pub(super) fn new(ladder: &'a Ladder, width: usize) -> Self {
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

    pub(super) fn tell(&mut self, marks: &[Marks]) {
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

fn span(span: Span) -> String {
    let seconds = span.as_secs();
    if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        crate::report::text::span(span)
    }
}
