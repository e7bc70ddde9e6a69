//! What the fuzz targets do with their bytes. `cargo test` does it with the seeds, and cargo-fuzz with everything else.

use std::io;
use whodropped::analyzer::Analyzer;
use whodropped::base::Stamp;
use whodropped::capture::{LinkType, Record, open_reader};
use whodropped::case::{Case, Context};
use whodropped::finding::find_all;
use whodropped::flow::table::Table;
use whodropped::report::{FindingsCsv, FlowsCsv, Json, Only, Style, Terminal};
use whodropped::script::{Script, What, write_flow};
use whodropped::verdict::judge;
use whodropped::wire::{Heard, Reassembled, Reassembler, decode, payload};

/// Bytes as a capture of any format: every record that is lent lies within its batch, in order, and is counted.
pub fn pcap_reader(bytes: &[u8]) {
    let Ok(mut source) = open_reader("fuzz", Box::new(io::Cursor::new(bytes.to_vec())), None) else {
        return;
    };
    let (mut packets, mut number) = (0, 0);
    loop {
        match source.next_batch() {
            Ok(Some(batch)) => {
                for record in batch.records {
                    packets += 1;
                    // Blocks that carry no packet take a number too, as they do in Wireshark.
                    assert!(record.number > number);
                    number = record.number;
                    assert_eq!(batch.bytes(record).len(), record.captured as usize);
                    assert!(record.original >= record.captured);
                }
            }
            Ok(None) => break,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    assert_eq!(source.info().packets, packets);
}

/// Bytes as frames: link type (two bytes), then frames, each after two bytes of length. All are decoded, tracked and judged.
pub fn wire_decode(bytes: &[u8]) {
    let Some((link, mut rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let (mut table, mut reassembler, mut context) = (Table::default(), Reassembler::default(), Context::default());
    let mut number = 0;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (frame, after) = after.split_at(after.len().min(usize::from(u16::from_be_bytes(*length))));
        rest = after;
        number += 1;
        let record = Record {
            number,
            stamp: Stamp(1_700_000_000_000_000_000 + number as i64 * 250_000_000),
            start: 0,
            captured: frame.len() as u32,
            original: frame.len() as u32,
            interface: 0,
            link: LinkType(u16::from_be_bytes(*link)),
        };
        context.end = record.stamp;
        let mut heard = decode(&record, frame);
        if let Heard::Fragment(fragment) = &heard {
            if let Reassembled::Complete(whole) = reassembler.on_fragment(fragment, frame) {
                heard = whole;
            }
        }
        match heard {
            Heard::Segment(segment) => {
                table.on_segment(&segment, 0);
                if let Some(bytes) = payload(&record, frame) {
                    table.on_payload(&segment, bytes);
                }
            }
            Heard::IcmpError(error) => table.on_icmp(&error),
            _ => {}
        }
    }
    judge_all(table, &mut context);
}

/// Bytes as a script: an error names one of its lines, and what can be read can be tracked and written.
pub fn script_parse(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Script::parse(text) {
        Ok(script) => {
            let (mut table, mut context) = (Table::default(), Context::default());
            for event in &script.events {
                context.end = context.end.max(event.stamp);
                match &event.what {
                    What::Segment(segment) => {
                        table.on_segment(segment, 0);
                        table.on_payload(segment, &event.payload);
                    }
                    What::Icmp(error) => table.on_icmp(error),
                    _ => {}
                }
            }
            if let Some(first) = script.segments().next() {
                assert!(!write_flow(first.dir, script.segments()).is_empty());
            }
            judge_all(table, &mut context);
        }
        Err(error) => assert!((1..=text.lines().count().max(1)).contains(&error.line), "{error}"),
    }
}

/// Bytes as a capture, with everything that is said about it.
pub fn whole(bytes: &[u8]) {
    let Ok(mut source) = open_reader("fuzz", Box::new(io::Cursor::new(bytes.to_vec())), None) else {
        return;
    };
    let mut analyzer = Analyzer::new(1).expect("one thread is always there");
    while let Ok(Some(batch)) = source.next_batch() {
        analyzer.feed(batch).expect("no filter, no error");
    }
    analyzer.end_capture(source.info());
    let analysis = analyzer.finish(false);
    let mut outs = [const { Vec::new() }; 4];
    let [csv, findings, json, terminal] = &mut outs;
    let style = Style {
        width: Some(80),
        color: true,
        only: Only::All,
        selected: false,
    };
    analysis
        .report(
            &|_, _| true,
            &mut [
                &mut FlowsCsv::new(csv, Only::All),
                &mut FindingsCsv::new(findings, Only::All),
                &mut Json::new(json, Only::All),
                &mut Terminal::new(terminal, style),
            ],
        )
        .expect("memory takes everything");
    for out in outs {
        assert!(String::from_utf8(out).is_ok_and(|text| !text.is_empty()));
    }
}

fn judge_all(table: Table, context: &mut Context) {
    let flows = table.finish().flows().collect::<Vec<_>>();
    for facts in &flows {
        context.on_flow(facts);
    }
    for facts in &flows {
        let case = Case::new(facts, context);
        let findings = find_all(&case);
        assert!(!judge(&case, &findings).summary.is_empty());
        assert!(
            findings
                .iter()
                .all(|finding| !finding.packets.is_empty() && !finding.summary.is_empty())
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{pcap_reader, script_parse, whole, wire_decode};
    use crate::common::fixture::root;
    use crate::common::noise::Noise;

    /// Runs `body` over the seeds of `target`, and over each with some bytes changed.
    fn over_seeds(target: &str, body: fn(&[u8])) {
        let folder = root().join("fuzz/seeds").join(target);
        let (mut noise, mut seeds) = (Noise::new(9), 0);
        for entry in std::fs::read_dir(&folder).expect("every target has seeds") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("a seed can be read");
            body(&bytes);
            seeds += 1;
            for _ in 0..200 {
                let mut changed = bytes.clone();
                for _ in 0..=noise.below(8) {
                    let at = noise.below(changed.len());
                    changed[at] = noise.next() as u8;
                }
                body(&changed);
            }
        }
        assert!(seeds > 1, "{} is empty", folder.display());
    }

    #[test]
    fn readers_take_their_seeds_and_their_neighbours() {
        over_seeds("pcap_reader", pcap_reader);
    }

    #[test]
    fn decoders_take_their_seeds_and_their_neighbours() {
        over_seeds("wire_decode", wire_decode);
    }

    #[test]
    fn scripts_take_their_seeds_and_their_neighbours() {
        over_seeds("script_parse", script_parse);
    }

    #[test]
    fn the_whole_takes_its_seeds_and_their_neighbours() {
        over_seeds("whole", whole);
    }
}
