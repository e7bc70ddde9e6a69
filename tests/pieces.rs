//! Several captures as one recording, as the command reads them: compressed ones are opened before their turn.

use crate::common::capture::PACKS;
use crate::common::command::{Folder, Ran, run};
use crate::common::fixture::Fixture;

/// The recording in pieces of so many packets, each as `pack` leaves it, and what the command says of them.
fn told(name: &str, pack: impl Fn(usize, Vec<u8>) -> Vec<u8>, more: &[&str]) -> String {
    let folder = Folder::new(name);
    let whole = Fixture::of("random-loss", "client").capture();
    let mut arguments: Vec<String> = ["analyze", "--json", "-"].map(String::from).to_vec();
    for (at, packets) in whole.packets.chunks(8).enumerate() {
        arguments.push(folder.file(&format!("{at}.pcap"), &pack(at, whole.with(packets).pcap())));
    }
    assert!(arguments.len() > 8, "many pieces: {}", arguments.len());
    arguments.extend(more.iter().copied().map(String::from));
    let ran: Ran = run(&arguments);
    // As JSON writes it: Windows' paths have backslashes.
    ran.is_fine().out.replace(&folder.at("").replace('\\', "\\\\"), "")
}

#[test]
fn compressed_pieces_say_what_plain_ones_say_whatever_the_threads() {
    let plain = told("plain", |_, bytes| bytes, &["--threads", "1"]);
    for (name, pack) in PACKS {
        for threads in ["1", "2", "5"] {
            let seen = told(
                &format!("{name}-{threads}"),
                |_, bytes| pack(&bytes),
                &["--threads", threads],
            );
            let kind = ["gzip", "zstd", "lz4", "xz"]
                .iter()
                .find(|kind| seen.contains(&format!("pcap ({kind})")));
            let kind = kind.expect("it is named");
            assert_eq!(
                seen.replace(&format!("pcap ({kind})"), "pcap"),
                plain,
                "{name}, {threads} threads"
            );
        }
        // Some plain, some not: only some are opened early.
        let mixed = told(
            "mixed",
            |at, bytes| if at % 2 == 0 { pack(&bytes) } else { bytes },
            &["--threads", "4"],
        );
        assert_eq!(mixed.lines().count(), plain.lines().count());
    }
    let tight = told("tight", |_, bytes| PACKS[0].1(&bytes), &["--max-memory", "64M"]);
    assert_eq!(tight.replace("pcap (gzip)", "pcap"), plain);
}

#[test]
fn a_broken_piece_is_told_at_its_place_and_the_next_is_read() {
    let broken = |at: usize, bytes: Vec<u8>| {
        let mut packed = PACKS[0].1(&bytes);
        if at == 2 {
            packed.truncate(packed.len() * 2 / 3);
        }
        packed
    };
    let alone = told("broken-1", broken, &["--threads", "1"]);
    assert!(alone.contains("the compressed stream ends early"), "{alone}");
    assert_eq!(told("broken-3", broken, &["--threads", "3"]), alone);
}

#[cfg(unix)]
#[test]
fn a_piece_that_is_named_twice_is_refused() {
    let folder = Folder::new("named-twice");
    let file = folder.file("one.pcap", &Fixture::of("closed-port", "client").bytes());
    std::os::unix::fs::symlink(&file, folder.at("link.pcap")).expect("links can be made");
    run(&["analyze", &file, &folder.at("link.pcap")]).is_refused(&["one.pcap", "link.pcap", "same capture"]);
    run(&["analyze", "/dev/null", "/dev/null"]).is_refused(&["/dev/null", "empty"]);
}
