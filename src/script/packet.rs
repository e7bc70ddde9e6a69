//! A packet line to a segment or an ICMP error.

use super::options::{number, offset};
use super::parse::Reader;
use super::words::{Stated, Words};
use super::{HABITS, Read, WINDOW, What, checksum};
use crate::base::Seq;
use crate::wire::{Flags, Options, PayloadKind, Segment};

/// Letters of the control bits. `N` is bit 8: AE, once NS.
pub(super) const FLAG_LETTERS: &[(char, u16)] = &[
    ('S', Flags::SYN),
    ('F', Flags::FIN),
    ('R', Flags::RST),
    ('P', Flags::PSH),
    ('U', Flags::URG),
    ('E', Flags::ECE),
    ('C', Flags::CWR),
    ('N', 0x100),
    ('.', Flags::ACK),
];

/// Reads a segment: flags, `start:end(length)`, and what is stated after it.
pub(super) fn read_segment(reader: &mut Reader, side: usize, words: &mut Words<'_>) -> Read<Segment> {
    let flags = read_flags(words.next().ok_or("flags are missing")?)?;
    let (start, length) = read_range(words.next().ok_or("start:end(length) is missing")?)?;
    let stated = Stated::read(words, reader.sides[1 - side].isn)?;
    let seq = reader.sides[side].isn.plus(start);
    if stated.ack.is_some() != flags.is_ack() {
        return Err("`ack` and the flag `.` go together (a field without the flag is `rawack`)".to_string());
    }
    if length == 0 && stated.kind.is_some() {
        return Err("a payload needs a length".to_string());
    }
    if stated.isn && reader.sides[side].last.is_some() {
        return Err("`isn` belongs on the first packet of a side".to_string());
    }
    let ack = stated.ack.unwrap_or(Seq(stated.raw_ack.unwrap_or(0)));
    let blank = Segment {
        packet: reader.packets,
        stamp: reader.now(),
        key: reader.key,
        dir: if side == 0 { reader.client } else { reader.client.flip() },
        flags,
        seq,
        ack,
        window: WINDOW,
        checksum: 0,
        length,
        options: Options::default(),
        ttl: HABITS[side].ttl,
        ip_id: None,
        interface: 0,
        path: 0,
        header_cut: stated.header_cut,
        bad_offset: false,
        short_offset: false,
        as_fcs: 0,
        kind: if length > 0 {
            PayloadKind::Other
        } else {
            PayloadKind::None
        },
        name: None,
    };
    let segment = if stated.copy {
        copy_of(reader, &blank, &stated)?
    } else {
        filled(reader, side, blank, stated)?
    };
    reader.sides[side].last = Some(segment.clone());
    Ok(segment)
}

/// The defaults of `segment`, overridden by what is stated.
fn filled(reader: &mut Reader, side: usize, mut segment: Segment, stated: Stated) -> Read<Segment> {
    let v6 = reader.script.client.ip.is_ipv6();
    if v6 && stated.id.is_some() {
        return Err("IPv6 has no `id`".to_string());
    }
    let sender = &mut reader.sides[side];
    // A stated id starts the counter on a side's first packet; later it is that packet's alone. 0 is "does not count".
    if let (None, Some(1..)) = (&sender.last, stated.id) {
        sender.next_id = stated.id.unwrap_or_default();
    }
    let counted = sender.next_id;
    if stated.id.is_none_or(|id| id == counted) {
        sender.next_id = counted.wrapping_add(1);
    }
    segment.window = stated.window.unwrap_or(segment.window);
    segment.options = stated.options.unwrap_or_default();
    segment.ttl = stated.ttl.unwrap_or(segment.ttl);
    segment.ip_id = (!v6).then(|| stated.id.unwrap_or(counted));
    segment.interface = stated.interface.unwrap_or(0);
    segment.path = stated.path.unwrap_or(0);
    segment.kind = stated.kind.unwrap_or(segment.kind);
    segment.name = stated.name;
    segment.checksum = stated.sum.unwrap_or_else(|| checksum(&segment));
    Ok(segment)
}

/// The packet that `blank` repeats, captured again now. Only what capturing changes may be stated anew.
fn copy_of(reader: &Reader, blank: &Segment, stated: &Stated) -> Read<Segment> {
    let numbers = |segment: &Segment| (segment.dir, segment.flags, segment.seq, segment.ack, segment.length);
    let original = reader.script.events.iter().rev().find_map(|event| match &event.what {
        What::Segment(earlier) if numbers(earlier) == numbers(blank) => Some(earlier.clone()),
        _ => None,
    });
    let original = original.ok_or("a copy of which packet?")?;
    let agrees = stated.window.is_none_or(|window| window == original.window)
        && stated.options.is_none_or(|options| options == original.options)
        && stated.id.is_none_or(|id| Some(id) == original.ip_id);
    if !agrees {
        return Err("a copy is the same packet: only ttl, iface and path may differ".to_string());
    }
    Ok(Segment {
        packet: blank.packet,
        stamp: blank.stamp,
        ttl: stated.ttl.unwrap_or(original.ttl),
        interface: stated.interface.unwrap_or(original.interface),
        path: stated.path.unwrap_or(original.path),
        ..original
    })
}

