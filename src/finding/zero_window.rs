//! A receiver that does not read.

use super::text::{time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::Span;
use crate::case::Case;
use crate::case::words::Ending;
use crate::flow::facts::SideFacts;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "zero-window",
    severity: Severity::Error,
    title: "a receiver's window was shut: its application does not read",
    next: "look at the process on the side with the closed window: CPU, locks, disk, what it waits for",
    page: include_str!("zero-window.md"),
};

/// A window shut for less than this delays nobody noticeably.
const SHORT: Span = Span::from_millis(200);

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let shut = |side: &SideFacts| side.zero_windows > 0 && (side.longest_zero_window >= SHORT || case.ending == Ending::ZeroWindow);
    let (side, who) = match (shut(facts.client()), shut(facts.server())) {
        (true, true) if facts.server().longest_zero_window > facts.client().longest_zero_window => (facts.server(), Side::Server),
        (true, _) => (facts.client(), Side::Client),
        (false, true) => (facts.server(), Side::Server),
        (false, false) => return None,
    };
    let ended_so = case.ending == Ending::ZeroWindow;
    let at = side.window_closed.or(side.last)?;
    let summary = format!(
        "The {who}'s window closed {}, for {} at longest{}: its application does not read fast enough; the network is not at fault.",
        times(side.zero_windows),
        time(side.longest_zero_window),
        if ended_so { ", and did not open again" } else { "" },
    );
    let severity = if ended_so { Severity::Error } else { Severity::Warn };
    Some(Finding::new(&META, Confidence::High, at, [], summary).of(who).with_severity(severity))
}
