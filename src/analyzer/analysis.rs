//! What is known when everything has been read: flows in order, the context around them, and the way to a report.

use super::marks::{Ledger, Listed};
use super::rows;
use crate::base::{Endpoint, Map, Set, Stamp, limits};
use crate::capture::CaptureInfo;
use crate::case::{Case, Context};
use crate::finding::find_all;
use crate::flow::FlowFacts;
use crate::flow::finished::Finished;
use crate::report::{CaptureHead, FlowReport, Head, Reporter, Tail};
use crate::verdict::judge;
use crate::wire::Why;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::net::IpAddr;

/// One capture of the recording, read to its end.
#[derive(Debug)]
pub struct CaptureReport {
    info: CaptureInfo,
    packets_before: u64,
    skipped: Vec<(String, u64)>,
}

impl CaptureReport {
    pub(super) fn new(info: CaptureInfo, packets_before: u64, skipped: Map<Why, u64>) -> Self {
        let mut skipped: Vec<(String, u64)> = skipped
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .map(|(why, count)| match why {
                Why::LinkType(number) => (format!("{} {number}", why.word()), count),
                _ => (why.word().to_string(), count),
            })
            .collect();
        skipped.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Self {
            info,
            packets_before,
            skipped,
        }
    }

    pub(super) fn head(&self) -> CaptureHead<'_> {
        CaptureHead {
            info: &self.info,
            packets_before: self.packets_before,
            skipped: &self.skipped,
        }
    }
}

/// The whole recording, tracked.
#[derive(Debug)]
pub struct Analysis {
    captures: Vec<CaptureReport>,
    shards: Vec<Finished>,
    context: Context,
    /// First packets of Wireshark's streams, ascending: the place is the number.
    streams: Vec<u64>,
    marks: Ledger,
    tcp_packets: u64,
    copies: u64,
    limits: Vec<String>,
    interrupted: bool,
}

impl Analysis {
    pub(super) fn new(
        captures: Vec<CaptureReport>,
        finished: Vec<Finished>,
        tcp_packets: u64,
        heard: Set<IpAddr>,
        names: Map<IpAddr, String>,
        interrupted: bool,
    ) -> Self {
        let mut context = context_of(&captures);
        context.names.extend(names);
        heard.into_iter().for_each(|ip| context.on_heard(ip));
        let mut shards = finished;
        let mut streams: Vec<u64> = shards
            .iter_mut()
            .flat_map(|shard| std::mem::take(&mut shard.other_streams))
            .collect();
        let marks = Ledger::new(shards.iter_mut().map(|shard| std::mem::take(&mut shard.marked)));
        for place in Order::new(&shards) {
            let shard = &shards[place.shard];
            // A lone SYN is a stream of its own, and tells nothing about the recording.
            if shard.is_lone(place.number) {
                streams.push(place.first);
            } else if let Some(facts) = shard.facts(place.number) {
                streams.push(facts.stream_start);
                context.on_flow(&facts);
            }
        }
        streams.sort_unstable();
        streams.dedup();
        let refused: u64 = shards.iter().map(|shard| shard.refused).sum();
        let refused = (refused > 0).then(|| {
            let flows: usize = shards.iter().map(Finished::len).sum();
            format!("{refused} packets belong to flows that were not tracked: {flows} were the most there is room for")
        });
        let full = marks
            .is_full
            .then(|| format!("only the first {} packets with marks are listed", limits::MAX_MARKED));
        let copies = shards.iter().map(|shard| shard.copies).sum();
        Self {
            captures,
            shards,
            context,
            streams,
            marks,
            tcp_packets,
            copies,
            limits: refused.into_iter().chain(full).collect(),
            interrupted,
        }
    }

