//! Verdicts to something a person or a program reads: one file per format, all fed by the same rows.

pub mod app;
pub mod community;
pub mod csv;
pub mod draft;
pub mod evidence;
pub mod file;
pub mod findings;
pub mod group;
pub mod html;
pub mod json;
pub mod ladder;
pub mod marks;
pub mod paint;
pub mod probe;
pub mod remarks;
pub mod row;
#[cfg(test)]
pub(crate) mod sample;
pub mod select;
pub mod terminal;
mod entry;
mod explained;
mod intro;
mod layout;
mod maybe;
pub mod text;
pub mod totals;

pub use self::csv::FlowsCsv;
pub use draft::{Draft, Sheet};
pub use findings::FindingsCsv;
pub use html::Html;
pub use json::Json;
pub use ladder::Ladder;
pub use marks::MarksCsv;
pub use select::{Block, Only, Selection};
pub use terminal::{Style, Terminal};
pub use totals::Totals;

use crate::base::{Endpoint, Span, Stamp};
use crate::capture::CaptureInfo;
use crate::finding::candidates::Leaning;
use crate::finding::{Confidence, Finding};
use crate::flow::mark::Marks;
use crate::flow::{ConnState, History};
use crate::incident::{Incident, Timeline};
use crate::verdict::words::{AppError, Culprit, Doubt, Ending, Handshake, Stage, Status};
use serde::Serialize;
use std::io;
use std::sync::Arc;

/// A report writer. Called once with the head, once per flow in order of first packet, once with the tail.
pub trait Reporter {
    /// What was read.
    ///
    /// # Errors
    /// What the output reports.
    fn head(&mut self, head: &Head<'_>) -> io::Result<()>;

    /// It shows more of a flow than the columns of the flows CSV and the findings: the rows have to be filled in wholly.
    fn wants_details(&self) -> bool {
        true
    }

    /// It shows incidents, what happened when, or what a trouble may come from. Where nobody does, none of it is looked for:
    /// then [`Reporter::incident`] is not called, and rows and [`Tail`] are without it.
    fn wants_incidents(&self) -> bool {
        true
    }

    /// Where the head was told before all was read (live), it wants it again before the end.
    fn wants_head_again(&self) -> bool {
        false
    }

    /// What [`Reporter::flow`] would do with this flow does nothing, nor with any other.
    fn ignores_flows(&self) -> bool {
        false
    }

    /// One flow.
    ///
    /// # Errors
    /// What the output reports.
    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()>;

    /// Somebody who takes flows in its place, where they need not come to it one after the other. Asked for behind the head.
    fn draft(&self) -> Option<Box<dyn Draft>> {
        None
    }

    /// What its drafts made of some flows, in order of flows, instead of [`Reporter::flow`]. Leaves the sheet empty.
    ///
    /// # Errors
    /// What the output reports.
    fn take(&mut self, _: &mut Sheet) -> io::Result<()> {
        Ok(())
    }

    /// One incident, the gravest first, after all flows.
    ///
    /// # Errors
    /// What the output reports.
    fn incident(&mut self, _: &Incident) -> io::Result<()> {
        Ok(())
    }

    /// One packet with marks, in order of packets, after all flows.
    ///
    /// # Errors
    /// What the output reports.
    fn mark(&mut self, _: &MarkRow) -> io::Result<()> {
        Ok(())
    }

    /// One attempt of `live --probe`, as soon as both sides of it are known.
    ///
    /// # Errors
    /// What the output reports.
    fn probe(&mut self, _: &probe::ProbeReport) -> io::Result<()> {
        Ok(())
    }

    /// Somebody reads along: what was told is written now.
    ///
    /// # Errors
    /// What the output reports.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The totals.
    ///
    /// # Errors
    /// What the output reports.
    fn end(&mut self, tail: &Tail) -> io::Result<()>;
}

/// What was read, and what is wrong with it.
#[derive(Debug)]
pub struct Head<'a> {
    /// Every capture, in the order in which it was read.
    pub captures: &'a [CaptureHead<'a>],
    /// TCP packets tracked.
    pub tcp_packets: u64,
    /// TCP packets that were copies of the one before (mirror of both ports, `any` interface, before and after a router).
    pub duplicates: u64,
    /// Flows captured in one direction only although the other must have existed, and flows that could show it.
    pub one_sided: (u64, u64),
    /// A limit of `base/limits.rs` that was reached: what had to be given up, one sentence each.
    pub limits: &'a [String],
    /// The reading was stopped by the user.
    pub interrupted: bool,
    /// Flows whose TTLs say that they were captured at the client, or at the server; either may be in its network.
    pub near: (u64, u64),
}

