//! What happened when, as a picture that needs no script, and the same as a table.

use super::Story;
use super::clock::{clock, nice, width};
use super::entries::is_wanted;
use super::prose::shown;
use crate::base::Stamp;
use crate::incident::{Bin, Incident, PERIODIC_LOSS, Timeline};
use crate::report::text::{count, date, thousands};
use maud::{Markup, html};
use std::fmt::Write as _;

/// Width of the picture, and of what stands right of its plots.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 72.0;
const PLOT: f64 = WIDTH - MARGIN;
/// Height of a plot, of the words above it, of an incident's line, of the axis.
const HEIGHT: f64 = 56.0;
const WORDS: f64 = 24.0;
const LANE: f64 = 18.0;
const AXIS: f64 = 26.0;
/// Incidents drawn: the gravest.
const DRAWN: usize = 8;
/// Letters of an incident's name.
const NAME: usize = 48;
/// Marks on the axis, about.
const TICKS: i64 = 8;

/// One plot: what it shows, its values a bin, a part of them that is drawn in red, whether they are bars.
struct Plot {
    title: String,
    class: &'static str,
    values: Vec<f64>,
    red: Vec<f64>,
    bars: bool,
    unit: &'static str,
}

pub(super) fn timeline(story: &Story) -> Markup {
    let Some(time) = story.tail.time.as_ref().filter(|time| time.bins.len() > 1) else {
        return html! {};
    };
    if story.totals.flows == 0 {
        return html! {};
    }
    let incidents = story.incidents.iter().filter(|each| is_wanted(each, story.look.only));
    let incidents: Vec<&Incident> = incidents.collect();
    let drawn = incidents.get(..DRAWN.min(incidents.len())).unwrap_or_default();
    let periodic = incidents.iter().filter(|each| each.meta.id == PERIODIC_LOSS.id);
    html! {
        section #timeline {
            h2 { "Timeline" }
            p.soft { "In steps of " (width(time.width)) ", UTC, from " (date(time.start)) " on." }
            @for each in periodic { p { (shown(&each.summary)) } }
            div.wide role="region" aria-label="Timeline" tabindex="0" { (picture(time, drawn)) }
            @if incidents.len() > DRAWN { p.soft { "Of the incidents, the first " (DRAWN) " are drawn." } }
            @let silent = silent(time);
            @if !silent.is_empty() { p.soft { "No " (silent) " in all that time." } }
            (numbers(time))
        }
    }
}

/// A number of a bin.
type Of = fn(&Bin) -> u64;

/// What never happened.
fn silent(time: &Timeline) -> String {
    let kinds: [(&str, Of); 3] = [
        ("failed handshakes", |bin| bin.failed_handshakes),
        ("lost segments", |bin| bin.losses),
        ("resets", |bin| bin.resets),
    ];
    let none = kinds.iter().filter(|(_, of)| time.bins.iter().all(|bin| of(bin) == 0));
    let none: Vec<&str> = none.map(|(name, _)| *name).collect();
    none.join(", no ")
}

fn plots(time: &Timeline) -> Vec<Plot> {
    let list = |of: Of| -> Vec<f64> { time.bins.iter().map(|bin| of(bin) as f64).collect() };
    let sum = |of: Of| -> u64 { time.bins.iter().map(of).sum() };
    let (begun, failed) = (sum(|bin| bin.attempts), sum(|bin| bin.failed_handshakes));
    let title = if failed == 0 {
        format!("{} begun", count(begun, "connection"))
    } else {
        format!(
            "{} begun; red: {} whose handshake failed",
            count(begun, "connection"),
            thousands(failed)
        )
    };
    let bars = |title, class, values, red| Plot {
        title,
        class,
        values,
        red,
        bars: true,
        unit: "",
    };
    let mut plots = vec![bars(
        title,
        "bar",
        list(|bin| bin.attempts),
        list(|bin| bin.failed_handshakes),
    )];
    let losses = sum(|bin| bin.losses);
    if losses > 0 {
        plots.push(bars(
            count(losses, "lost segment"),
            "lost",
            list(|bin| bin.losses),
            Vec::new(),
        ));
    }
    let resets = sum(|bin| bin.resets);
    if resets > 0 {
        plots.push(bars(
            count(resets, "reset"),
            "reset",
            list(|bin| bin.resets),
            Vec::new(),
        ));
    }
    let rtts: Vec<f64> = time.bins.iter().map(|bin| bin.rtt_ms().unwrap_or(f64::NAN)).collect();
    if rtts.iter().any(|rtt| !rtt.is_nan()) {
        plots.push(Plot {
            title: "Round trip of the connections that began, mean".to_owned(),
            class: "rtt",
            values: rtts,
            red: Vec::new(),
            bars: false,
            unit: " ms",
        });
    }
    plots
}

