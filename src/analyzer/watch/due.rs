//! When a flow can be judged, when it is worth looking at again, and what to say in the meantime.

use crate::base::{Span, Stamp};
use crate::case::Case;
use crate::flow::FlowFacts;
use crate::flow::facts::Repeats;
use crate::report::text;
use crate::verdict::words::{Ending, Handshake, Status};

/// After an end, what follows within this time belongs to it: resets in both directions, copies, repeated SYNs.
pub(super) const SETTLE: Span = Span::from_millis(300);
/// A flow that is over is kept so long for packets that come late.
const LINGER: Span = Span::from_secs(3);
/// An attempt that failed without an end is kept so long.
const GIVEN_UP: Span = Span::from_secs(30);
/// An attempt of which nothing can be said is kept so long.
const UNKNOWN: Span = Span::from_secs(300);
/// A request may take so long before the missing answer is called a failure.
const SLOW: Span = Span::from_secs(30);
/// The contract's time for `no-response`.
const NO_RESPONSE: Span = Span::from_secs(3);
/// A host has been heard for so long that its first packets tell of it.
const TELLING: Span = Span::from_secs(1);
/// So many packets without an answer are worth a note.
const PATIENCE: u32 = 3;

/// What to do with a flow after looking at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing more will come of it.
    Over,
    /// Time alone can change its verdict, then.
    At(Stamp),
    /// Only a packet can.
    Asleep,
}

/// Something not final yet, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    /// The verdict of the moment would be too hasty: this is told instead.
    pub(super) instead: bool,
}

/// It has ended just now: a moment later more will be known.
pub(super) fn is_settling(facts: &FlowFacts, now: Stamp) -> bool {
    (has_ended(facts) || facts.icmp.is_some()) && now - facts.last.stamp < SETTLE
}

/// Both sides were heard for a while, or it is over: what it shows of hosts and directions will not change much.
pub(super) fn is_telling(facts: &FlowFacts, now: Stamp) -> bool {
    let heard = facts.sides.iter().all(|side| side.packets > 0);
    heard && (has_ended(facts) || now - facts.first.stamp >= TELLING)
}

fn has_ended(facts: &FlowFacts) -> bool {
    facts.superseded.is_some() || facts.reset.is_some() || facts.sides.iter().all(|side| side.fin.is_some())
}

/// When to look again at a flow that has just been judged at `now`.
pub(super) fn due(case: &Case<'_>, now: Stamp) -> Due {
    let facts = case.facts;
    let quiet = now - facts.last.stamp;
    let keep = |time: Span| {
        if quiet >= time {
            Due::Over
        } else {
            Due::At(facts.last.stamp + time)
        }
    };
    if has_ended(facts) {
        return keep(LINGER);
    }
    let times = [Some(&facts.opening.syn), Some(&facts.opening.syn_ack)]
        .into_iter()
        .flatten();
    let times = times.filter(|_| !facts.is_established());
    let resends = facts
        .sides
        .iter()
        .filter(|side| side.unacked > 0)
        .map(|side| &side.resends);
    let waits = times
        .chain(resends)
        .chain(facts.sides.iter().map(|side| &side.deaf_resends));
    let first = waits
        .filter_map(waited_by)
        .filter(|&at| at > now)
        .chain(answer_due(case, now))
        .min();
    if let Some(at) = first {
        return Due::At(at);
    }
    let is_stray = facts.is_mid_stream() && facts.sides.iter().any(|side| side.packets == 0);
    if facts.is_established() && !is_stray {
        return Due::Asleep;
    }
    match case.handshake {
        Handshake::SilentlyDropped | Handshake::HalfOpen | Handshake::IcmpRejected | Handshake::Rst => keep(GIVEN_UP),
        _ => keep(UNKNOWN),
    }
}

/// When [`Case::has_waited`] becomes true of packets that were sent in vain.
fn waited_by(sent: &Repeats) -> Option<Stamp> {
    let gap = if sent.count > 1 {
        sent.widest_gap()
    } else {
        Span::from_secs(3)
    };
    let wait = gap.max(Span::from_millis(200)).times_tenths(22);
    Some(sent.last()?.stamp + wait + Span::from_millis(1))
}

/// When a missing answer becomes worth a word, and when a failure.
fn answer_due(case: &Case<'_>, now: Stamp) -> Option<Stamp> {
    let (client, server) = (case.facts.client(), case.facts.server());
    let asked = client.last_data.filter(|_| server.bytes == 0)?;
    let times = [NO_RESPONSE, SLOW].map(|time| asked.stamp + time + Span::from_millis(1));
    times.into_iter().find(|&at| at > now)
}

/// What to say of a flow whose verdict is not due yet.
pub(super) fn note(case: &Case<'_>, status: Status, is_over: bool) -> Option<Note> {
    let facts = case.facts;
    if is_over || has_ended(facts) {
        return None;
    }
    let waiting =
        |what: String, since: Stamp| format!("still waiting: {what} for {}", text::span(case.capture_end() - since));
    let passing = |text: String| Some(Note { text, instead: false });
    let syn = &facts.opening.syn;
    if status == Status::Unknown && !facts.is_established() && facts.server().packets == 0 && syn.count >= PATIENCE {
        let since = syn.first?.stamp;
        return passing(waiting(format!("{} SYNs unanswered", syn.count), since));
    }
    if status == Status::Failed && matches!(case.ending, Ending::NoResponse | Ending::ZeroWindow) {
        let since = facts.last.stamp;
        let is_early = case.capture_end() - since < SLOW;
        let what = if case.ending == Ending::NoResponse {
            "the request was acknowledged and not answered"
        } else {
            "the receiver's window is closed"
        };
        return is_early.then(|| Note {
            text: waiting(what.to_owned(), since),
            instead: true,
        });
    }
    let stuck = facts
        .sides
        .iter()
        .find(|side| side.unacked > 0 && side.resends.count >= PATIENCE);
    let side = stuck.filter(|_| status != Status::Failed)?;
    let times = text::count(side.resends.count.into(), "retransmission");
    passing(waiting(format!("{times} unacknowledged"), side.resends.first?.stamp))
}
