//! pcapng by hand, as it should be and as it should not.

use super::*;
use crate::capture::testing::{Writer, read_all, read_in_pieces};

const LITTLE: Writer = Writer { big: false };
const BIG: Writer = Writer { big: true };

fn head(writer: Writer) -> Vec<u8> {
    [writer.section(), writer.interface(1, 0, &[])].concat()
}

#[test]
fn sections_bring_their_own_order_and_interfaces() {
    let bytes = [
        LITTLE.section(),
        LITTLE.interface(1, 96, &[(2, b"eth0"), (9, &[9]), (13, &[32])]),
        LITTLE.packet(0, 1_700_000_000_000_000_001, b"first"),
        BIG.section(),
        BIG.interface(113, 0, &[(2, b"\xff\xfe"), (9, &[0x8a])]),
        BIG.interface(101, 0, &[(14, &7_i64.to_be_bytes())]),
        BIG.packet(1, 2_000_000, b"second"),
        BIG.packet(0, 2048, b"third"),
    ]
    .concat();
    let seen = read_all(&bytes).unwrap();
    let brief: Vec<_> = seen
        .packets
        .iter()
        .map(|p| (p.number, p.stamp.0, p.interface, p.link, &p.bytes[..]))
        .collect();
    assert_eq!(
        brief,
        [
            (1, 1_700_000_000_000_000_001, 0, 1, &b"first"[..]),
            (2, 9_000_000_000, 2, 101, b"second"),
            (3, 2_000_000_000, 1, 113, b"third"),
        ]
    );
    assert_eq!(seen.info.interfaces.len(), 3);
    let [first, second, third] = [0, 1, 2].map(|at| &seen.info.interfaces[at]);
    assert_eq!(
        (
            first.name.as_deref(),
            first.snaplen,
            first.fcs_bytes,
            first.stamp_digits
        ),
        (Some("eth0"), 96, 4, 9)
    );
    assert_eq!(
        (second.name.as_deref(), second.stamp_digits),
        (Some("\u{fffd}\u{fffd}"), 4)
    );
    assert_eq!((third.packets, third.last), (1, Some(Stamp(9_000_000_000))));
    assert_eq!(seen.info.format, "pcapng");
    assert_eq!(seen.info.health, crate::capture::Health::default());
}

#[test]
fn simple_and_obsolete_packets_are_packets() {
    for writer in [LITTLE, BIG] {
        let words = |list: &[u32]| list.iter().flat_map(|&word| writer.u32(word)).collect::<Vec<_>>();
        let old = |drops| {
            [
                &writer.u16(0)[..],
                &writer.u16(drops),
                &words(&[0, 7_000_000, 4, 80]),
                b"abcd",
            ]
            .concat()
        };
        let bytes = [
            writer.section(),
            writer.interface(1, 6, &[]),
            writer.block(3, &[&words(&[100])[..], b"unseen"].concat()),
            writer.block(2, &old(3)),
            writer.block(3, &[&words(&[100])[..], b"sixxxx"].concat()),
            writer.block(2, &old(0xffff)),
            writer.block(3, &[&words(&[2])[..], b"ab"].concat()),
        ]
        .concat();
        let seen = read_all(&bytes).unwrap();
        let brief: Vec<_> = seen
            .packets
            .iter()
            .map(|p| (p.stamp.0, p.original, &p.bytes[..]))
            .collect();
        assert_eq!(
            brief,
            [
                (0, 100, &b"unseen"[..]),
                (7_000_000_000, 80, b"abcd"),
                (7_000_000_000, 100, b"sixxxx"),
                (7_000_000_000, 80, b"abcd"),
                (7_000_000_000, 2, b"ab"),
            ]
        );
        assert_eq!(seen.info.interfaces[0].dropped, Some(3));
        assert_eq!(seen.info.span, Some((Stamp(7_000_000_000), Stamp(7_000_000_000))));
    }
}

#[test]
fn blocks_that_wireshark_numbers_take_a_number() {
    let mut bytes = head(LITTLE);
    for kind in [9, 0xbad, 0x4000_0bad, 0x204, 4, 5, 10, 0x8000_0001, 77] {
        bytes.extend(LITTLE.block(kind, &[0; 32]));
        bytes.extend(LITTLE.packet(0, 1, b"x"));
    }
    assert_eq!(read_all(&bytes).unwrap().numbers(), [2, 4, 6, 8, 9, 10, 11, 12, 13]);
}

