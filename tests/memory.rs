//! Memory of the whole process.

use crate::common::capture::Capture;
use crate::common::command::Folder;
use crate::common::fixture::Fixture;
use crate::common::frame::segment_of;
use std::io::Read;

/// A capture of `flows` connections that sent one SYN each.
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
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Memory that a flood of single SYNs may cost: kB for the command itself, and bytes for each flow.
const FLOOD: (u64, u64) = (20_000, 130);

#[test]
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
