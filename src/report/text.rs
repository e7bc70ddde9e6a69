//! Plain text for people: wrapping, counting, times, and making hostile text harmless.

pub use crate::base::digits::{count, thousands};
use crate::base::{Endpoint, Span, Stamp};
use crate::capture::LinkType;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use unicode_width::UnicodeWidthStr;

/// `text` without anything that a terminal would obey or that would change the order of what is read.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for each in text.chars() {
        if is_harmful(each) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(each));
        } else {
            out.push(each);
        }
    }
    Cow::Owned(out)
}

/// Control characters, line separators, and marks that reverse or hide text.
fn is_harmful(each: char) -> bool {
    each.is_control()
        || matches!(each, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Breaks `text` at spaces into lines of at most `width` columns; a longer word stays whole, so that it can be copied.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// A stretch of time with the precision that a person wants.
#[must_use]
pub fn span(span: Span) -> String {
    let seconds = span.as_secs().abs();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else if seconds < 6000.0 {
        format!("{} min {} s", seconds as u64 / 60, seconds as u64 % 60)
    } else if seconds < 172_800.0 {
        format!("{} h {} min", seconds as u64 / 3600, seconds as u64 / 60 % 60)
    } else {
        format!("{} days {} h", seconds as u64 / 86_400, seconds as u64 / 3600 % 24)
    }
}

/// `2024-02-29` in UTC.
#[must_use]
pub fn date(stamp: Stamp) -> String {
    part(stamp, 0..10)
}

/// `12:34:56` in UTC.
#[must_use]
pub fn time(stamp: Stamp) -> String {
    part(stamp, 11..19)
}

fn part(stamp: Stamp, range: std::ops::Range<usize>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = stamp.write_rfc3339(&mut text, 0);
    text.get(range).unwrap_or_default().to_owned()
}

/// `12:34:56 to 12:35:40`, with dates only where they differ from `day`.
#[must_use]
pub fn range(first: Stamp, last: Stamp, day: &str) -> String {
    let show = |stamp: Stamp, day: &str| {
        let date = date(stamp);
        if date == day {
            time(stamp)
        } else {
            format!("{date} {}", time(stamp))
        }
    };
    let start = show(first, day);
    if last.0.div_euclid(1_000_000_000) <= first.0.div_euclid(1_000_000_000) {
        return start;
    }
    format!("{start} to {}", show(last, &date(first)))
}

/// A finding's next step with the flow's own addresses in it.
#[must_use]
pub fn fill(template: &str, client: Endpoint, server: Endpoint) -> String {
    template
        .replace("{server}", &server.ip.to_string())
        .replace("{port}", &server.port.to_string())
        .replace("{client}", &client.ip.to_string())
        .replace("{client_port}", &client.port.to_string())
}

/// A command to copy, with the flow's own addresses and its interface in it. The interface's name comes from the capture:
/// one that a shell would not take as a plain word is left out.
#[must_use]
pub fn command(template: &str, client: Endpoint, server: Endpoint, interface: Option<&str>) -> String {
    let is_plain = |name: &&str| {
        let plain = |each: char| each.is_ascii_alphanumeric() || "._:@-\\{}".contains(each);
        name.starts_with(|first: char| first != '-') && name.chars().all(plain)
    };
    fill(template, client, server).replace("{interface}", interface.filter(is_plain).unwrap_or("any"))
}

/// What the operating system said, without its number.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text.replace('\n', " "),
    }
}

/// What people call a link type.
#[must_use]
pub fn link_name(link: LinkType) -> Cow<'static, str> {
    Cow::Borrowed(match link.0 {
        0 => "BSD loopback",
        1 => "Ethernet",
        9 => "PPP",
        12 | 14 | 101 => "raw IP",
        50 => "PPP in HDLC framing",
        51 => "PPPoE",
        104 => "Cisco HDLC",
        105 => "802.11",
        108 => "OpenBSD loopback",
        113 => "Linux cooked v1",
        119 => "802.11 with Prism header",
        127 => "802.11 with radiotap",
        147..=162 => "user-defined link type",
        163 => "802.11 with AVS header",
        166 => "PPP with direction",
        189 | 220 => "USB",
        228 => "raw IPv4",
        229 => "raw IPv6",
        276 => "Linux cooked v2",
        other => return Cow::Owned(format!("link type {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{NOON, end};

    #[test]
    fn a_terminal_obeys_nothing_of_a_hostile_name() {
        assert_eq!(clean("www.example.com"), "www.example.com");
        assert_eq!(clean("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\u{d}\\u{a}");
        assert_eq!(clean("\u{202e}moc.elgoog"), "\\u{202e}moc.elgoog");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn lines_fit_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("frame.number.in.{1,2,3} x", 7), ["frame.number.in.{1,2,3}", "x"]);
        assert_eq!(wrap("", 7), [""]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "packet"), "1 packet");
    }

    #[test]
    fn times_show_a_date_only_where_it_is_another() {
        let later = NOON + Span::from_secs(44);
        assert_eq!(range(NOON, later, "2024-02-29"), "12:34:56 to 12:35:40");
        assert_eq!(range(NOON, NOON, "2024-02-29"), "12:34:56");
        let next_day = NOON + Span::from_secs(86_400);
        assert_eq!(range(NOON, next_day, "2024-02-29"), "12:34:56 to 2024-03-01 12:34:56");
        assert_eq!(range(NOON, later, ""), "2024-02-29 12:34:56 to 12:35:40");
    }

    #[test]
    fn the_next_step_has_the_flows_addresses() {
        let text = fill(
            "nc {server} {port} from {client} {client_port}",
            end("10.0.0.1", 40_000),
            end("::1", 80),
        );
        assert_eq!(text, "nc ::1 80 from 10.0.0.1 40000");
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(Span::from_millis(3)), "3 ms");
        assert_eq!(span(Span::from_millis(63_040)), "63.0 s");
        assert_eq!(span(Span::from_secs(133)), "2 min 13 s");
        assert_eq!(span(Span::from_secs(7_260)), "2 h 1 min");
    }
}
