//! What must stay the same whatever happens to a capture on its way.

use crate::common::capture::{Capture, PACKS};
use crate::common::command::{Folder, run};
use crate::common::fixture::{self, Fixture};
use crate::common::frame::{segment_of, shift_sequence};
use crate::common::making::Making;
use crate::common::noise::Noise;
use crate::common::outcome::{self, Way, csv_without, everything, read, read_from, read_pieces};
use std::io::{self, Read};

/// Fixtures that cost too much to look at in every way: every third, and another third for every property.
pub fn some(first: usize) -> impl Iterator<Item = Fixture> {
    fixture::all().into_iter().skip(first).step_by(3)
}

fn said(bytes: &[u8], way: Way) -> String {
    everything(&read_pieces(&[("capture", bytes)], way).expect("it is a capture"))
}

#[test]
fn packing_quiet_flows_changes_not_one_byte() {
    for fixture in fixture::all() {
        let bytes = fixture.bytes();
        let (plain, packed) = (
            said(&bytes, Way::default()),
            said(
                &bytes,
                Way {
                    open: 1,
                    ..Way::default()
                },
            ),
        );
        assert!(plain == packed, "{}", fixture.name());
    }
}

#[test]
fn threads_and_batches_change_not_one_byte() {
    for fixture in fixture::all() {
        let bytes = fixture.bytes();
        let plain = said(&bytes, Way::default());
        for (threads, batch) in [(1, 1), (2, 7), (3, 64)] {
            assert!(
                plain
                    == said(
                        &bytes,
                        Way {
                            threads,
                            batch,
                            open: 0
                        }
                    ),
                "{} with {threads} threads and batches of {batch}",
                fixture.name()
            );
        }
    }
}

/// A table for which no incident is searched, and no candidate listed, says the same as one for which they are.
#[test]
fn what_nobody_asks_for_changes_nothing_else() {
    let fixtures = fixture::all();
    let fixtures = fixtures.iter().map(|fixture| (fixture.name(), fixture.bytes()));
    let made = (1..4).map(|seed| (format!("seed {seed}"), Making::new(seed).capture().pcap()));
    for (name, bytes) in fixtures.chain(made) {
        let analysis = outcome::read(&bytes);
        assert!(outcome::csv(&analysis) == outcome::csv_beside_json(&analysis), "{name}");
    }
}

/// Every way in which records may be read; the plainest first.
const WAYS: [Way; 4] = [
    Way {
        threads: 1,
        batch: 0,
        open: 0,
    },
    Way {
        threads: 1,
        batch: 1,
        open: 0,
    },
    Way {
        threads: 2,
        batch: 7,
        open: 1,
    },
    Way {
        threads: 3,
        batch: 64,
        open: 0,
    },
];

#[test]
fn threads_and_batches_change_no_mark_and_nothing_else_for_them() {
    for fixture in fixture::all() {
        let bytes = fixture.bytes();
        let plain = outcome::marked(&bytes, WAYS[0], usize::MAX);
        assert!(
            everything(&plain) == said(&bytes, WAYS[0]),
            "{}: marks change the rest",
            fixture.name()
        );
        for way in &WAYS[1..] {
            let marked = outcome::marked(&bytes, *way, usize::MAX);
            assert!(
                outcome::marks_of(&plain) == outcome::marks_of(&marked) && everything(&plain) == everything(&marked),
                "{} {way:?}",
                fixture.name()
            );
        }
    }
}

#[test]
fn of_too_many_marked_packets_the_first_are_listed_and_the_report_says_so() {
    const MOST: usize = 100;
    let bytes = Making::new(5).capture().pcap();
    let all = outcome::marks(&bytes);
    let mut packets: Vec<u64> = all.iter().map(|mark| mark.0).collect();
    packets.dedup();
    assert!(packets.len() > 10 * MOST);
    let first: Vec<_> = all.iter().filter(|mark| mark.0 <= packets[MOST - 1]).cloned().collect();
    for way in WAYS {
        let marked = outcome::marked(&bytes, way, MOST);
        assert_eq!(outcome::marks_of(&marked), first, "{way:?}");
        assert!(everything(&marked).contains("only the first 100 packets with marks are listed"));
    }
    let enough = outcome::marked(&bytes, WAYS[0], packets.len());
    assert_eq!(outcome::marks_of(&enough), all);
    assert!(!everything(&enough).contains("packets with marks"));
}

