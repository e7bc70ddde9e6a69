//! Why a verdict is not surer, and how sure it is all the same.

use super::words::{Doubt, Ending, Handshake, Status};
use crate::base::{Span, Stamp};
use crate::case::{Case, Context};
use crate::finding::{Confidence, Finding};

/// tcpdump loses the packets of about the last second when it is stopped (SEMANTICS 5.2).
const WEAK_END: Span = Span::from_secs(1);

/// Every doubt that applies, in the order of the contract.
pub fn doubts_of(case: &Case<'_>, status: Status) -> Vec<Doubt> {
    let (facts, context) = (case.facts, case.context);
    let opening = &facts.opening;
    let waits = |sent: &crate::flow::facts::Repeats| sent.count > 0 && !case.has_waited(sent);
    let in_opening = case.handshake == Handshake::Undetermined && (waits(&opening.syn) || waits(&opening.syn_ack));
    let troubled = status != Status::Ok;
    let is_absence = matches!(case.handshake, Handshake::SilentlyDropped | Handshake::HalfOpen)
        || matches!(case.ending, Ending::Stalled | Ending::NoResponse | Ending::Undetermined);
    let unheard = if opening.syn_ack.count > 0 {
        case.client().ip
    } else {
        case.server().ip
    };
    let missed: u64 = facts.sides.iter().map(|side| side.missed_bytes).sum();
    let is_silent_drop = case.handshake == Handshake::SilentlyDropped;
    let is_one_sided = case.is_one_sided();
    let any_unheard = facts.sides.iter().any(|side| side.packets == 0);
    let mut doubts = Vec::new();
    let mut doubt_if = |holds, doubt| {
        if holds {
            doubts.push(doubt);
        }
    };
    doubt_if(is_one_sided || any_unheard && context.is_one_sided(), Doubt::OneSided);
    doubt_if(in_opening, Doubt::CaptureEndsEarly);
    doubt_if(context.cut && troubled, Doubt::CaptureCut);
    doubt_if(
        missed > 1 && !is_one_sided || is_absence && context.has_losses(),
        Doubt::CaptureLoss,
    );
    doubt_if(
        troubled && any_unheard && !context.has_spoken(unheard),
        Doubt::NoReverseTraffic,
    );
    doubt_if(is_silent_drop && opening.syn.count == 1, Doubt::SingleSyn);
    doubt_if(case.handshake == Handshake::NotCaptured, Doubt::MidStream);
    doubt_if(!facts.roles_seen, Doubt::RolesGuessed);
    doubt_if(facts.header_cut, Doubt::Truncated);
    doubt_if(is_sender_uncertain(case), Doubt::SenderUncertain);
    doubt_if(context.steps_back > 0 && troubled, Doubt::ClockSteps);
    doubt_if(
        troubled && is_near_end(context, facts.last.stamp) && !is_closed(case),
        Doubt::FinalSecond,
    );
    doubt_if(is_absence, Doubt::SingleVantage);
    doubt_if(facts.limited || context.limited && troubled, Doubt::StateLimit);
    doubts
}

/// So close to the end of the recording, packets may be missing.
#[must_use]
pub fn is_near_end(context: &Context, stamp: Stamp) -> bool {
    context.end - stamp < WEAK_END
}

fn is_closed(case: &Case<'_>) -> bool {
    case.facts.reset.is_some() || case.facts.icmp.is_some() || case.ending == Ending::Fin
}

/// A RST that bears the host's own marks could still be its firewall's, or a careful device's (SEMANTICS 5.3).
fn is_sender_uncertain(case: &Case<'_>) -> bool {
    let Some(reset) = &case.facts.reset else {
        return case.handshake == Handshake::Rst;
    };
    let is_strange = || case.strange_ttls(case.facts.key.sender(reset.from).ip).is_some();
    match (case.handshake, case.ending) {
        (Handshake::Rst, _) => true,
        (Handshake::Aborted, _) => is_strange(),
        (_, Ending::RstClient | Ending::RstServer) => {
            !(reset.has_ack && (reset.has_timestamps || reset.ip_id_continues))
        }
        _ => false,
    }
}

/// The cause's own confidence, lowered by what makes the whole capture doubtful.
pub fn confidence_of(status: Status, cause: Option<&Finding>, doubts: &[Doubt]) -> Confidence {
    let start = match (status, cause) {
        (Status::Unknown, _) | (Status::Failed, None) => Confidence::Low,
        (_, Some(finding)) => finding.confidence,
        (Status::Ok | Status::Degraded, None) => Confidence::High,
    };
    doubts.iter().map(|doubt| cap_of(*doubt)).fold(start, Confidence::min)
}

fn cap_of(doubt: Doubt) -> Confidence {
    match doubt {
        Doubt::SingleSyn | Doubt::CaptureEndsEarly => Confidence::Low,
        Doubt::OneSided
        | Doubt::CaptureLoss
        | Doubt::NoReverseTraffic
        | Doubt::MidStream
        | Doubt::RolesGuessed
        | Doubt::FinalSecond
        | Doubt::SenderUncertain
        | Doubt::StateLimit => Confidence::Medium,
        Doubt::CaptureCut | Doubt::Truncated | Doubt::ClockSteps | Doubt::SingleVantage => Confidence::High,
    }
}
