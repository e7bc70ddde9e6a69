//! Lone SYNs, judged once a kind: of a flood, only addresses, ports, times and numbers differ.

use super::Analysis;
use super::rows::{self, Judged, Wants};
use crate::base::{Endpoint, Span};
use crate::case::{Case, Context, has_waited_for_one};
use crate::finding::lone::Wording;
use crate::flow::finished::{Kind, Lone};
use crate::flow::{FlowFacts, facts::Ttl};
use crate::verdict::is_near_end;
use std::borrow::Cow;
use std::net::IpAddr;

/// Kinds that one slot remembers at once; about 1 kB each. All of them where it is tested that each is told from the others.
const MOST: usize = if cfg!(test) { 4096 } else { 8 };

/// All that the judgement of a lone SYN depends on, its words apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Likeness {
    kind: Kind,
    /// The capture went on long enough for another, or an answer.
    waited: bool,
    near_end: bool,
    /// What the recording knows of the client.
    client: Option<[u8; 3]>,
    server: Called,
}

/// What the recording knows of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Called {
    /// Of the host.
    host: Option<[u8; 3]>,
    /// Others reached the service.
    answers: bool,
}

/// Room for one judged flow. It remembers the lone SYNs that it held: the next one like them needs only its own words.
#[derive(Debug, Default)]
pub(super) struct Slot {
    holds: Holds,
    /// A flow that is not one of `known`, or was: its place is used again.
    other: Option<Judged>,
    known: Vec<Known>,
    /// That of the last lone SYN in `known`.
    last: usize,
    /// Kinds so far.
    kinds: u64,
    /// The server of the last lone SYN, and what the recording knows of it: of a flood, it is that of the next, too.
    server: Option<(Endpoint, Called)>,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holds {
    #[default]
    Nothing,
    /// The lone SYN in this place of `known`.
    Known(usize),
    Other,
}

/// A lone SYN that was judged.
#[derive(Debug)]
struct Known {
    number: u64,
    likeness: Likeness,
    judged: Judged,
    wording: Wording,
}

impl Slot {
    /// What it holds.
    pub(super) fn judged(&mut self) -> Option<&mut Judged> {
        match self.holds {
            Holds::Nothing => None,
            Holds::Known(place) => self.known.get_mut(place).map(|known| &mut known.judged),
            Holds::Other => self.other.as_mut(),
        }
    }

    /// The number of its kind, if what it holds is a lone SYN: other than this, only what [`rows::readdress`] changes
    /// tells two of a kind apart.
    pub(super) fn kind(&self) -> Option<u64> {
        match self.holds {
            Holds::Known(place) => self.known.get(place).map(|known| known.number),
            Holds::Nothing | Holds::Other => None,
        }
    }

    /// Holds nothing.
    pub(super) fn clear(&mut self) {
        self.holds = Holds::Nothing;
    }

    /// Puts the judgement of a flow here, the `index`th of all.
    pub(super) fn put(&mut self, analysis: &Analysis, case: &Case<'_>, index: usize, wants: Wants) {
        match &mut self.other {
            Some(judged) => rows::judge_in(judged, analysis, case, index, wants),
            None => self.other = Some(rows::judge(analysis, case, index, wants)),
        }
        self.holds = Holds::Other;
    }

    /// Puts the judgement of `lone` here, the `index`th flow of all. `facts` are needed for the first of its kind.
    pub(super) fn put_lone<'f>(
        &mut self,
        analysis: &Analysis,
        lone: &Lone,
        index: usize,
        wants: Wants,
        facts: impl FnOnce() -> Option<Cow<'f, FlowFacts>>,
    ) {
        let (likeness, wait) = self.likeness_of(analysis, lone);
        let place = self.place_of(&likeness);
        if let Some(known) = place.and_then(|place| self.known.get_mut(place)) {
            let is_new = known
                .wording
                .say(&mut known.judged.findings, lone.at, lone.server, wait);
            rows::readdress(analysis, &mut known.judged, lone, index, is_new);
            self.last = place.unwrap_or_default();
            self.holds = Holds::Known(self.last);
            return;
        }
        self.clear();
        let Some(facts) = facts() else { return };
        let case = Case::new(&facts, &analysis.context);
        let judged = rows::judge(analysis, &case, index, wants);
        let Some(wording) = Wording::of(&case, &judged.findings) else {
            self.other = Some(judged);
            self.holds = Holds::Other;
            return;
        };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.holds = Holds::Known(self.known.len());
        self.kinds += 1;
        self.known.push(Known {
            number: self.kinds,
            likeness,
            judged,
            wording,
        });
    }

