//! The first column: when a line was captured.

use super::{EPOCH, Read};
use crate::base::{Span, Stamp};

/// `+x` and `-x` from `now`, anything else from the epoch.
pub(super) fn read_time(text: &str, now: Stamp) -> Read<Stamp> {
    let (from, sign, seconds) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(later), _) => (now, 1, later),
        (None, Some(earlier)) => (now, -1, earlier),
        (None, None) => (EPOCH, 1, text),
    };
    Ok(from + Span(sign * nanos(seconds)?))
}

/// Decimal seconds to nanoseconds, exactly.
fn nanos(text: &str) -> Read<i64> {
    let wrong = || format!("`{text}` is not a time in seconds");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<9}").parse().map_err(|_| wrong())
}

/// The first line is at 0; every other says how much later it is.
pub(super) fn write_time(stamp: Stamp, before: Option<Stamp>) -> String {
    let Some(before) = before else { return "0".to_string() };
    let span = stamp - before;
    let sign = if span < Span::ZERO { '-' } else { '+' };
    let nanos = span.0.unsigned_abs();
    let text = format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn times_are_exact_and_follow_the_line_before() {
        let script =
            Script::parse("5 > S 0:0(0)\n+.000000001 > S 0:0(0)\n-1 > S 0:0(0)\n@ end +30\n0.5 > S 0:0(0)").unwrap();
        let times: Vec<i64> = script.events.iter().map(|event| (event.stamp - EPOCH).0).collect();
        assert_eq!(
            times,
            [5_000_000_000, 5_000_000_001, 4_000_000_001, 34_000_000_001, 500_000_000]
        );
    }
}
