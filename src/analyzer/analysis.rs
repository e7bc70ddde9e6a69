//! What is known when everything has been read: flows in order, the context around them, and the way to a report.

use super::ascending::Ascending;
use super::deal::Tally;
use super::marks::Ledger;
use super::order::Order;
use super::rows::Wants;
use super::streams::{List, Streams};
use super::tell::{Judge, Teller};
use crate::base::{Endpoint, Map, Stamp, limits};
use crate::capture::CaptureInfo;
use crate::case::Context;
use crate::flow::FlowFacts;
use crate::flow::finished::Finished;
use crate::incident::Incidents;
use crate::lookup::{Lookup, Unanswered};
use crate::report::{CaptureHead, Head, Reporter};
use crate::wire::Why;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// One capture of the recording, read to its end.
#[derive(Debug)]
pub struct CaptureReport {
    info: CaptureInfo,
    /// Its name, shared by the rows of all its flows.
    name: Arc<str>,
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
            name: info.name.as_str().into(),
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
    pool: Option<ThreadPool>,
    captures: Vec<CaptureReport>,
    pub(super) shards: Vec<Finished>,
    /// First packets of their flows that are no lone SYNs, shard by shard.
    firsts: Vec<Ascending>,
    pub(super) context: Context,
    streams: Streams,
    pub(super) marks: Ledger,
    /// Look-ups of names in trouble, in order.
    lookups: Vec<Lookup>,
    /// Questions that name servers did answer.
    answered: Map<IpAddr, u64>,
    /// Hosts on the link that did not answer, in order.
    unanswered: Vec<Unanswered>,
    tcp_packets: u64,
    copies: u64,
    limits: Vec<String>,
    interrupted: bool,
}

impl Analysis {
    pub(super) fn new(
        pool: Option<ThreadPool>,
        captures: Vec<CaptureReport>,
        finished: Vec<Finished>,
        marks: Ledger,
        tally: Tally,
        interrupted: bool,
    ) -> Self {
        let mut context = context_of(&captures);
        let full_names = tally
            .names
            .is_full()
            .then(|| format!("only the first {} names of addresses are known", limits::MAX_NAMES));
        let full_lookups = (tally.lookups.is_full() || tally.neighbors.is_full()).then(|| {
            format!(
                "only the first {} look-ups of names or neighbours were followed",
                limits::MAX_LOOKUPS
            )
        });
        let (lookups, answered) = tally.lookups.finish(|interface| context.end_of(interface));
        let unanswered = tally.neighbors.unanswered(|interface| context.end_of(interface));
        context.resolved = tally.names;
        tally.heard.into_iter().for_each(|ip| context.on_heard(ip));
        let mut shards = finished;
        let (starts, firsts) = overviews(pool.as_ref(), &mut shards, &mut context);
        let refused: u64 = shards.iter().map(|shard| shard.refused).sum();
        context.limited = refused > 0;
        let refused = (refused > 0).then(|| {
            let flows: usize = shards.iter().map(Finished::len).sum();
            format!("{refused} packets belong to flows that were not tracked: {flows} were the most there is room for (see --max-memory, --port, --host)")
        });
        let full = marks
            .is_full
            .then(|| format!("only the first {} packets with marks are listed", marks.len()));
        let copies = shards.iter().map(|shard| shard.copies).sum();
        let streams = streams_of(&shards, starts);
        let deaf: u64 = shards.iter().map(|shard| shard.deaf).sum();
        let deaf =
            (deaf > 0).then(|| format!("the first bytes of {deaf} flows were not put together for want of room"));
        Self {
            pool,
            captures,
            shards,
            firsts,
            context,
            streams,
            marks,
            lookups,
            answered,
            unanswered,
            tcp_packets: tally.tcp_packets,
            copies,
            limits: [refused, full, deaf, full_names, full_lookups]
                .into_iter()
                .flatten()
                .collect(),
            interrupted,
        }
    }

    /// Judges every flow that `selected` keeps, in order, and tells the reporters.
    ///
    /// # Errors
    /// What a reporter reports.
    pub fn report(&self, selected: &Selected<'_>, reporters: &mut [&mut dyn Reporter]) -> io::Result<()> {
        self.tell_head(reporters)?;
        let wants = Wants::of(reporters);
        let incidents = wants.incidents.then(|| {
            let mut incidents = Incidents::new(self.span());
            self.tell_lookups(selected, &mut incidents);
            incidents
        });
        let judge = Judge {
            analysis: self,
            selected,
            wants,
        };
        let mut teller = Teller::new(self, reporters, incidents);
        match &self.pool {
            None => judge.in_turn(&mut teller)?,
            Some(pool) => judge.side_by_side(pool, &mut teller)?,
        }
        self.check_all_there()?;
        teller.finish()
    }

