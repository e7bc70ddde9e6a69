//! Lone SYNs, judged once a kind: of a flood, only addresses, ports, times and numbers differ.

use super::Analysis;
use super::rows::{self, Judged};
use crate::base::{Map, Span};
use crate::case::{Case, has_waited_for_one};
use crate::finding::lone::Wording;
use crate::flow::finished::{Kind, Lone};
use crate::flow::{FlowFacts, facts::Ttl};
use crate::verdict::is_near_end;
use std::net::IpAddr;

/// Kinds that one slot remembers at once; about 1 kB each.
const MOST: usize = 8;

/// All that the judgement of a lone SYN depends on, its words apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Likeness {
    kind: Kind,
    /// The capture went on long enough for another, or an answer.
    waited: bool,
    near_end: bool,
    /// What the recording knows of both hosts.
    hosts: [Option<[u8; 3]>; 2],
}

/// Room for one judged flow. It remembers the lone SYNs that it held: the next one like them needs only its own words.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// What it holds, if that is not one of `known`.
    other: Option<Judged>,
    /// The one of `known` that it holds.
    like: Option<Likeness>,
    known: Map<Likeness, (Judged, Wording)>,
}

impl Slot {
    /// What it holds.
    pub(super) fn judged(&mut self) -> Option<&mut Judged> {
        match self.like {
            Some(likeness) => self.known.get_mut(&likeness).map(|(judged, _)| judged),
            None => self.other.as_mut(),
        }
    }

    /// Puts something here.
    pub(super) fn put(&mut self, judged: Option<Judged>) {
        self.other = judged;
        self.like = None;
    }

    /// Puts the judgement of `lone` here, the `index`th flow of all. `facts` are needed for the first of its kind.
    pub(super) fn put_lone(
        &mut self,
        analysis: &Analysis,
        lone: &Lone,
        index: usize,
        facts: impl FnOnce() -> Option<FlowFacts>,
    ) {
        let (likeness, wait) = likeness_of(analysis, lone);
        if let Some((judged, wording)) = self.known.get_mut(&likeness) {
            wording.say(&mut judged.findings, lone.at, lone.server, wait);
            rows::readdress(analysis, judged, lone, index);
            self.like = Some(likeness);
            return;
        }
        self.put(None);
        let Some(facts) = facts() else { return };
        let case = Case::new(&facts, &analysis.context);
        // Nothing beyond the columns is known of a flow without an answer.
        let judged = rows::judge(analysis, &case, index, false);
        let Some(wording) = Wording::of(&case, &judged.findings) else {
            return self.put(Some(judged));
        };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(likeness, (judged, wording));
        self.like = Some(likeness);
    }
}

/// What `lone` is like, and how long the capture went on after it.
fn likeness_of(analysis: &Analysis, lone: &Lone) -> (Likeness, Span) {
    let context = &analysis.context;
    let end = context.end_of(lone.kind.interface).max(lone.at.stamp);
    let wait = end - lone.at.stamp;
    let host = |ip: IpAddr| {
        let Ttl { first, min, max } = context.hosts.get(&ip)?.ttl;
        Some([first, min, max])
    };
    let likeness = Likeness {
        kind: lone.kind,
        waited: has_waited_for_one(wait),
        near_end: is_near_end(context, lone.at.stamp),
        hosts: [host(lone.client.ip), host(lone.server.ip)],
    };
    (likeness, wait)
}
