//! How the flow ended: the first match of SEMANTICS 6.3.

use super::Case;
use super::words::{Ending, Handshake};
use crate::base::{Span, Stamp};
use crate::flow::facts::{FlowFacts, Reset, ResetStage, SideFacts};

/// A request without an answer for this long is unanswered (CONTRACT, E8).
const NO_RESPONSE: Span = Span::from_secs(3);
/// Traffic this close to the end of the capture: nothing can be said of what would have come (SEMANTICS 6.3 E10).
const ACTIVE: Span = Span::from_secs(5);

/// The word for this flow's ending.
pub fn classify(case: &Case<'_>) -> Ending {
    match case.handshake {
        Handshake::Completed | Handshake::Retransmitted | Handshake::NotCaptured => {}
        Handshake::Undetermined if case.facts.opening.syn.count == 0 && case.facts.opening.syn_ack.count == 0 => {
            return Ending::Undetermined;
        }
        // One side alone, and a RST: what it ended, a handshake or more, is not in the capture.
        Handshake::Undetermined if case.facts.reset.is_some() => return Ending::Undetermined,
        _ => return Ending::None,
    }
    let facts = case.facts;
    let both_fins = facts.sides.iter().all(|side| side.fin.is_some());
    if facts.superseded.is_some() {
        return Ending::Superseded; // E1
    }
    if is_no_response(case) {
        return Ending::NoResponse; // E8, before E2 and E4 by contract
    }
    // A RST that the other side did not believe ended nothing.
    if let Some(reset) = facts.reset.as_ref().filter(|_| !facts.after_reset.survived) {
        if reset.stage == ResetStage::AfterBothFins {
            return Ending::Fin; // E2
        }
        return reset_ending(case, reset); // E3, E4
    }
    if both_fins {
        return Ending::Fin; // E2
    }
    unfinished(case)
}

fn reset_ending(case: &Case<'_>, reset: &Reset) -> Ending {
    if case.facts.after_reset.sender_went_on > 0 || forgery_indicators(case.facts, reset).len() >= 2 {
        return Ending::RstInjected;
    }
    if case.is_from_client(reset) {
        Ending::RstClient
    } else {
        Ending::RstServer
    }
}

/// E5 to E11: neither closed nor reset.
fn unfinished(case: &Case<'_>) -> Ending {
    let facts = case.facts;
    if facts.icmp.is_some() && !facts.progress_after_icmp {
        return Ending::Icmp; // E5
    }
    // Nor can numbers tell that contradict each other from the SYN on.
    let hears_both = !case.is_one_sided() && facts.opening.stale_answer.is_none();
    if facts
        .sides
        .iter()
        .enumerate()
        .filter(|_| hears_both)
        .any(|(place, side)| is_stalled(case, side, &facts.sides[1 - place]))
    {
        return Ending::Stalled; // E6
    }
    if facts
        .sides
        .iter()
        .enumerate()
        .any(|(place, side)| is_shut(side, &facts.sides[1 - place]))
    {
        return Ending::ZeroWindow; // E7
    }
    if case.is_one_sided() {
        return Ending::Undetermined; // E11
    }
    if facts
        .sides
        .iter()
        .any(|side| side.fin.is_some() && side.fin_acked.is_some())
    {
        return Ending::HalfClosed; // E9
    }
    let nothing_outstanding = facts.sides.iter().all(|side| side.unacked == 0);
    let is_active = case.capture_end() - facts.last.stamp <= ACTIVE;
    if nothing_outstanding || is_active {
        Ending::Open
    } else {
        Ending::Undetermined
    } // E10, E11
}

/// Outstanding bytes, sent at least three times, no acknowledgment, and the capture waited for one.
fn is_stalled(case: &Case<'_>, side: &SideFacts, peer: &SideFacts) -> bool {
    let probes_answered = peer.window_is_zero
        && peer
            .last
            .zip(side.resends.first)
            .is_some_and(|(heard, resent)| heard.stamp > resent.stamp);
    let unheard = side.unacked > 0 && side.resends.count >= 2 && !probes_answered && case.has_waited(&side.resends);
    unheard || is_deaf(case, side)
}