    /// No flow was lost on its way to a temporary file and back.
    fn check_all_there(&self) -> io::Result<()> {
        let lost: u64 = self.shards.iter().map(Finished::lost).sum();
        if lost == 0 {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "flows could not be read back from the temporary file in {}: is the disk broken? TMPDIR names another place",
            std::env::temp_dir().display()
        )))
    }

    /// Packets read.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.captures.iter().map(|capture| capture.info.packets).sum()
    }

    /// Look-ups of names that failed, were slow or got no answer, in order.
    #[must_use]
    pub fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// Hosts on the link that were asked for and did not answer, in order.
    #[must_use]
    pub fn unanswered(&self) -> &[Unanswered] {
        &self.unanswered
    }

    /// Look-ups that `selected` keeps: of names as connections to port 53, on the link as such between the two hosts.
    fn tell_lookups(&self, selected: &Selected<'_>, incidents: &mut Incidents) {
        let end = |ip, port| Endpoint { ip, port };
        let lookups = self.lookups.iter();
        let lookups = lookups.filter(|each| selected(end(each.client, 0), end(each.server, 53)));
        let unanswered = self.unanswered.iter();
        let unanswered = unanswered.filter(|each| selected(end(each.asker, 0), end(each.wanted, 0)));
        let (lookups, unanswered): (Vec<_>, Vec<_>) = (lookups.cloned().collect(), unanswered.cloned().collect());
        incidents.on_lookups(&lookups, &self.answered, &unanswered);
    }

    /// From the first packet of all captures to the last.
    fn span(&self) -> Option<(Stamp, Stamp)> {
        let spans = self.captures.iter().filter_map(|capture| capture.info.span);
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
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
            near: self.context.near(),
        };
        reporters.iter_mut().try_for_each(|reporter| reporter.head(&head))
    }

    /// Name, and decimals of the time stamps, of the capture that a flow began in.
    pub(super) fn capture_of(&self, facts: &FlowFacts) -> (Arc<str>, u8) {
        let Some(capture) = self.captures.get(usize::from(facts.capture)) else {
            return ("".into(), 9);
        };
        let interface = capture.info.interfaces.get(usize::from(facts.interface));
        (
            capture.name.clone(),
            interface.map_or(6, |interface| interface.stamp_digits),
        )
    }

    /// Name of the interface that a flow's first packet was captured on.
    pub(super) fn interface_of(&self, facts: &FlowFacts) -> Option<String> {
        let capture = self.captures.get(usize::from(facts.capture))?;
        let interface = capture.info.interfaces.get(usize::from(facts.interface))?;
        interface.name.clone()
    }

    /// All flows in order.
    pub(super) fn order(&self) -> Order<'_> {
        Order::new(&self.shards, &self.firsts)
    }

    /// Wireshark's number for the stream that starts with packet `start`; quickest where it is about `guess`.
    pub(super) fn stream_at(&self, start: u64, guess: usize) -> Option<u64> {
        self.streams.number(start, guess)
    }
}

/// Which flows a report is about, by their ends.
pub type Selected<'a> = dyn Fn(Endpoint, Endpoint) -> bool + Sync + 'a;

/// Of a shard's flows that are no lone SYNs: the streams that they belong to, ascending, and their first packets.
type Overview = (Vec<u64>, Ascending);

/// What the flows of all shards tell about the recording goes into `context`. Gives what else is told of each. Every thread
/// puts together what its shards tell: most hosts are heard in many of them.
fn overviews(
    pool: Option<&ThreadPool>,
    shards: &mut [Finished],
    context: &mut Context,
) -> (Vec<Vec<u64>>, Vec<Ascending>) {
    let Some(pool) = pool else {
        return shards.iter_mut().map(|shard| overview(shard, context)).unzip();
    };
    let part = |shards: &mut [Finished]| {
        let mut context = Context::default();
        let each = shards.iter_mut().map(|shard| overview(shard, &mut context));
        (each.collect(), context)
    };
    let each = shards.len().div_ceil(pool.current_num_threads()).max(1);
    let parts: Vec<(Vec<Overview>, Context)> = pool.install(|| shards.par_chunks_mut(each).map(part).collect());
    let join = |(each, part)| {
        context.join(&part);
        each
    };
    parts.into_iter().flat_map(join).unzip()
}

/// What the flows of a shard tell about the recording goes into `context`. Lone SYNs left out: they are streams of their own,
/// and tell nothing.
fn overview(shard: &mut Finished, context: &mut Context) -> Overview {
    let mut starts = std::mem::take(&mut shard.other_streams);
    let mut firsts = Ascending::default();
    shard.end_each(|shard, number, first, outline| {
        starts.push(outline.stream_start);
        firsts.push(first);
        match outline.has_tunnel.then(|| shard.facts(number)).flatten() {
            Some(facts) => context.on_flow(&facts),
            None => context.on_outline(outline, first),
        }
    });
    #[expect(clippy::stable_sort_primitive, reason = "quick with a few runs that ascend")]
    starts.sort();
    (starts, firsts)
}

/// The streams of all shards: those that start as `starts` tells, and lone SYNs.
fn streams_of(shards: &[Finished], starts: Vec<Vec<u64>>) -> Streams {
    let flows: usize = shards.iter().map(Finished::len).sum();
    let others: usize = starts.iter().map(Vec::len).sum();
    let lone = shards
        .iter()
        .map(|shard| -> List<'_> { Box::new(shard.lone_packets()) });
    let starts = starts
        .into_iter()
        .map(|starts| -> List<'_> { Box::new(starts.into_iter()) });
    Streams::new(flows + others, lone.chain(starts).collect())
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
