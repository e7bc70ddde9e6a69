//! A SYN that nothing answered.

use super::text::{beyond, push_time, time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::digits::push_endpoint;
use crate::base::{Endpoint, Span};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-silent",
    severity: Severity::Error,
    title: "SYN sent, nothing came back",
    next: "capture on {server}: tcpdump -ni any 'host {client} and port {port}' (does the SYN arrive?)",
    page: include_str!("syn-silent.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::SilentlyDropped {
        return None;
    }
    let syn = &case.facts.opening.syn;
    let (first, last) = (syn.first?, syn.last()?);
    let sure = match syn.count {
        1 => Confidence::Low,
        _ if case.context.has_losses() => Confidence::Low,
        _ if case.context.has_spoken(case.server().ip) || case.context.sees_both_directions() => Confidence::High,
        _ => Confidence::Medium,
    };
    let wait = case.capture_end() - last.stamp;
    let summary = if syn.count > 1 {
        format!(
            "SYN to {} sent {} within {}, no answer was seen in {} more of capture: lost or dropped {}.",
            case.server(),
            times(syn.count),
            time(last.stamp - first.stamp),
            time(wait),
            beyond(case),
        )
    } else {
        let mut line = Vec::new();
        say_start(case.server(), &mut line);
        say_rest(wait, beyond(case), &mut line);
        String::from_utf8(line).unwrap_or_default()
    };
    Some(Finding::new(&META, sure, first, syn.packets(), summary).of(Side::Client))
}

/// How the sentence about a single SYN begins. A flood is millions of them, so it is put together by hand.
pub fn say_start(server: Endpoint, line: &mut Vec<u8>) {
    line.extend_from_slice(b"SYN to ");
    push_endpoint(server, line);
}

/// The rest of it.
pub fn say_rest(wait: Span, place: &str, line: &mut Vec<u8>) {
    line.extend_from_slice(b" sent once, no answer was seen in ");
    push_time(wait, line);
    line.extend_from_slice(b" more of capture: lost or dropped ");
    line.extend_from_slice(place.as_bytes());
    line.push(b'.');
}
