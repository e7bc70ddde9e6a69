//! What the failures of one service have in common, and the others have not: source, name, size, silence, rate.

use super::caller::network;
use super::plain::{from_whom, place};
use super::say::{count, list, span, thousands, when};
use super::scene::Scene;
use super::service::Service;
use super::{Failure, IDLE_TIMEOUT, Incident, LARGE_SEGMENTS_LOST, NAME_BLOCKED, RATE_LIMIT, SOURCE_BLOCKED};
use crate::base::Span;
use crate::finding::Confidence;
use crate::finding::causes::numbered;
use std::net::IpAddr;

/// Idle time-outs that are somebody's default, in seconds (vendors' manuals).
const DEFAULTS: &[(i64, &str)] = &[
    (10, "an HTTP keep-alive time-out (10 s)"),
    (15, "an HTTP keep-alive time-out (15 s)"),
    (30, "a load balancer's or a NAT's short time-out (30 s)"),
    (
        60,
        "the idle time-out of AWS' application load balancer, nginx' keep-alive or HAProxy (60 s)",
    ),
    (75, "nginx' keep-alive time-out (75 s)"),
    (120, "IIS' connection time-out or a small firewall (120 s)"),
    (180, "a small firewall's or a NAT's time-out (180 s)"),
    (240, "the idle time-out of Azure's load balancer and NAT (240 s)"),
    (300, "a firewall's or a proxy's usual time-out (300 s)"),
    (
        350,
        "the idle time-out of AWS' network load balancer and NAT gateway (350 s)",
    ),
    (
        600,
        "the idle time-out of Google Cloud's firewall or a load balancer (600 s)",
    ),
    (900, "a firewall's time-out (900 s)"),
    (1200, "the established time-out of Google Cloud's NAT (1,200 s)"),
    (1800, "a firewall's time-out (30 min)"),
    (3600, "the usual TCP time-out of commercial firewalls (60 min)"),
    (7200, "a NAT that keeps RFC 5382's two hours (2 h)"),
    (432_000, "Linux' conntrack (5 days)"),
];

/// What all failures at one service have in common, if there is something.
pub(super) fn find(scene: &Scene, service: &Service) -> Option<Incident> {
    large(scene)
        .or_else(|| idle(scene, service))
        .or_else(|| name(scene, service))
        .or_else(|| source(scene, service))
        .or_else(|| rate(scene, service))
}

