//! A TLS handshake that ends in the middle without a word.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Ending;
use crate::flow::Sighting;
use crate::wire::PayloadKind;
use crate::wire::talk::tls::version_name;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "tls-cut",
    severity: Severity::Warn,
    title: "TLS handshake ended in the middle, without an alert",
    next: "openssl s_client -connect {server}:{port} -servername NAME -showcerts: is the chain one that the client trusts?",
    page: include_str!("tls-cut.md"),
};

/// Looks for it. Where the server has not said a byte, other findings tell.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let talk = facts.talk.as_deref()?;
    let hello = talk.server_hello.as_ref()?;
    let is_over = matches!(case.ending, Ending::Fin | Ending::RstClient | Ending::RstServer);
    let has_alert = talk.alerts.iter().any(Option::is_some);
    let both_speak = facts.sides.iter().all(|side| side.kinds.has(PayloadKind::TlsData));
    let both_done = both_speak || talk.encrypted.iter().all(Option::is_some);
    let knows_all = !talk.is_limited && facts.sides.iter().all(|side| side.missed_bytes == 0 && side.holes == 0 && side.data_segments < 40);
    if !is_over || has_alert || both_done || !knows_all || hello.version == 0 {
        return None;
    }
    let closing = |place: usize| {
        let reset = facts.reset.filter(|reset| reset.from.index() == place).map(|reset| reset.at);
        facts.sides[place].fin.into_iter().chain(reset).min_by_key(Sighting::number)
    };
    let (client, server) = (closing(facts.client.index()), closing(facts.client.flip().index()));
    let by_client = match (client, server) {
        (Some(client), Some(server)) => client.number() < server.number(),
        (client, _) => client.is_some(),
    };
    let end = if by_client { client } else { server }?;
    // Who is done with the handshake and closes had no quarrel with it: a connection made in advance and not needed.
    let closer = if by_client { facts.client } else { facts.client.flip() };
    if talk.encrypted[closer.index()].is_some() {
        return None;
    }
    let (side, who) = if by_client { (Side::Client, "the client") } else { (Side::Server, "the server") };
    let name = facts.name.as_deref().map_or_else(String::new, |name| format!(" for {name}"));
    let since = facts.client().first_data?;
    let why = if by_client {
        "some clients leave so when they do not trust the certificate; a probe does too"
    } else {
        "its log should say why"
    };
    let summary = format!(
        "The TLS handshake{name} ({}) was cut by {who} after the ServerHello, {} after the ClientHello, without an alert: {why}.",
        version_name(hello.version),
        time(end.stamp - since.stamp),
    );
    let severity = if by_client { Severity::Warn } else { Severity::Error };
    Some(Finding::new(&META, Confidence::Medium, end, [since.number()], summary).of(side).with_severity(severity))
}