/// What it sent was acknowledged in sight of the capture, and yet it repeats it to the end: the acknowledgments are lost
/// on their way back.
pub fn is_deaf(case: &Case<'_>, side: &SideFacts) -> bool {
    side.deaf_resends.count >= 3 && case.has_waited(&side.deaf_resends)
}

/// Its window is shut and somebody wants to send.
fn is_shut(side: &SideFacts, peer: &SideFacts) -> bool {
    side.window_is_zero && (side.probes_received > 0 || peer.unacked > 0)
}

fn is_no_response(case: &Case<'_>) -> bool {
    let (facts, client, server) = (case.facts, case.facts.client(), case.facts.server());
    if case.handshake == Handshake::NotCaptured || client.bytes == 0 || server.bytes > 0 || server.packets == 0 {
        return false;
    }
    if is_shut(server, client) || is_deaf(case, client) {
        return false;
    }
    let Some(asked) = client.last_data else { return false };
    let only_fin_unacked = client.fin.is_some() && client.unacked <= 1;
    let all_taken = (client.unacked == 0 || only_fin_unacked) && client.last_acked.is_some();
    all_taken && end_of_wait(case, facts) - asked.stamp >= NO_RESPONSE
}

/// When the wait for an answer was over: at the first FIN or RST, else at the end of the capture.
fn end_of_wait(case: &Case<'_>, facts: &FlowFacts) -> Stamp {
    let fins = facts.sides.iter().filter_map(|side| side.fin);
    let closing = fins
        .chain(facts.reset.map(|reset| reset.at))
        .map(|seen| seen.stamp)
        .min();
    closing.unwrap_or_else(|| case.capture_end())
}

/// Independent indicators of SEMANTICS 5.3 that neither end sent this RST.
pub fn forgery_indicators(facts: &FlowFacts, reset: &Reset) -> Vec<&'static str> {
    let mut found = Vec::new();
    if reset.ttl_known && reset.ttl_distance > 0 && !same_hops(reset, facts) {
        found.push("its TTL is not that of its sender's other packets");
    }
    // A kernel without a socket sends its bare RSTs with identification 0 too: then it only confirms a foreign TTL.
    if reset.ip_id_odd && (reset.has_ack || !found.is_empty()) {
        found.push("its IP ID is 0 although its sender counts");
    }
    if is_too_early(reset) {
        found.push("it came sooner than its sender could have answered");
    }
    if facts.after_reset.guesses > 0 {
        found.push("several RSTs guess at the sequence number");
    }
    if facts.after_reset.both_ways {
        found.push("both ends were reset within a millisecond");
    }
    found
}

/// Another initial TTL, but as many hops: an operating system that uses another value for resets.
fn same_hops(reset: &Reset, facts: &FlowFacts) -> bool {
    hops(reset.ttl) == hops(facts.sides[reset.from.index()].ttl.first)
}

/// Hops travelled, if the initial TTL was one of the usual (32, 64, 128, 255).
#[must_use]
pub fn hops(ttl: u8) -> u8 {
    [32, 64, 128, 255]
        .into_iter()
        .find(|&initial| ttl <= initial)
        .unwrap_or(255)
        - ttl
}

/// A reaction to what the other side sent, earlier than 0.7 of the smallest round trip (SEMANTICS 5.3 d).
fn is_too_early(reset: &Reset) -> bool {
    let is_reaction = reset.stage == ResetStage::AfterRequest || !reset.has_ack && reset.seq_is_triggers_ack;
    match (reset.since_trigger, reset.rtt) {
        (Some(since), Some(rtt)) => is_reaction && rtt > Span::from_millis(2) && since < rtt.times_tenths(7),
        _ => false,
    }
}