    /// Most often it is that of the last one.
    fn place_of(&self, likeness: &Likeness) -> Option<usize> {
        let is_like = |known: &Known| known.likeness == *likeness;
        if self.known.get(self.last).is_some_and(is_like) {
            return Some(self.last);
        }
        self.known.iter().position(is_like)
    }

    /// What `lone` is like, and how long the capture went on after it.
    fn likeness_of(&mut self, analysis: &Analysis, lone: &Lone) -> (Likeness, Span) {
        let context = &analysis.context;
        let end = context.end_of(lone.kind.interface).max(lone.at.stamp);
        let wait = end - lone.at.stamp;
        let server = match self.server {
            Some((server, called)) if server == lone.server => called,
            _ => Called {
                host: ttl_of(context, lone.server.ip),
                answers: context.answers(lone.server),
            },
        };
        self.server = Some((lone.server, server));
        let likeness = Likeness {
            kind: lone.kind,
            waited: has_waited_for_one(wait),
            near_end: is_near_end(context, lone.at.stamp),
            client: ttl_of(context, lone.client.ip),
            server,
        };
        (likeness, wait)
    }
}

fn ttl_of(context: &Context, ip: IpAddr) -> Option<[u8; 3]> {
    let Ttl { first, min, max } = context.hosts.get(&ip)?.ttl;
    Some([first, min, max])
}

#[cfg(test)]
mod tests {
    use super::super::CaptureReport;
    use super::*;
    use crate::analyzer::deal::Tally;
    use crate::analyzer::marks::Ledger;
    use crate::base::{FlowKey, Map, Stamp};
    use crate::capture::{CaptureInfo, Interface};
    use crate::flow::table::Table;
    use crate::report::sample;
    use crate::script::Script;
    use crate::wire::Segment;

    const END: i64 = 100_000_000_000;
    const ALL: Wants = Wants {
        details: true,
        incidents: true,
    };
    /// When hosts are heard that talk to each other.
    const TALKS: i64 = 20_000_000_000;

    /// SYNs of many kinds, from and to hosts that were heard and not, at many times, between other flows.
    fn segments() -> Vec<Segment> {
        let syns = [
            "0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7> win 64240 ttl 64 id 7",
            "0 > S 0:0(0) <mss 1460> win 0 ttl 63",
            "0 > SEC 0:0(0) win 1024 ttl 255 iface 1",
            "0 < S 0:0(0) <mss 536,FO> win 512 ttl 1",
            "0 > SU 0:0(0) <damaged> win 8192 ttl 128 id 0",
            "0 > SP 0:0(0) <mptcp> win 65535 ttl 0 iface 9",
        ];
        let talks = [
            "0 > S 0:0(0) ttl 64\n+.01 < S. 0:0(0) ack 1 ttl 57\n+0 > . 1:1(0) ack 1 ttl 64\n+.1 > F. 1:1(0) ack 1 ttl 64",
            "0 > S 0:0(0) ttl 57\n+.01 < S. 0:0(0) ack 1 ttl 64\n+0 > . 1:1(0) ack 1 ttl 57",
            "0 > S 0:0(0) ttl 50\n+.01 < R. 0:0(0) ack 1 ttl 60",
        ];
        let waits = [
            0,
            1,
            999_999_999,
            1_000_000_000,
            6_599_999_999,
            6_600_000_000,
            50_000_000_000,
            END,
        ];
        let syns = syns.into_iter().flat_map(|syn| waits.map(|wait| (syn, END - wait)));
        let talks = talks.into_iter().map(|talk| (talk, TALKS));
        let mut all = Vec::new();
        for (place, (text, start)) in syns.chain(talks).enumerate() {
            for pair in 0..12_u8 {
                // Not always with the same partner: one may have been heard, and the other not.
                let other = match pair {
                    0..9 => (pair + place as u8) % 9,
                    _ => 9 + (pair + place as u8) % 3,
                };
                let (client, server) = (end(pair % 4, place, pair), end(4 + other % 3, 80, other));
                let script = Script::parse(text).unwrap();
                let first = script.segments().next().unwrap().stamp;
                for segment in script.segments() {
                    let mut segment = segment.clone();
                    let is_up = segment.dir == script.segments().next().unwrap().dir;
                    let (from, to) = if is_up { (client, server) } else { (server, client) };
                    (segment.key, segment.dir) = FlowKey::between(from, to).unwrap();
                    segment.stamp = Stamp(start) + (segment.stamp - first);
                    all.push(segment);
                }
            }
        }
        all.sort_by_key(|segment| segment.stamp);
        for (place, segment) in all.iter_mut().enumerate() {
            segment.packet = place as u64 + 1;
        }
        all
    }

