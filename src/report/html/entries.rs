//! Incidents, and the connections that none explains, folded: what happened, who, how sure, what to do.

use super::Story;
use super::prose::{meaning, shown};
use crate::finding::Severity;
use crate::incident::{Incident, Sources};
use crate::report::Only;
use crate::report::entry::{self, Part};
use crate::report::group::{Group, Way};
use crate::report::text::{command, count, range, thousands};
use crate::verdict::words::Status;
use maud::{Markup, html};

/// Incidents shown, and those of them that are folded away.
const INCIDENTS: usize = 50;
const OPEN_INCIDENTS: usize = 10;
/// Groups shown of what failed, and of what is degraded, and those of them that are folded away.
const GROUPS: usize = 50;
const OPEN_GROUPS: usize = 20;
/// Groups shown of what is unknown.
const UNKNOWN: usize = 20;

pub(super) fn incidents(story: &Story) -> Markup {
    let shown: Vec<&Incident> = story
        .incidents
        .iter()
        .filter(|each| is_wanted(each, story.look.only))
        .collect();
    html! {
        @if !shown.is_empty() {
            section #incidents {
                h2 { "Incidents" }
                p.soft { "Many connections that failed in the same way at the same place in the same stretch of time." }
                @let all: Vec<Markup> = shown.iter().take(INCIDENTS).enumerate()
                    .map(|(index, each)| incident(index + 1, each, story)).collect();
                (folded(&all, OPEN_INCIDENTS, "more incident"))
                @if shown.len() > INCIDENTS {
                    p { (count((shown.len() - INCIDENTS) as u64, "more incident")) "; " code { "--json" } " has them all." }
                }
            }
        }
    }
}

/// The first of many entries, and the others behind a line that opens.
fn folded(entries: &[Markup], open: usize, what: &str) -> Markup {
    let (first, more) = entries.split_at(open.min(entries.len()));
    html! {
        @for each in first { (each) }
        @if !more.is_empty() {
            details {
                summary { (count(more.len() as u64, what)) }
                @for each in more { (each) }
            }
        }
    }
}

/// It is told of, where only such connections are listed.
pub(super) fn is_wanted(incident: &Incident, only: Only) -> bool {
    only != Only::Failed || incident.severity == Severity::Error
}

fn incident(number: usize, incident: &Incident, story: &Story) -> Markup {
    let group = story.groups.behind(incident);
    let parts = entry::incident(incident, group.as_ref(), &story.context, None);
    let is_said = group.as_ref().is_some_and(|group| group.culprit == incident.culprit);
    // Candidates have a list of their own, and the culprit stands above.
    let is_new = |part: &Part| match part {
        Part::Labelled("maybe" | "or", _) => false,
        Part::Labelled("who", _) => !is_said,
        _ => true,
    };
    let parts: Vec<Part> = parts.into_iter().filter(is_new).collect();
    html! {
        article.entry.(incident.severity.word()) id=(format!("incident-{number}")) {
            h3 { span.number { (number) } " " (shown(&incident.summary)) }
            dl.facts {
                dt { "When" } dd { (range(incident.first, incident.last, &story.context.day)) " UTC" }
                dt { "Where" } dd { (shown(&incident.service)) }
                @if incident.attempts > 0 {
                    dt { "How many" }
                    dd { (thousands(incident.failed)) " of " (thousands(incident.attempts)) " in that time" }
                }
                @if incident.sources.count > 0 { dt { "Who was hit" } dd { (sources(&incident.sources)) } }
                dt { "Culprit" }
                dd { (entry::culprit(incident.culprit)) "; " (incident.confidence.word()) " confidence" }
                @if !incident.examples.is_empty() { dt { "Examples" } dd { (examples(incident)) } }
                dt { "Kind" }
                dd {
                    code { (incident.meta.id) } ", " (incident.meta.title)
                    @if let Some(cause) = incident.cause {
                        "; mostly "
                        @if story.examples.contains_key(cause) { a href=(format!("#cause-{cause}")) { code { (cause) } } }
                        @else { code { (cause) } }
                    }
                }
            }
            (paragraphs(&parts, "Culprit of single ones"))
            @if !incident.candidates.is_empty() {
                h4 { "What it may be, likeliest first" }
                ol { @for candidate in &incident.candidates { li { (shown(candidate)) } } }
            }
            @if let Some(group) = &group { (candidates(group)) }
            (about(incident.meta.id, incident.meta.page))
        }
    }
}

fn sources(sources: &Sources) -> String {
    let listed: Vec<_> = sources.listed.iter().map(ToString::to_string).collect();
    let more = sources.count.saturating_sub(listed.len() as u64);
    match (more, sources.more) {
        (0, false) => listed.join(", "),
        (0, true) => format!("{} and more", listed.join(", ")),
        (more, false) => format!("{} and {} more", listed.join(", "), thousands(more)),
        (more, true) => format!("{} and at least {} more", listed.join(", "), thousands(more)),
    }
}

/// The first and the last of them.
fn examples(incident: &Incident) -> String {
    let said = incident.examples.iter().map(|each| {
        let packets: Vec<_> = each.packets.iter().map(u64::to_string).collect();
        let word = if packets.len() == 1 { "packet" } else { "packets" };
        let packets = format!("{word} {}", packets.join(", "));
        match each.flow {
            Some(flow) => format!("connection {flow} ({packets})"),
            None => packets,
        }
    });
    said.collect::<Vec<_>>().join("; ")
}

