//! What incidents need to know of one judged flow: plain values.

use crate::base::{Endpoint, Span, Stamp};
use crate::finding::candidates::Leaning;
use crate::finding::{Confidence, Meta};
use crate::verdict::words::{Culprit, Ending, Handshake, Status};

/// Data that one side sent, and what was lost of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideLoss {
    /// Segments with data that passed the capture point.
    pub segments: u64,
    /// Lost after they had passed it.
    pub behind: u32,
    /// Lost before they came there.
    pub before: u32,
}

impl SideLoss {
    /// All that was lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        u64::from(self.behind) + u64::from(self.before)
    }
}

/// One judged flow, as incidents see it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Its number in the report.
    pub flow: u64,
    /// Who called.
    pub client: Endpoint,
    /// Who was called.
    pub server: Endpoint,
    /// First packet's time.
    pub start: Stamp,
    /// Last packet's time.
    pub end: Stamp,
    /// When its trouble showed; its start where it has none.
    pub failed_at: Stamp,
    /// See the word.
    pub status: Status,
    /// See the word.
    pub handshake: Handshake,
    /// See the word.
    pub ending: Ending,
    /// See the word.
    pub culprit: Culprit,
    /// See the word.
    pub confidence: Confidence,
    /// The finding that explains the status.
    pub cause: Option<&'static Meta>,
    /// What speaks for one candidate of it or the other.
    pub leaning: Leaning,
    /// TLS server name, HTTP host, or DNS name.
    pub name: Option<&'a str>,
    /// Packets that prove its verdict.
    pub packets: &'a [u64],
    /// SYNs that the client sent.
    pub syns: u32,
    /// Payload bytes of both sides.
    pub bytes: u64,
    /// When something was last acknowledged, or answered.
    pub last_heard: Option<Stamp>,
    /// The longest silence that it survived, or after which it failed.
    pub idle: Span,
    /// Smallest payload among the segments that were lost again and again, where smaller ones got through; else 0.
    pub too_large: u32,
    /// What the client's and the server's data lost.
    pub losses: [SideLoss; 2],
    /// Payload bytes a second above which its data is cut off; 0 where it is not.
    pub policed: f64,
    /// Round trip of the handshake, or the smallest there was.
    pub rtt: Option<Span>,
    /// When data of either side that was lost had been sent.
    pub lost: &'a [Stamp],
}

impl Observation<'_> {
    /// The same without what is borrowed: name, packets and moments of loss.
    #[must_use]
    pub fn bare(&self) -> Observation<'static> {
        Observation {
            flow: self.flow,
            client: self.client,
            server: self.server,
            start: self.start,
            end: self.end,
            failed_at: self.failed_at,
            status: self.status,
            handshake: self.handshake,
            ending: self.ending,
            culprit: self.culprit,
            confidence: self.confidence,
            cause: self.cause,
            leaning: self.leaning,
            name: None,
            packets: &[],
            syns: self.syns,
            bytes: self.bytes,
            last_heard: self.last_heard,
            idle: self.idle,
            too_large: self.too_large,
            losses: self.losses,
            policed: self.policed,
            rtt: self.rtt,
            lost: &[],
        }
    }
}
