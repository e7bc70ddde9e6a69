//! The object of a flow: every column of the flows CSV, and what no table shows.

use super::{VERSION, rfc3339};
use crate::finding::Finding;
use crate::finding::candidates::candidates;
use crate::report::row::{Cells, Value, visit};
use crate::report::{Draft, FlowReport, FlowRow, Only, Sheet, text};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

/// Writes objects beside others.
pub(super) struct FlowsDraft {
    only: Only,
    sheet: Sheet,
}

impl FlowsDraft {
    /// Of the flows that `only` wants.
    pub(super) fn new(only: Only) -> Self {
        let sheet = Sheet::default();
        Self { only, sheet }
    }
}

impl Draft for FlowsDraft {
    fn flow(&mut self, flow: &FlowReport<'_>) {
        self.sheet.totals.add(flow);
        if self.only.wants(flow.row) {
            self.sheet.written += 1;
            // Memory takes everything.
            let _ = serde_json::to_writer(&mut self.sheet.text, &FlowObject(flow));
            self.sheet.text.push(b'\n');
        }
    }

    fn end(&mut self, sheet: &mut Sheet) {
        std::mem::swap(&mut self.sheet, sheet);
    }
}

/// The object of one flow.
pub(super) struct FlowObject<'a>(pub &'a FlowReport<'a>);

impl Serialize for FlowObject<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys(to.serialize_map(None)?);
        keys.0.serialize_entry("type", "flow")?;
        keys.0.serialize_entry("v", &VERSION)?;
        visit(self.0.row, &mut keys)?;
        let mut map = keys.0;
        let details = self.0.row.details.as_deref();
        let rtts = details.map_or([None; 2], |details| details.rtts);
        for (key, rtt) in ["client_rtt_ms", "server_rtt_ms"].iter().zip(&rtts) {
            map.serialize_entry(key, rtt)?;
        }
        let losses = details.map_or([None; 2], |details| details.losses);
        for (key, lost) in ["client_losses", "server_losses"].iter().zip(&losses) {
            map.serialize_entry(key, lost)?;
        }
        map.serialize_entry("zeek", &details.and_then(|details| details.zeek))?;
        map.serialize_entry("app", &details.and_then(|details| details.app.as_ref()))?;
        map.serialize_entry("candidates", &Candidates(self.0))?;
        map.serialize_entry("finding_details", &Details(self.0.row, self.0.findings))?;
        map.end()
    }
}

/// Cells as the entries of an object.
struct Keys<M>(M);

impl<M: SerializeMap> Cells for Keys<M> {
    type Error = M::Error;

    fn cell(&mut self, column: &'static str, value: Value<'_>) -> Result<(), M::Error> {
        self.0.serialize_key(column)?;
        match value {
            Value::Empty => self.0.serialize_value(&()),
            Value::Text(text) | Value::Steady(text) | Value::Word(text) => self.0.serialize_value(text),
            Value::History(history) => self
                .0
                .serialize_value(&Some(history.text()).filter(|text| !text.is_empty())),
            Value::Community(id) => self.0.serialize_value(id.text()),
            Value::Count(count) => self.0.serialize_value(&count),
            Value::Decimal(units, places) => {
                let number = units as f64 / 10_f64.powi(i32::from(places));
                self.0.serialize_value(&number)
            }
            Value::Time(stamp, digits) => self.0.serialize_value(&rfc3339(stamp, digits)),
            Value::Ip(ip) => self.0.serialize_value(&ip),
            Value::Ids(ids) => self.0.serialize_value(ids),
            Value::Doubts(doubts) => self.0.serialize_value(doubts),
            Value::Packets(packets) => self.0.serialize_value(packets),
        }
    }
}

/// What the cause may come from, likeliest first.
struct Candidates<'a>(&'a FlowReport<'a>);

impl Serialize for Candidates<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let row = self.0.row;
        let details = row.details.as_deref();
        let interface = details.and_then(|details| details.interface.as_deref());
        let found = row.cause.map_or_else(Vec::new, |cause| candidates(cause, row.leaning));
        let fill = |text: &str| text::command(text, row.client, row.server, interface);
        to.collect_seq(found.iter().map(|cause| {
            json!({
                "id": cause.id, "what": cause.what, "settled_by": cause.settles,
                "linux": fill(cause.linux), "windows": fill(cause.windows),
            })
        }))
    }
}

struct Details<'a>(&'a FlowRow, &'a [Finding]);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.iter().map(|finding| Detail(self.0, finding)))
    }
}

struct Detail<'a>(&'a FlowRow, &'a Finding);

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(row, finding) = self;
        let mut map = to.serialize_map(Some(9))?;
        map.serialize_entry("id", finding.meta.id)?;
        map.serialize_entry("title", finding.meta.title)?;
        map.serialize_entry("severity", &finding.severity)?;
        map.serialize_entry("confidence", &finding.confidence)?;
        map.serialize_entry("side", &finding.side)?;
        map.serialize_entry("time", &rfc3339(finding.stamp, row.stamp_digits))?;
        map.serialize_entry("packets", &finding.packets)?;
        map.serialize_entry("summary", &finding.summary)?;
        map.serialize_entry("next", &text::fill(finding.meta.next, row.client, row.server))?;
        map.end()
    }
}