#[test]
fn the_last_statistics_tell_the_drops() {
    let statistics = |drops: u64| {
        let options = LITTLE.options(&[(5, &drops.to_le_bytes()), (7, &1_u64.to_le_bytes())]);
        LITTLE.block(5, &[&[0; 12][..], &options].concat())
    };
    let bytes = [head(LITTLE), statistics(10), statistics(20), LITTLE.block(5, &[0; 12])].concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!(seen.info.interfaces[0].dropped, Some(21));
}

#[test]
fn names_are_kept_up_to_the_limit() {
    let name = LITTLE.options(&[(1, b"\x0a\0\0\x01host\0")]);
    let block = LITTLE.block(4, &name.repeat(1000));
    let seen = read_all(&[head(LITTLE), block.repeat(70)].concat()).unwrap();
    assert_eq!(seen.info.names.len(), MAX_NAMES);
    assert_eq!(seen.info.names[0], ("10.0.0.1".parse().unwrap(), "host".to_owned()));
}

#[test]
fn a_packet_of_no_interface_costs_that_packet_only() {
    let bytes = [
        head(LITTLE),
        LITTLE.packet(0, 1, b"a"),
        LITTLE.packet(5, 2, b"b"),
        LITTLE.packet(0, 3, b"c"),
    ]
    .concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!(seen.numbers(), [1, 3]);
    assert_eq!(seen.info.health.skipped, 1);
    assert!(seen.info.health.first_damage.unwrap().1.contains("interface 5"));
}

#[test]
fn a_packet_longer_than_its_block_costs_that_packet_only() {
    let mut lying = LITTLE.packet(0, 2, b"bbbb");
    lying[20..24].copy_from_slice(&5_u32.to_le_bytes());
    let short = LITTLE.block(6, &[0; 8]);
    let bytes = [head(LITTLE), lying, short, LITTLE.packet(0, 3, b"c")].concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!((seen.numbers(), seen.info.health.skipped), (vec![3], 2));
}

#[test]
fn captured_may_exceed_original() {
    let mut odd = LITTLE.packet(0, 2, b"bbbb");
    odd[24..28].copy_from_slice(&1_u32.to_le_bytes());
    let seen = read_all(&[head(LITTLE), odd].concat()).unwrap();
    assert_eq!((seen.packets[0].original, seen.info.health.truncated), (4, 0));
}

