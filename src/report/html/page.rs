//! The page as a whole: what a reader with a deadline wants first stands first.

use super::entries::{cannot_tell, groups, incidents, is_wanted};
use super::flows::{ladders, table};
use super::prose::shown;
use super::timeline::timeline;
use super::{LISTED, Story};
use crate::finding::Confidence;
use crate::report::terminal::worded;
use crate::report::text::{count, thousands};
use crate::report::{FlowRow, Ladder};
use crate::verdict::words::{Culprit, Doubt, Ending, Handshake, Status};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeSet;

/// The page's look.
pub(super) const STYLE: &str = include_str!("page.css");
/// Sorts and finds rows; without it the table stands as it is.
pub(super) const SCRIPT: &str = include_str!("page.js");
/// Nothing is loaded, sent or run but these two, known by their SHA-256.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-2i2KM44+OiGnlK4dwpJ2iMYmC9m1Cv41dR74TcD1cj8='; script-src 'sha256-m3WFEGYRShMkv4Vbr5L95UNByC0hbNIY+5t661TV61k='; \
                                 base-uri 'none'; form-action 'none'";

pub(super) fn page(story: &Story, examples: &[FlowRow], told: &[Ladder]) -> Markup {
    let headline = headline(story);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(concat!("whodropped ", env!("CARGO_PKG_VERSION")));
                title { (headline) " – " (names(story)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (head(story, &headline)) }
                main {
                    (probe(story))
                    (incidents(story))
                    (timeline(story))
                    (groups(story, Status::Failed))
                    (groups(story, Status::Degraded))
                    (cannot_tell(story))
                    (table(story))
                    (ladders(story, examples, told))
                    (capture(story))
                    (words(story))
                }
                footer { (footer(story)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn headline(story: &Story) -> String {
    let (all, failed) = (story.totals.flows, story.totals.status(Status::Failed));
    let degraded = story.totals.status(Status::Degraded);
    let of = |part: u64, what: &str| match all {
        1 => format!("The one TCP connection {what}"),
        _ => format!("{} of {} {what}", thousands(part), count(all, "TCP connection")),
    };
    match (all, failed, degraded) {
        (0, ..) => "No TCP connection".to_owned(),
        (_, 1.., _) => of(failed, "failed"),
        (1, 0, 1..) => "The one TCP connection worked, but badly".to_owned(),
        (_, 0, 1..) => of(degraded, "worked, but badly"),
        (_, 0, 0) if story.totals.status(Status::Ok) == all => match all {
            1 => "The one TCP connection worked".to_owned(),
            _ => format!("All {} TCP connections worked", thousands(all)),
        },
        _ => "No TCP connection is known to have failed".to_owned(),
    }
}

/// The captures, for the title.
fn names(story: &Story) -> String {
    let Some((first, _)) = story.captures.first() else {
        return "nothing read".to_owned();
    };
    match story.context.captures.len() - 1 {
        0 => shown(first).into_owned(),
        more => format!("{} and {} more", shown(first), thousands(more as u64)),
    }
}

fn head(story: &Story, headline: &str) -> Markup {
    html! {
        h1 { (headline) }
        @if story.totals.flows > 0 { (shares(story)) }
        @else { @for line in &story.nothing { p { (shown(line)) } } }
        @let grave: Vec<_> = story.remarks.iter().filter(|remark| remark.grave).collect();
        @if !grave.is_empty() {
            div.warning role="note" {
                p { strong { "The capture itself:" } " a verdict is worth no more than the capture behind it." }
                ul { @for remark in grave { li { (shown(&remark.text)) } } }
            }
        }
        (facts(story))
        @if story.totals.flows > 0 { (contents(story)) }
    }
}

/// How many of each status, as a bar and in words.
fn shares(story: &Story) -> Markup {
    let words = [Status::Failed, Status::Degraded, Status::Unknown, Status::Ok];
    let mut left = 0.0;
    html! {
        svg.shares viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            @for status in words {
                @let flows = story.totals.status(status);
                @if flows > 0 {
                    @let (from, width) = (left, (flows as f64 * 1000.0 / story.totals.flows as f64).max(4.0));
                    @let () = left += width;
                    rect class=(status.word()) x=(format!("{from:.1}")) y="0" width=(format!("{width:.1}")) height="10" {}
                }
            }
        }
        ul.counts {
            @for status in words {
                @let flows = story.totals.status(status);
                li class=(status.word()) title=(status.meaning()) { strong { (thousands(flows)) } " " (status.word()) }
            }
        }
    }
}

fn facts(story: &Story) -> Markup {
    html! {
        dl.facts {
            dt { "Capture" }
            dd {
                @for (name, described) in &story.captures { p { b { (shown(name)) } " " span.soft { (described) } } }
                @if story.more_captures > 0 { p { "and " (thousands(story.more_captures as u64)) " more" } }
            }
            @if let Some(stretch) = &story.stretch { dt { "When" } dd { (stretch) } }
            @if story.totals.flows > 0 {
                dt { "Vantage" } dd { (vantage(story.near)) }
                dt { "Handshake" } dd { (worded(story.totals.handshakes())) }
                dt { "Ending" } dd { (worded(story.totals.endings())) }
            }
        }
    }
}

/// Where the capture was taken, as far as TTLs tell.
fn vantage(near: (u64, u64)) -> String {
    let of = |flows: u64| count(flows, "connection");
    match near {
        (0, 0) => "unknown: the TTLs do not tell which end is near".to_owned(),
        (client, 0) => format!("near the client, by the TTLs of {}", of(client)),
        (0, server) => format!("near the server, by the TTLs of {}", of(server)),
        (client, server) => format!(
            "near the client of {}, near the server of {}, by their TTLs",
            of(client),
            thousands(server)
        ),
    }
}

/// Where is what.
fn contents(story: &Story) -> Markup {
    let of = |status| story.totals.status(status);
    let wanted = |status| of(status) > 0 && story.look.only.wants_status(status);
    html! {
        nav aria-label="On this page" {
            ul {
                @if story.incidents.iter().any(|each| is_wanted(each, story.look.only)) { li { a href="#incidents" { "Incidents" } } }
                @if story.tail.time.as_ref().is_some_and(|time| time.bins.len() > 1) { li { a href="#timeline" { "Timeline" } } }
                @if wanted(Status::Failed) { li { a href="#failed" { "Failed" } } }
                @if wanted(Status::Degraded) { li { a href="#degraded" { "Worked, but badly" } } }
                @if wanted(Status::Unknown) { li { a href="#unknown" { "Cannot tell" } } }
                @if story.troubled.iter().any(|list| !list.is_empty()) {
                    li { a href="#connections" { "Connections" } }
                    li { a href="#packets" { "Packet by packet" } }
                }
                li { a href="#capture" { "The capture itself" } }
                li { a href="#words" { "Words" } }
            }
        }
    }
}

/// What the application saw, next to what the wire showed.
fn probe(story: &Story) -> Markup {
    html! {
        @if !story.probes.is_empty() {
            section #probe {
                h2 { "The probe" }
                @for each in &story.probes { pre tabindex="0" { (each) } }
                @if story.more_probes > 0 { p { "And " (count(story.more_probes, "more attempt")) ": " code { "--json" } " has all." } }
            }
        }
    }
}

fn capture(story: &Story) -> Markup {
    html! {
        section #capture {
            h2 { "The capture itself" }
            @if story.remarks.is_empty() && story.tail.limits.is_empty() {
                p { "Nothing speaks against it: not cut, no drops recorded, its clock never ran backwards." }
            } @else {
                ul {
                    @for remark in &story.remarks {
                        li { @if remark.grave { strong { (shown(&remark.text)) } } @else { (shown(&remark.text)) } }
                    }
                    @for limit in &story.tail.limits { li { strong { (shown(limit)) } } }
                }
            }
        }
    }
}

/// The words that occur on this page, with their meanings.
fn words(story: &Story) -> Markup {
    /// Those of one kind, in the contract's order.
    macro_rules! words {
        ($name:literal, $kind:ident, $present:expr) => {
            kind(
                $name,
                $kind::ALL.iter().map(|word| (word.word(), word.meaning())),
                &$present,
            )
        };
    }
    let totals = &story.totals;
    let rows = || story.troubled.iter().flatten();
    let some = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| -> BTreeSet<&'static str> {
        counts.filter(|(_, flows)| *flows > 0).map(|(word, _)| word).collect()
    };
    let confidences: BTreeSet<_> = rows().map(|row| row.confidence.word()).collect();
    let culprits: BTreeSet<_> = rows().map(|row| row.culprit.word()).collect();
    let doubts: BTreeSet<_> = rows().flat_map(|row| &row.doubts).map(|doubt| doubt.word()).collect();
    html! {
        @if totals.flows > 0 {
            section #words {
                h2 { "Words" }
                (words!("Status", Status, some(&mut totals.statuses())))
                (words!("Handshake", Handshake, some(&mut totals.handshakes())))
                (words!("Ending", Ending, some(&mut totals.endings())))
                (words!("Culprit", Culprit, culprits))
                (words!("Confidence", Confidence, confidences))
                (words!("Doubts", Doubt, doubts))
            }
        }
    }
}

fn kind(
    name: &str,
    meanings: impl Iterator<Item = (&'static str, &'static str)>,
    present: &BTreeSet<&'static str>,
) -> Markup {
    html! {
        @if !present.is_empty() {
            h3 { (name) }
            dl.words {
                @for (word, meaning) in meanings.filter(|(word, _)| present.contains(word)) {
                    dt { code { (word) } }
                    dd { (meaning) }
                }
            }
        }
    }
}

fn footer(story: &Story) -> Markup {
    html! {
        p {
            "Made by whodropped " (env!("CARGO_PKG_VERSION")) " with "
            code.command { (shown(&story.look.command)) }
        }
        p {
            "Times are UTC. Packet numbers and " code { "tcp.stream" } " are Wireshark’s, filters are for Wireshark. "
            "A verdict says what was seen from where the capture was taken. "
            @let listed: usize = story.troubled.iter().map(Vec::len).sum();
            @if listed >= LISTED { "Everything is in the files that " code { "--csv" } " and " code { "--json" } " write." }
        }
    }
}
