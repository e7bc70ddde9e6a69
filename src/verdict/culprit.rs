//! Who is at fault, as far as the evidence goes, and what the client's application saw of it.

use super::words::{AppError, Culprit, Ending, Handshake, Status};
use crate::case::context::hops;
use crate::case::{Case, Vantage};
use crate::finding::{Finding, Side};
use crate::flow::IcmpMeaning;
use crate::flow::facts::{IcmpFact, Reset, ResetStage};
use crate::wire::talk::Protocol;

/// The word for who. A device is named only where an ICMP source, a TTL or timing anomaly proves it (SEMANTICS 5.5).
pub fn culprit_of(case: &Case<'_>, status: Status, found: Option<&Finding>) -> Culprit {
    let cause = found.map(|finding| finding.meta.id);
    match status {
        Status::Ok => return Culprit::Unknown,
        Status::Unknown => return unclear(cause),
        Status::Failed | Status::Degraded => {}
    }
    match cause {
        Some("refused-by-nearer-device" | "reset-injected") => Culprit::Middlebox,
        Some("zero-window") => shut_side(case),
        Some("tls-alert" | "tls-cut" | "http-error") => application(found.and_then(|finding| finding.side)),
        Some("proxy-refused" | "app-refused") => sent_away(case),
        Some("tls-mismatch") => Culprit::Unknown,
        Some("no-response" | "closed-without-response") => Culprit::ServerApp,
        Some("stall" | "keep-alive-failure" | "heavy-retransmission" | "rate-policed") => Culprit::Path,
        Some("syn-answered-late" | "syn-ack-repeated") => late_handshake(case),
        _ => by_outcome(case),
    }
}

fn application(side: Option<Side>) -> Culprit {
    match side {
        Some(Side::Client) => Culprit::ClientApp,
        Some(Side::Server) => Culprit::ServerApp,
        None => Culprit::Unknown,
    }
}

/// A server that says no: for want of a login, by its own rules, or because of something that lies behind it.
fn sent_away(case: &Case<'_>) -> Culprit {
    let talk = case.facts.talk.as_deref();
    let tunnel = talk
        .and_then(|talk| talk.tunnel.as_ref())
        .filter(|tunnel| !tunnel.granted);
    let is_login = talk
        .and_then(|talk| talk.refusal.as_deref())
        .is_some_and(|(refusal, _)| refusal.is_login);
    match tunnel.map(|tunnel| (tunnel.protocol, tunnel.code, tunnel.is_login)) {
        Some((_, _, true)) => Culprit::ClientApp,
        // SOCKS 4 does not tell one from the other.
        Some((Protocol::Http, Some(502..=504), _) | (Protocol::Socks5, Some(3..=6), _) | (Protocol::Socks4, ..)) => {
            Culprit::Unknown
        }
        None if is_login => Culprit::ClientApp,
        _ => Culprit::ServerApp,
    }
}

/// What is at fault that nothing can be said.
fn unclear(cause: Option<&'static str>) -> Culprit {
    match cause {
        Some("one-sided-capture" | "capture-loss" | "capture-cut" | "mid-stream-start") => Culprit::Capture,
        _ => Culprit::Unknown,
    }
}

fn by_outcome(case: &Case<'_>) -> Culprit {
    match (case.handshake, case.ending) {
        (Handshake::Rst, _) => Culprit::ServerHost,
        (Handshake::IcmpRejected, _) | (_, Ending::Icmp) => case
            .facts
            .icmp
            .map_or(Culprit::Unknown, |icmp| icmp_sender(case, &icmp)),
        (Handshake::SilentlyDropped, _) => silent(case),
        (Handshake::HalfOpen, _) => half_open(case),
        // A SYN-ACK with foreign numbers may as well be a device that changes them one way.
        (Handshake::StalePeer, _) if case.facts.server().syn_acks > 0 => Culprit::Unknown,
        (Handshake::StalePeer, _) => Culprit::ServerHost,
        // A server that gives up on a client which never acknowledged.
        (Handshake::Aborted, _)
            if case.facts.opening.syn_ack.count > 1
                && case.facts.reset.is_some_and(|reset| !case.is_from_client(&reset)) =>
        {
            half_open(case)
        }
        (Handshake::Aborted, _) | (_, Ending::RstClient | Ending::RstServer) => case
            .facts
            .reset
            .map_or(Culprit::ClientApp, |reset| reset_sender(case, &reset)),
        _ => Culprit::Unknown,
    }
}

/// Nothing but the place of the capture tells.
fn silent(case: &Case<'_>) -> Culprit {
    let reached_server = case.vantage() == Vantage::NearServer
        && case
            .context
            .hosts
            .get(&case.server().ip)
            .is_some_and(|host| host.ttl.first != 0 && hops(host.ttl.max) == 0);
    if reached_server && case.context.answers(case.server()) {
        // A rule for this client, a limit, or a full queue of a program that listens: the capture shows none of them.
        Culprit::Unknown
    } else if reached_server {
        Culprit::ServerFilter
    } else {
        Culprit::Path
    }
}

