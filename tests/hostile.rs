//! Bytes that may be anything: noise, damaged captures, captures cut anywhere. Nothing panics, and the command answers.

use crate::common::capture::{Capture, PACKS};
use crate::common::command::{Folder, run};
use crate::common::fixture;
use crate::common::noise::Noise;
use crate::common::outcome::{Way, everything, read_pieces};
use crate::properties::some;

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