#[test]
fn cut_anywhere_gives_the_whole_blocks_before() {
    for writer in [LITTLE, BIG] {
        let packets: Vec<_> = (1..5).map(|at| writer.packet(0, at, &[at as u8; 21])).collect();
        let whole = [head(writer), packets.concat()].concat();
        let (start, step) = (head(writer).len(), packets[0].len());
        for len in 0..=whole.len() {
            let outcome = read_all(&whole[..len]);
            if len < 12 {
                assert!(matches!(outcome, Err(CaptureError::NotACapture(_))), "{len}");
                continue;
            }
            let seen = outcome.unwrap();
            let count = len.saturating_sub(start) / step;
            assert_eq!(seen.packets.len(), count, "{len}");
            let clean = len == 28 || (len >= start && (len - start) % step == 0);
            assert_eq!(seen.info.health.cut.is_none(), clean, "{len}");
            if len > start && !clean {
                assert_eq!(seen.info.health.cut, Some((start + count * step) as u64));
            }
        }
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let mut bytes = head(BIG);
    (0..40).for_each(|at| bytes.extend(BIG.packet(0, at, &vec![at as u8; at as usize * 3])));
    let expected = read_all(&bytes).unwrap();
    assert_eq!(expected.packets.len(), 40);
    for piece in [1, 5, 64] {
        assert_eq!(read_in_pieces(&bytes, piece).unwrap().packets, expected.packets);
    }
}

#[test]
fn lengths_that_lie_cost_their_block_only() {
    let good = |at| LITTLE.packet(0, at, &[at as u8; 30]);
    let at = (head(LITTLE).len() + good(1).len()) as u64;
    for (place, length) in [
        (4, 3_u32),
        (4, 0),
        (4, 0xffff_fffc),
        (4, 0x0100_0000),
        (4, 70),
        (4, 2000),
        (60, 1),
        (60, 0xffff_ffff),
    ] {
        let mut lying = good(2);
        lying[place..place + 4].copy_from_slice(&length.to_le_bytes());
        let bytes = [head(LITTLE), good(1), lying, good(3), good(4)].concat();
        for piece in [1 << 20, 1] {
            let seen = read_in_pieces(&bytes, piece).unwrap();
            let stamps: Vec<_> = seen.packets.iter().map(|packet| packet.stamp.0).collect();
            assert_eq!(stamps, [1000, 3000, 4000], "{place} {length}");
            assert_eq!(seen.info.health.skipped, 1);
            assert_eq!(seen.info.health.first_damage.unwrap().0, at);
        }
    }
}

#[test]
fn the_search_believes_only_blocks_whose_lengths_agree() {
    let good = |at| LITTLE.packet(0, at, b"good");
    let mut lure = [
        &6_u32.to_le_bytes()[..],
        &40_u32.to_le_bytes(),
        &[0; 28],
        &44_u32.to_le_bytes(),
    ]
    .concat();
    lure.splice(0..0, [0xff; 16]);
    let bytes = [head(LITTLE), good(1), lure, good(2)].concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!((seen.numbers(), seen.info.health.skipped), (vec![1, 2], 1));
}

#[test]
fn a_length_without_its_padding_is_rounded_up() {
    let mut odd = LITTLE.packet(0, 2, &[7; 30]);
    let end = odd.len() - 4;
    let stated = (odd.len() as u32 - 2).to_le_bytes();
    odd[4..8].copy_from_slice(&stated);
    odd[end..].copy_from_slice(&stated);
    let seen = read_all(&[head(LITTLE), odd, LITTLE.packet(0, 3, b"c")].concat()).unwrap();
    assert_eq!((seen.numbers(), seen.info.health.skipped), (vec![1, 2], 0));
    assert_eq!(seen.packets[0].bytes, [7; 30]);
}

#[test]
fn blocks_too_long_to_keep_are_passed_over() {
    let long = LITTLE.block(0x8000_0077, &vec![6; MAX_BLOCK + 100]);
    let bytes = [head(LITTLE), LITTLE.packet(0, 1, b"a"), long, LITTLE.packet(0, 2, b"b")].concat();
    for seen in [read_all(&bytes).unwrap(), read_in_pieces(&bytes, 65_536).unwrap()] {
        assert_eq!((seen.numbers(), seen.info.health.skipped), (vec![1, 2], 0));
    }
    let seen = read_in_pieces(&bytes[..bytes.len() - 100], 65_536).unwrap();
    let at = head(LITTLE).len() + LITTLE.packet(0, 1, b"a").len();
    assert_eq!((seen.numbers(), seen.info.health.cut), (vec![1], Some(at as u64)));
}

#[test]
fn a_longer_block_than_the_file_is_damage() {
    let mut lying = LITTLE.block(0x8000_0077, &[6; 20]);
    lying[4..8].copy_from_slice(&0x7fff_fff0_u32.to_le_bytes());
    let bytes = [
        head(LITTLE),
        LITTLE.packet(0, 1, b"a"),
        lying,
        LITTLE.packet(0, 2, b"b"),
    ]
    .concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!((seen.numbers(), seen.info.health.skipped), (vec![1, 2], 1));
}

#[test]
fn a_section_of_an_unknown_version_is_passed_over() {
    let mut foreign = LITTLE.section();
    foreign[12..14].copy_from_slice(&2_u16.to_le_bytes());
    let bytes = [
        head(LITTLE),
        LITTLE.packet(0, 1, b"a"),
        foreign,
        head(LITTLE)[28..].to_vec(),
        LITTLE.packet(0, 2, b"b"),
    ];
    let bytes = [bytes.concat(), head(BIG), BIG.packet(0, 3, b"c")].concat();
    let seen = read_all(&bytes).unwrap();
    assert_eq!(
        (seen.packets.len(), seen.info.interfaces.len(), seen.info.health.skipped),
        (2, 2, 1)
    );
}

#[test]
fn interfaces_beyond_the_limit_are_read_as_the_last() {
    let mut bytes = LITTLE.section();
    (0..MAX_INTERFACES + 3).for_each(|_| bytes.extend(LITTLE.interface(1, 0, &[])));
    bytes.extend(LITTLE.packet(MAX_INTERFACES as u32 + 2, 1, b"a"));
    let seen = read_all(&bytes).unwrap();
    assert_eq!(usize::from(seen.packets[0].interface), MAX_INTERFACES - 1);
    assert_eq!(seen.info.health.skipped, 3);
}

#[test]
fn steps_back_are_told_per_interface() {
    let mut bytes = head(LITTLE);
    bytes.extend(LITTLE.interface(1, 0, &[]));
    for (interface, ticks) in [(0, 10), (1, 5), (0, 11), (1, 4), (0, 12)] {
        bytes.extend(LITTLE.packet(interface, ticks, b"a"));
    }
    let seen = read_all(&bytes).unwrap();
    assert_eq!(seen.info.health.steps_back, 1);
    assert_eq!(seen.info.span, Some((Stamp(4000), Stamp(12_000))));
    assert_eq!(seen.info.interfaces[1].last, Some(Stamp(5000)));
}
