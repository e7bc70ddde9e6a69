//! A TLS handshake that one end refuses with an alert.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::Dir;
use crate::case::Case;
use crate::flow::talk::{SaidAlert, Talk};
use crate::wire::talk::tls::version_name;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "tls-alert",
    severity: Severity::Error,
    title: "TLS handshake refused with an alert",
    next: "openssl s_client -connect {server}:{port} -servername NAME -showcerts; and the TLS settings of the end that sent the alert",
    page: include_str!("tls-alert.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let talk = case.facts.talk.as_deref()?;
    let (dir, said) = refusal(case, talk)?;
    let by_client = dir == case.facts.client;
    let (sender, side) = if by_client {
        (format!("the client {}", case.client().ip), Side::Client)
    } else {
        (format!("the server {}", case.server()), Side::Server)
    };
    let name = case.facts.name.as_deref().map_or_else(String::new, |name| format!(" for {name}"));
    let since = case.facts.client().first_data.map_or_else(String::new, |hello| {
        format!(", {} after the ClientHello{name}", time(said.at.stamp - hello.stamp))
    });
    let offered = talk.hello.as_ref().filter(|hello| hello.version != 0);
    let offered = offered.map_or_else(String::new, |hello| format!(" (up to {})", version_name(hello.version)));
    let summary = format!(
        "The TLS handshake was ended by {sender} with alert {}{since}{offered}: {}.",
        said.alert.text(),
        meaning(said.alert.description, by_client),
    );
    let sure = if said.alert.description.is_some() { Confidence::High } else { Confidence::Medium };
    Some(Finding::new(&META, sure, said.at, [], summary).of(side))
}

/// The alert that ended the handshake, and whose it was.
fn refusal(case: &Case<'_>, talk: &Talk) -> Option<(Dir, SaidAlert)> {
    let alerts = [Dir::Up, Dir::Down].into_iter().filter_map(|dir| Some((dir, talk.alerts[dir.index()]?)));
    let mut refusals: Vec<(Dir, SaidAlert)> = alerts.filter(|(dir, said)| ends_it(case, talk, *dir, said)).collect();
    refusals.sort_by_key(|(_, said)| said.at.number());
    refusals.into_iter().next()
}

fn ends_it(case: &Case<'_>, talk: &Talk, dir: Dir, said: &SaidAlert) -> bool {
    if said.alert.description.is_some() {
        return said.alert.is_fatal();
    }
    // What is encrypted may be a farewell: only that of TLS 1.3 which stands in the place of something else is not, if
    // whoever sent it also was the first to close.
    let facts = case.facts;
    let closed = |dir: Dir| {
        let side = &facts.sides[dir.index()];
        let reset = facts.reset.filter(|reset| reset.from == dir).map(|reset| reset.at);
        side.fin.into_iter().chain(reset).map(|seen| seen.number()).min()
    };
    let first = closed(dir).is_some_and(|own| closed(dir.flip()).is_none_or(|other| own < other));
    let last = facts.sides[dir.index()].last_data.is_some_and(|data| data.number() <= said.at.number());
    talk.is_tls_1_3() && first && last
}

/// Why an end sends it (RFC 8446 6.2).
fn meaning(description: Option<u8>, by_client: bool) -> &'static str {
    match (description, by_client) {
        (None, true) => "as a rule it does not accept the server's certificate",
        (None, false) => "as a rule it does not accept the client's certificate, or wants one",
        (Some(48), true) => "it does not know the authority that signed the server's certificate",
        (Some(48), false) => "it does not know the authority that signed the client's certificate",
        (Some(45), true) => "it holds the server's certificate for expired",
        (Some(45), false) => "it holds the client's certificate for expired",
        (Some(42..=44 | 46 | 113), true) => "it does not accept the server's certificate",
        (Some(42..=44 | 46), false) => "it does not accept the client's certificate",
        (Some(116), _) => "it wants a certificate from the client",
        (Some(40), _) => "the two have no cipher, group or signature in common, or it wants something else of the other",
        (Some(70), _) => "the two have no version of TLS in common",
        (Some(71), _) => "what the other offers is not safe enough for it",
        (Some(86), _) => "the client tried again with a lower version than it can",
        (Some(112), _) => "it does not serve the name asked for",
        (Some(120), _) => "the two have no application protocol (ALPN) in common",
        (Some(121), _) => "its encrypted ClientHello was not accepted",
        (Some(20 | 51), _) => "what it received does not decrypt or verify: keys differ, or the data was changed on the way",
        (Some(10 | 22 | 47 | 50 | 109 | 110), _) => "what it received breaks the protocol for it",
        (Some(80), _) => "something went wrong inside of it",
        (Some(49), _) => "the certificate is good, but not allowed in",
        _ => "see its log",
    }
}