/// The connections of one status that no incident explains.
pub(super) fn groups(story: &Story, status: Status) -> Markup {
    let groups = story.groups.ranked(status, &story.incidents);
    let overflow = story.groups.overflow(status);
    let listed = groups.iter().map(|group| group.flows).sum::<u64>() + overflow;
    let all = story.totals.status(status);
    let heading = if status == Status::Failed {
        "Failed"
    } else {
        "Worked, but badly"
    };
    html! {
        @if all > 0 && story.look.only.wants_status(status) {
            section id=(status.word()) {
                h2 { (heading) ": " (count(all, "connection")) }
                @if listed == 0 {
                    p { "The incidents above explain " @if all == 1 { "it" } @else { "all of them" } "." }
                } @else if listed < all {
                    p { "The incidents above explain " (thousands(all - listed)) " of them; "
                        @if listed == 1 { "this is the other." } @else { "these are the others." } }
                }
                @let all: Vec<Markup> = groups.iter().take(GROUPS).map(|group| entry_of(story, group)).collect();
                (folded(&all, OPEN_GROUPS, "more group"))
                (left_out(&groups, GROUPS, overflow))
            }
        }
    }
}

fn entry_of(story: &Story, group: &Group) -> Markup {
    let mut parts = entry::parts(group, story.groups.contrast(group), &story.context, None);
    let first = if parts.is_empty() { None } else { Some(parts.remove(0)) };
    html! {
        article.entry {
            h3 { (entry::place(group)) ": " (entry::title(group)) }
            @if let Some(Part::Plain(text)) = first { p.soft { (text) } }
            (paragraphs(&parts, "Culprit"))
            (candidates(group))
            @if let Way::Cause(id, _) = group.way {
                (about(id, group.example.page.unwrap_or_default()))
                @if story.examples.contains_key(id) {
                    p { a href=(format!("#cause-{id}")) { "One such connection packet by packet" } }
                }
            }
        }
    }
}

fn paragraphs(parts: &[Part], who: &str) -> Markup {
    let plain = parts.iter().filter_map(|part| match part {
        Part::Plain(text) => Some(text),
        _ => None,
    });
    html! {
        @for text in plain { p { (shown(text)) } }
        @if parts.iter().any(|part| !matches!(part, Part::Plain(_))) {
            dl.facts {
                @for part in parts {
                    @match part {
                        Part::Plain(_) => {}
                        Part::Labelled(label, text) => { dt { (word_of(label, who)) } dd { (shown(text)) } }
                        Part::Copied(label, text, behind) => {
                            dt { (word_of(label, who)) }
                            dd { code.command { (shown(text)) } @if !behind.is_empty() { " " span.soft { (shown(behind)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The terminal's labels are short for want of room.
fn word_of<'a>(label: &'a str, who: &'a str) -> &'a str {
    match label {
        "who" => who,
        "but" => "Doubts",
        "open" => "In Wireshark",
        "all" => "All of them",
        "next" => "Next",
        other => other,
    }
}

/// What the cause may come from, with what would settle each.
fn candidates(group: &Group) -> Markup {
    let example = &group.example;
    let fill = |text: &str| command(text, example.client, example.server, example.interface.as_deref());
    let causes = example.candidates();
    html! {
        @if !causes.is_empty() {
            details {
                summary { "What settles it: " (count(causes.len() as u64, "candidate")) }
                div.wide role="region" aria-label="Candidates" tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "It may be" }
                            th scope="col" { "Settled by" }
                            th scope="col" { "Commands for Linux and Windows" }
                        } }
                        tbody {
                            @for cause in &causes {
                                tr {
                                    td { (cause.what) " " span.soft { "(" (cause.id) ")" } }
                                    td { (cause.settles) }
                                    td {
                                        @for (name, text) in [("Linux", cause.linux), ("Windows", cause.windows)] {
                                            @if !text.is_empty() { p { span.soft { (name) } " " code.command { (fill(text)) } } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the catalogue says of it.
fn about(id: &str, page: &'static str) -> Markup {
    html! {
        @if let Some(meaning) = meaning(page) {
            details {
                summary { "What " code { (id) } " means" }
                p { (meaning) }
                p.soft { "More: " code.command { "whodropped explain " (id) } }
            }
        }
    }
}

fn left_out(groups: &[Group], shown: usize, overflow: u64) -> Markup {
    let hidden = groups.get(shown..).unwrap_or_default();
    let flows = hidden.iter().map(|group| group.flows).sum::<u64>() + overflow;
    html! {
        @if flows > 0 {
            p { "And " (count(flows, "more connection")) " in other groups: " code { "--csv F" } " lists them all." }
        }
    }
}

/// The connections of which the capture does not show how they went.
pub(super) fn cannot_tell(story: &Story) -> Markup {
    let all = story.totals.status(Status::Unknown);
    let groups = story.groups.ranked(Status::Unknown, &[]);
    html! {
        @if all > 0 && story.look.only.wants_status(Status::Unknown) {
            section #unknown {
                h2 { "Cannot tell: " (count(all, "connection")) }
                div.wide role="region" aria-label="Connections that cannot be judged" tabindex="0" {
                    table {
                        thead { tr {
                            th.count scope="col" { "Connections" } th scope="col" { "Where" } th scope="col" { "Why" }
                        } }
                        tbody {
                            @for group in groups.iter().take(UNKNOWN) {
                                tr {
                                    td.count { (thousands(group.flows)) }
                                    td { (entry::place(group)) }
                                    td { (entry::why_unknown(group)) }
                                }
                            }
                        }
                    }
                }
                (left_out(&groups, UNKNOWN, story.groups.overflow(Status::Unknown)))
            }
        }
    }
}
