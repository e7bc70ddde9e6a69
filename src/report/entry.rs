//! One group in words: what failed, how sure that is, what to open, what to try. How it is laid out is each report's own.

use super::group::{Group, MAX_CLIENTS, Place, Way};
use super::maybe::{CANDIDATES, Said, maybe};
use super::paint::Paint;
use super::text::{clean, command, count, range, thousands};
use crate::base::Endpoint;
use crate::finding::Confidence;
use crate::incident::Incident;
use crate::verdict::words::Culprit;
use std::fmt::Write as _;

/// Ports or hosts listed before `…`.
const LISTED: usize = 5;
/// Packets named.
const PACKETS: usize = 8;

/// What an entry needs to know of the whole report.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) width: usize,
    pub(super) paint: Paint,
    /// The date that the head of the report named.
    pub(super) day: String,
    /// Name of each capture, and the number of the packet before its first.
    pub(super) captures: Vec<(String, u64)>,
}

/// A paragraph of an entry. Nothing in it is harmful to a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As it is.
    Plain(String),
    /// Behind a label.
    Labelled(&'static str, String),
    /// Behind a label, there to be copied; with what belongs beside it.
    Copied(&'static str, String, String),
}

/// What a group is called: the cause's title, or the words of the verdict.
pub(super) fn title(group: &Group) -> String {
    match (group.way, group.example.title) {
        (_, Some(title)) => title.to_owned(),
        (Way::Cause(id, _), None) => id.to_owned(),
        (Way::Words(handshake, ending, _), None) => format!("handshake {handshake}, ending {ending}"),
    }
}

/// Where it happened.
pub(super) fn place(group: &Group) -> String {
    let name = group.example.name.as_deref().map(clean);
    match group.place {
        Place::Service(service) => match name {
            Some(name) => format!("{service} ({name})"),
            None => service.to_string(),
        },
        Place::Host(ip) => format!("{ip}, {}", count(group.services.len() as u64, "port")),
        Place::Port(port) => format!("port {port} of {}", count(group.services.len() as u64, "host")),
    }
}

/// What is to say of one group. `said`: candidates that were named before, where they are to be among it.
pub(super) fn parts(
    group: &Group,
    contrast: Option<(u64, u64)>,
    context: &Context,
    said: Option<&mut Said>,
) -> Vec<Part> {
    let mut out = Entry::new(context);
    out.plain(&who_and_when(group, context));
    if let Some(sentence) = contrast.and_then(|(all, ok)| contrasted(group, all, ok)) {
        out.plain(&sentence);
    }
    out.plain(&listed(group));
    evidence(group, &mut out);
    let example = &group.example;
    let is_new = said.is_some_and(|said| maybe(group, said, &mut out));
    let filled = |text: &str| command(text, example.client, example.server, example.interface.as_deref());
    let next = example.next.map_or_else(String::new, filled);
    if !next.is_empty() {
        out.labelled("next", &clean(&next));
    }
    if let Some(first) = example.candidates().first().filter(|_| is_new) {
        out.commands(&filled(first.linux), &filled(first.windows), &next);
    }
    out.parts
}

/// What is to say of an incident, and of the flows behind it, where there are any.
pub(super) fn incident(
    incident: &Incident,
    group: Option<&Group>,
    context: &Context,
    said: Option<&mut Said>,
) -> Vec<Part> {
    let mut out = Entry::new(context);
    for sentence in &incident.contrast {
        out.plain(&clean(sentence));
    }
    if let Some(group) = group {
        out.plain(&listed(group));
        evidence(group, &mut out);
    }
    for (index, candidate) in incident.candidates.iter().take(CANDIDATES).enumerate() {
        out.labelled(if index == 0 { "maybe" } else { "or" }, &clean(candidate));
    }
    if !incident.next.is_empty() {
        out.labelled("next", &clean(&incident.next));
    }
    if let (Some(command), Some(said)) = (incident.commands.first(), said) {
        out.commands(&command.linux, &command.windows, &incident.next);
        said.knows(incident.commands.iter().take(CANDIDATES).map(|each| each.id).collect());
    }
    out.parts
}

/// What one of the flows showed, who it was, how sure that is, what to open.
fn evidence(group: &Group, out: &mut Entry<'_>) {
    let example = if group.same_summary { "" } else { "For example: " };
    out.plain(&format!("{example}{}", clean(&group.example.summary)));
    out.labelled("who", &who(group));
    if !group.doubts.is_empty() {
        out.labelled("but", &doubts(group));
    }
    open(group, out);
}

fn who_and_when(group: &Group, context: &Context) -> String {
    let flows = count(group.flows, "connection");
    let clients = match (group.clients.len(), group.clients.iter().next()) {
        (1, _) if group.flows == 1 => group.example.client.to_string(),
        (1, Some(client)) => client.to_string(),
        (many, _) if many >= MAX_CLIENTS => format!("{many} or more clients"),
        (many, _) => format!("{many} clients"),
    };
    format!(
        "{flows} from {clients}, {}",
        range(group.first, group.last, &context.day)
    )
}

/// Does the same service work for others? Says nothing where that is not known or not telling.
fn contrasted(group: &Group, all: u64, ok: u64) -> Option<String> {
    let there = match group.place {
        Place::Service(_) => "to this service",
        Place::Host(_) => "to these ports",
        Place::Port(_) => "to these hosts",
    };
    if all < 2 {
        return None;
    }
    let all_of = thousands(all);
    Some(match ok {
        ok if ok == all && group.flows == all => return None,
        ok if ok == all => format!("{} of the {all_of} connections {there}.", thousands(group.flows)),
        0 if group.flows == all => format!("None of the {all_of} connections {there} worked."),
        0 => format!("None of the {all_of} connections {there} is known to have worked."),
        _ => format!("{} of the {all_of} connections {there} worked.", thousands(ok)),
    })
}

/// The ports of a host, or the hosts of a port.
fn listed(group: &Group) -> String {
    let show: fn(&Endpoint) -> String = match group.place {
        Place::Service(_) => return String::new(),
        Place::Host(_) => |service| service.port.to_string(),
        Place::Port(_) => |service| service.ip.to_string(),
    };
    let first: Vec<_> = group.services.iter().take(LISTED).map(show).collect();
    let more = group.services.len().saturating_sub(LISTED);
    let more = if more > 0 {
        format!(" and {} more", thousands(more as u64))
    } else {
        String::new()
    };
    format!("{}{more}", first.join(", "))
}

fn who(group: &Group) -> String {
    format!("{}; {}", culprit(group.culprit), confidence(group.confidence))
}

/// Who, with the contract's word behind.
pub(super) fn culprit(culprit: Culprit) -> String {
    let meaning = match culprit {
        Culprit::Unknown => return "not known from this capture".to_owned(),
        // The word covers comparisons of captures, too; one recording has one place.
        Culprit::Path => "something between the capture point and the server",
        culprit => culprit.meaning().trim_end_matches('.'),
    };
    let mut letters = meaning.chars();
    let lower = letters
        .next()
        .map(|first| first.to_lowercase().to_string())
        .unwrap_or_default();
    format!("{lower}{} ({culprit})", letters.as_str())
}

/// `medium confidence`, or how many of each.
fn confidence(counts: [u64; 3]) -> String {
    let words = [Confidence::Low, Confidence::Medium, Confidence::High];
    let present: Vec<_> = words.iter().zip(counts).rev().filter(|(_, count)| *count > 0).collect();
    match &present[..] {
        [(word, _)] => format!("{word} confidence"),
        several => {
            let each: Vec<_> = several
                .iter()
                .map(|(word, count)| format!("{word} for {}", thousands(*count)))
                .collect();
            format!("confidence {}", each.join(", "))
        }
    }
}

fn doubts(group: &Group) -> String {
    let mut out = String::new();
    for (doubt, flows) in &group.doubts {
        out.push_str(if out.is_empty() { "" } else { " " });
        if *flows < group.flows {
            let meaning = doubt.meaning().trim_end_matches('.');
            // Writing to a string cannot fail.
            let _ = write!(out, "{meaning} ({} of {}).", thousands(*flows), thousands(group.flows));
        } else {
            out.push_str(doubt.meaning());
        }
    }
    out
}

/// Display filters for Wireshark, and the packets that prove it.
fn open(group: &Group, out: &mut Entry<'_>) {
    let example = &group.example;
    let packets: Vec<u64> = example.packets.iter().copied().take(PACKETS).collect();
    match example.tcp_stream.filter(|_| out.context.captures.len() <= 1) {
        Some(stream) => {
            let filter = format!("tcp.stream eq {stream}");
            let all: Vec<_> = packets.iter().map(u64::to_string).collect();
            let behind = match &all[..] {
                [] => String::new(),
                [one] => format!("packet {one}"),
                several => format!("packets {}", several.join(", ")),
            };
            out.copied("open", &filter, &behind);
        }
        None => {
            for (name, numbers) in by_capture(&packets, &out.context.captures) {
                out.copied("open", &frames(&numbers), &name);
            }
        }
    }
    if group.flows > 1 {
        out.copied("all", &filter(group.place), "");
    }
}

fn frames(numbers: &[u64]) -> String {
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    match &numbers[..] {
        [one] => format!("frame.number eq {one}"),
        several => format!("frame.number in {{{}}}", several.join(",")),
    }
}

/// Packet numbers of the recording as numbers of its captures.
fn by_capture(packets: &[u64], captures: &[(String, u64)]) -> Vec<(String, Vec<u64>)> {
    let mut out: Vec<(String, Vec<u64>)> = Vec::new();
    for packet in packets {
        let capture = captures.iter().rev().find(|(_, before)| before < packet);
        let (name, before) = capture.map_or(("", 0), |(name, before)| (name.as_str(), *before));
        let name = if captures.len() > 1 {
            format!("in {}", clean(name))
        } else {
            String::new()
        };
        match out.last_mut() {
            Some((last, numbers)) if *last == name => numbers.push(packet - before),
            _ => out.push((name, vec![packet - before])),
        }
    }
    out
}

fn filter(place: Place) -> String {
    let address = |ip: std::net::IpAddr| {
        let field = if ip.is_ipv4() { "ip.addr" } else { "ipv6.addr" };
        format!("{field} == {ip}")
    };
    match place {
        Place::Service(service) => format!("{} && tcp.port == {}", address(service.ip), service.port),
        Place::Host(ip) => format!("{} && tcp", address(ip)),
        Place::Port(port) => format!("tcp.port == {port}"),
    }
}

/// Why nobody can tell how these flows went.
pub(super) fn why_unknown(group: &Group) -> String {
    let doubt = group.doubts.iter().max_by_key(|(_, flows)| **flows);
    match (group.example.title, group.way, doubt) {
        (Some(title), ..) => title.to_owned(),
        (None, _, Some((doubt, _))) => doubt.meaning().to_owned(),
        (None, Way::Words(handshake, ..), None) => handshake.meaning().to_owned(),
        (None, Way::Cause(id, _), None) => id.to_owned(),
    }
}

/// The parts of an entry, as they come to be.
pub(super) struct Entry<'a> {
    context: &'a Context,
    parts: Vec<Part>,
}

