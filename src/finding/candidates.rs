//! What a finding may come from, likeliest first, as far as one capture can tell.

use super::causes::{Cause, cause};
use super::text::is_application_abort;
use crate::case::context::hops;
use crate::case::words::Handshake;
use crate::case::{Case, Vantage};
use crate::flow::facts::ResetStage;
use crate::wire::PayloadKind;

/// Causes of each finding, likeliest first.
#[rustfmt::skip]
static OF: &[(&str, &[&str])] = &[
    ("syn-silent", &["D1", "D2", "D4", "D21", "D22", "D3", "D10", "D23", "D9", "D8", "D54", "D7"]),
    ("refused-by-rst", &["D14", "D16", "D15", "D20", "D22"]),
    ("refused-by-nearer-device", &["D15", "D17"]),
    ("host-unreachable", &["D18", "D19", "D17"]),
    ("ttl-exceeded", &["D19"]),
    ("icmp-rejected", &["D17"]),
    ("stale-peer", &["D28", "D29", "D55"]),
    ("server-aborted", &["D5", "D16", "D54", "D40", "D15"]),
    ("syn-ack-ignored", &["D12", "D10", "D23"]),
    ("half-open", &["D10", "D11", "D23", "D12"]),
    ("client-aborted", &["D21", "D22", "D15"]),
    ("reset-injected", &["D37", "D39", "D33", "D31", "D15", "D56"]),
    ("icmp-ended", &["D33", "D18", "D17"]),
    ("keep-alive-failure", &["D46", "D32"]),
    ("proxy-refused", &["D40", "D16"]),
    ("tls-mismatch", &["D38", "D40"]),
    ("tls-alert", &["D38", "D37"]),
    ("app-refused", &["D40", "D54"]),
    ("no-response", &["D43", "D33", "D4", "D5", "D44"]),
    ("stall", &["D33", "D32", "D34", "D36", "D11", "D5"]),
    ("reset-after-idle", &["D31", "D45", "D30"]),
    ("reset-after-request", &["D40", "D37", "D39", "D41", "D42", "D30"]),
    ("reset-before-data", &["D16", "D5", "D40", "D22"]),
    ("reset-mid-transfer", &["D40", "D30", "D41", "D42", "D33", "D37", "D39"]),
    ("reset-after-fin", &["D45", "D42", "D41", "D40"]),
    ("abortive-close", &["D40", "D22"]),
    ("zero-window", &["D44"]),
    ("closed-without-response", &["D16", "D40", "D42", "D38"]),
    ("tls-cut", &["D38", "D37", "D40"]),
    ("http-error", &["D40", "D16", "D41"]),
    ("syn-answered-late", &["D24", "D25", "D47", "D4", "D9", "D48", "D54", "D50"]),
    ("syn-ack-repeated", &["D47", "D5", "D11", "D48"]),
    ("rate-policed", &["D49", "D47", "D48"]),
    ("heavy-retransmission", &["D35", "D47", "D48", "D49", "D50", "D26", "D27"]),
    ("reset-ignored", &["D56"]),
    ("ports-reused", &["D55", "D28"]),
];

/// What a flow shows that speaks for or against a cause: one bit each, so that candidates can be listed long after the flow
/// itself is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Leaning(u32);

/// A bit of [`Leaning`].
#[derive(Clone, Copy)]
enum Sign {
    /// The client said a TLS ClientHello.
    Tls,
    NearServer,
    NearClient,
    /// Only large segments had to be sent again, and smaller ones arrived.
    OnlyLarge,
    /// The server sent no data.
    NoAnswer,
    /// A long silence came before.
    Idle,
    /// One SYN, never repeated.
    OneSyn,
    /// The SYN came again after it had been refused.
    TriedAgain,
    /// The SYN-ACK came again although it had been acknowledged.
    SynAckAgain,
    /// The handshake completed in sight, and nothing that the client sent was ever acknowledged.
    NothingTaken,
    EcnGivenUp,
    FastOpenGivenUp,
    /// A RST without ACK: of a system that has no such socket, or of a device.
    BareReset,
    /// A RST that continues the connection's own numbers and options: of a live socket.
    LiveReset,
    /// It was told to send smaller packets.
    TooBig,
    /// Most of what was sent again was needless.
    Needless,
    /// Slow round trips took more than twice as long as quick ones: a queue filled.
    Slower,
    /// They took hardly longer: there was no queue.
    Steady,
    /// Packets in the name of one side came with TTLs of different systems, here or in its other connections.
    Stranger,
    /// The service completed other handshakes, sooner or later.
    Answers,
    /// The server's packets started with a TTL of 64 or 255, which is no Windows.
    NoWindows,
    /// They started with 128.
    Windows,
}