fn half_open(case: &Case<'_>) -> Culprit {
    match case.vantage() {
        Vantage::NearClient if case.facts.opening.syns_after_syn_ack > 0 => Culprit::ClientFilter,
        // It had reached the client's network, and neither a retry nor a RST says what became of it.
        Vantage::NearClient => Culprit::Unknown,
        _ => Culprit::Path,
    }
}

fn late_handshake(case: &Case<'_>) -> Culprit {
    let only_server_repeats = case.facts.opening.syn_acks_after_ack > 0 && case.facts.opening.syn.count < 2;
    if only_server_repeats && case.vantage() == Vantage::NearServer {
        Culprit::ServerHost
    } else {
        Culprit::Path
    }
}

fn icmp_sender(case: &Case<'_>, icmp: &IcmpFact) -> Culprit {
    let (by_server, by_client) = (icmp.from == case.server().ip, icmp.from == case.client().ip);
    match icmp.meaning() {
        _ if by_client => Culprit::ClientFilter,
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::TtlExceeded if !by_server => {
            Culprit::Path
        }
        _ if by_server => Culprit::ServerFilter,
        _ => Culprit::Middlebox,
    }
}

/// A live socket speaks for the application, a bare RST for a kernel (or for a device that cannot be told from it).
fn reset_sender(case: &Case<'_>, reset: &Reset) -> Culprit {
    // One anomaly is no proof of a device (front devices answer so to everybody), but it rules out naming the host.
    if reset.ttl_known && reset.ttl_distance > 0 {
        return Culprit::Unknown;
    }
    // The same where other packets of this address came from another system, unless this one continues its own connection.
    let is_own = reset.has_ack && (reset.has_timestamps || reset.ip_id_continues);
    if !is_own && case.strange_ttls(case.facts.key.sender(reset.from).ip).is_some() {
        return Culprit::Unknown;
    }
    let is_live = reset.has_ack && reset.ttl_distance == 0 && reset.stage != ResetStage::Syn;
    match (case.is_from_client(reset), is_live) {
        (true, true) => Culprit::ClientApp,
        // The client's kernel refuses a SYN-ACK that it never asked for (scanner, or a connect given up).
        (true, false) if reset.stage == ResetStage::Handshake => Culprit::ClientApp,
        (true, false) => Culprit::ClientHost,
        (false, true) => Culprit::ServerApp,
        (false, false) => Culprit::ServerHost,
    }
}

fn shut_side(case: &Case<'_>) -> Culprit {
    let (client, server) = (case.facts.client(), case.facts.server());
    if client.longest_zero_window >= server.longest_zero_window && client.zero_windows > 0 {
        Culprit::ClientApp
    } else {
        Culprit::ServerApp
    }
}

/// What `connect`, `read` or `write` returned to the client (Linux; SEMANTICS 5.4 for ICMP).
pub fn app_error_of(case: &Case<'_>, status: Status, cause: Option<&'static str>) -> Option<AppError> {
    // What the peer said in its own protocol is what the application reports.
    let is_said = matches!(
        cause,
        Some("tls-alert" | "tls-mismatch" | "proxy-refused" | "app-refused")
    );
    if status != Status::Failed || is_said {
        return None;
    }
    match (case.handshake, case.ending) {
        (Handshake::Rst, _) => Some(AppError::ConnectionRefused),
        (Handshake::IcmpRejected, _) => case.facts.icmp.and_then(|icmp| icmp_error(&icmp)),
        (Handshake::SilentlyDropped | Handshake::HalfOpen | Handshake::StalePeer, _) => Some(AppError::TimedOut),
        (Handshake::Aborted, _) => case
            .facts
            .reset
            .filter(|reset| !case.is_from_client(reset))
            .map(|_| AppError::ConnectionReset),
        (_, Ending::RstServer | Ending::RstInjected) => Some(AppError::ConnectionReset),
        (_, Ending::Stalled | Ending::NoResponse) => Some(AppError::TimedOut),
        (_, Ending::Icmp) => case.facts.icmp.and_then(|icmp| icmp_error(&icmp)),
        _ => None,
    }
}

fn icmp_error(icmp: &IcmpFact) -> Option<AppError> {
    match (icmp.meaning(), icmp.v6) {
        (IcmpMeaning::NetworkUnreachable, _) => Some(AppError::NetworkUnreachable),
        (IcmpMeaning::PortUnreachable, _) => Some(AppError::ConnectionRefused),
        (IcmpMeaning::Prohibited, true) => Some(AppError::PermissionDenied),
        (IcmpMeaning::HostUnreachable | IcmpMeaning::Prohibited | IcmpMeaning::TtlExceeded, _) => {
            Some(AppError::HostUnreachable)
        }
        _ => None,
    }
}
