//! A server that sends the client away in the words of its own protocol.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::wire::talk::Protocol;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "app-refused",
    severity: Severity::Error,
    title: "the server sent the client away in its own words",
    next: "on {server}: the log and the limits of what listens on port {port}; who holds its connections? ss -tn state established 'sport = :{port}'",
    page: include_str!("app-refused.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let talk = case.facts.talk.as_deref()?;
    let (refusal, at) = talk.refusal.as_deref()?;
    let name = match talk.protocol {
        Some(Protocol::Mysql) => "MySQL",
        Some(Protocol::Postgres) => "PostgreSQL",
        Some(Protocol::Redis) => "Redis",
        Some(Protocol::Ssh) => "SSH",
        Some(Protocol::Smtp) => "SMTP",
        Some(Protocol::Ftp) => "FTP",
        Some(Protocol::Imap) => "IMAP",
        Some(Protocol::Pop3) => "POP3",
        _ => "server",
    };
    let code = refusal.code.map_or_else(String::new, |code| format!(" ({code})"));
    let since = case.facts.opening.completed.map_or_else(String::new, |done| {
        format!(", {} after the connection was made", time(at.stamp - done.stamp))
    });
    let summary = format!("{name} on {} sent the client away{since}: \"{}\"{code}.", case.server(), refusal.text);
    Some(Finding::new(&META, Confidence::High, *at, [], summary).of(Side::Server))
}