/// One capture of the recording.
#[derive(Debug)]
pub struct CaptureHead<'a> {
    /// Format, interfaces, health.
    pub info: &'a CaptureInfo,
    /// Number, in the recording, of the packet before this capture's first.
    pub packets_before: u64,
    /// Packets that could not be decoded, by reason (the words of `wire::Why`), most frequent first.
    pub skipped: &'a [(String, u64)],
}

/// Everything a report says of one flow.
#[derive(Debug)]
pub struct FlowReport<'a> {
    /// The frozen row.
    pub row: &'a FlowRow,
    /// Its findings, worst first.
    pub findings: &'a [Finding],
    /// The finding that explains the status, if any (one of `findings`).
    pub cause: Option<&'a Finding>,
    /// Of a lone SYN: its kind, if that is known. Of one kind's rows, only ends, times, packets, name and numbers differ, and
    /// the summary by such.
    pub kind: Option<u64>,
}

/// A packet with marks.
#[derive(Clone, Copy, Debug)]
pub struct MarkRow {
    /// Packet number in the recording.
    pub packet: u64,
    /// Number of its flow.
    pub flow: u64,
    /// Wireshark 4.0's stream number.
    pub tcp_stream: Option<u64>,
    /// Capture time.
    pub stamp: Stamp,
    /// Decimals of it that the capture really states.
    pub stamp_digits: u8,
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub target: Endpoint,
    /// What Wireshark says of it.
    pub marks: Marks,
}

/// One side's counters in a row.
#[derive(Clone, Debug, Default)]
pub struct SideRow {
    /// Packets sent, copies included.
    pub packets: u64,
    /// Payload bytes captured or proven by sequence numbers.
    pub bytes: u64,
    /// Segments that were sent again.
    pub retransmissions: u64,
    /// Of these, after three duplicate ACKs or SACKs, without waiting for a time-out.
    pub fast_retransmissions: u64,
    /// Of these, although the peer had acknowledged the bytes already.
    pub spurious_retransmissions: u64,
    /// Segments that arrived behind later ones without having been lost.
    pub out_of_order: u64,
    /// Duplicate acknowledgments sent.
    pub duplicate_acks: u64,
    /// Holes in this side's sequence space at the time when a later segment passed.
    pub lost_segments: u64,
    /// Times this side's window closed.
    pub zero_windows: u64,
    /// Keep-alives sent.
    pub keep_alives: u64,
    /// Bytes that the peer acknowledged although the capture never saw them.
    pub missed_bytes: u64,
}

/// Times from one side's segments to the peer's acknowledgments, in milliseconds, repeated segments left out.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RttRow {
    /// Of SYN or SYN-ACK.
    pub handshake: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Median, within 6 to 12 %.
    pub median: Option<f64>,
    /// 95th percentile, likewise.
    pub p95: Option<f64>,
    /// How many were measured, the handshake not counted.
    pub samples: u32,
}

/// Losses of one side's data, and their repair.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LossRow {
    /// Segments lost between the capture point and the receiver.
    pub behind: u32,
    /// Segments lost between the sender and the capture point.
    pub before: u32,
    /// Segments sent again although the receiver had them.
    pub needless: u32,
    /// Duplicate SACKs of the receiver.
    pub dsacks: u16,
    /// Losses that duplicate acknowledgments or SACK told.
    pub fast: u16,
    /// Losses of the last segment sent.
    pub tail: u16,
    /// Losses that waited for the sender's time-out.
    pub timeout: u16,
    /// Other losses.
    pub unclear: u16,
    /// Of all of these, those that were repaired.
    pub recovered: u16,
    /// Time to the repair, on average, in milliseconds.
    pub recovery_ms: Option<f64>,
    /// The same in round trips.
    pub recovery_rtts: Option<f64>,
}