#[test]
fn formats_and_compression_change_nothing_but_the_name() {
    for fixture in fixture::all() {
        let (capture, bytes) = (fixture.capture(), fixture.bytes());
        assert_eq!(capture.pcap(), bytes, "{}: the test's own writer", fixture.name());
        let plain = outcome::csv(&read(&bytes));
        assert_eq!(
            outcome::csv(&read(&capture.pcapng())),
            plain,
            "{} as pcapng",
            fixture.name()
        );
    }
    for fixture in some(0) {
        let (plain, pcapng) = (fixture.bytes(), fixture.capture().pcapng());
        let expected = outcome::csv(&read(&plain));
        for (name, pack) in PACKS {
            for bytes in [&plain, &pcapng] {
                assert_eq!(
                    outcome::csv(&read(&pack(bytes))),
                    expected,
                    "{} in {name}",
                    fixture.name()
                );
            }
        }
    }
}

/// Delivers a byte at a time, as the slowest of pipes.
struct Drop(io::Cursor<Vec<u8>>);

impl Read for Drop {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_pipe_may_deliver_byte_by_byte() {
    for fixture in some(1) {
        let bytes = fixture.bytes();
        let slow: Box<dyn Read + Send> = Box::new(Drop(io::Cursor::new(bytes.clone())));
        let analysis = read_from([("capture", slow)], Way::default()).expect("it is a capture");
        assert!(
            everything(&analysis) == said(&bytes, Way::default()),
            "{}",
            fixture.name()
        );
    }
}

#[test]
fn a_recording_cut_in_pieces_shows_the_same_flows() {
    let mut noise = Noise::new(1);
    for fixture in fixture::all() {
        let whole = fixture.capture();
        let (mut pieces, mut start) = (Vec::new(), 0);
        while start < whole.packets.len() {
            let end = whole.packets.len().min(start + 1 + noise.below(20));
            let mut piece = whole.with(&whole.packets[start..end]);
            if end == whole.packets.len() {
                piece.rest.clone_from(&whole.rest);
            }
            pieces.push(piece.pcap());
            start = end;
        }
        let pieces: Vec<(&str, &[u8])> = pieces.iter().map(|piece| ("piece", &piece[..])).collect();
        let cut = read_pieces(&pieces, Way::default()).expect("they are captures");
        let uncut = read(&whole.pcap());
        assert_eq!(
            csv_without(&cut, &["capture"]),
            csv_without(&uncut, &["capture"]),
            "{}",
            fixture.name()
        );
    }
}

#[test]
fn the_pieces_of_a_recording_may_be_named_in_any_order() {
    let mut noise = Noise::new(2);
    for (at, folder) in ["random-loss", "healthy-mix", "drop-syn-backoff", "port-reuse"]
        .into_iter()
        .enumerate()
    {
        let files = Folder::new(&format!("order-{at}"));
        let whole = Fixture::of(folder, "client").capture();
        let pieces = whole.packets.chunks(40).enumerate();
        let named: Vec<String> = pieces
            .map(|(at, packets)| files.file(&format!("{at}.pcap"), &whole.with(packets).pcap()))
            .collect();
        let run_in = |named: Vec<String>| {
            let arguments = ["analyze", "--csv", "-"].map(String::from).into_iter().chain(named);
            run(&arguments.collect::<Vec<_>>()).is_fine().out.clone()
        };
        let expected = run_in(named.clone());
        for _ in 0..3 {
            assert_eq!(run_in(noise.shuffled(named.clone())), expected, "{folder}");
        }
    }
}

#[test]
fn the_time_of_day_changes_no_verdict() {
    for fixture in fixture::all() {
        let mut later = fixture.capture();
        let before = csv_without(&read(&later.pcap()), &["start"]);
        later
            .packets
            .iter_mut()
            .for_each(|packet| packet.micros += 86_400_000_000 * 365 + 123_456);
        assert_eq!(
            csv_without(&read(&later.pcap()), &["start"]),
            before,
            "{}",
            fixture.name()
        );
    }
}

#[test]
fn where_sequence_numbers_begin_changes_nothing() {
    for fixture in fixture::all() {
        let capture = fixture.capture();
        let before = outcome::csv(&read(&capture.pcap()));
        for lower in [true, false] {
            for more in [0x7fff_ff00, to_the_wrap(&capture, lower)] {
                let mut shifted = capture.clone();
                shift_sequence(&mut shifted, lower, more);
                assert_eq!(
                    outcome::csv(&read(&shifted.pcap())),
                    before,
                    "{}, {more} more, lower {lower}",
                    fixture.name()
                );
            }
        }
    }
}

/// What makes the numbers of the first connection's side wrap inside its first bytes.
fn to_the_wrap(capture: &Capture, lower: bool) -> u32 {
    let first = capture.packets.iter().find_map(|packet| {
        let segment = segment_of(capture.link, &packet.bytes).filter(|segment| !segment.quoted)?;
        let [sender, receiver] = segment.ends(&packet.bytes);
        ((sender < receiver) == lower).then(|| segment.seq(&packet.bytes))
    });
    0xffff_fff0_u32.wrapping_sub(first.unwrap_or_default())
}
