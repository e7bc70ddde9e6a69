//! Facts to cases: what one flow showed, in the light of what the whole recording could show at all.

pub mod words;
pub mod context;
mod opening;
mod ending;

pub use context::{Context, Host, Vantage};

use crate::base::{Endpoint, Span, Stamp};
use crate::flow::FlowFacts;
use crate::flow::facts::{Repeats, Reset, SideFacts};
use std::net::IpAddr;
use words::{Ending, Handshake};

/// The interval that is taken for the last one where a packet was sent only once.
const ONLY_GAP: Span = Span::from_secs(3);

/// Has a capture that went on for `wait` after the only packet of a flow waited long enough for another?
#[must_use]
pub fn has_waited_for_one(wait: Span) -> bool {
    is_long_enough(wait, ONLY_GAP)
}

fn is_long_enough(wait: Span, gap: Span) -> bool {
    wait >= gap.max(Span::from_millis(200)).times_tenths(22)
}

/// One flow with the recording around it, and the plain outcome of SEMANTICS 6.2 and 6.3.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the flow showed.
    pub facts: &'a FlowFacts,
    /// What the recording could show.
    pub context: &'a Context,
    /// How the handshake went.
    pub handshake: Handshake,
    /// How the flow ended.
    pub ending: Ending,
}

impl<'a> Case<'a> {
    /// Classifies a flow.
    #[must_use]
    pub fn new(facts: &'a FlowFacts, context: &'a Context) -> Self {
        let mut case = Self {
            facts,
            context,
            handshake: Handshake::Undetermined,
            ending: Ending::None,
        };
        case.handshake = opening::classify(&case);
        case.ending = ending::classify(&case);
        case
    }

    /// Who opened the connection.
    #[must_use]
    pub fn client(&self) -> Endpoint {
        self.facts.key.sender(self.facts.client)
    }

    /// Who was called.
    #[must_use]
    pub fn server(&self) -> Endpoint {
        self.facts.key.sender(self.facts.client.flip())
    }

    /// The last moment at which the capture could have shown a packet of this flow.
    #[must_use]
    pub fn capture_end(&self) -> Stamp {
        self.context.end_of(self.facts.interface).max(self.facts.last.stamp)
    }

    /// Has the capture gone on long enough after the last of `sent` that another one, or an answer, would have been seen?
    /// SEMANTICS 5.1: 2.2 times the last interval, which is taken as 3 s where there is only one.
    #[must_use]
    pub fn has_waited(&self, sent: &Repeats) -> bool {
        let gap = if sent.count > 1 { sent.widest_gap() } else { ONLY_GAP };
        sent.last()
            .is_some_and(|last| is_long_enough(self.capture_end() - last.stamp, gap))
    }

    /// Was anything captured from the server, in any flow? Or do other flows prove that its direction would have been,
    /// or was it captured on one of the two ends?
    #[must_use]
    pub fn is_server_visible(&self) -> bool {
        self.context.has_spoken(self.server().ip) || self.context.sees_both_directions() || self.is_at_an_end()
    }

    /// The capture was taken on an interface of the client or of the server.
    #[must_use]
    pub fn is_at_an_end(&self) -> bool {
        [self.client().ip, self.server().ip]
            .iter()
            .any(|ip| self.context.own.contains(ip))
    }

    /// The RST came from the client's address.
    #[must_use]
    pub fn is_from_client(&self, reset: &Reset) -> bool {
        reset.from == self.facts.client
    }

    /// Only one side's packets were captured, although the other side's must have existed.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.facts.is_one_sided()
    }

    /// This side goes on repeating what the other has acknowledged: the acknowledgments do not reach it.
    #[must_use]
    pub fn is_deaf(&self, side: &SideFacts) -> bool {
        ending::is_deaf(self, side)
    }

    /// Where the capture was taken, as far as this flow and the others tell.
    #[must_use]
    pub fn vantage(&self) -> Vantage {
        self.context.vantage_of(self.facts)
    }

    /// The TTL of what `ip` sent here, and another in its name that another system must have sent, in this flow or in others:
    /// several hosts share the address, or something else speaks for it.
    #[must_use]
    pub fn strange_ttls(&self, ip: IpAddr) -> Option<(u8, u8)> {
        let side = if ip == self.client().ip {
            self.facts.client()
        } else {
            self.facts.server()
        };
        let others = self.context.hosts.get(&ip)?.ttl;
        let all = [side.ttl.min, side.ttl.max, others.min, others.max];
        let other = all.into_iter().find(|other| side.ttl.has_other_start(*other))?;
        Some((side.ttl.first, other))
    }

    /// Independent indicators that the RST was sent by neither end (SEMANTICS 5.3), each in a few words.
    #[must_use]
    pub fn forgery_indicators(&self) -> Vec<&'static str> {
        self.facts
            .reset
            .as_ref()
            .map_or_else(Vec::new, |reset| ending::forgery_indicators(self.facts, reset))
    }
}