/// Only large segments are lost (D34).
fn large(scene: &Scene) -> Option<Incident> {
    let (least, number) = scene.too_large;
    if number < 2 || number * 2 < scene.failed {
        return None;
    }
    let place = place(scene);
    let summary = format!(
        "{} of {} connections to {place} from {} stalled {}: segments of {} bytes and more are lost, smaller ones get through.",
        thousands(scene.failed),
        thousands(scene.attempts),
        from_whom(scene),
        when(scene.first.at, scene.last.at),
        thousands(least.into()),
    );
    let mut incident = scene.incident(&LARGE_SEGMENTS_LOST, place, summary);
    incident.contrast = vec!["Handshakes and small segments of the same connections got through.".to_owned()];
    incident.candidates = vec![
        "a smaller MTU on the path whose ICMP 'fragmentation needed' is filtered (D34): tracepath -n shows where"
            .to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D34"]));
    let server = scene.services.first()?.ip;
    incident.next = format!(
        "ping -M do -s 1472 {server} (Windows: ping -f -l 1472 {server}), smaller until it passes; then clamp the MSS or let ICMP 3/4 through"
    );
    Some(incident)
}

/// Only after a silence (D31, D32, D45).
fn idle(scene: &Scene, service: &Service) -> Option<Incident> {
    let can = matches!(
        scene.way,
        Failure::Reset | Failure::ResetByClient | Failure::Injected | Failure::Stalled | Failure::Other | Failure::Icmp
    );
    if !can || scene.failed < 3 || (scene.silences.len() as u64) * 5 < scene.failed.min(64) * 4 {
        return None;
    }
    let least = scene.silences.iter().copied().min()?;
    // A silence as long that was survived is another story.
    let survived = service.survived;
    if survived >= least {
        return None;
    }
    let default = DEFAULTS.iter().rev().find(|(seconds, _)| {
        let default = Span::from_secs(*seconds);
        default.times_tenths(9) <= least
            && default.times_tenths(10) >= survived
            && least <= default.times_tenths(15)
            && default <= Span(least.0.saturating_add(least.0 / 50))
    });
    let place = place(scene);
    let bound = if survived > Span::from_secs(1) {
        format!("between {} (survived) and {}", span(survived), span(least))
    } else {
        format!("at most {}", span(least))
    };
    let like = default.map_or_else(String::new, |(_, who)| format!(", which fits {who}"));
    let summary = format!(
        "{} connections to {place} from {} were {} on the first packet after a silence of {} or more {}: something forgets idle connections; its time-out is {bound}{like}.",
        thousands(scene.failed),
        from_whom(scene),
        scene.way.done(),
        span(least),
        when(scene.first.at, scene.last.at),
    );
    let mut incident = scene.incident(&IDLE_TIMEOUT, place, summary);
    if scene.ok[1] > 0 || survived > Span::ZERO {
        incident.contrast = vec![format!(
            "Connections that were never silent for longer than {} worked.",
            span(survived.max(Span::from_millis(1)))
        )];
    }
    incident.candidates = vec![
        "a NAT, firewall or load balancer on the path that drops idle connections (D31, D32): the server never sees the packet".to_owned(),
        "the server or a proxy closes idle connections (D45): its own keep-alive time-out".to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D31", "D32", "D45"]));
    let half = Span(least.0 / 2);
    incident.next = format!(
        "send keep-alives sooner than every {} (Linux: net.ipv4.tcp_keepalive_time), or close idle connections in the client's pool first",
        span(half)
    );
    Some(incident)
}

/// Only one name (D36, D37, D39).
fn name(scene: &Scene, service: &Service) -> Option<Incident> {
    let opened = !scene.way.is_opening() && !scene.way.is_mild();
    if !opened || scene.unnamed > 0 || scene.failed < 3 || scene.names.is_empty() || scene.names.len() > 2 {
        return None;
    }
    if scene.names.iter().any(|named| named.ok > 0) {
        return None;
    }
    let is_hit = |name: &str| scene.names.iter().any(|named| *named.name == *name);
    let mut others: Vec<String> = Vec::new();
    for (name, _, last) in service.names.iter() {
        if is_hit(name) {
            return None;
        }
        if last >= scene.first.at {
            others.push(name.to_string());
        }
    }
    if others.is_empty() {
        return None;
    }
    let names: Vec<&str> = scene.names.iter().map(|named| &*named.name).collect();
    let place = scene.services.first()?.to_string();
    let summary = format!(
        "Only connections for {} to {place} fail: all {} from {} were {} {}; others at the same place worked.",
        list(&names, 2),
        thousands(scene.failed),
        from_whom(scene),
        scene.way.done(),
        when(scene.first.at, scene.last.at),
    );
    let mut incident = scene.incident(&NAME_BLOCKED, place, summary);
    incident.contrast = vec![format!("Other names worked: {}.", list(&others, 4))];
    incident.candidates = vec![
        "a device on the path that reads TLS server names or HTTP hosts (D36, D37, D39): try the name from another network".to_owned(),
        "the server's own configuration for that name (D40): its log".to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D37", "D36", "D39", "D40"]));
    Some(incident)
}

/// Only one source, or one network of sources.
fn source(scene: &Scene, service: &Service) -> Option<Incident> {
    if scene.failed < 3 || scene.more || scene.sources.is_empty() || scene.way.is_mild() {
        return None;
    }
    if scene.sources.values().any(|source| source.ok > 0) {
        return None;
    }
    let nets: Vec<IpAddr> = scene.sources.keys().map(|ip| network(*ip)).collect();
    let is_one_net = nets.windows(2).all(|pair| pair[0] == pair[1]);
    if !is_one_net {
        return None;
    }
    let from = scene.first.at;
    let single = scene.sources.len() == 1;
    let is_hit = |ip: &IpAddr| {
        if single {
            scene.sources.contains_key(ip)
        } else {
            network(*ip) == nets[0]
        }
    };
    let others: Vec<(IpAddr, u64)> = service
        .clients
        .iter()
        .filter(|(ip, _, last)| *last >= from && !is_hit(ip))
        .map(|(ip, number, _)| (*ip, number))
        .collect();
    // A network needs more: it must be whole, and several others must do well.
    let well: u64 = others.iter().map(|(_, number)| *number).sum();
    let whole = single || service.clients.iter().all(|(ip, _, last)| last < from || !is_hit(ip));
    if well < 2 || !whole || (!single && others.len() < 2) {
        return None;
    }
    let who = if single {
        scene.sources.keys().next()?.to_string()
    } else {
        let bits = if nets[0].is_ipv4() { 24 } else { 64 };
        format!("{} in {}/{bits}", count(scene.sources.len() as u64, "client"), nets[0])
    };
    let place = place(scene);
    let summary = format!(
        "Only {who} cannot use {place}: all {} of its connections were {} {}, while others worked.",
        thousands(scene.failed),
        scene.way.done(),
        when(scene.first.at, scene.last.at),
    )
    .replace(
        "its connections",
        if single { "its connections" } else { "their connections" },
    );
    let ips: Vec<IpAddr> = others.iter().map(|(ip, _)| *ip).collect();
    let mut incident = scene.incident(&SOURCE_BLOCKED, place, summary);
    incident.contrast = vec![format!(
        "It worked for {}: {}.",
        count(ips.len() as u64, "other client"),
        list(&ips, 4)
    )];
    incident.candidates = vec![
        "a rule for that source, or a ban list (fail2ban, WAF): search for its address in the firewalls".to_owned(),
        "its route or its address translation: capture at the server, does its SYN arrive?".to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D2", "D8"]));
    Some(incident)
}

/// Only what comes above so many in a second (D54, D9, D4).
fn rate(scene: &Scene, service: &Service) -> Option<Incident> {
    if !(scene.way.is_opening() || scene.way == Failure::Late) || scene.services.len() != 1 {
        return None;
    }
    let limit = service.rate.limit()?;
    let place = place(scene);
    let rate = &service.rate;
    let summary = format!(
        "About {limit:.0} new connections a second to {place} get through, the rest is {}: {} of {} from {} {}.",
        scene.way.done(),
        thousands(scene.failed),
        thousands(scene.attempts),
        from_whom(scene),
        when(scene.first.at, scene.last.at),
    );
    let mut incident = scene.incident(&RATE_LIMIT, place, summary);
    if rate.clean > 0 {
        incident.contrast = vec![format!(
            "In {} with at most {} all of them worked.",
            count(rate.clean.into(), "second"),
            count(rate.clean_most.into(), "new connection")
        )];
    }
    incident.confidence = incident.confidence.min(Confidence::Medium);
    incident.candidates = vec![
        "a limit on new connections (D54): nft list ruleset | grep limit; a WAF or a cloud's connection limit"
            .to_owned(),
        "connection tracking is full (D9): dmesg | grep 'table full'; conntrack -S".to_owned(),
        "the accept queue is full (D4): ss -ltn at the server shows Recv-Q above Send-Q".to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D54", "D9", "D4"]));
    Some(incident)
}