impl Leaning {
    /// What `case` shows.
    #[must_use]
    pub fn of(case: &Case<'_>) -> Self {
        let facts = case.facts;
        let (client, server, opening) = (facts.client(), facts.server(), &facts.opening);
        let vantage = case.vantage();
        let host = case.context.hosts.get(&case.server().ip).map(|host| host.ttl);
        let start = |ttl: u8| ttl.saturating_add(hops(ttl));
        let initial = host.filter(|ttl| ttl.first != 0).map(|ttl| start(ttl.max));
        let opened = matches!(case.handshake, Handshake::Completed | Handshake::Retransmitted);
        let only_large = |side: &crate::flow::facts::SideFacts| {
            side.resends.count >= 2 && side.sacked_beyond && side.smallest_resent > 500
        };
        let needless = facts.sides.iter().any(|side| {
            let lost = side.lost();
            lost.needless > lost.behind.saturating_add(lost.before)
        });
        let reset = facts.reset.as_ref().filter(|reset| reset.stage != ResetStage::Syn);
        let (client_ip, server_ip) = (case.client().ip, case.server().ip);
        // Of the side that lost more; a handful of samples says nothing.
        let lossy = if client.retransmissions() > server.retransmissions() {
            client
        } else {
            server
        };
        let slower = lossy
            .min_rtt
            .zip(lossy.slow_rtt())
            .filter(|_| lossy.rtts.samples() >= 20);
        let once = opening.syn.count == 1 && !opening.repeats_attempt;
        let signs = [
            (Sign::Tls, client.kinds.has(PayloadKind::TlsClientHello)),
            (Sign::NearServer, vantage == Vantage::NearServer),
            (Sign::NearClient, vantage == Vantage::NearClient),
            (Sign::OnlyLarge, only_large(client) || only_large(server)),
            (Sign::NoAnswer, server.bytes == 0),
            (Sign::Idle, facts.max_silence >= crate::flow::IDLE.times_tenths(30)),
            (Sign::OneSyn, once),
            (Sign::TriedAgain, opening.repeats_attempt || opening.syn.count > 1),
            (Sign::SynAckAgain, opening.syn_acks_after_ack > 0),
            (
                Sign::NothingTaken,
                opened && client.bytes > 0 && u64::from(client.unacked) >= client.bytes,
            ),
            (Sign::EcnGivenUp, opening.ecn_given_up),
            (Sign::FastOpenGivenUp, opening.fast_open_given_up),
            (Sign::BareReset, reset.is_some_and(|reset| !reset.has_ack)),
            (Sign::LiveReset, reset.is_some_and(is_application_abort)),
            (Sign::TooBig, facts.too_big.is_some()),
            (Sign::Needless, needless),
            (Sign::Answers, case.context.answers(case.server())),
            (
                Sign::Slower,
                slower.is_some_and(|(quick, slow)| slow.0 > quick.0.saturating_mul(2)),
            ),
            (
                Sign::Steady,
                slower.is_some_and(|(quick, slow)| slow <= quick.times_tenths(13)),
            ),
            (
                Sign::Stranger,
                [client_ip, server_ip].iter().any(|ip| case.strange_ttls(*ip).is_some()),
            ),
            (Sign::NoWindows, initial.is_some_and(|ttl| ttl != 128)),
            (Sign::Windows, initial == Some(128)),
        ];
        Self(
            signs
                .into_iter()
                .fold(0, |bits, (sign, holds)| bits | u32::from(holds) << sign as u32),
        )
    }

    fn has(self, sign: Sign) -> bool {
        self.0 & 1 << sign as u32 != 0
    }
}

