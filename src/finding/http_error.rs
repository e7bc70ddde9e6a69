//! An HTTP server that answers with an error of its own.

use super::text::{asked, time};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "http-error",
    severity: Severity::Warn,
    title: "the server answered with an HTTP error",
    next: "on {server}: the log of what listens on port {port} at that second, and of what it calls in turn",
    page: include_str!("http-error.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let talk = case.facts.talk.as_deref()?;
    // 4xx is between client and server, unless the server cuts the client off with it.
    let cut = talk.answer.as_ref().filter(|(status, at)| {
        let reset = case.facts.reset.filter(|_| case.ending == Ending::RstServer);
        status.code >= 400 && reset.is_some_and(|reset| reset.at.number() > at.number())
    });
    let (status, at) = talk.error.as_deref().or(cut)?;
    let reason = status.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let is_first = talk.answer.as_ref().is_some_and(|(_, first)| first == at);
    let asked = if is_first { asked(case) } else { None };
    let what = asked.map_or_else(|| " to a later request".into(), |asked| format!(" to {asked}"));
    let took = case.facts.client().first_data.filter(|_| is_first);
    let took = took.map_or_else(String::new, |sent| format!(", {} later", time(at.stamp - sent.stamp)));
    let more = match talk.errors {
        0 | 1 => String::new(),
        count => format!(" {count} answers on this connection were such."),
    };
    let summary = format!("{} answered {}{reason}{what}{took}: {}.{more}", case.server(), status.code, meaning(status.code));
    Some(Finding::new(&META, Confidence::High, *at, [], summary).of(Side::Server))
}

/// RFC 9110 15.
fn meaning(code: u16) -> &'static str {
    match code {
        502 => "it could not get an answer from what lies behind it",
        503 => "it takes no work at the moment, or has nobody behind it to give it to",
        504 => "what lies behind it did not answer in time",
        408 => "the request did not arrive in time",
        413 => "the request is too large for it, and it stopped reading",
        500..=599 => "something went wrong inside of it",
        _ => "it refused the request and stopped reading",
    }
}
