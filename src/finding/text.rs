//! How findings say times, counts and places.

use crate::base::Span;
use crate::case::{Case, Vantage};
use crate::flow::facts::{Reset, ResetStage};
use crate::wire::PayloadKind;

/// `3.1 s`, `40 ms`, `250 µs`.
pub fn time(span: Span) -> String {
    let seconds = span.as_secs().abs();
    match seconds {
        _ if seconds >= 172_800.0 => format!("{:.0} days", seconds / 86_400.0),
        _ if seconds >= 10_800.0 => format!("{:.1} hours", seconds / 3600.0),
        _ if seconds >= 100.0 => format!("{seconds:.0} s"),
        _ if seconds >= 1.0 => format!("{seconds:.1} s"),
        _ if seconds >= 0.001 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{:.0} µs", seconds * 1e6),
    }
}

/// `once`, `twice`, `3 times`.
pub fn times(count: u32) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{count} times"),
    }
}

/// `1 byte`, `20 bytes`.
pub fn bytes(count: u64) -> String {
    if count == 1 {
        "1 byte".into()
    } else {
        format!("{count} bytes")
    }
}

/// `1 packet`, `20 packets`.
pub fn packets(count: u32) -> String {
    if count == 1 {
        "1 packet".into()
    } else {
        format!("{count} packets")
    }
}

/// Where between this capture and the far end something must have happened.
pub fn beyond(case: &Case<'_>) -> &'static str {
    match case.vantage() {
        Vantage::NearServer => "at the server or right before it",
        Vantage::NearClient | Vantage::Between | Vantage::Unknown => {
            "between this capture and the server, or on the server"
        }
    }
}

/// Who may have sent a RST that bears no sign of forgery.
pub fn likely_sender(reset: &Reset) -> &'static str {
    if is_application_abort(reset) {
        "an application that still had the socket (its sequence, ACK and options continue the connection's)"
    } else if !reset.has_ack && reset.seq_is_triggers_ack {
        "a host that no longer knew the connection, or a device on the path that speaks for it"
    } else {
        "that host, or a device on the path that speaks for it"
    }
}

/// The fingerprint of a live socket (SEMANTICS 5.3 a): ACK, the connection's own timestamps or IP ID.
pub fn is_application_abort(reset: &Reset) -> bool {
    reset.has_ack && (reset.has_timestamps || reset.ip_id_continues) && reset.ttl_distance == 0
}

/// The stage in words.
pub fn when(stage: ResetStage) -> &'static str {
    match stage {
        ResetStage::Syn => "before any SYN-ACK",
        ResetStage::Handshake => "after the SYN-ACK, before the handshake completed",
        ResetStage::BeforeData => "after the handshake, before any data",
        ResetStage::AfterRequest => "after the request, before any answer",
        ResetStage::MidTransfer => "in the middle of the exchange",
        ResetStage::AfterOwnFin => "after its own FIN",
        ResetStage::AfterPeerFin => "after the other side's FIN",
        ResetStage::AfterBothFins => "after both FINs",
    }
}

/// What the client had asked for, where its first bytes say it: `a TLS ClientHello for example.com`, `GET /x (example.com)`.
pub fn asked(case: &Case<'_>) -> Option<String> {
    let facts = case.facts;
    let name = facts.name.as_deref();
    let talk = facts.talk.as_deref();
    if facts.client().kinds.has(PayloadKind::TlsClientHello) {
        let of = name.map_or_else(|| "without a server name".into(), |name| format!("for {name}"));
        return Some(format!("a TLS ClientHello {of}"));
    }
    let request = talk.and_then(|talk| talk.request.as_ref())?;
    let host = name.map_or_else(String::new, |name| format!(" ({name})"));
    Some(format!("{} {}{host}", request.method, request.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_a_unit_that_fits() {
        assert_eq!(time(Span::from_millis(133_700)), "134 s");
        assert_eq!(time(Span::from_millis(3_100)), "3.1 s");
        assert_eq!(time(Span::from_millis(40)), "40 ms");
        assert_eq!(time(Span::from_micros(250)), "250 µs");
        assert_eq!(time(Span::from_secs(35_990)), "10.0 hours");
        assert_eq!(time(Span::from_secs(16_149_288)), "187 days");
    }
}
