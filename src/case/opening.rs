//! How the handshake went: the first match of SEMANTICS 6.2.

use super::Case;
use super::words::Handshake;
use crate::flow::facts::ResetStage;

/// The word for this flow's handshake.
pub fn classify(case: &Case<'_>) -> Handshake {
    let facts = case.facts;
    let opening = &facts.opening;
    if facts.only_odd_flags && facts.reset.is_none() && opening.syn.count == 0 {
        return Handshake::Undetermined; // H1
    }
    if facts.is_mid_stream() {
        return Handshake::NotCaptured; // H2
    }
    if is_late_word(case) {
        return Handshake::Aborted; // H8
    }
    if opening.completed.is_some() {
        let again = opening.syn.count > 1 || opening.syn_ack.count > 1;
        return if again {
            Handshake::Retransmitted
        } else {
            Handshake::Completed
        }; // H3, H4
    }
    if opening.inferred.is_some() {
        let again = opening.syn.count > 1 || opening.syn_ack.count > 1;
        return if again {
            Handshake::Retransmitted
        } else {
            Handshake::Completed
        }; // H5
    }
    answered_otherwise(case).unwrap_or_else(|| unanswered(case))
}

/// H6 to H10: something came, but no completion.
fn answered_otherwise(case: &Case<'_>) -> Option<Handshake> {
    let facts = case.facts;
    let opening = &facts.opening;
    // Before H8: the client's RST is its reaction to the stale answer, not a change of mind.
    if opening.stale_answer.is_some() && opening.syn_ack.count == 0 {
        return Some(Handshake::StalePeer); // H10
    }
    if let Some(reset) = &facts.reset {
        let by_client = case.is_from_client(reset);
        let other = if by_client { facts.server() } else { facts.client() };
        return Some(match reset.stage {
            // One side alone: whether the other had completed the handshake by then, nobody here can tell.
            ResetStage::Handshake if other.packets == 0 => Handshake::Undetermined,
            ResetStage::Syn if !by_client => Handshake::Rst, // H6
            _ => Handshake::Aborted,                         // H8, H9
        });
    }
    if facts.icmp.is_some() && opening.syn_ack.count == 0 {
        return Some(Handshake::IcmpRejected); // H7
    }
    if facts.client().fin.is_some() {
        return Some(Handshake::Aborted); // H8
    }
    // A RST without ACK is none in SYN-SENT (RFC 9293 3.10.7.3); a client that then falls silent took it all the same.
    let bare = facts.server().first_rst?;
    let gave_in = opening.syn.last().is_some_and(|syn| syn.stamp <= bare.stamp) && case.has_waited(&opening.syn);
    gave_in.then_some(Handshake::Rst)
}

/// H11 to H16: nothing came, or nothing that finished it.
fn unanswered(case: &Case<'_>) -> Handshake {
    let facts = case.facts;
    let opening = &facts.opening;
    if opening.syn_ack.count > 0 {
        let client_visible = facts.client().packets > 0 || case.context.has_spoken(case.client().ip);
        let waited = case.has_waited(&opening.syn_ack) && (opening.syn.count == 0 || case.has_waited(&opening.syn));
        return if client_visible && waited {
            Handshake::HalfOpen
        } else {
            Handshake::Undetermined
        };
    }
    if facts.server().packets > 0 || opening.syn.count == 0 || !case.has_waited(&opening.syn) {
        return Handshake::Undetermined; // H14, H16
    }
    // H12, H13. A SYN that is repeated proves by itself that its sender heard nothing; a single one needs a capture
    // that is known to show both directions.
    let visible = if opening.syn.count > 1 {
        case.is_server_visible() || !case.context.is_one_sided()
    } else {
        case.is_server_visible()
    };
    if visible {
        Handshake::SilentlyDropped
    } else {
        Handshake::Undetermined
    } // else H15
}

/// The client reset its own attempt and spoke again long afterwards, to a server that no longer listened to it: a scanner,
/// whose kernel knows nothing of what its program does.
fn is_late_word(case: &Case<'_>) -> bool {
    let (Some(reset), Some(done)) = (&case.facts.reset, case.facts.opening.completed) else {
        return false;
    };
    let after = &case.facts.after_reset;
    reset.stage == ResetStage::Handshake
        && case.is_from_client(reset)
        && done.number() > reset.at.number()
        && after.sender_went_on == 0
        && !after.survived
}
