//! The flows row, version 1, column by column: CSV cells and JSON keys both come from [`visit`].

use super::community::CommunityId;
use super::{FlowRow, SideRow};
use crate::base::{Endpoint, Span, Stamp};
use crate::finding::Confidence;
use crate::flow::History;
use crate::verdict::words::{AppError, Culprit, Doubt, Ending, Handshake, Stage, Status};
use std::net::IpAddr;

/// Names of the columns, in order. Later versions may append.
pub const COLUMNS: [&str; 55] = [
    "flow",
    "capture",
    "tcp_stream",
    "start",
    "duration_s",
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "roles",
    "name",
    "status",
    "handshake",
    "ending",
    "stage",
    "cause",
    "culprit",
    "confidence",
    "doubts",
    "app_error",
    "findings",
    "summary",
    "syns",
    "syn_acks",
    "handshake_rtt_ms",
    "min_rtt_ms",
    "client_packets",
    "server_packets",
    "client_bytes",
    "server_bytes",
    "client_retransmissions",
    "server_retransmissions",
    "client_fast_retransmissions",
    "server_fast_retransmissions",
    "client_spurious_retransmissions",
    "server_spurious_retransmissions",
    "client_out_of_order",
    "server_out_of_order",
    "client_duplicate_acks",
    "server_duplicate_acks",
    "client_lost_segments",
    "server_lost_segments",
    "client_zero_windows",
    "server_zero_windows",
    "client_keep_alives",
    "server_keep_alives",
    "client_missed_bytes",
    "server_missed_bytes",
    "max_silence_s",
    "conn_state",
    "history",
    "community_id",
    "first_packet",
    "last_packet",
    "evidence_packets",
];

