//! Policers, and what only looks like them: downloads over simulated paths, of which only some are cut off above a rate.

use crate::common::outcome;
use crate::generated::traffic::transfer::{KINDS, Path, pcap, plan};

/// Downloads of each kind. `cargo run --release --example policing 1000` takes more.
const SEEDS: u64 = 12;

#[test]
fn policers_are_found_and_nothing_else_is_one() {
    for (kind, name) in KINDS.iter().enumerate() {
        let mut found = 0;
        for seed in 0..SEEDS {
            let plan = plan(kind, seed);
            let flows = outcome::judged(&pcap(plan, seed));
            let finding = flows[0]
                .findings
                .iter()
                .find(|finding| finding.meta.id == "rate-policed");
            if let (Some(finding), Path::Policer { rate, .. }) = (finding, plan.path) {
                let said = said_rate(&finding.summary);
                assert!((0.5..1.02).contains(&(said / rate)), "{plan:?}: {}", finding.summary);
            }
            found += u32::from(finding.is_some());
        }
        let is_policer = name.contains("policer");
        assert_eq!(found >= 3, is_policer, "{name}: {found} of {SEEDS}");
        assert!(is_policer || found == 0, "{name}: {found} of {SEEDS}");
    }
}

/// Bytes a second, from `… above 2.1 Mbit/s …`.
fn said_rate(summary: &str) -> f64 {
    let (_, rest) = summary.split_once("above ").expect("a rate");
    let mut words = rest.split(' ');
    let number: f64 = words.next().and_then(|word| word.parse().ok()).expect("a number");
    let unit = words.next().expect("a unit");
    number / 8.0 * if unit == "Mbit/s" { 1e6 } else { 1e3 }
}
