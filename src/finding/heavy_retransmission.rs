//! Much of one side's data had to be sent again.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::base::Dir;
use crate::flow::FlowFacts;
use crate::flow::facts::SideFacts;
use crate::flow::recovery::Lost;

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
    let heavy = |dir: &Dir| {
        let side = &facts.sides[dir.index()];
        let lost = again_of(side).saturating_sub(side.spurious);
        lost >= LEAST && u64::from(lost) * 100 >= side.data_segments * PERCENT
    };
    let sides = [facts.client, facts.client.flip()];
    // The worse of two, the client's where they are equal.
    let dir = sides.into_iter().filter(heavy).rev().max_by_key(|dir| facts.sides[dir.index()].retransmissions())?;
    let (side, who) = (&facts.sides[dir.index()], if dir == facts.client { Side::Client } else { Side::Server });
    let too_big = facts.too_big.filter(|limit| limit.about == dir);
    let told = too_big.map_or_else(String::new, |limit| {
        format!(
            " {} had asked for smaller packets (packet {}, MTU {}): path MTU discovery at work.",
            limit.from, limit.at.number(), limit.mtu
        )
    });
    let summary = summary(facts, dir, who) + &told;
    let at = side.resends.first.or(side.last_data).or(side.last)?;
    let finding = Finding::new(&META, Confidence::High, at, side.resends.packets(), summary).of(who);
    // One round of it is how the size of a path is found out, and no trouble.
    let is_discovery = too_big.is_some() && side.losses.count() <= 1 && side.losses.timeout == 0;
    Some(if is_discovery { finding.with_severity(Severity::Note) } else { finding })
}

/// Segments with data that were sent again.
fn again_of(side: &SideFacts) -> u32 {
    let lost = side.lost();
    lost.behind.saturating_add(lost.before).saturating_add(lost.needless)
}

/// How much was lost, where, and how it was repaired.
fn summary(facts: &FlowFacts, dir: Dir, who: Side) -> String {
    let side = &facts.sides[dir.index()];
    let receiver = if who == Side::Client { "server" } else { "client" };
    let Lost { behind, before, needless } = side.lost();
    let share = |count: u32| {
        let percent = f64::from(count) * 100.0 / side.data_segments.max(1) as f64;
        let verb = if count == 1 { "was" } else { "were" };
        format!("{count} of the {who}'s {} data segments ({percent:.1} %) {verb}", side.data_segments)
    };
    if behind + before == 0 {
        return format!("{} sent again needlessly: the {receiver} had them.", share(needless));
    }
    // Without one acknowledgment there is no telling a loss from a peer that takes nothing.
    if before + needless == 0 && side.resends.count >= behind {
        return format!(
            "{} sent again and never acknowledged: lost between this capture point and the {receiver}, or not taken there.",
            share(behind)
        );
    }
    let here = format!("between this capture point and the {receiver}");
    let there = format!("between the {who} and this capture point");
    let place = match (behind, before) {
        (_, 0) => format!(" {here}"),
        (0, _) => format!(" {there}"),
        (behind, before) => format!(", {behind} {here} and {before} {there}"),
    };
    let lost = format!("{} lost{place}", share(behind + before));
    let repair = repair(facts, dir);
    match (needless, repair) {
        (0, Some(repair)) => format!("{lost}, {repair}."),
        (0, None) => format!("{lost}."),
        // Until it is told, the sender cannot know the one from the other, and neither can who counts the repairs.
        (_, repair) => {
            let repair = repair.map_or_else(String::new, |repair| format!(" Real or supposed, losses were {repair}."));
            format!("{lost}; {needless} more came needlessly, the {receiver} had them.{repair}")
        }
    }
}

/// How the sender noticed the losses, and how long the repair took.
fn repair(facts: &FlowFacts, dir: Dir) -> Option<String> {
    let losses = facts.sides[dir.index()].losses;
    let took = match facts.mean_recovery(dir) {
        Some((_, Some(trips))) if trips < 1000.0 => format!("recovered in {trips:.1} RTT on average"),
        Some((took, _)) => format!("recovered in {:.0} ms on average", took.as_millis().max(1.0)),
        None if losses.count() > 0 => "never recovered".to_string(),
        None => return None,
    };
    let kinds = [
        (losses.fast, "fast"),
        (losses.timeout, "by timeout"),
        (losses.tail, "at the tail"),
        (losses.unclear, "unclear"),
    ];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<String> = kinds.map(|(count, how)| format!("{count} {how}")).collect();
    let open = losses.recovered > 0 && u32::from(losses.recovered) < losses.count();
    let last = if open { ", the last one never" } else { "" };
    Some(format!("{took} ({}){last}", kinds.join(", ")))
}