impl<'a> Entry<'a> {
    fn new(context: &'a Context) -> Self {
        Self {
            context,
            parts: Vec::new(),
        }
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.parts.push(Part::Plain(text.to_owned()));
        }
    }

    pub(super) fn labelled(&mut self, label: &'static str, text: &str) {
        self.parts.push(Part::Labelled(label, text.to_owned()));
    }
    /// What to try on Linux and on Windows, as far as `next` does not say it.
    fn commands(&mut self, linux: &str, windows: &str, next: &str) {
        if !next.contains(linux) {
            self.copied("linux", &clean(linux), "");
        }
        if !next.contains("(Windows: ") {
            self.copied("win", &clean(windows), "");
        }
    }
    fn copied(&mut self, label: &'static str, text: &str, behind: &str) {
        self.parts.push(Part::Copied(label, text.to_owned(), behind.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::group::Groups;
    use crate::report::{FlowReport, layout, sample};
    use crate::verdict::words::Status;
    use unicode_width::UnicodeWidthStr;

    fn context(captures: &[(&str, u64)]) -> Context {
        Context {
            width: 80,
            paint: Paint::default(),
            day: "2024-02-29".to_owned(),
            captures: captures
                .iter()
                .map(|(name, before)| ((*name).to_owned(), *before))
                .collect(),
        }
    }

    fn text(flows: u64, context: &Context) -> String {
        let mut groups = Groups::default();
        for row in (1..=flows).map(sample::row) {
            let finding = sample::finding(&row, &sample::SYN_SILENT);
            groups.add(&FlowReport {
                row: &row,
                findings: &[],
                cause: Some(&finding),
                kind: None,
            });
        }
        let group = &groups.ranked(Status::Failed, &[])[0];
        let parts = parts(group, groups.contrast(group), context, Some(&mut Said::default()));
        layout::lines(&parts, context).join("\n")
    }

    #[test]
    fn an_entry_says_what_to_open_and_what_to_try() {
        let text = text(3, &context(&[("a.pcap", 0)]));
        assert!(
            text.contains("3 connections from 192.168.1.20, 12:34:57 to 12:36:02"),
            "{text}"
        );
        assert!(text.contains("None of the 3 connections to this service worked."));
        assert!(text.contains("open  tcp.stream eq 0   packets 12, 15, 19"), "{text}");
        assert!(text.contains("all   ip.addr == 10.0.0.5 && tcp.port == 8080"), "{text}");
        assert!(text.contains("next  tcptraceroute -n 10.0.0.5 8080"), "{text}");
        assert!(text.contains("(path); medium"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    }

    #[test]
    fn packets_of_several_captures_are_numbered_as_in_their_file() {
        let text = text(1, &context(&[("a.pcap", 0), ("b.pcap", 15)]));
        assert!(text.contains("open  frame.number in {12,15}   in a.pcap"), "{text}");
        assert!(text.contains("open  frame.number eq 4   in b.pcap"), "{text}");
    }
}
