//! What the capture missed, and what lies behind its end: neither makes a healthy connection fail.

use crate::common::fixture;
use crate::common::noise::Noise;
use crate::common::outcome::{self, Judged};
use std::collections::HashMap;
use whodropped::base::Endpoint;
use whodropped::verdict::words::{Handshake, Status};

/// Client and server of a flow.
fn ends(flow: &Judged) -> (Endpoint, Endpoint) {
    (flow.row.client, flow.row.server)
}

/// The verdicts on every pair of endpoints, either way round.
fn by_ends(flows: &[Judged]) -> HashMap<(Endpoint, Endpoint), Vec<&Judged>> {
    let mut found: HashMap<_, Vec<&Judged>> = HashMap::new();
    for flow in flows {
        let (client, server) = ends(flow);
        found
            .entry((client.min(server), client.max(server)))
            .or_default()
            .push(flow);
    }
    found
}

/// Losses that no capture can tell from a failure: folder, handshake and ending that come of it, and why.
const INVISIBLE: &[(&str, &str, &str, &str)] = &[
    (
        "accept-overflow",
        "half-open",
        "none",
        "the client's ACK, its only other packet, was missed",
    ),
    (
        "accept-overflow",
        "silently-dropped",
        "none",
        "SYN-ACK and ACK were missed: a single SYN is left",
    ),
    (
        "hello-dropped",
        "half-open",
        "none",
        "the ACK was missed, and all that follows is dropped on the path",
    ),
    (
        "reset-after-fin",
        "completed",
        "rst-server",
        "the FIN was missed, and nothing acknowledges it",
    ),
    (
        "connection-limit",
        "completed",
        "no-response",
        "the answer and its ACK were missed, and nothing follows",
    ),
    (
        "healthy-mix",
        "completed",
        "no-response",
        "the answer and its ACK were missed, and nothing follows",
    ),
];

#[test]
fn packets_that_the_capture_missed_make_no_healthy_flow_fail() {
    let mut noise = Noise::new(7);
    let mut wrong = Vec::new();
    let (mut looked_at, mut accepted) = (0, 0);
    for fixture in fixture::all() {
        let capture = fixture.capture();
        let whole = outcome::judged(&capture.pcap());
        let healthy = by_ends(&whole);
        for round in 0..30 {
            let kept: Vec<_> = capture
                .packets
                .iter()
                .filter(|_| noise.below(100) > round % 5)
                .cloned()
                .collect();
            for flow in outcome::judged(&capture.with(&kept).pcap()) {
                let (client, server) = ends(&flow);
                let before = healthy.get(&(client.min(server), client.max(server)));
                if before.is_none_or(|flows| flows.iter().any(|flow| flow.row.status != Status::Ok)) {
                    continue;
                }
                looked_at += 1;
                if flow.row.status != Status::Failed {
                    continue;
                }
                let (handshake, ending) = (flow.row.handshake.word(), flow.row.ending.word());
                if INVISIBLE
                    .iter()
                    .any(|entry| (entry.0, entry.1, entry.2) == (&*fixture.folder, handshake, ending))
                {
                    accepted += 1;
                    continue;
                }
                wrong.push(format!(
                    "{} round {round}: {}->{}: {handshake} {ending} {:?}: {}",
                    fixture.name(),
                    client.port,
                    server.port,
                    flow.row.findings,
                    flow.row.summary
                ));
            }
        }
    }
    crate::common::say(&format!(
        "{accepted} of {looked_at} healthy flows seem to fail where packets were missed"
    ));
    assert!(looked_at > 1000, "only {looked_at} flows");
    assert!(
        wrong.is_empty(),
        "{} of {looked_at} healthy flows fail ({accepted} accepted):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_capture_that_ends_early_never_calls_an_answered_syn_silently_dropped() {
    let mut noise = Noise::new(8);
    for fixture in fixture::all() {
        let capture = fixture.capture();
        let whole = outcome::judged(&capture.pcap());
        let answered: Vec<u64> = whole
            .iter()
            .filter(|flow| matches!(flow.row.handshake, Handshake::Completed | Handshake::Retransmitted))
            .map(|flow| flow.row.first_packet)
            .collect();
        let packets = capture.packets.len();
        // Every place in short captures, and sixty places in long ones.
        let places: Vec<usize> = if packets <= 60 {
            (1..packets).collect()
        } else {
            (0..60).map(|_| 1 + noise.below(packets - 1)).collect()
        };
        for end in places {
            for flow in outcome::judged(&capture.with(&capture.packets[..end]).pcap()) {
                let wrong =
                    flow.row.handshake == Handshake::SilentlyDropped && answered.contains(&flow.row.first_packet);
                assert!(
                    !wrong,
                    "{} cut after {end} packets: {}",
                    fixture.name(),
                    flow.row.summary
                );
            }
        }
    }
}
