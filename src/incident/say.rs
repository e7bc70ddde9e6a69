//! Words for incidents: counts, times, lists.

pub(super) use crate::base::digits::{count, thousands};
use crate::base::{Span, Stamp};
use std::fmt::Display;

/// `14:03:10` in UTC.
pub(super) fn time(stamp: Stamp) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = stamp.write_rfc3339(&mut text, 0);
    text.get(11..19).unwrap_or_default().to_owned()
}

/// `at 14:03:10` or `from 14:03:10 to 14:05:00`.
pub(super) fn when(first: Stamp, last: Stamp) -> String {
    let (from, to) = (time(first), time(last));
    if from == to {
        format!("at {from}")
    } else {
        format!("from {from} to {to}")
    }
}

/// `0.3 s`, `60 s`, `5 min`.
pub(super) fn span(span: Span) -> String {
    let seconds = span.as_secs();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 600.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// `a, b and 3 more`.
pub(super) fn list<T: Display>(all: &[T], shown: usize) -> String {
    list_of(all.iter().take(shown), all.len())
}

/// The same of `all` things, of which those are given that are shown.
pub(super) fn list_of<T: Display>(shown: impl Iterator<Item = T>, all: usize) -> String {
    let first: Vec<String> = shown.map(|each| each.to_string()).collect();
    match all.saturating_sub(first.len()) {
        0 => match &first[..] {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} and {last}", most.join(", ")),
        },
        more => format!("{} and {} more", first.join(", "), thousands(more as u64)),
    }
}