/// What the finding `id` may come from in a flow like this, likeliest first.
#[must_use]
pub fn candidates(id: &str, leaning: Leaning) -> Vec<&'static Cause> {
    let ids = OF
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(&[][..], |(_, ids)| ids);
    let mut causes: Vec<&Cause> = ids
        .iter()
        .filter(|cause| !is_ruled_out(id, cause, leaning))
        .filter_map(|id| cause(id))
        .collect();
    // Stable: what is neither likelier nor less likely here keeps its place.
    causes.sort_by_key(|cause| rank(id, cause.id, leaning));
    causes
}

/// The flow shows that it was not this.
#[expect(clippy::match_same_arms, reason = "a line says one thing of one cause")]
fn is_ruled_out(finding: &str, cause: &str, leaning: Leaning) -> bool {
    let has = |sign| leaning.has(sign);
    match (finding, cause) {
        // Neither a scanner nor a forger nor one that gave up sends it twice.
        ("syn-silent", "D21" | "D22" | "D23") | ("refused-by-rst", "D22") => !has(Sign::OneSyn),
        ("syn-silent", "D3") => has(Sign::NoWindows) || has(Sign::Answers),
        ("refused-by-rst", "D20") => !has(Sign::TriedAgain),
        ("stall", "D11" | "D5") => !has(Sign::NothingTaken) && !has(Sign::SynAckAgain),
        // What came later got through.
        ("syn-ack-repeated", "D11") => !has(Sign::NothingTaken),
        ("client-aborted" | "server-aborted", "D15") => !has(Sign::Stranger),
        ("no-response", "D5") => !has(Sign::SynAckAgain),
        ("syn-answered-late", "D24") => !has(Sign::EcnGivenUp),
        ("syn-answered-late", "D25") => !has(Sign::FastOpenGivenUp),
        ("heavy-retransmission", "D35") => !has(Sign::TooBig),
        // A killed process' system has no socket any more: its RST has no ACK. A live one's has. But with the request still unread, the system of a killed process resets it as a live one would.
        ("reset-mid-transfer" | "reset-after-fin", "D42") => has(Sign::LiveReset),
        ("reset-after-request" | "reset-mid-transfer", "D30") => has(Sign::LiveReset),
        _ => false,
    }
}

