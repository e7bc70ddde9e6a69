//! One side's data is cut off above a rate: its losses lie on one line of bytes over time, and no queue grows before them.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::{Dir, Span};
use crate::case::Case;
use crate::flow::FlowFacts;
use crate::flow::facts::SideFacts;
use crate::flow::loss::LossPoint;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "rate-policed",
    severity: Severity::Warn,
    title: "data is cut off above a rate",
    next: "iperf3 -c {server} -u -b RATE just below and just above that rate: a policer loses nothing below it; ask who limits this path",
    page: include_str!("rate-policed.md"),
};

/// Stretches of time between losses from which a line is a line, and from which it need not be quite as straight.
const LEAST: usize = 8;
const PLENTY: usize = 20;
/// Segments that a stretch has at least: a shorter one is joined with the next.
const SEGMENTS: u64 = 20;
/// So much of the time must be spent at the same rate, give or take this part of it.
const OFF: f64 = 0.08;
const KEPT: f64 = 0.75;
const KEPT_BY_FEW: f64 = 0.9;
/// So many times as fast as the line was the sender when it lost something: else it may just keep to that rate itself.
const ABOVE: f64 = 1.1;
/// Or it loses such a share of its segments, and not as chance would have it: at distances that vary by less than those of
/// chance do (by 1, in parts of their mean), or by more, since it loses several at once and then none for long; or it came so
/// many times as far as it can where chance takes as much from everywhere.
const SHARE: f64 = 0.05;
const VARIED: f64 = 0.5;
const CLUSTERED: f64 = 1.8;
const CLUSTERS: usize = 40;
const TOO_FAR: f64 = 2.0;
/// Slow round trips that took no longer than so many quick ones, and repairs no longer than so many handshakes, show no
/// queue. A repair begins only when segments after the lost one have arrived.
const NO_QUEUE: f64 = 1.15;
const NO_LATE_REPAIR: f64 = 1.6;

/// What the losses of one sender have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Line {
    /// Payload bytes a second.
    rate: f64,
    /// Stretches between losses that were compared.
    stretches: usize,
    /// Share of the time between the losses in which data kept to the rate.
    kept: f64,
    /// How fast the sender was when it lost something: so many times the rate. 0 where that is not known.
    above: f64,
    /// How much the bytes between two repairs vary: their standard deviation, in parts of their mean; and how many there are.
    varied: (f64, usize),
    /// The same between any two losses that are known one by one.
    scattered: (f64, usize),
    /// From the loss until it was sent again, where the receiver had told; the median, in seconds.
    repair: f64,
}

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let (dir, line) = of_either(facts)?;
    let side = &facts.sides[dir.index()];
    let who = if dir == facts.client { Side::Client } else { Side::Server };
    let is_plain = line.stretches >= PLENTY && line.above >= ABOVE;
    let sure = if is_plain { Confidence::Medium } else { Confidence::Low };
    let mut again = side.loss_points.iter().filter_map(|point| point.again);
    let first = again.next()?;
    let packets = again.map(|again| again.number());
    Some(Finding::new(&META, sure, first, packets, summary(side, who, &line)).of(who))
}

/// Payload bytes a second above which the data of either side is cut off, if its losses show that.
#[must_use]
pub fn rate(facts: &FlowFacts) -> Option<f64> {
    of_either(facts).map(|(_, line)| line.rate)
}

fn of_either(facts: &FlowFacts) -> Option<(Dir, Line)> {
    let sides = [facts.client.flip(), facts.client];
    sides.into_iter().find_map(|dir| Some((dir, policed(facts, dir)?)))
}

