//! What is wrong with the capture itself, in sentences: the reader has to know it before the verdicts.

use super::text::{count, thousands};
use super::{CaptureHead, Head};

/// One sentence about the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// It puts verdicts in doubt; otherwise it is just good to know.
    pub grave: bool,
    /// The sentence.
    pub text: String,
}

/// All remarks, grave ones first.
#[must_use]
pub fn remarks(head: &Head<'_>) -> Vec<Remark> {
    let mut out = Vec::new();
    if head.interrupted {
        grave(
            &mut out,
            "Stopped by Ctrl-C: this is the report of what was read until then.".to_owned(),
        );
    }
    for capture in head.captures {
        let name = if head.captures.len() > 1 {
            format!("{}: ", capture.info.name)
        } else {
            String::new()
        };
        let start = out.len();
        damage(capture, &mut out);
        losses(capture, &mut out);
        for remark in out.iter_mut().skip(start) {
            remark.text.insert_str(0, &name);
        }
    }
    directions(head, &mut out);
    copies(head, &mut out);
    for limit in head.limits {
        grave(&mut out, limit.clone());
    }
    out.sort_by_key(|remark| !remark.grave);
    out
}

fn grave(out: &mut Vec<Remark>, text: String) {
    out.push(Remark { grave: true, text });
}

fn note(out: &mut Vec<Remark>, text: String) {
    out.push(Remark { grave: false, text });
}

fn damage(capture: &CaptureHead<'_>, out: &mut Vec<Remark>) {
    let health = &capture.info.health;
    if let Some(at) = health.cut {
        let at = thousands(at);
        grave(
            out,
            format!("The file ends in the middle of a packet (at byte {at}); everything before it was read."),
        );
    }
    if let Some(what) = &health.broken_compression {
        grave(
            out,
            format!("The compressed data is damaged ({what}); everything before it was read."),
        );
    }
    if health.skipped > 0 {
        let first = health.first_damage.as_ref().map_or_else(String::new, |(at, what)| {
            format!("; the first at byte {}: {what}", thousands(*at))
        });
        let records = count(health.skipped, "damaged record");
        grave(out, format!("{records} had to be skipped{first}."));
    }
    if health.steps_back > 0 {
        let packets = count(health.steps_back, "packet");
        grave(
            out,
            format!("The clock ran backwards: {packets} stamped earlier than the one before."),
        );
    }
}

fn losses(capture: &CaptureHead<'_>, out: &mut Vec<Remark>) {
    let info = capture.info;
    for each in &info.interfaces {
        if let Some(why) = &each.ended {
            grave(out, format!("{why}: what came later is not known."));
        }
        if let Some(dropped) = each.dropped.filter(|dropped| *dropped > 0) {
            let packets = count(dropped, "packet");
            let on = each
                .name
                .as_ref()
                .map_or_else(String::new, |name| format!(" on {name}"));
            grave(
                out,
                format!("The capture itself lost {packets}{on}: what looks missing may have passed."),
            );
        }
    }
    let undecoded: Vec<_> = capture.skipped.iter().filter(|(why, _)| is_failure(why)).collect();
    let total: u64 = undecoded.iter().map(|(_, packets)| packets).sum();
    if total > 0 {
        let packets = count(total, "packet");
        let reasons: Vec<_> = undecoded
            .iter()
            .map(|(why, packets)| format!("{} {}", thousands(*packets), reason(why)))
            .collect();
        let remark = Remark {
            grave: total.saturating_mul(100) > info.packets,
            text: format!("{packets} could not be decoded: {}.", reasons.join(", ")),
        };
        out.push(remark);
    }
    for (_, packets) in capture.skipped.iter().filter(|(why, _)| why == "filtered") {
        note(
            out,
            format!(
                "{} of {} left out by --filter.",
                thousands(*packets),
                count(info.packets, "packet")
            ),
        );
    }
    if info.health.truncated > 0 {
        let packets = count(info.health.truncated, "packet");
        note(
            out,
            format!("{packets} cut by the snaplen: judged by the headers that are there."),
        );
    }
}

fn directions(head: &Head<'_>, out: &mut Vec<Remark>) {
    let (one_sided, could) = head.one_sided;
    if one_sided == 0 {
        return;
    }
    let text = format!(
        "{} of {} that could show both directions show only one: check where and how it was captured.",
        thousands(one_sided),
        count(could, "connection")
    );
    // A few are asymmetric routes; a fifth or more is a capture that misses a direction.
    let grave = one_sided.saturating_mul(5) >= could;
    out.push(Remark { grave, text });
}

fn copies(head: &Head<'_>, out: &mut Vec<Remark>) {
    if head.duplicates > 0 {
        note(
            out,
            format!(
                "{} captured twice (mirror of both ports, `any` interface, or two sides of a router): copies count as one.",
                count(head.duplicates, "TCP packet")
            ),
        );
    }
}

/// The reason stands for packets that might have been TCP.
fn is_failure(why: &str) -> bool {
    !matches!(why, "not-ip" | "fragment-part" | "filtered")
}

/// What a `wire::Why` word means, behind a number of packets.
#[must_use]
pub fn reason(why: &str) -> &str {
    match why {
        "link-type" => "of a link type that is not read",
        "cut-short" => "cut before their TCP header",
        "malformed" => "malformed",
        "too-deep" => "in too many tunnels",
        "fragment-incomplete" => "fragments with parts missing",
        "fragment-part" => "parts of fragmented datagrams",
        "encrypted" => "encrypted",
        "compressed" => "compressed (IPComp)",
        "filtered" => "left out by --filter",
        "not-ip" => "not IP (ARP, LLDP and the like)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn texts(head: &Head<'_>) -> Vec<(bool, String)> {
        remarks(head)
            .into_iter()
            .map(|remark| (remark.grave, remark.text))
            .collect()
    }

    #[test]
    fn a_sound_capture_has_no_remark() {
        let info = sample::info("a.pcap");
        let captures = [CaptureHead {
            info: &info,
            packets_before: 0,
            skipped: &[("not-ip".to_owned(), 9)],
        }];
        assert_eq!(texts(&sample::head(&captures)), []);
    }

    #[test]
    fn grave_ones_come_first_and_name_their_capture() {
        let sound = sample::info("a.pcap");
        let mut hurt = sample::info("b.pcap");
        hurt.health.truncated = 5;
        hurt.health.cut = Some(1_234_567);
        hurt.interfaces[0].dropped = Some(12);
        let captures = [&sound, &hurt].map(|info| CaptureHead {
            info,
            packets_before: 0,
            skipped: &[],
        });
        let texts = texts(&sample::head(&captures));
        assert!(texts[0].1.starts_with("b.pcap: The file ends"), "{texts:?}");
        assert!(texts[0].1.contains("1,234,567"));
        assert!(texts[1].1.contains("lost 12 packets on eth0"));
        assert_eq!(
            texts.iter().map(|(grave, _)| *grave).collect::<Vec<_>>(),
            [true, true, false]
        );
    }

    #[test]
    fn undecodable_packets_are_counted_by_reason() {
        let info = sample::info("a.pcap");
        let skipped = [
            ("cut-short".to_owned(), 7),
            ("not-ip".to_owned(), 3),
            ("malformed".to_owned(), 1),
        ];
        let captures = [CaptureHead {
            info: &info,
            packets_before: 0,
            skipped: &skipped,
        }];
        let text = "8 packets could not be decoded: 7 cut before their TCP header, 1 malformed.";
        assert_eq!(texts(&sample::head(&captures)), [(false, text.to_owned())]);
    }
}
