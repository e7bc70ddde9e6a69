//! A proxy that does not open the way asked for.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
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
    let summary = format!("The {name} {} {what}{took}. {}", case.server(), meaning(tunnel, code));
    Some(Finding::new(&META, Confidence::High, at, Vec::new(), summary).of(Side::Server))
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