    /// Some hosts speak IPv6. None that the complete flows have is in all pairs.
    fn end(host: u8, port: usize, pair: u8) -> Endpoint {
        let ip = if pair > 8 {
            IpAddr::from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host])
        } else {
            IpAddr::from([10, 0, pair / 2, host])
        };
        let port = 1000 + port as u16 * 16 + u16::from(pair);
        Endpoint { ip, port }
    }

    fn analysis(segments: &[Segment], talks: usize) -> Analysis {
        let mut tables = [Table::default(), Table::default(), Table::default()];
        let mut told = 0;
        for (place, segment) in segments.iter().enumerate() {
            let is_talk = (TALKS..TALKS + END / 100).contains(&segment.stamp.0);
            told += usize::from(is_talk);
            if is_talk && told > talks {
                continue;
            }
            let table = match segment.key {
                FlowKey::V4(low, ..) => usize::from(low[3]) % 2,
                FlowKey::V6(..) => 2,
            };
            tables[table].on_segment(segment, u16::from(place % 7 == 0));
        }
        let interface = |last| Interface {
            last: Some(Stamp(last)),
            ..sample::info("").interfaces[0].clone()
        };
        let info = CaptureInfo {
            interfaces: vec![interface(END), interface(END - 3_000_000_000)],
            span: Some((Stamp(0), Stamp(END))),
            ..CaptureInfo::default()
        };
        let captures = [info.clone(), info].map(|info| CaptureReport::new(info, 0, Map::default()));
        let mut tally = Tally::default();
        tally
            .names
            .on_answer(end(1, 0, 0).ip, end(4, 0, 0).ip, "a.example", Stamp(0));
        Analysis::new(
            None,
            captures.into(),
            tables.map(Table::finish).into(),
            Ledger::new(std::iter::empty(), 0),
            tally,
            false,
        )
    }

    #[test]
    fn a_judgement_used_again_is_the_same_as_a_new_one() {
        let segments = segments();
        let mut kinds = std::collections::HashSet::new();
        for talks in [0, 41, 65, 1000] {
            let analysis = analysis(&segments, talks);
            let (mut slot, mut lone) = (Slot::default(), 0);
            for place in analysis.order() {
                let shard = &analysis.shards[place.shard];
                let facts = || shard.facts(place.number);
                let case_facts = facts().unwrap();
                let case = Case::new(&case_facts, &analysis.context);
                let new = rows::judge(&analysis, &case, place.index, ALL);
                match shard.lone(place.number) {
                    Some(syn) => slot.put_lone(&analysis, &syn, place.index, ALL, facts),
                    None => slot.put(&analysis, &case, place.index, ALL),
                }
                assert_eq!(format!("{:?}", slot.judged().unwrap()), format!("{new:?}"));
                if shard.is_lone(place.number) {
                    kinds.insert((new.row.findings.clone(), new.row.doubts.clone(), new.row.culprit));
                    lone += 1;
                }
            }
            assert!(lone > 500, "{lone} lone SYNs");
        }
        assert!(kinds.len() > 6, "{} judgements", kinds.len());
    }
}