/// What stands in one cell.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Unknown.
    Empty,
    /// Text from outside, possibly hostile.
    Text(&'a str),
    /// The same, but one row's is most often that of the row before.
    Steady(&'a str),
    /// A history in Zeek's letters; unknown if it is empty.
    History(&'a History),
    /// A Community ID.
    Community(&'a CommunityId),
    /// A word of ours.
    Word(&'a str),
    /// A count or number.
    Count(u64),
    /// A decimal fraction, in units of 10^-places: exact, without the noise of binary fractions.
    Decimal(i64, u8),
    /// A time with so many decimals.
    Time(Stamp, u8),
    /// An address.
    Ip(IpAddr),
    /// A list of ids.
    Ids(&'a [&'static str]),
    /// A list of doubts.
    Doubts(&'a [Doubt]),
    /// A list of packets.
    Packets(&'a [u64]),
}

impl<'a> Value<'a> {
    fn word(word: Option<&'static str>) -> Self {
        word.map_or(Value::Empty, Value::Word)
    }

    fn text(text: &'a str) -> Self {
        if text.is_empty() {
            Value::Empty
        } else {
            Value::Text(text)
        }
    }

    fn seconds(span: Span) -> Self {
        Value::Decimal(span.0, 9)
    }

    fn millis(span: Option<Span>) -> Self {
        span.map_or(Value::Empty, |span| Value::Decimal(span.0, 6))
    }
}

/// Takes the cells of one row, in order.
pub trait Cells {
    /// What can go wrong.
    type Error;

    /// One cell.
    ///
    /// # Errors
    /// What the output reports.
    fn cell(&mut self, column: &'static str, value: Value<'_>) -> Result<(), Self::Error>;

    /// The cells of `words`, which many rows have in common.
    ///
    /// # Errors
    /// What the output reports.
    fn words(&mut self, words: &Words<'_>) -> Result<(), Self::Error> {
        words.visit(self)
    }

    /// Counters side by side, most often all of them 0.
    ///
    /// # Errors
    /// What the output reports.
    fn counts<const N: usize>(&mut self, columns: &[&'static str; N], counts: &[u64; N]) -> Result<(), Self::Error> {
        let mut cells = columns.iter().zip(counts);
        cells.try_for_each(|(column, count)| self.cell(column, Value::Count(*count)))
    }
}

/// What became of a flow, in words of ours alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Words<'a> {
    pub(super) status: Status,
    pub(super) handshake: Handshake,
    pub(super) ending: Ending,
    pub(super) stage: Stage,
    pub(super) cause: Option<&'static str>,
    pub(super) culprit: Culprit,
    pub(super) confidence: Confidence,
    pub(super) doubts: &'a [Doubt],
    pub(super) app_error: Option<AppError>,
    pub(super) findings: &'a [&'static str],
}

impl<'a> Words<'a> {
    pub(super) fn of(row: &'a FlowRow) -> Self {
        Self {
            status: row.status,
            handshake: row.handshake,
            ending: row.ending,
            stage: row.stage,
            cause: row.cause,
            culprit: row.culprit,
            confidence: row.confidence,
            doubts: &row.doubts,
            app_error: row.app_error,
            findings: &row.findings,
        }
    }

    /// Hands their cells to `to`.
    ///
    /// # Errors
    /// What `to` reports.
    pub fn visit<C: Cells + ?Sized>(&self, to: &mut C) -> Result<(), C::Error> {
        to.cell("status", Value::Word(self.status.word()))?;
        to.cell("handshake", Value::Word(self.handshake.word()))?;
        to.cell("ending", Value::Word(self.ending.word()))?;
        to.cell("stage", Value::Word(self.stage.word()))?;
        to.cell("cause", Value::word(self.cause))?;
        to.cell("culprit", Value::Word(self.culprit.word()))?;
        to.cell("confidence", Value::Word(self.confidence.word()))?;
        to.cell("doubts", Value::Doubts(self.doubts))?;
        to.cell("app_error", Value::word(self.app_error.map(AppError::word)))?;
        to.cell("findings", Value::Ids(self.findings))
    }
}

/// Hands the cells of `row` to `to`, in the order of [`COLUMNS`].
///
/// # Errors
/// What `to` reports.
pub fn visit<C: Cells>(row: &FlowRow, to: &mut C) -> Result<(), C::Error> {
    visit_identity(row, to)?;
    to.words(&Words::of(row))?;
    to.cell("summary", Value::text(&row.summary))?;
    visit_figures(row, to)?;
    visit_proof(row, to)
}

/// The cells behind the summary that count and measure.
pub(super) fn visit_figures<C: Cells>(row: &FlowRow, to: &mut C) -> Result<(), C::Error> {
    to.cell("syns", Value::Count(row.syns))?;
    to.cell("syn_acks", Value::Count(row.syn_acks))?;
    to.cell("handshake_rtt_ms", Value::millis(row.handshake_rtt))?;
    to.cell("min_rtt_ms", Value::millis(row.min_rtt))?;
    visit_sides(&row.client_side, &row.server_side, to)?;
    to.cell("max_silence_s", Value::seconds(row.max_silence))?;
    to.cell("conn_state", Value::Word(row.conn_state.word()))?;
    to.cell("history", Value::History(&row.history))
}

/// The cells behind these: what finds the flow in other tools, and in the capture.
pub(super) fn visit_proof<C: Cells>(row: &FlowRow, to: &mut C) -> Result<(), C::Error> {
    let community = CommunityId::of(row.client, row.server);
    to.cell("community_id", Value::Community(&community))?;
    to.cell("first_packet", Value::Count(row.first_packet))?;
    to.cell("last_packet", Value::Count(row.last_packet))?;
    to.cell("evidence_packets", Value::Packets(&row.evidence_packets))
}

/// The cells before the verdict.
pub(super) fn visit_identity<C: Cells>(row: &FlowRow, to: &mut C) -> Result<(), C::Error> {
    to.cell("flow", Value::Count(row.flow))?;
    to.cell("capture", Value::Steady(&row.capture))?;
    to.cell("tcp_stream", row.tcp_stream.map_or(Value::Empty, Value::Count))?;
    to.cell("start", Value::Time(row.start, row.stamp_digits))?;
    to.cell("duration_s", Value::seconds(row.duration))?;
    visit_end(["client_ip", "client_port"], row.client, to)?;
    visit_end(["server_ip", "server_port"], row.server, to)?;
    to.cell("roles", Value::Word(if row.roles_seen { "seen" } else { "guessed" }))?;
    to.cell("name", row.name.as_deref().map_or(Value::Empty, Value::text))
}

fn visit_end<C: Cells>(columns: [&'static str; 2], end: Endpoint, to: &mut C) -> Result<(), C::Error> {
    to.cell(columns[0], Value::Ip(end.ip))?;
    to.cell(columns[1], Value::Count(end.port.into()))
}

fn visit_sides<C: Cells>(client: &SideRow, server: &SideRow, to: &mut C) -> Result<(), C::Error> {
    /// The two columns of each counter.
    macro_rules! pairs {
        ($($field:ident)+) => {
            to.counts(
                &[$(concat!("client_", stringify!($field)), concat!("server_", stringify!($field))),+],
                &[$(client.$field, server.$field),+],
            )
        };
    }
    pairs!(packets bytes)?;
    pairs!(
        retransmissions fast_retransmissions spurious_retransmissions out_of_order duplicate_acks lost_segments
        zero_windows keep_alives missed_bytes
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    struct Names(Vec<&'static str>);

    impl Cells for Names {
        type Error = std::convert::Infallible;
        fn cell(&mut self, column: &'static str, _: Value<'_>) -> Result<(), Self::Error> {
            self.0.push(column);
            Ok(())
        }
    }

    #[test]
    fn every_cell_stands_in_its_column() {
        let mut names = Names(Vec::new());
        visit(&sample::row(1), &mut names).unwrap();
        assert_eq!(names.0, COLUMNS);
    }
}
