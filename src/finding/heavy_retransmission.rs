//! Much of one side's data had to be sent again.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::flow::facts::SideFacts;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "heavy-retransmission",
    severity: Severity::Warn,
    title: "many segments sent again",
    next: "mtr -nT -P {port} {server}; interface errors (ethtool -S, netstat -e); is the loss there at low rates too?",
    page: include_str!("heavy-retransmission.md"),
};

/// Share of the data segments, in percent, and number, from which it is worth a line.
const PERCENT: u64 = 3;
const LEAST: u32 = 3;

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    // Numbers that contradict each other from the SYN on tell nothing.
    if facts.opening.stale_answer.is_some() {
        return None;
    }
    let heavy = |side: &SideFacts| {
        let lost = again_of(side).saturating_sub(side.spurious);
        lost >= LEAST && u64::from(lost) * 100 >= side.data_segments * PERCENT
    };
    let (side, who) = match (heavy(facts.client()), heavy(facts.server())) {
        (true, true) if facts.server().retransmissions() > facts.client().retransmissions() => (facts.server(), Side::Server),
        (true, _) => (facts.client(), Side::Client),
        (false, true) => (facts.server(), Side::Server),
        (false, false) => return None,
    };
    let again = again_of(side);
    let share = f64::from(again) * 100.0 / side.data_segments.max(1) as f64;
    let summary = format!(
        "{again} of the {who}'s {} data segments ({share:.1} %) were sent again: {} had passed here and were lost behind this point, {} were missing here already.",
        side.data_segments,
        again.saturating_sub(side.refilled),
        side.refilled,
    );
    let at = side.resends.first.or(side.last_data).or(side.last)?;
    Some(Finding::new(&META, Confidence::High, at, side.resends.packets(), summary).of(who))
}

/// Segments with data that were sent again; a FIN that is repeated says nothing of the data.
fn again_of(side: &SideFacts) -> u32 {
    side.retransmissions().saturating_sub(side.fins.saturating_sub(1))
}
