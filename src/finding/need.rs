//! What a finding cannot do without: seen at a glance, so that a flow without trouble is asked for little.

use super::FINDS;
use crate::case::Case;
use crate::case::words::{Ending, Handshake};
use crate::flow::Sighting;
use crate::flow::facts::SideFacts;
use crate::flow::talk::Talk;
use crate::wire::talk::Status;

/// Something that must be there, or the finding cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing in particular.
    Nothing,
    /// The handshake is not known to have completed.
    Unopened,
    /// Something of the handshake came more than once, or this flow tries again what failed.
    Repeated,
    /// A RST, believed or not.
    Reset,
    /// An ICMP error.
    Icmp,
    /// Data sent more than once.
    Again,
    /// Keep-alives without an answer.
    KeepAlive,
    /// A window that was shut.
    Shut,
    /// The server sent no byte.
    NoAnswer,
    /// It ended neither with FINs nor with a RST, or its ports were taken.
    Unclosed,
    /// Bytes or packets that the capture lacks, or has twice.
    Odd,
    /// First bytes in which somebody asks for a way, says no, or means another protocol.
    Told,
    /// A server's hello.
    Hello,
    /// TTLs that differ within one side.
    Ttls,
}

/// What there is, one bit for each [`Need`].
#[derive(Clone, Copy, Debug)]
pub struct Seen(u16);

impl Seen {
    /// What `case` has.
    pub fn new(case: &Case<'_>) -> Self {
        let facts = case.facts;
        let opening = &facts.opening;
        let talk = facts.talk.as_deref();
        let any = |has: fn(&SideFacts) -> bool| facts.sides.iter().any(has);
        let opened = matches!(case.handshake, Handshake::Completed | Handshake::Retransmitted);
        let closed = matches!(
            case.ending,
            Ending::Fin | Ending::RstClient | Ending::RstServer | Ending::RstInjected
        );
        let seen = [
            (Need::Unopened, !opened),
            (
                Need::Repeated,
                opening.syn.count > 1
                    || opening.syn_ack.count > 1
                    || opening.syn_acks_after_ack > 0
                    || opening.repeats_attempt,
            ),
            (Need::Reset, facts.reset.is_some() || facts.invalid_resets.count > 0),
            (Need::Icmp, facts.icmp.is_some()),
            (
                Need::Again,
                any(|side| side.retransmissions() > 0 || side.resends.count > 0 || side.deaf_resends.count > 0),
            ),
            (Need::KeepAlive, any(|side| side.unanswered_keep_alives.count > 0)),
            (Need::Shut, any(|side| side.zero_windows > 0)),
            (Need::NoAnswer, facts.server().bytes == 0),
            (Need::Unclosed, !closed || facts.superseded.is_some()),
            (
                Need::Odd,
                any(|side| side.missed_bytes > 0 || side.copies > 0 || side.packets == 0),
            ),
            (Need::Told, talk.is_some_and(tells_trouble)),
            (Need::Hello, talk.is_some_and(|talk| talk.server_hello.is_some())),
            (Need::Ttls, any(|side| side.ttl.min != side.ttl.max)),
        ];
        Self(seen.into_iter().fold(1 << Need::Nothing as u16, |bits, (need, holds)| {
            bits | u16::from(holds) << need as u16
        }))
    }

    /// The places of the findings that have what they need, a bit each.
    pub fn askable(self) -> u64 {
        let (mut seen, mut bits) = (self.0, 0);
        // Of most flows, few or none.
        while seen != 0 {
            bits |= ASKING.get(seen.trailing_zeros() as usize).copied().unwrap_or(0);
            seen &= seen - 1;
        }
        bits
    }
}

fn tells_trouble(talk: &Talk) -> bool {
    let is_error = |(status, _): &(Status, Sighting)| status.code >= 400;
    talk.tunnel.is_some()
        || talk.refusal.is_some()
        || talk.mismatch.is_some()
        || talk.error.is_some()
        || talk.answer.as_ref().is_some_and(is_error)
        || talk.alerts.iter().any(Option::is_some)
}

/// How many different needs there are.
const NEEDS: usize = Need::Ttls as usize + 1;

/// For each need, the places of the findings that have it, a bit each.
static ASKING: [u64; NEEDS] = asking();

const fn asking() -> [u64; NEEDS] {
    assert!(FINDS.len() <= 64, "there are more findings than bits");
    let mut asking = [0; NEEDS];
    let mut place = 0;
    while place < FINDS.len() {
        asking[FINDS[place].0 as usize] |= 1 << place;
        place += 1;
    }
    asking
}