fn read_flags(text: &str) -> Read<Flags> {
    if text == "-" {
        return Ok(Flags(0));
    }
    text.chars().try_fold(Flags(0), |flags, letter| {
        match FLAG_LETTERS.iter().find(|(known, _)| *known == letter) {
            Some((_, bit)) => Ok(Flags(flags.0 | bit)),
            None => Err(format!("unknown flag `{letter}`")),
        }
    })
}

/// `start:end(length)` to start and length.
fn read_range(text: &str) -> Read<(u32, u32)> {
    let parts = text.strip_suffix(')').and_then(|text| text.split_once(':'));
    let parts = parts.and_then(|(start, rest)| rest.split_once('(').map(|(end, length)| (start, end, length)));
    let (start, end, length) = parts.ok_or_else(|| format!("`{text}` is not start:end(length)"))?;
    let (start, end, length) = (offset(start)?, offset(end)?, number(length)?);
    if end.wrapping_sub(start) == length {
        Ok((start, length))
    } else {
        Err(format!("from {start} to {end} is not {length} bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{EPOCH, Script};

    fn segments(text: &str) -> Vec<Segment> {
        Script::parse(text)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
            .segments()
            .cloned()
            .collect()
    }

    #[test]
    fn numbers_count_from_the_isn_of_the_owner_of_the_bytes() {
        let heard =
            segments("0 > S 0:0(0) isn 4294967295\n+.03 < S. 0:0(0) ack 1\n+0 > P. 1:101(100) ack 1 <sack 5:9>");
        assert_eq!((heard[0].seq, heard[0].ack), (Seq(u32::MAX), Seq(0)));
        assert_eq!((heard[1].seq, heard[1].ack), (Seq(5000), Seq(0)));
        assert_eq!((heard[2].seq, heard[2].ack, heard[2].length), (Seq(0), Seq(5001), 100));
        assert_eq!(heard[2].options.sack, Some((Seq(5005), Seq(5009))));
        assert_eq!(heard[2].end(), Seq(100));
        assert_eq!(
            (heard[2].packet, heard[2].stamp),
            (3, EPOCH + crate::base::Span::from_millis(30))
        );
    }

    #[test]
    fn an_ack_may_stand_before_the_isn_it_counts_from() {
        let heard = segments("0 > P. 1:2(1) ack 1\n+0 < . 1:1(0) ack 2 isn 9");
        assert_eq!(heard[0].ack, Seq(10));
    }

    #[test]
    fn sides_keep_their_habits() {
        let heard = segments(
            "0 > S 0:0(0) id 7\n+0 < S. 0:0(0) ack 1 id 0\n+0 > . 1:1(0) ack 1 id 900\n+0 > . 1:1(0) ack 1\n+0 < . 1:1(0) ack 1 ttl 9",
        );
        let ids: Vec<_> = heard.iter().map(|segment| segment.ip_id.unwrap()).collect();
        assert_eq!(ids, [7, 0, 900, 8, 20_000]);
        let ttls: Vec<_> = heard.iter().map(|segment| segment.ttl).collect();
        assert_eq!(ttls, [64, 60, 64, 64, 9]);
        assert_ne!(heard[0].dir, heard[1].dir);
    }

    #[test]
    fn the_same_packet_has_the_same_checksum_and_no_other_has() {
        let heard =
            segments("0 > S 0:0(0) <mss 9>\n+1 > S 0:0(0) <mss 9>\n+1 > S 0:0(0) <mss 8>\n+1 > S 0:0(0) <mss 8> sum 4");
        assert_eq!(heard[0].checksum, heard[1].checksum);
        assert_ne!(heard[1].checksum, heard[2].checksum);
        assert_eq!(heard[3].checksum, 4);
    }

    #[test]
    fn a_copy_is_the_packet_itself_seen_again() {
        let heard = segments("0 > S 0:0(0) <mss 9> win 5\n+.1 > S 0:0(0) copy ttl 63 iface 1\n+1 > S 0:0(0)");
        let again = Segment {
            packet: 2,
            stamp: heard[1].stamp,
            ttl: 63,
            interface: 1,
            ..heard[0].clone()
        };
        assert_eq!(heard[1], again);
        assert_eq!(heard[2].ip_id, Some(1001));
    }
}