fn policed(facts: &FlowFacts, dir: Dir) -> Option<Line> {
    let side = &facts.sides[dir.index()];
    if side.loss_points.len() <= LEAST {
        return None;
    }
    let (quick, slow) = (side.min_rtt?, side.slow_rtt()?);
    let lost = side.lost();
    // Of losses before the capture point only repairs tell how long the way was, and only a handshake, how long it should be.
    let way = facts.opening.rtt.filter(|rtt| rtt.0 > 0);
    let is_behind = lost.behind >= lost.before;
    let grows = is_behind && slow.as_secs() > quick.as_secs() * NO_QUEUE;
    if way.is_none() && !is_behind || grows {
        return None;
    }
    // Bytes that the capture lost are no losses.
    if side.missed_bytes > side.bytes / 1000 {
        return None;
    }
    let usual = usual(side, &facts.sides[dir.flip().index()]);
    let queue = if is_behind { slow.0 - quick.0 } else { 0 };
    let line = Line::of(&side.loss_points, usual, Span(queue))?;
    let is_late = way.is_some_and(|way| line.repair > way.as_secs() * NO_LATE_REPAIR);
    let kept = if line.stretches < PLENTY { KEPT_BY_FEW } else { KEPT };
    let is_cut = line.above >= ABOVE || is_not_chance(side, &line, usual, way.unwrap_or(quick));
    (!is_late && line.kept >= kept && is_cut).then_some(line)
}

/// It loses much, and not as chance would have it.
fn is_not_chance(side: &SideFacts, line: &Line, usual: u64, way: Span) -> bool {
    let share = share(side);
    let (varied, count) = line.varied;
    let (scattered, all) = line.scattered;
    let is_regular = count >= PLENTY && varied <= VARIED || all >= CLUSTERS && scattered >= CLUSTERED;
    // Mathis et al. 1997: a window of 1.22 segments over the square root of the share lost.
    let by_chance = 1.22 * usual as f64 / (way.as_secs() * share.sqrt());
    share >= SHARE && (is_regular || line.rate >= by_chance * TOO_FAR)
}

/// Payload of what is lost at once: of a full segment on the wire, which offloading joins to larger frames.
fn usual(side: &SideFacts, peer: &SideFacts) -> u64 {
    let captured = side.bytes / side.data_segments.max(1);
    captured.min(peer.mss.map_or(1460, u64::from)).max(1)
}

/// Share of its segments that were lost.
fn share(side: &SideFacts) -> f64 {
    let lost = side.lost();
    f64::from(lost.behind.saturating_add(lost.before)) / side.data_segments.max(1) as f64
}

impl Line {
    /// `queue`: what slow round trips took longer than quick ones.
    fn of(points: &[LossPoint], usual: u64, queue: Span) -> Option<Self> {
        let stretches = stretches(points, usual);
        let total: f64 = stretches.iter().map(|(_, time)| time).sum();
        let rate = middle_by_time(&stretches, total)?;
        let kept = stretches.iter().filter(|(each, _)| (each / rate - 1.0).abs() <= OFF);
        let kept: f64 = kept.map(|(_, time)| time).sum();
        let told = || points.iter().filter_map(|point| Some((point, point.repair()?.as_secs())));
        let above = told().map(|(point, repair)| {
            // Without the lost one, and the one that showed that it was missing: neither took any time.
            let bytes = f64::from(point.flight) - 2.0 * usual as f64;
            bytes / (repair + queue.as_secs()) / rate
        });
        Some(Self {
            rate,
            stretches: stretches.len(),
            kept: kept / total,
            above: median(above.collect()),
            varied: varied(points.iter().filter(|point| point.again.is_some())),
            scattered: varied(points.iter()),
            repair: median(told().map(|(_, repair)| repair).collect()),
        })
    }
}

/// Between losses: the rate, and the time in seconds, by rate.
fn stretches(points: &[LossPoint], usual: u64) -> Vec<(f64, f64)> {
    let Some((mut from, rest)) = points.split_first() else {
        return Vec::new();
    };
    let mut stretches = Vec::new();
    for point in rest {
        let (bytes, time) = (point.passed.saturating_sub(from.passed), (point.at - from.at).as_secs());
        if bytes >= SEGMENTS * usual && time > 0.0 {
            stretches.push((bytes as f64 / time, time));
            from = point;
        }
    }
    stretches.sort_by(|a, b| a.0.total_cmp(&b.0));
    stretches
}

/// The rate that was not reached in half of the time, where there are stretches enough.
fn middle_by_time(stretches: &[(f64, f64)], total: f64) -> Option<f64> {
    let mut sum = 0.0;
    let mut reaches = stretches.iter().skip_while(|(_, time)| {
        sum += time;
        sum * 2.0 < total
    });
    reaches.next().filter(|_| stretches.len() >= LEAST).map(|(rate, _)| *rate)
}

