//! What the findings about an ordinary reset share.

use super::text::{is_application_abort, likely_sender, stranger, time, when};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::Span;
use crate::case::Case;
use crate::case::words::Ending;
use crate::flow::IDLE;
use crate::flow::facts::{Reset, ResetStage};
use crate::wire::PayloadKind;

/// The RST that ended an established flow, if one did and it was not forged.
pub fn ending_reset(case: &Case<'_>) -> Option<Reset> {
    case.facts
        .reset
        .filter(|_| matches!(case.ending, Ending::RstClient | Ending::RstServer))
}

/// It came upon the first packets after a long silence.
pub fn is_after_idle(reset: &Reset) -> bool {
    reset.idle_before >= IDLE
}

/// The largest encrypted TLS alert record (CBC with SHA-384), and less than any request.
const LARGEST_ALERT: u32 = 80;

/// So few bytes outstanding in a TLS connection are its closing alert.
pub fn is_tls_farewell(case: &Case<'_>, outstanding: u32) -> bool {
    let kinds = case.facts.client().kinds;
    (kinds.has(PayloadKind::TlsData) || kinds.has(PayloadKind::TlsClientHello)) && outstanding <= LARGEST_ALERT
}

/// Everything had been said: the client resets when the server's last bytes are acknowledged and no request is open.
pub fn is_abortive_close(case: &Case<'_>, reset: &Reset) -> bool {
    reset.stage == ResetStage::MidTransfer
        && case.is_from_client(reset)
        && reset.peer_unacked == 0
        && (reset.sender_unacked == 0 && !reset.sender_spoke_last
            || reset.has_ack && reset.sender_unacked > 0 && is_tls_farewell(case, reset.sender_unacked))
}

/// The finding for a RST in the given stage.
pub fn at_stage(case: &Case<'_>, stage: ResetStage, meta: &'static Meta) -> Option<Finding> {
    let reset = ending_reset(case)?;
    // Nothing but RSTs was captured of it: what they ended is unknown.
    if case.facts.sides.iter().all(|side| side.last.is_none()) {
        return None;
    }
    if reset.stage != stage || is_after_idle(&reset) || is_abortive_close(case, &reset) {
        return None;
    }
    let finding = describe(case, &reset, meta, "");
    // It only follows what was said before it: an alert, a refusal, an answer that ends the exchange.
    let talk = case.facts.talk.as_deref();
    let follows = talk.is_some_and(|talk| talk.has_last_word(reset.at));
    Some(if follows {
        finding.with_severity(Severity::Note)
    } else {
        finding
    })
}

/// Who, when, after what, and who may have sent it.
pub fn describe(case: &Case<'_>, reset: &Reset, meta: &'static Meta, more: &str) -> Finding {
    let sure = if is_application_abort(reset) {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let since = reset.since_trigger.map_or_else(String::new, |span| {
        format!(", {} after the other side's last packet", time(span))
    });
    let gap = if reset.sender_unacked > 0 && reset.sender_silent > Span::from_secs(1) {
        format!(", with {} bytes of its own never acknowledged", reset.sender_unacked)
    } else {
        String::new()
    };
    // Some devices write their reason there (SEMANTICS 5.3 f).
    let text = case.facts.talk.as_ref().and_then(|talk| talk.reset_text.as_deref());
    let text = text.map_or_else(String::new, |text| format!(" The RST says: \"{text}\"."));
    let who = if is_application_abort(reset) {
        String::new()
    } else {
        stranger(case, case.facts.key.sender(reset.from).ip)
    };
    let summary = format!(
        "{} reset the connection {}{since}{gap}{more}. Sent by {}.{who}{text}",
        case.facts.key.sender(reset.from),
        when(reset.stage),
        likely_sender(reset),
    );
    let side = if case.is_from_client(reset) {
        Side::Client
    } else {
        Side::Server
    };
    let trigger = reset.trigger.map(|seen| seen.number());
    Finding::new(meta, sure, reset.at, trigger, summary).of(side)
}
