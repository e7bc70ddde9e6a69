//! How findings say times, counts and places.

use crate::base::Span;
use crate::base::digits::push_number;
use crate::case::{Case, Vantage};
use crate::flow::facts::{Reset, ResetStage};
use crate::wire::PayloadKind;
use std::ops::RangeInclusive;

/// `3.1 s`, `40 ms`, `250 µs`.
pub fn time(span: Span) -> String {
    let mut line = Vec::with_capacity(16);
    push_time(span, &mut line);
    String::from_utf8(line).unwrap_or_default()
}

const SECOND: u64 = 1_000_000_000;

/// The units in which times are said, the widest first: the least time that each is for, its nanoseconds, and its word.
/// Those of tenths are said with a decimal.
static UNITS: [(u64, u64, &str); 5] = [
    (10_800 * SECOND, 360 * SECOND, " hours"),
    (100 * SECOND, SECOND, " s"),
    (SECOND, SECOND / 10, " s"),
    (SECOND / 1000, SECOND / 1000, " ms"),
    (0, SECOND / 1_000_000, " µs"),
];
/// From here on, times are said in days.
const DAYS: u64 = 172_800 * SECOND;

/// [`time`], appended: whole numbers are ten times as fast as fractions.
pub fn push_time(span: Span, line: &mut Vec<u8>) {
    let nanos = span.0.unsigned_abs();
    let unit = UNITS.iter().find(|(least, ..)| nanos >= *least && nanos < DAYS);
    // Which way a half goes is up to the fraction nearest to it.
    let Some((_, unit, word)) = unit.filter(|(_, unit, _)| nanos % unit * 2 != *unit) else {
        return push_fraction(span, line);
    };
    let mut units = (nanos + unit / 2) / unit;
    if matches!(*unit, 100_000_000 | 360_000_000_000) {
        push_number(units / 10, line);
        line.push(b'.');
        units %= 10;
    }
    push_number(units, line);
    line.extend_from_slice(word.as_bytes());
}

/// Times that [`time`] says as it says `span`: from the first to the last of them, or of some of them.
pub fn said_alike(span: Span) -> RangeInclusive<Span> {
    let at = UNITS.iter().position(|(least, ..)| span.0.unsigned_abs() >= *least);
    let Some((place, nanos)) = at.zip(u64::try_from(span.0).ok().filter(|nanos| *nanos < DAYS)) else {
        return span..=span;
    };
    let (least, unit, _) = UNITS[place];
    if nanos % unit * 2 == unit {
        return span..=span;
    }
    // Halves belong to neither neighbour.
    let (middle, reach) = ((nanos + unit / 2) / unit * unit, unit / 2 - 1);
    let behind = place.checked_sub(1).map_or(DAYS, |wider| UNITS[wider].0);
    let (first, last) = (
        middle.saturating_sub(reach).max(least),
        (middle + reach).min(behind - 1),
    );
    Span(first as i64)..=Span(last as i64)
}

fn push_fraction(span: Span, line: &mut Vec<u8>) {
    let seconds = span.as_secs().abs();
    let text = match seconds {
        _ if seconds >= 172_800.0 => format!("{:.0} days", seconds / 86_400.0),
        _ if seconds >= 10_800.0 => format!("{:.1} hours", seconds / 3600.0),
        _ if seconds >= 100.0 => format!("{seconds:.0} s"),
        _ if seconds >= 1.0 => format!("{seconds:.1} s"),
        _ if seconds >= 0.001 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{:.0} µs", seconds * 1e6),
    };
    line.extend_from_slice(text.as_bytes());
}

/// `once`, `twice`, `3 times`.
pub fn times(count: u32) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{count} times"),
    }
}

/// `1 byte`, `20 bytes`.
pub fn bytes(count: u64) -> String {
    if count == 1 {
        "1 byte".into()
    } else {
        format!("{count} bytes")
    }
}

/// `1 packet`, `20 packets`.
pub fn packets(count: u32) -> String {
    if count == 1 {
        "1 packet".into()
    } else {
        format!("{count} packets")
    }
}

