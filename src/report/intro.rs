//! What was read, in a few lines; and what to say where no TCP connection was found.

use super::remarks::reason;
use super::text::{clean, count, date, link_name, span, thousands, time};
use super::{CaptureHead, Head};
use crate::base::Stamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Format, link types and size of a capture.
pub(super) fn describe(capture: &CaptureHead<'_>) -> String {
    let info = capture.info;
    let mut links: Vec<_> = info.interfaces.iter().map(|each| link_name(each.link)).collect();
    links.sort();
    links.dedup();
    let mut parts = vec![info.format.clone()];
    parts.push(links.join(" and "));
    parts.push(count(info.packets, "packet"));
    parts.retain(|part| !part.is_empty());
    clean(&parts.join(", ")).into_owned()
}

/// When it was captured.
pub(super) fn stretch(first: Stamp, last: Stamp) -> String {
    let day = date(first);
    let end = if date(last) == day {
        time(last)
    } else {
        format!("{} {}", date(last), time(last))
    };
    format!("{day} {} to {end} UTC ({})", time(first), span(last - first))
}

/// What to say where there is no flow to report.
pub(super) fn nothing(head: &Head<'_>, selected: bool) -> Vec<String> {
    let packets: u64 = head.captures.iter().map(|capture| capture.info.packets).sum();
    if packets == 0 {
        let what = if head.captures.is_empty() {
            "Nothing was read."
        } else {
            "The capture has no packets."
        };
        return vec![what.to_owned()];
    }
    if head.tcp_packets > 0 && selected {
        let tcp = count(head.tcp_packets, "TCP packet");
        return vec![format!(
            "No TCP connection matches --port and --host; there are {tcp} of others."
        )];
    }
    let mut reasons = BTreeMap::<&str, u64>::new();
    for (why, packets) in head.captures.iter().flat_map(|capture| capture.skipped) {
        *reasons.entry(why).or_default() += packets;
    }
    let skipped: u64 = reasons.values().sum();
    let mut parts: Vec<(u64, &str)> = reasons.iter().map(|(why, count)| (*count, reason(why))).collect();
    parts.push((
        packets.saturating_sub(skipped + head.tcp_packets),
        "other IP traffic (UDP, ICMP and the like)",
    ));
    parts.retain(|(count, _)| *count > 0);
    parts.sort_by_key(|(count, _)| Reverse(*count));
    let parts: Vec<_> = parts
        .iter()
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    vec![
        format!("No TCP connection in {}: {}.", count(packets, "packet"), parts.join(", ")),
        "Was it the right interface and capture filter? To try again: tcpdump -ni any -s 128 --immediate-mode -w new.pcap tcp"
            .to_owned(),
    ]
}
