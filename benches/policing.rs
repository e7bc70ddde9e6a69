//! `cargo run --release --example policing [SEEDS]`: how often a policer is found, and how often one is seen where there is none.

#[path = "traffic/mod.rs"]
#[expect(dead_code, reason = "the generator's program uses the rest")]
mod traffic;

use std::io::Cursor;
use traffic::transfer::{KINDS, Plan, pcap, plan};
use whodropped::analyzer::Analyzer;
use whodropped::capture::open_reader;
use whodropped::report::{FlowsCsv, Only, Reporter};

fn found(plan: Plan, seed: u64) -> String {
    let mut source = open_reader("made", Box::new(Cursor::new(pcap(plan, seed))), None).expect("a capture");
    let mut analyzer = Analyzer::new(1).expect("threads");
    while analyzer.feed_from(source.as_mut()).expect("a capture") {}
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

fn main() {
    let seeds: u64 = std::env::args()
        .nth(1)
        .map_or(100, |text| text.parse().expect("a number"));
    let only: Option<usize> = std::env::args().nth(2).map(|text| text.parse().expect("a number"));
    println!("| what | seeds | `rate-policed` | `heavy-retransmission` |\n| --- | ---: | ---: | ---: |");
    for (kind, name) in KINDS
        .iter()
        .enumerate()
        .filter(|(kind, _)| only.is_none_or(|only| only == *kind))
    {
        let (mut policed, mut heavy) = (0, 0);
        for seed in 0..seeds {
            let plan = plan(kind, seed);
            let rows = found(plan, seed);
            if std::env::var_os("DBG").is_some() {
                eprintln!("END {kind} {seed} {} {plan:?}", rows.contains("rate-policed"));
            }
            policed += u64::from(rows.contains("rate-policed"));
            heavy += u64::from(rows.contains("heavy-retransmission"));
        }
        println!("| {name} | {seeds} | {policed} | {heavy} |");
    }
}
