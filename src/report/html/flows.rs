//! The connections in trouble one by one, and one of each kind packet by packet.

use super::prose::shown;
use super::{LISTED, Story};
use crate::report::text::{count, span, thousands, time};
use crate::report::{FlowRow, Ladder};
use crate::verdict::words::Status;
use maud::{Markup, html};

/// Columns of a ladder.
const WIDTH: usize = 110;
/// Lines of a ladder, at most.
const LINES: usize = 90;
/// Packets named.
const PACKETS: usize = 8;

/// The table of those that failed or are degraded, worst first.
pub(super) fn table(story: &Story) -> Markup {
    let rows: Vec<&FlowRow> = story.troubled.iter().flatten().take(LISTED).collect();
    let wanted = [Status::Failed, Status::Degraded].into_iter();
    let wanted = wanted.filter(|status| story.look.only.wants_status(*status));
    let all: u64 = wanted.map(|status| story.totals.status(status)).sum();
    html! {
        @if !rows.is_empty() {
            section #connections {
                h2 { "Connections in trouble" }
                @if all > rows.len() as u64 {
                    p { "The first " (thousands(rows.len() as u64)) ", failed before degraded; "
                        (thousands(all - rows.len() as u64)) " more are in the file that " code { "--csv" } " writes." }
                }
                form #find hidden {
                    label { "Find " input type="search" name="text" placeholder="address, name, cause …"; }
                    label { "Status " select name="status" {
                        option value="" { "all" } option { "failed" } option { "degraded" }
                    } }
                    output name="shown" {}
                }
                div.wide role="region" aria-label="Connections in trouble" tabindex="0" {
                    table #flows {
                        thead { tr {
                            th scope="col" { "Flow" }
                            th scope="col" { "Begun" }
                            th scope="col" { "Client to server" }
                            th scope="col" { "Status" }
                            th scope="col" { "Handshake, ending" }
                            th scope="col" { "Cause, culprit" }
                            th scope="col" { "What happened" }
                        } }
                        tbody { @for row in rows { (flow(row)) } }
                    }
                }
            }
        }
    }
}

fn flow(row: &FlowRow) -> Markup {
    html! {
        tr {
            th.count scope="row" { (row.flow) }
            td data-sort=(row.start.0) { (time(row.start)) p.soft { (span(row.duration)) } }
            td {
                (row.client) " → " (row.server)
                @if let Some(name) = &row.name { p { (shown(name)) } }
                @if !row.roles_seen { p.soft { "roles guessed" } }
            }
            td { span.status.(row.status.word()) { (row.status.word()) } }
            td { (row.handshake.word()) p { (row.ending.word()) } }
            td {
                @if let Some(cause) = row.cause { code { (cause) } }
                p { (row.culprit.word()) ", " (row.confidence.word()) }
            }
            td {
                (shown(&row.summary))
                @if !row.doubts.is_empty() {
                    p.soft { "Doubts: " (row.doubts.iter().map(|doubt| doubt.word()).collect::<Vec<_>>().join(", ")) }
                }
                p.soft { (proof(row)) }
            }
        }
    }
}

/// Where it is in Wireshark.
fn proof(row: &FlowRow) -> String {
    let packets: Vec<_> = row.evidence_packets.iter().take(PACKETS).map(u64::to_string).collect();
    let packets = match packets.len() {
        0 => String::new(),
        1 => format!("packet {}", packets.join("")),
        _ => format!("packets {}", packets.join(", ")),
    };
    match row.tcp_stream {
        Some(stream) if packets.is_empty() => format!("tcp.stream eq {stream}"),
        Some(stream) => format!("tcp.stream eq {stream}, {packets}"),
        None => packets,
    }
}

/// One connection of each cause.
pub(super) fn ladders(story: &Story, examples: &[FlowRow], told: &[Ladder]) -> Markup {
    html! {
        @if !examples.is_empty() {
            section #packets {
                h2 { "One connection of each kind, packet by packet" }
                @for row in examples {
                    article.entry id=(format!("cause-{}", row.cause.unwrap_or_default())) {
                        h3 { code { (row.cause.unwrap_or_default()) } ": connection " (row.flow) }
                        @match told.iter().find(|ladder| ladder.flow() == row.flow) {
                            Some(ladder) => (ladder_of(story, ladder)),
                            None => {
                                p { (row.client) " → " (row.server) ": " (shown(&row.summary)) }
                                (again(story, row.flow))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn ladder_of(story: &Story, ladder: &Ladder) -> Markup {
    let lines = ladder.lines(WIDTH);
    let more = lines.len().saturating_sub(LINES);
    html! {
        pre tabindex="0" { (lines.get(..LINES.min(lines.len())).unwrap_or_default().join("\n")) }
        @if more > 0 {
            p { "And " (count(more as u64, "more line")) "." }
            (again(story, ladder.flow()))
        }
    }
}

fn again(story: &Story, flow: u64) -> Markup {
    html! {
        @match &story.look.again {
            Some(again) => p.soft { "All of it: " code.command { (shown(again)) " --flow " (flow) } },
            None => p.soft {
                "From a capture file, " code { "--flow" } " shows all of its packets; of a pipe or a live capture, the first GiB "
                "is kept to be looked at again."
            },
        }
    }
}