fn picture(time: &Timeline, incidents: &[&Incident]) -> Markup {
    let plots = plots(time);
    let lanes = lanes(time, incidents);
    let deepest = lanes.iter().map(|(lane, ..)| lane + 1).max().unwrap_or(0);
    let top = deepest as f64 * LANE + if deepest > 0 { 6.0 } else { 0.0 };
    let bottom = top + plots.len() as f64 * (HEIGHT + WORDS);
    let height = bottom + AXIS;
    let ticks = ticks(time);
    html! {
        svg viewBox=(format!("0 -4 {WIDTH} {}", height + 4.0)) role="img" aria-label="What happened when; the same as numbers below" {
            @for (x, _) in &ticks { line.grid x1=(at(*x)) x2=(at(*x)) y1=(top) y2=(bottom) {} }
            g.band {
                @for (lane, from, to) in &lanes {
                    @let y = *lane as f64 * LANE + 13.0;
                    rect x=(at(*from)) y=(y) width=(at(to - from)) height=(bottom - y) {}
                }
            }
            @for (index, plot) in plots.iter().enumerate() { (draw(plot, top + index as f64 * (HEIGHT + WORDS))) }
            @for ((lane, from, to), (index, each)) in lanes.iter().zip(incidents.iter().enumerate()) {
                a href=(format!("#incident-{}", index + 1)) {
                    title { (index + 1) ". " (shown(&each.summary)) }
                    @let y = *lane as f64 * LANE;
                    @let (x, anchor) = if *from > PLOT / 2.0 { (*to, "end") } else { (*from, "start") };
                    rect class=(format!("lane {}", each.severity.word())) x=(at(*from)) y=(y + 11.0) width=(at(to - from)) height="3" {}
                    text.name x=(at(x)) y=(y + 9.0) text-anchor=(anchor) { (name(index + 1, each)) }
                }
            }
            line.axis x1="0" x2=(PLOT) y1=(bottom) y2=(bottom) {}
            @for (x, text) in &ticks { text.tick x=(at(*x)) y=(bottom + 17.0) text-anchor=(anchor(*x)) { (text) } }
            @for (index, bin) in time.bins.iter().enumerate() {
                @if bin.attempts + bin.failed_handshakes + bin.losses + bin.resets > 0 {
                    rect.hover x=(at(index as f64 * step(time))) y=(top) width=(at(step(time))) height=(bottom - top) {
                        title { (said(time, index, bin)) }
                    }
                }
            }
        }
    }
}

/// Bars or a line, and the scale's end.
fn draw(plot: &Plot, top: f64) -> Markup {
    let most = plot
        .values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .fold(0.0, f64::max);
    let (floor, step) = (top + WORDS + HEIGHT, PLOT / plot.values.len().max(1) as f64);
    let scale = if most > 0.0 { (HEIGHT - 4.0) / most } else { 0.0 };
    let heights = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value * scale).collect() };
    html! {
        text.title x="0" y=(top + WORDS - 7.0) { (plot.title) }
        @if plot.bars {
            path class=(plot.class) d=(bars(&heights(&plot.values), floor, step)) {}
            @if !plot.red.is_empty() { path.red d=(bars(&heights(&plot.red), floor, step)) {} }
        } @else {
            path class=(plot.class) d=(dots(&heights(&plot.values), floor, step)) {}
        }
        line.floor x1="0" x2=(PLOT) y1=(floor) y2=(floor) {}
        text.scale x=(PLOT + 8.0) y=(top + WORDS + 10.0) { (rounded(most)) (plot.unit) }
        text.scale x=(PLOT + 8.0) y=(floor) { "0" }
    }
}

/// Rectangles on the floor, as one path.
fn bars(heights: &[f64], floor: f64, step: f64) -> String {
    let gap = if step > 4.0 { 1.0 } else { 0.0 };
    let mut path = String::new();
    for (index, height) in heights.iter().enumerate().filter(|(_, height)| **height > 0.0) {
        let (from, width) = (index as f64 * step, step - gap);
        // Something that happened once is seen beside what happened a thousand times.
        let height = height.max(1.5);
        // Writing to a string cannot fail.
        let _ = write!(path, "M{from:.1} {floor:.1}v-{height:.1}h{width:.1}v{height:.1}z");
    }
    path
}

/// A line through what is known; it breaks where nothing is. A lone value is a short stroke.
fn dots(heights: &[f64], floor: f64, step: f64) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (index, height) in heights.iter().enumerate() {
        if height.is_nan() {
            is_down = false;
            continue;
        }
        let (from, y) = (index as f64 * step, floor - height);
        let pen = if is_down { 'L' } else { 'M' };
        let _ = write!(path, "{pen}{from:.1} {y:.1}h{step:.1}");
        is_down = true;
    }
    path
}