/// Where between this capture and the far end something must have happened.
pub fn beyond(case: &Case<'_>) -> &'static str {
    match case.vantage() {
        Vantage::NearServer => "at the server or right before it",
        Vantage::NearClient | Vantage::Between | Vantage::Unknown => {
            "between this capture and the server, or on the server"
        }
    }
}

/// Who may have sent a RST that bears no sign of forgery.
pub fn likely_sender(reset: &Reset) -> &'static str {
    if is_application_abort(reset) {
        "an application that still had the socket (its sequence, ACK and options continue the connection's)"
    } else if !reset.has_ack && reset.seq_is_triggers_ack {
        "a host that no longer knew the connection, or a device on the path that speaks for it"
    } else {
        "that host, or a device on the path that speaks for it"
    }
}

/// The fingerprint of a live socket (SEMANTICS 5.3 a): ACK, the connection's own timestamps or IP ID.
pub fn is_application_abort(reset: &Reset) -> bool {
    reset.has_ack && (reset.has_timestamps || reset.ip_id_continues) && reset.ttl_distance == 0
}

/// That `ip` may be more than one host, where its TTLs say so.
pub fn stranger(case: &Case<'_>, ip: std::net::IpAddr) -> String {
    case.strange_ttls(ip).map_or_else(String::new, |(own, other)| {
        format!(
            " Its packets came with TTL {own} here, others of this address with {other}: several hosts share the address, or something else speaks for it."
        )
    })
}

/// The stage in words.
pub fn when(stage: ResetStage) -> &'static str {
    match stage {
        ResetStage::Syn => "before any SYN-ACK",
        ResetStage::Handshake => "after the SYN-ACK, before the handshake completed",
        ResetStage::BeforeData => "after the handshake, before any data",
        ResetStage::AfterRequest => "after the request, before any answer",
        ResetStage::MidTransfer => "in the middle of the exchange",
        ResetStage::AfterOwnFin => "after its own FIN",
        ResetStage::AfterPeerFin => "after the other side's FIN",
        ResetStage::AfterBothFins => "after both FINs",
    }
}

/// What the client had asked for, where its first bytes say it: `a TLS ClientHello for example.com`, `GET /x (example.com)`.
pub fn asked(case: &Case<'_>) -> Option<String> {
    let facts = case.facts;
    let name = facts.name.as_deref();
    let talk = facts.talk.as_deref();
    if facts.client().kinds.has(PayloadKind::TlsClientHello) {
        let of = name.map_or_else(|| "without a server name".into(), |name| format!("for {name}"));
        return Some(format!("a TLS ClientHello {of}"));
    }
    let request = talk.and_then(|talk| talk.request.as_ref())?;
    let host = name.map_or_else(String::new, |name| format!(" ({name})"));
    Some(format!("{} {}{host}", request.method, request.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_a_unit_that_fits() {
        assert_eq!(time(Span::from_millis(133_700)), "134 s");
        assert_eq!(time(Span::from_millis(3_100)), "3.1 s");
        assert_eq!(time(Span::from_millis(40)), "40 ms");
        assert_eq!(time(Span::from_micros(250)), "250 µs");
        assert_eq!(time(Span::from_secs(35_990)), "10.0 hours");
        assert_eq!(time(Span::from_secs(16_149_288)), "187 days");
    }

    #[test]
    fn whole_numbers_say_what_fractions_say() {
        let edges = [
            1,
            999,
            1_000_000_000,
            99_950_000_000,
            100_000_000_000,
            10_800_000_000_000,
            172_800_000_000_000,
        ];
        let steps = (0..40_u32).flat_map(|power| {
            let step = 3_i64.saturating_pow(power);
            [step, step.saturating_mul(5), step.saturating_mul(50)]
        });
        let halves = (0..4000).flat_map(|each| [each * 500, each * 500_000, each * 50_000_000, each * 180_000_000_000]);
        let spans = edges.into_iter().chain(steps).chain(halves);
        for nanos in spans.flat_map(|nanos| [nanos - 1, nanos, nanos.saturating_add(1), -nanos]) {
            let mut expected = Vec::new();
            push_fraction(Span(nanos), &mut expected);
            assert_eq!(time(Span(nanos)).as_bytes(), expected, "{nanos}");
            let alike = said_alike(Span(nanos));
            assert!(alike.contains(&Span(nanos)), "{nanos}");
            for other in [alike.start(), alike.end()] {
                assert_eq!(time(*other).as_bytes(), expected, "{nanos}: {other:?}");
            }
        }
    }
}
