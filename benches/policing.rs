//! `cargo run --release --example policing [SEEDS]`: how often a policer is found, and how often one is seen where there is none.

#[path = "traffic/mod.rs"]
#[expect(dead_code, reason = "the generator's program uses the rest")]
mod traffic;

use std::io::{self, Cursor, Write as _};
use traffic::transfer::{KINDS, Plan, pcap, plan};
use whodropped::analyzer::Analyzer;
use whodropped::capture::open_reader;
use whodropped::report::{FlowsCsv, Only, Reporter};

fn found(plan: Plan, seed: u64) -> String {
    let mut source = open_reader("made", Box::new(Cursor::new(pcap(plan, seed))), None).expect("a capture");
    let mut analyzer = Analyzer::new(1).expect("threads");
    analyzer
        .feed_from(source.as_mut(), &mut |_, _| true)
        .expect("a capture");
    analyzer.end_capture(source.info());
    let mut rows = Vec::new();
    let mut csv = FlowsCsv::new(&mut rows, Only::All);
    let mut reporters: Vec<&mut dyn Reporter> = vec![&mut csv];
    analyzer
        .finish(false)
        .report(&|_, _| true, &mut reporters)
        .expect("memory");
    drop(csv);
    String::from_utf8(rows).expect("text")
}

fn main() -> io::Result<()> {
    let seeds: u64 = std::env::args()
        .nth(1)
        .map_or(100, |text| text.parse().expect("a number"));
    let mut out = io::stdout().lock();
    writeln!(out, "| what | seeds | `rate-policed` | `heavy-retransmission` |")?;
    writeln!(out, "| --- | ---: | ---: | ---: |")?;
    for (kind, name) in KINDS.iter().enumerate() {
        let rows: Vec<String> = (0..seeds).map(|seed| found(plan(kind, seed), seed)).collect();
        let [policed, heavy] =
            ["rate-policed", "heavy-retransmission"].map(|id| rows.iter().filter(|rows| rows.contains(id)).count());
        writeln!(out, "| {name} | {seeds} | {policed} | {heavy} |")?;
    }
    Ok(())
}