/// Line, beginning and end of each incident; those that overlap stand below each other.
fn lanes(time: &Timeline, incidents: &[&Incident]) -> Vec<(usize, f64, f64)> {
    let mut ends: Vec<f64> = Vec::new();
    let place = |incident: &&Incident| {
        let from = place_of(time, incident.first).min(PLOT - 3.0);
        let to = place_of(time, incident.last).max(from + 3.0);
        // Its name needs room, too.
        let (left, right) = if from > PLOT / 2.0 {
            (from.min(to - 330.0), to)
        } else {
            (from, to.max(from + 330.0))
        };
        let free = ends.iter().position(|end| *end < left);
        let lane = free.unwrap_or(ends.len());
        match ends.get_mut(lane) {
            Some(end) => *end = right,
            None => ends.push(right),
        }
        (lane, from, to)
    };
    incidents.iter().map(place).collect()
}

/// What stands above the line of an incident.
fn name(number: usize, incident: &Incident) -> String {
    let service: String = shown(&incident.service).chars().take(NAME).collect();
    format!("{number} {} {service}", incident.meta.id)
}

fn length(time: &Timeline) -> f64 {
    time.width.as_secs() * time.bins.len() as f64
}

fn step(time: &Timeline) -> f64 {
    PLOT / time.bins.len() as f64
}

fn place_of(time: &Timeline, stamp: Stamp) -> f64 {
    ((stamp - time.start).as_secs() / length(time) * PLOT).clamp(0.0, PLOT)
}

/// Where the axis has marks, and what stands there.
fn ticks(time: &Timeline) -> Vec<(f64, String)> {
    let length = time.width.0.saturating_mul(time.bins.len() as i64);
    let step = nice(length / TICKS);
    let first = time.start.0.div_euclid(step).saturating_add(1).saturating_mul(step);
    let end = time.start.0.saturating_add(length);
    let mut ticks = Vec::new();
    let mut next = first;
    while next < end && ticks.len() < 3 * TICKS as usize {
        let stamp = Stamp(next);
        ticks.push((place_of(time, stamp), clock(stamp, step, length)));
        next = next.saturating_add(step);
    }
    ticks
}

fn anchor(x: f64) -> &'static str {
    if x < 30.0 {
        "start"
    } else if x > PLOT - 30.0 {
        "end"
    } else {
        "middle"
    }
}

fn at(x: f64) -> String {
    format!("{x:.1}")
}

fn rounded(value: f64) -> String {
    if value >= 100.0 {
        thousands(value as u64)
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

fn moment(time: &Timeline, index: usize) -> String {
    let at = time.start.0.saturating_add(time.width.0.saturating_mul(index as i64));
    clock(
        Stamp(at),
        time.width.0,
        time.width.0.saturating_mul(time.bins.len() as i64),
    )
}

fn said(time: &Timeline, index: usize, bin: &Bin) -> String {
    let mut text = format!("{}: {} begun", moment(time, index), count(bin.attempts, "connection"));
    for (number, what) in [
        (bin.failed_handshakes, "failed handshake"),
        (bin.losses, "lost segment"),
        (bin.resets, "reset"),
    ] {
        if number > 0 {
            let _ = write!(text, ", {}", count(number, what));
        }
    }
    if let Some(rtt) = bin.rtt_ms() {
        let _ = write!(text, ", round trip {} ms", rounded(rtt));
    }
    text
}

/// The same as a table.
fn numbers(time: &Timeline) -> Markup {
    html! {
        details.numbers {
            summary { "The same as numbers" }
            div.wide role="region" aria-label="Timeline as numbers" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "From" }
                        th.count scope="col" { "Connections begun" }
                        th.count scope="col" { "Failed handshakes" }
                        th.count scope="col" { "Lost segments" }
                        th.count scope="col" { "Resets" }
                        th.count scope="col" { "Round trip, ms" }
                    } }
                    tbody {
                        @for (index, bin) in time.bins.iter().enumerate() {
                            @if *bin != Bin::default() {
                                tr {
                                    th scope="row" { (moment(time, index)) }
                                    @for number in [bin.attempts, bin.failed_handshakes, bin.losses, bin.resets] {
                                        td.count { (thousands(number)) }
                                    }
                                    td.count { (bin.rtt_ms().map(rounded).unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_and_a_microsecond_have_a_few_marks() {
        for (first, last) in [(0, 1_000), (0, 31_536_000_000_000_000), (i64::MIN, i64::MAX), (7, 7)] {
            let time = Timeline::new(Stamp(first), Stamp(last));
            let ticks = ticks(&time);
            assert!(ticks.len() <= 12, "{ticks:?}");
            assert!(ticks.iter().all(|(x, _)| (0.0..=PLOT).contains(x)), "{ticks:?}");
        }
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known() {
        assert_eq!(
            dots(&[1.0, 2.0, f64::NAN, 3.0], 10.0, 5.0),
            "M0.0 9.0h5.0L5.0 8.0h5.0M15.0 7.0h5.0"
        );
        assert_eq!(bars(&[0.0, 10.0], 20.0, 2.0), "M2.0 20.0v-10.0h2.0v10.0z");
    }
}