/// 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// How much the bytes between losses vary, in parts of their mean: 1 where only chance decides; and how many there are.
fn varied<'a>(points: impl Iterator<Item = &'a LossPoint> + Clone) -> (f64, usize) {
    let next = points.clone().skip(1);
    let between: Vec<f64> = points.zip(next).map(|(one, other)| other.passed.saturating_sub(one.passed) as f64).collect();
    let count = between.len().max(1) as f64;
    let mean = between.iter().sum::<f64>() / count;
    let square = between.iter().map(|each| (each - mean).powi(2)).sum::<f64>() / count;
    (if mean > 0.0 { square.sqrt() / mean } else { 0.0 }, between.len())
}

/// `2.1 Mbit/s`, `480 kbit/s`.
#[must_use]
pub fn bits(rate: f64) -> String {
    let kilobits = rate * 8.0 / 1000.0;
    match kilobits {
        _ if kilobits >= 99_500.0 => format!("{:.0} Mbit/s", kilobits / 1000.0),
        _ if kilobits >= 999.5 => format!("{:.1} Mbit/s", kilobits / 1000.0),
        _ => format!("{kilobits:.0} kbit/s"),
    }
}

fn summary(side: &SideFacts, who: Side, line: &Line) -> String {
    let receiver = if who == Side::Client { "server" } else { "client" };
    let lost = side.lost();
    let place = match (lost.behind, lost.before) {
        (_, 0) => format!("between this capture point and the {receiver}"),
        (0, _) => format!("between the {who} and this capture point"),
        _ => format!("between the {who} and the {receiver}"),
    };
    let trips = match side.min_rtt.zip(side.slow_rtt()) {
        Some((quick, slow)) if lost.behind >= lost.before => {
            format!("round trips did not grow ({} to {})", time(quick), time(slow))
        }
        _ => "repairs took no longer than a round trip of the handshake".into(),
    };
    let above = if line.above >= ABOVE {
        format!(" It had gone {:.1} times as fast when it lost them.", line.above)
    } else {
        String::new()
    };
    format!(
        "The {who}'s data is cut off above {} {place}: it lost {:.1} % of its segments, and in {:.0} % of the time between \
         losses just so much passed; {trips}.{above} A policer does that, or a queue with next to no room.",
        bits(line.rate),
        share(side) * 100.0,
        line.kept * 100.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;
    use crate::flow::Sighting;

    /// Losses after so many bytes, at so many milliseconds.
    fn points(at: impl IntoIterator<Item = (u64, i64)>) -> Vec<LossPoint> {
        let point = |(passed, millis): (u64, i64)| LossPoint {
            at: Stamp(millis * 1_000_000),
            passed,
            flight: 40_000,
            told: true,
            again: Some(Sighting::new(1, Stamp((millis + 20) * 1_000_000))),
        };
        at.into_iter().map(point).collect()
    }

    #[test]
    fn losses_on_a_line_have_its_rate_whatever_lies_between_them() {
        let line = Line::of(&points((0..20_u64).map(|each| {
            let place = each * each + each;
            (place * 100_000, place as i64 * 100)
        })), 1000, Span::ZERO);
        let line = line.unwrap();
        assert!((line.rate - 1e6).abs() < 1.0, "{line:?}");
        assert!(line.kept > 0.99 && (line.above - 1.9).abs() < 0.01, "{line:?}");
        assert!(line.varied.0 > 0.5, "{line:?}");
    }

    #[test]
    fn losses_off_the_line_keep_no_rate() {
        let line = Line::of(&points((0..20_i64).map(|each| (each as u64 * 100_000, each * 100 + each * each % 7 * 10))), 1000, Span::ZERO);
        assert!(line.unwrap().kept < KEPT);
    }

    #[test]
    fn few_losses_are_no_line() {
        assert_eq!(Line::of(&points((0..8).map(|each| (each * 100_000, each as i64 * 100))), 1000, Span::ZERO), None);
        assert_eq!(Line::of(&[], 1000, Span::ZERO), None);
    }

    #[test]
    fn rates_are_said_in_a_unit_that_fits() {
        assert_eq!(bits(60_000.0), "480 kbit/s");
        assert_eq!(bits(262_000.0), "2.1 Mbit/s");
        assert_eq!(bits(12_500_000.0), "100 Mbit/s");
    }
}
