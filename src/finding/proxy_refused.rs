//! A proxy that does not open the way asked for.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::{Span, Stamp};
use crate::case::Case;
use crate::flow::talk::Tunnel;
use crate::wire::talk::Protocol;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "proxy-refused",
    severity: Severity::Error,
    title: "the proxy did not open the way asked for",
    next: "the log of the proxy {server}:{port} at that second; from the proxy itself: can it reach the target?",
    page: include_str!("proxy-refused.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let talk = case.facts.talk.as_deref()?;
    let tunnel = talk.tunnel.as_ref().filter(|tunnel| !tunnel.granted)?;
    let (code, at) = (tunnel.code?, tunnel.at?);
    let target = tunnel.target.as_deref();
    let reason = tunnel.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let what = match (tunnel.protocol, target) {
        (Protocol::Http, target) => {
            format!("answered {code}{reason} to CONNECT {}", target.unwrap_or_default())
        }
        (_, Some(target)) => format!("did not open a way to {target}: {} ({code})", tunnel.reason.as_deref().unwrap_or_default()),
        (_, None) => format!("did not let the client in: {}", tunnel.reason.as_deref().unwrap_or_default()),
    };
    let took = case.facts.client().last_data.map_or_else(String::new, |asked| {
        let took = at.stamp - asked.stamp;
        if took.0 > 0 { format!(", after {}", time(took)) } else { String::new() }
    });
    let name = match tunnel.protocol {
        Protocol::Socks4 => "SOCKS 4 proxy",
        Protocol::Socks5 => "SOCKS 5 proxy",
        _ => "proxy",
    };
    let retried = retried(case, tunnel, at.stamp);
    let then = retried.map_or_else(String::new, |after| {
        format!(" It let the client through {} later, on another connection: an ordinary login.", time(after))
    });
    let summary = format!("The {name} {} {what}{took}. {}{then}", case.server(), meaning(tunnel, code));
    let finding = Finding::new(&META, Confidence::High, at, [], summary).of(Side::Server);
    Some(if retried.is_some() { finding.with_severity(Severity::Note) } else { finding })
}

/// The client logged in soon after, on another connection, as browsers do.
fn retried(case: &Case<'_>, tunnel: &Tunnel, at: Stamp) -> Option<Span> {
    let target = tunnel.target.as_deref().filter(|_| tunnel.is_login)?;
    case.context.granted_after(case.client().ip, case.server(), target, at)
}

/// What to make of the answer.
fn meaning(tunnel: &Tunnel, code: u16) -> &'static str {
    match (tunnel.protocol, code) {
        _ if tunnel.is_login => "It wants the client to log in, or does not accept how it did.",
        (Protocol::Http, 502..=504) | (Protocol::Socks5, 3..=6) => {
            "The trouble lies behind the proxy: it did not reach the target."
        }
        (Protocol::Http, 400..=499) | (Protocol::Socks5, 2) => "Its rules do not allow this.",
        _ => "Its log says why.",
    }
}
