//! One end speaks TLS and the other does not.

use super::text::asked;
use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Ending;
use crate::wire::PayloadKind;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "tls-mismatch",
    severity: Severity::Error,
    title: "one end speaks TLS, the other does not",
    next: "does {server} speak TLS on port {port}? openssl s_client -connect {server}:{port}; curl -v http://{server}:{port}/",
    page: include_str!("tls-mismatch.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let talk = case.facts.talk.as_deref()?;
    let at = talk.mismatch?;
    // A first segment that was captured late, or not at all, would make the next look like anything.
    let sides = [case.facts.client(), case.facts.server()];
    let is_whole = sides.iter().all(|side| side.holes == 0 && side.missed_bytes == 0 && side.out_of_order == 0);
    let both_tls = sides.iter().all(|side| {
        let has = |kind| side.kinds.has(kind);
        has(PayloadKind::TlsClientHello) || has(PayloadKind::TlsServerHello) || has(PayloadKind::TlsData)
    });
    if both_tls || !is_whole && talk.answer.is_none() {
        return None;
    }
    let server = case.server();
    let summary = if case.facts.client().kinds.has(PayloadKind::TlsClientHello) {
        let answer = talk.answer.as_ref().map_or_else(String::new, |(status, _)| {
            let reason = status.reason.as_deref().unwrap_or_default();
            format!(": HTTP {} {reason}", status.code)
        });
        let asked = asked(case).unwrap_or_default();
        format!("The client sent {asked}, and {server} answered with something that is not TLS{answer}.")
    } else {
        let asked = asked(case).map_or_else(String::new, |asked| format!(" ({asked})"));
        format!("The client began without TLS{asked}, and {server} answered with a TLS alert: it wants TLS.")
    };
    // Unless it ended over it, a capture that is not whole may deceive.
    let is_over = matches!(case.ending, Ending::Fin | Ending::RstClient | Ending::RstServer);
    let severity = if is_over { Severity::Error } else { Severity::Warn };
    let summary = summary.replace("  ", " ");
    Some(Finding::new(&META, Confidence::High, at, [], summary).with_severity(severity))
}
