//! Flows written side by side: every thread takes some in a row, and what it made of them is put together in order.

use super::{FlowReport, Totals};

/// Takes flows in a reporter's place and beside others that do the same, on a thread of its own.
pub trait Draft: Send {
    /// One flow; they come in order, but others may be between them.
    fn flow(&mut self, flow: &FlowReport<'_>);

    /// What came of the flows since the last time goes to `sheet`, which is empty.
    fn end(&mut self, sheet: &mut Sheet);
}

/// What came of some flows in a row; the reporter that had them drafted empties it.
#[derive(Debug, Default)]
pub struct Sheet {
    pub(super) text: Vec<u8>,
    pub(super) totals: Totals,
    /// Flows in `text`.
    pub(super) written: u64,
}