/// What the place of the capture and the payload make likelier (-1) or less likely (1).
#[expect(clippy::match_same_arms, reason = "a line says one thing of one cause")]
fn rank(finding: &str, cause: &str, leaning: Leaning) -> i8 {
    let has = |sign| leaning.has(sign);
    // It listens, the SYN reached it, and others get through.
    if (finding, cause) == ("syn-silent", "D4") && has(Sign::NearServer) && has(Sign::Answers) {
        return -2;
    }
    let likelier = match (finding, cause) {
        // It had come as far as the server: the path there is innocent.
        ("syn-silent", "D2" | "D4") | ("half-open", "D10" | "D11") => has(Sign::NearServer),
        ("syn-silent", "D3") => has(Sign::NearServer) && has(Sign::Windows),
        ("syn-silent", "D8" | "D9") => has(Sign::NearServer),
        ("half-open" | "syn-ack-ignored", "D12") => has(Sign::NearClient),
        ("reset-after-request", "D37") | ("closed-without-response", "D38") => has(Sign::Tls),
        ("stall", "D34") => has(Sign::OnlyLarge),
        ("stall", "D36") => has(Sign::Tls) && has(Sign::NoAnswer),
        ("stall", "D32") => has(Sign::Idle),
        ("stall", "D5") => has(Sign::SynAckAgain) && has(Sign::NearServer),
        ("stall", "D11") => has(Sign::SynAckAgain) && !has(Sign::NearServer),
        ("no-response", "D5") => has(Sign::SynAckAgain),
        ("syn-ack-repeated", "D5") => has(Sign::NearServer),
        ("syn-answered-late", "D24" | "D25") => true,
        ("heavy-retransmission", "D35") => true,
        ("heavy-retransmission", "D50") => has(Sign::Needless),
        ("reset-after-request" | "reset-mid-transfer" | "reset-after-fin", "D30" | "D42") => has(Sign::BareReset),
        ("heavy-retransmission", "D47") => has(Sign::Slower),
        ("heavy-retransmission", "D48" | "D49") => has(Sign::Steady),
        ("client-aborted" | "refused-by-rst" | "server-aborted", "D15") => has(Sign::Stranger),
        ("reset-mid-transfer" | "reset-after-request", "D37" | "D39" | "D33") => {
            has(Sign::Stranger) && !has(Sign::LiveReset)
        }
        _ => false,
    };
    let unlikely = match (finding, cause) {
        ("syn-silent", "D1" | "D10") => has(Sign::NearServer),
        ("syn-silent", "D23") => has(Sign::NearClient),
        ("syn-silent", "D3") => !has(Sign::Windows),
        ("heavy-retransmission", "D49") => has(Sign::Slower),
        ("heavy-retransmission", "D47") => has(Sign::Steady),
        ("reset-after-request", "D39") => has(Sign::Tls) || has(Sign::LiveReset),
        ("reset-after-request", "D37") => !has(Sign::Tls) || has(Sign::LiveReset),
        ("reset-injected", "D39") => has(Sign::Tls),
        ("reset-injected", "D31") | ("stall", "D32") => !has(Sign::Idle),
        ("reset-injected", "D37") | ("stall", "D36") => !has(Sign::Tls),
        ("reset-mid-transfer", "D37" | "D39" | "D33") => has(Sign::LiveReset),
        ("stall", "D11") => has(Sign::NearServer),
        ("syn-ack-repeated", "D47" | "D48") => has(Sign::NearServer),
        _ => false,
    };
    i8::from(unlikely) - i8::from(likelier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::causes::CAUSES;
    use crate::finding::{Severity, catalogue};

    fn ids(finding: &str, signs: &[Sign]) -> Vec<&'static str> {
        let bits = signs.iter().fold(0, |bits, sign| bits | 1 << *sign as u32);
        let causes = candidates(finding, Leaning(bits));
        causes.iter().map(|cause| cause.id).collect()
    }

    #[test]
    fn every_finding_that_explains_a_failure_has_causes_and_every_cause_a_finding() {
        for meta in catalogue().iter().filter(|meta| meta.severity == Severity::Error) {
            assert!(OF.iter().any(|(id, _)| *id == meta.id), "{}", meta.id);
        }
        for (id, causes) in OF {
            assert!(catalogue().iter().any(|meta| meta.id == *id), "{id}");
            assert!(
                causes.iter().all(|id| CAUSES.iter().any(|cause| cause.id == *id)),
                "{id}"
            );
        }
        for cause in CAUSES {
            let is_used = OF.iter().any(|(_, causes)| causes.contains(&cause.id));
            // SYN cookies work: what they may hide is D4 and D5.
            assert!(is_used || cause.id == "D6", "{}", cause.id);
        }
    }

    #[test]
    fn what_the_flow_contradicts_is_no_candidate() {
        let repeated = ids("syn-silent", &[]);
        assert!(!repeated.contains(&"D22") && !repeated.contains(&"D23"), "{repeated:?}");
        assert!(ids("syn-silent", &[Sign::OneSyn]).contains(&"D22"));
        assert!(!ids("syn-silent", &[Sign::NoWindows]).contains(&"D3"));
        assert_eq!(ids("syn-answered-late", &[Sign::EcnGivenUp])[0], "D24");
        assert!(!ids("syn-answered-late", &[]).contains(&"D24"));
        assert!(!ids("stall", &[]).contains(&"D5"));
        assert!(!ids("heavy-retransmission", &[]).contains(&"D35"));
    }

    #[test]
    fn the_place_of_the_capture_orders_the_candidates() {
        assert_eq!(ids("syn-silent", &[])[..2], ["D1", "D2"]);
        assert_eq!(ids("syn-silent", &[Sign::NearServer])[..2], ["D2", "D4"]);
        assert_eq!(ids("stall", &[Sign::SynAckAgain])[0], "D11");
        assert_eq!(ids("stall", &[Sign::SynAckAgain, Sign::NearServer])[0], "D5");
        assert_eq!(ids("stall", &[Sign::OnlyLarge])[0], "D34");
        assert_eq!(ids("reset-after-request", &[Sign::Tls])[0], "D37");
        assert_eq!(ids("reset-after-request", &[Sign::Tls, Sign::LiveReset])[0], "D40");
    }
}
