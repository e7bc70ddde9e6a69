//! A server that closes without a word.

use super::text::{self, bytes, time};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::Span;
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "closed-without-response",
    severity: Severity::Error,
    title: "the server closed without sending a byte",
    next: "on {server}: the log of what listens on port {port}; is it TLS spoken to plain, or a proxy without a backend?",
    page: include_str!("closed-without-response.md"),
};

/// A client that asks nothing for so long has opened in advance or is only probing; the server may well close.
const IDLE_CLIENT: Span = Span::from_secs(5);

/// Looks for it. A RST has findings of its own.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let (client, server) = (case.facts.client(), case.facts.server());
    if case.ending != Ending::Fin || server.bytes > 0 || case.facts.opening.completed.is_none() {
        return None;
    }
    let fin = server.fin?;
    let server_first = client.fin.is_none_or(|other| fin.number() < other.number());
    if !server_first {
        return None;
    }
    let asked = client.first_data.filter(|data| data.number() < fin.number());
    let since = asked.or(case.facts.opening.completed)?;
    let what = if asked.is_some() { format!("after {} of request", bytes(client.bytes)) } else { "before any request".into() };
    let summary = format!("{} closed {what}, {} later, without a byte of answer.", case.server(), time(fin.stamp - since.stamp));
    let summary = match (asked, text::asked(case)) {
        (Some(_), Some(what)) => format!("{summary} The request was {what}."),
        _ => summary,
    };
    let severity = match asked {
        Some(_) => Severity::Error,
        None if fin.stamp - since.stamp >= IDLE_CLIENT => Severity::Note,
        None => Severity::Warn,
    };
    Some(Finding::new(&META, Confidence::High, fin, [since.number()], summary).of(Side::Server).with_severity(severity))
}