    /// Judges every flow that `selected` keeps, in order, and tells the reporters.
    ///
    /// # Errors
    /// What a reporter reports.
    pub fn report(
        &self,
        selected: &dyn Fn(Endpoint, Endpoint) -> bool,
        reporters: &mut [&mut dyn Reporter],
    ) -> io::Result<()> {
        self.tell_head(reporters)?;
        let mut flows = 0;
        let mut listed = Map::default();
        for place in Order::new(&self.shards) {
            let Some(facts) = self.shards[place.shard].facts(place.number) else {
                continue;
            };
            let facts = &facts;
            let case = Case::new(facts, &self.context);
            if !selected(case.client(), case.server()) {
                continue;
            }
            flows += 1;
            if !self.marks.is_empty() {
                let digits = self.capture_of(facts).1;
                listed.insert((place.shard as u8, place.number), Listed::new(facts, flows, digits));
            }
            let findings = find_all(&case);
            let verdict = judge(&case, &findings);
            let cause = verdict.cause.and_then(|place| findings.get(place));
            let row = rows::row_of(self, &case, flows, &findings, verdict);
            let report = FlowReport {
                row: &row,
                findings: &findings,
                cause,
            };
            for reporter in reporters.iter_mut() {
                reporter.flow(&report)?;
            }
        }
        self.marks.tell(self, &listed, reporters)?;
        let tail = Tail { flows };
        reporters.iter_mut().try_for_each(|reporter| reporter.end(&tail))
    }

    fn tell_head(&self, reporters: &mut [&mut dyn Reporter]) -> io::Result<()> {
        let captures: Vec<CaptureHead<'_>> = self.captures.iter().map(CaptureReport::head).collect();
        let (one_sided, two_sided) = (self.context.one_sided, self.context.two_sided);
        let head = Head {
            captures: &captures,
            tcp_packets: self.tcp_packets,
            duplicates: self.copies,
            one_sided: (one_sided, one_sided + two_sided),
            limits: &self.limits,
            interrupted: self.interrupted,
        };
        reporters.iter_mut().try_for_each(|reporter| reporter.head(&head))
    }

    /// Name, and decimals of the time stamps, of the capture that a flow began in.
    pub(super) fn capture_of(&self, facts: &FlowFacts) -> (&str, u8) {
        let Some(capture) = self.captures.get(usize::from(facts.capture)) else {
            return ("", 9);
        };
        let interface = capture.info.interfaces.get(usize::from(facts.interface));
        (
            &capture.info.name,
            interface.map_or(6, |interface| interface.stamp_digits),
        )
    }

    /// Wireshark's number for the stream that a flow belongs to.
    pub(super) fn stream_of(&self, facts: &FlowFacts) -> Option<u64> {
        self.stream_at(facts.stream_start)
    }

    /// Wireshark's number for the stream that starts with packet `start`.
    pub(super) fn stream_at(&self, start: u64) -> Option<u64> {
        self.streams.binary_search(&start).ok().map(|place| place as u64)
    }
}

/// A flow's place, and its first packet.
#[derive(Clone, Copy, Debug)]
struct Place {
    first: u64,
    shard: usize,
    number: u32,
}

/// All flows in order of first packet: within a shard they are in this order already.
#[derive(Debug)]
struct Order<'a> {
    shards: &'a [Finished],
    /// The next flow of every shard that has one, the first of all on top.
    heads: BinaryHeap<Reverse<(u64, usize, u32)>>,
}

impl<'a> Order<'a> {
    fn new(shards: &'a [Finished]) -> Self {
        let head = |(place, shard): (usize, &Finished)| Some(Reverse((shard.first_packet(0)?, place, 0)));
        Self {
            shards,
            heads: shards.iter().enumerate().filter_map(head).collect(),
        }
    }
}

impl Iterator for Order<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((first, shard, number)) = *head;
        match self.shards[shard].first_packet(number + 1) {
            Some(next) => *head = Reverse((next, shard, number + 1)),
            None => {
                PeekMut::pop(head);
            }
        }
        Some(Place { first, shard, number })
    }
}

/// What the captures themselves say about what they could show.
fn context_of(captures: &[CaptureReport]) -> Context {
    let mut context = Context::default();
    for CaptureReport { info, .. } in captures {
        for (place, interface) in info.interfaces.iter().enumerate() {
            let last = interface.last.unwrap_or_default();
            match context.ends.get_mut(place) {
                Some(end) => *end = last.max(*end),
                None => context.ends.push(last),
            }
            context.dropped += interface.dropped.unwrap_or(0);
            context.own.extend(&interface.addresses);
        }
        let ends = info.interfaces.iter().filter_map(|interface| interface.last);
        context.end = info
            .span
            .map(|(_, last)| last)
            .into_iter()
            .chain(ends)
            .fold(context.end, Stamp::max);
        context.steps_back += info.health.steps_back;
        context.names.extend(info.names.iter().cloned());
    }
    context.cut = captures.last().is_some_and(|capture| {
        let health = &capture.info.health;
        health.cut.is_some() || health.broken_compression.is_some()
    });
    context
}
