//! What must stay the same whatever happens to a capture on its way, and what must never come of it.

use crate::common::capture::{Capture, PACKS};
use crate::common::command::{Folder, run};
use crate::common::fixture::{self, Fixture};
use crate::common::frame::{segment_of, shift_sequence};
use crate::common::making::Making;
use crate::common::noise::Noise;
use crate::common::outcome::{self, Judged, Way, csv_without, everything, read, read_from, read_pieces};
use std::collections::HashMap;
use std::io::{self, Read};
use whodropped::base::Endpoint;
use whodropped::verdict::words::{Handshake, Status};

/// Fixtures that cost too much to look at in every way: every third, and another third for every property.
fn some(first: usize) -> impl Iterator<Item = Fixture> {
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

/// Says everything about bytes that may be anything; a refusal is an answer too.
fn survive(bytes: &[u8]) {
    if let Ok(analysis) = read_pieces(&[("noise", bytes)], Way::default()) {
        assert!(!everything(&analysis).is_empty());
    }
}

#[test]
fn noise_never_panics() {
    let mut noise = Noise::new(3);
    for round in 0..300 {
        let count = noise.below(2000);
        let mut capture = Capture::ethernet();
        capture.link = [1, 1, 101, 113, 276, 0, 127, 105, 9, 12, 228, 229][round % 12];
        let bytes = noise.bytes(count);
        survive(&bytes);
        survive(&[&capture.pcap(), &bytes[..]].concat());
        survive(&[&capture.pcapng(), &bytes[..]].concat());
        for _ in 0..20 {
            let count = noise.below(150);
            capture.packets.push(crate::common::capture::Packet {
                micros: noise.next() >> 24,
                original: count as u32,
                bytes: noise.bytes(count),
            });
        }
        survive(&capture.pcap());
    }
}

#[test]
fn mutated_captures_never_panic() {
    let mut noise = Noise::new(4);
    for fixture in fixture::all() {
        let capture = fixture.capture();
        for bytes in [capture.pcap(), capture.pcapng()] {
            let mut mutated = bytes;
            for _ in 0..=noise.below(40) {
                let at = noise.below(mutated.len());
                mutated[at] = noise.next() as u8;
            }
            survive(&mutated);
        }
        let mut headers = capture;
        for packet in &mut headers.packets {
            let at = noise.below(packet.bytes.len().min(90));
            packet.bytes[at] = noise.next() as u8;
        }
        survive(&headers.pcap());
    }
}

#[test]
fn captures_cut_anywhere_never_panic() {
    let mut noise = Noise::new(5);
    for fixture in some(2) {
        let bytes = fixture.bytes();
        let pcapng = fixture.capture().pcapng();
        let packed = PACKS.map(|(_, pack)| pack(&bytes));
        for file in [&bytes, &pcapng].into_iter().chain(&packed) {
            survive(&file[..noise.below(file.len())]);
        }
    }
}

#[test]
fn the_command_answers_noise_with_0_or_2() {
    let (mut noise, folder) = (Noise::new(6), Folder::new("noise"));
    for (at, fixture) in some(1).enumerate().take(40) {
        let mut bytes = fixture.bytes();
        for _ in 0..20 {
            let place = noise.below(bytes.len());
            bytes[place] = noise.next() as u8;
        }
        bytes.truncate(noise.below(bytes.len()));
        let ran = run(&["analyze", &folder.file(&format!("{at}.pcap"), &bytes)]);
        assert!(matches!(ran.status, Some(0 | 2)), "{}: {ran:?}", fixture.name());
        assert!(!ran.err.contains("panicked"), "{}: {}", fixture.name(), ran.err);
    }
}

/// Client and server of a flow.
fn ends(flow: &Judged) -> (Endpoint, Endpoint) {
    (flow.row.client, flow.row.server)
}

/// The verdicts on every pair of endpoints, either way round.
fn by_ends(flows: &[Judged]) -> HashMap<(Endpoint, Endpoint), Vec<&Judged>> {
    let mut found: HashMap<_, Vec<&Judged>> = HashMap::new();
    for flow in flows {
        let (client, server) = ends(flow);
        found
            .entry((client.min(server), client.max(server)))
            .or_default()
            .push(flow);
    }
    found
}

/// Losses that no capture can tell from a failure: folder, handshake and ending that come of it, and why.
const INVISIBLE: &[(&str, &str, &str, &str)] = &[
    (
        "accept-overflow",
        "half-open",
        "none",
        "the client's ACK, its only other packet, was missed",
    ),
    (
        "accept-overflow",
        "silently-dropped",
        "none",
        "SYN-ACK and ACK were missed: a single SYN is left",
    ),
    (
        "hello-dropped",
        "half-open",
        "none",
        "the ACK was missed, and all that follows is dropped on the path",
    ),
    (
        "reset-after-fin",
        "completed",
        "rst-server",
        "the FIN was missed, and nothing acknowledges it",
    ),
    (
        "connection-limit",
        "completed",
        "no-response",
        "the answer and its ACK were missed, and nothing follows",
    ),
    (
        "healthy-mix",
        "completed",
        "no-response",
        "the answer and its ACK were missed, and nothing follows",
    ),
];

#[test]
fn packets_that_the_capture_missed_make_no_healthy_flow_fail() {
    let mut noise = Noise::new(7);
    let mut wrong = Vec::new();
    let (mut looked_at, mut accepted) = (0, 0);
    for fixture in fixture::all() {
        let capture = fixture.capture();
        let whole = outcome::judged(&capture.pcap());
        let healthy = by_ends(&whole);
        for round in 0..30 {
            let kept: Vec<_> = capture
                .packets
                .iter()
                .filter(|_| noise.below(100) > round % 5)
                .cloned()
                .collect();
            for flow in outcome::judged(&capture.with(&kept).pcap()) {
                let (client, server) = ends(&flow);
                let before = healthy.get(&(client.min(server), client.max(server)));
                if before.is_none_or(|flows| flows.iter().any(|flow| flow.row.status != Status::Ok)) {
                    continue;
                }
                looked_at += 1;
                if flow.row.status != Status::Failed {
                    continue;
                }
                let (handshake, ending) = (flow.row.handshake.word(), flow.row.ending.word());
                if INVISIBLE
                    .iter()
                    .any(|entry| (entry.0, entry.1, entry.2) == (&*fixture.folder, handshake, ending))
                {
                    accepted += 1;
                    continue;
                }
                wrong.push(format!(
                    "{} round {round}: {}->{}: {handshake} {ending} {:?}: {}",
                    fixture.name(),
                    client.port,
                    server.port,
                    flow.row.findings,
                    flow.row.summary
                ));
            }
        }
    }
    crate::common::say(&format!(
        "{accepted} of {looked_at} healthy flows seem to fail where packets were missed"
    ));
    assert!(looked_at > 1000, "only {looked_at} flows");
    assert!(
        wrong.is_empty(),
        "{} of {looked_at} healthy flows fail ({accepted} accepted):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_capture_that_ends_early_never_calls_an_answered_syn_silently_dropped() {
    let mut noise = Noise::new(8);
    for fixture in fixture::all() {
        let capture = fixture.capture();
        let whole = outcome::judged(&capture.pcap());
        let answered: Vec<u64> = whole
            .iter()
            .filter(|flow| matches!(flow.row.handshake, Handshake::Completed | Handshake::Retransmitted))
            .map(|flow| flow.row.first_packet)
            .collect();
        let packets = capture.packets.len();
        // Every place in short captures, and sixty places in long ones.
        let places: Vec<usize> = if packets <= 60 {
            (1..packets).collect()
        } else {
            (0..60).map(|_| 1 + noise.below(packets - 1)).collect()
        };
        for end in places {
            for flow in outcome::judged(&capture.with(&capture.packets[..end]).pcap()) {
                let wrong =
                    flow.row.handshake == Handshake::SilentlyDropped && answered.contains(&flow.row.first_packet);
                assert!(
                    !wrong,
                    "{} cut after {end} packets: {}",
                    fixture.name(),
                    flow.row.summary
                );
            }
        }
    }
}

/// A capture of `flows` connections that sent one SYN each.
#[cfg(target_os = "linux")]
fn one_syn_each(flows: u32) -> Vec<u8> {
    let mut capture = Capture::ethernet();
    let mut frame = Fixture::of("closed-port", "client")
        .capture()
        .packets
        .into_iter()
        .find(|packet| segment_of(1, &packet.bytes).is_some() && packet.bytes[12..14] == [8, 0])
        .expect("it holds a TCP packet");
    for flow in 0..flows {
        frame.bytes[26..30].copy_from_slice(&(0x0a00_0000 + flow / 50_000).to_be_bytes());
        frame.bytes[34..36].copy_from_slice(&(10_000 + (flow % 50_000) as u16).to_be_bytes());
        frame.bytes[38..42].copy_from_slice(&flow.wrapping_mul(0x9E37_79B9).to_be_bytes());
        frame.micros += 3;
        capture.packets.push(frame.clone());
    }
    capture.pcap()
}

/// Peak memory of a running process, in kB.
#[cfg(target_os = "linux")]
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Memory that a flood of single SYNs may cost: kB for the command itself, and bytes for each flow.
#[cfg(target_os = "linux")]
const FLOOD: (u64, u64) = (20_000, 130);

#[test]
#[cfg(target_os = "linux")]
fn a_flood_of_single_syns_stays_within_bounds() {
    const FLOWS: u32 = 200_000;
    let folder = Folder::new("flood");
    let file = folder.file("flood.pcap", &one_syn_each(FLOWS));
    let mut child = crate::common::command::command(&["analyze", "--threads", "2", "--csv", "-", &file])
        .spawn()
        .expect("it can be started");
    let mut out = child.stdout.take().expect("it has an output");
    // While its rows wait to be read, the command cannot end, and its peak can be asked for.
    let (mut buffer, mut text, mut peak) = (vec![0; 1 << 20], Vec::new(), 0);
    loop {
        let count = out.read(&mut buffer).expect("it can be read");
        if count == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..count]);
        peak = peak.max(peak_of(child.id()).unwrap_or(0));
    }
    assert!(child.wait().expect("it ends").success());
    let text = String::from_utf8(text).expect("rows are UTF-8");
    assert_eq!(text.lines().count() as u32, FLOWS + 1);
    let bound = FLOOD.0 + u64::from(FLOWS) * FLOOD.1 / 1000;
    assert!(
        peak > 0 && peak < bound,
        "{peak} kB for {FLOWS} flows, more than {bound} kB"
    );
    crate::common::say(&format!("{FLOWS} flows of one SYN: {peak} kB"));
}
