//! In what way a flow failed, as coarse as an incident sees it.

use super::Observation;
use crate::finding::Confidence;
use crate::verdict::words::{Ending, Handshake, Status};

/// In what way a flow failed. Finer differences (which ICMP code, in which stage a reset came) are left to findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The SYN was never answered.
    Silent,
    /// The SYN was refused by RST.
    Refused,
    /// The SYN was answered by an ICMP error.
    Rejected,
    /// A SYN-ACK was seen, the handshake never finished.
    HalfOpen,
    /// One side gave up before the handshake was done.
    Aborted,
    /// The peer answered for an old connection.
    StalePeer,
    /// The server reset it.
    Reset,
    /// The client reset it.
    ResetByClient,
    /// Reset by neither end.
    Injected,
    /// Ended by an ICMP error.
    Icmp,
    /// Data was never acknowledged.
    Stalled,
    /// The receiver stopped reading.
    ZeroWindow,
    /// The request was never answered.
    NoResponse,
    /// Anything else.
    Other,
    /// It worked, but only after the SYN had been sent again.
    Late,
    /// It worked, with loss.
    Lossy,
}

impl Failure {
    /// All ways.
    pub(super) const ALL: [Self; 16] = [
        Self::Silent,
        Self::Refused,
        Self::Rejected,
        Self::HalfOpen,
        Self::Aborted,
        Self::StalePeer,
        Self::Reset,
        Self::ResetByClient,
        Self::Injected,
        Self::Icmp,
        Self::Stalled,
        Self::ZeroWindow,
        Self::NoResponse,
        Self::Other,
        Self::Late,
        Self::Lossy,
    ];

    /// In what way did this flow fail, if it did?
    #[must_use]
    pub fn of(seen: &Observation<'_>) -> Option<Self> {
        Self::of_words(seen.status, seen.handshake, seen.ending, seen.cause.map(|meta| meta.id))
    }

    /// The same from the words of its verdict.
    #[must_use]
    pub fn of_words(status: Status, handshake: Handshake, ending: Ending, cause: Option<&str>) -> Option<Self> {
        match status {
            Status::Ok | Status::Unknown => return None,
            Status::Degraded => {
                return match cause {
                    Some("syn-answered-late") => Some(Self::Late),
                    Some("heavy-retransmission" | "rate-policed") => Some(Self::Lossy),
                    _ => None,
                };
            }
            Status::Failed => {}
        }
        Some(match (handshake, ending) {
            (Handshake::SilentlyDropped, _) => Self::Silent,
            (Handshake::Rst, _) => Self::Refused,
            (Handshake::IcmpRejected, _) => Self::Rejected,
            (Handshake::HalfOpen, _) => Self::HalfOpen,
            (Handshake::Aborted, _) => Self::Aborted,
            (Handshake::StalePeer, _) => Self::StalePeer,
            _ if cause == Some("keep-alive-failure") => Self::Stalled,
            (_, Ending::RstServer) => Self::Reset,
            (_, Ending::RstClient) => Self::ResetByClient,
            (_, Ending::RstInjected) => Self::Injected,
            (_, Ending::Icmp) => Self::Icmp,
            (_, Ending::Stalled) => Self::Stalled,
            (_, Ending::ZeroWindow) => Self::ZeroWindow,
            (_, Ending::NoResponse) => Self::NoResponse,
            _ => Self::Other,
        })
    }

    /// The handshake failed: the flow never came to be.
    #[must_use]
    pub fn is_opening(self) -> bool {
        self <= Self::StalePeer
    }

    /// It worked all the same.
    #[must_use]
    pub fn is_mild(self) -> bool {
        self >= Self::Late
    }

    /// `every connection to X …`
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Silent => "is silently dropped",
            Self::Refused => "is refused with a RST",
            Self::Rejected => "is rejected with an ICMP error",
            Self::HalfOpen => "stays half open: its SYN-ACK is never acknowledged",
            Self::Aborted => "is given up before its handshake is done",
            Self::StalePeer => "is answered for an old connection on the same ports",
            Self::Reset => "is reset by the server",
            Self::ResetByClient => "is reset by the client",
            Self::Injected => "is reset by neither of its ends",
            Self::Icmp => "is ended by an ICMP error",
            Self::Stalled => "stalls: its data is never acknowledged",
            Self::ZeroWindow => "stops because its receiver does not read",
            Self::NoResponse => "gets no answer to its request",
            Self::Other => "fails",
            Self::Late => "is opened only after its SYN was sent again",
            Self::Lossy => "loses many segments",
        }
    }

    /// `120 of 120 …`
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Silent => "silently dropped",
            Self::Refused => "refused with a RST",
            Self::Rejected => "rejected with an ICMP error",
            Self::HalfOpen => "left half open",
            Self::Aborted => "given up in the handshake",
            Self::StalePeer => "answered for an old connection",
            Self::Reset => "reset by the server",
            Self::ResetByClient => "reset by the client",
            Self::Injected => "reset by neither end",
            Self::Icmp => "ended by an ICMP error",
            Self::Stalled => "stalled",
            Self::ZeroWindow => "stopped by a closed window",
            Self::NoResponse => "not answered",
            Self::Other => "failed",
            Self::Late => "opened late",
            Self::Lossy => "lossy",
        }
    }

    /// What it may be where many flows show it, each with what settles it.
    pub(super) fn candidates(self) -> &'static [&'static str] {
        match self {
            Self::Silent | Self::Late => &[
                "a firewall rule, security group or route on the path (D1): a capture at the server shows no SYN",
                "the server's own firewall (D2, D3): the SYN arrives there and nothing leaves",
                "a full accept queue (D4): others get through in the same second; ss -ltn at the server shows Recv-Q above Send-Q",
                "the SYN-ACK is lost on the way back (D10): it leaves the server",
            ],
            Self::Refused => &[
                "the service is not running (D14): ss -ltnp at the server shows no listener",
                "a firewall that rejects with RST (D15): the RST is not in a capture at the server",
                "a load balancer without a healthy backend (D16): its health page",
            ],
            Self::Rejected | Self::Icmp => {
                &["a rule or a missing route at the sender of the ICMP error (D17, D18, D19)"]
            }
            Self::HalfOpen => &[
                "the client's own firewall drops the answers (D12): nft monitor trace, pktmon",
                "the ACK is lost behind the capture (D11), or the SYNs are spoofed (D23)",
            ],
            Self::StalePeer => &["ports are used again too soon (D28), or the client restarted (D29)"],
            Self::Injected => &["a device on the path resets it (D37, D39): capture at both ends at once"],
            Self::Stalled => &[
                "the path broke or a device forgot the connection (D31-D33): capture at the other end",
                "only large segments are lost (D34): tracepath -n",
            ],
            Self::Reset | Self::NoResponse | Self::ZeroWindow | Self::Other => {
                &["the server's application (D40-D43): its log at that time"]
            }
            Self::ResetByClient | Self::Aborted => &["the client's application gives up: its time-out and its log"],
            Self::Lossy => {
                &["congestion, a policer or a bad link (D47-D49): interface errors and queue drops on the path"]
            }
        }
    }

    /// How sure an incident of this kind can be at most.
    pub(super) fn most(self) -> Confidence {
        match self {
            Self::Aborted | Self::Other | Self::HalfOpen => Confidence::Medium,
            _ => Confidence::High,
        }
    }
}