/// The flows row, version 1: CSV columns and JSON keys are made from it, in the order of CONTRACT.md.
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// 1-based, in order of first packet.
    pub flow: u64,
    /// Name of the capture with the first packet.
    pub capture: Arc<str>,
    /// Wireshark 4.0's stream number.
    pub tcp_stream: Option<u64>,
    /// First packet's time.
    pub start: Stamp,
    /// Decimals of `start` that the capture really states.
    pub stamp_digits: u8,
    /// From first to last packet.
    pub duration: Span,
    /// Client.
    pub client: Endpoint,
    /// Server.
    pub server: Endpoint,
    /// Roles are known from a SYN or SYN-ACK.
    pub roles_seen: bool,
    /// TLS server name, HTTP host, or DNS name.
    pub name: Option<String>,
    /// See the word.
    pub status: Status,
    /// See the word.
    pub handshake: Handshake,
    /// See the word.
    pub ending: Ending,
    /// See the word.
    pub stage: Stage,
    /// Id of the finding that explains the status.
    pub cause: Option<&'static str>,
    /// See the word.
    pub culprit: Culprit,
    /// See the word.
    pub confidence: Confidence,
    /// See the word.
    pub doubts: Vec<Doubt>,
    /// What the client's application saw.
    pub app_error: Option<AppError>,
    /// Ids of all findings, worst first.
    pub findings: Vec<&'static str>,
    /// One plain sentence.
    pub summary: String,
    /// SYNs without ACK, copies included, from either side.
    pub syns: u64,
    /// SYN-ACKs, copies included.
    pub syn_acks: u64,
    /// SYN to the completing ACK.
    pub handshake_rtt: Option<Span>,
    /// Smallest unambiguous round trip.
    pub min_rtt: Option<Span>,
    /// Client's counters.
    pub client_side: SideRow,
    /// Server's counters.
    pub server_side: SideRow,
    /// Longest time without any packet.
    pub max_silence: Span,
    /// Zeek's `conn_state`.
    pub conn_state: ConnState,
    /// Zeek's history.
    pub history: History,
    /// Number of the first packet.
    pub first_packet: u64,
    /// Number of the last packet.
    pub last_packet: u64,
    /// Packets that prove the verdict.
    pub evidence_packets: Vec<u64>,
    /// What speaks for one candidate of its cause or the other; only where [`Reporter::wants_incidents`].
    pub leaning: Leaning,
    /// What no table shows; only where [`Reporter::wants_details`].
    pub details: Option<Box<Details>>,
}

/// What only JSON tells of a flow.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// What its two ends said to each other.
    pub app: Option<serde_json::Value>,
    /// Name of the interface that its first packet was captured on, where the capture says it.
    pub interface: Option<String>,
    /// Round trips from the capture point to the peer and back, for the client's segments and for the server's.
    pub rtts: [Option<RttRow>; 2],
    /// Where and how the client's data and the server's was lost and repaired, if any was sent again.
    pub losses: [Option<LossRow>; 2],
    /// The counts of Zeek's record; nothing where Zeek would have written more than one.
    pub zeek: Option<ZeekCounts>,
}

/// What Zeek's `conn.log` counts, by its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ZeekCounts {
    /// Payload of the originator by its sequence numbers, sent or acknowledged; 0 if it was not heard.
    pub orig_bytes: u64,
    /// The same of the responder.
    pub resp_bytes: u64,
    /// Acknowledged payload that was not captured, while the connection was cleanly established.
    pub missed_bytes: u64,
}

/// Totals after the last flow.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// Flows reported (after selection by `--port` and `--host`).
    pub flows: u64,
    /// A limit of `base/limits.rs` that was reached while flows were told: what had to be given up, one sentence each.
    pub limits: Vec<String>,
    /// What happened when, where the captures say how long they are.
    pub time: Option<Timeline>,
}
