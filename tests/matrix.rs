//! Every finding over every fixture: a false positive is a new cross in somebody else's row.

use crate::common::{fixture, outcome};
use std::collections::BTreeMap;
use std::fmt::Write;

#[test]
fn each_finding_shows_only_where_it_belongs() {
    let mut table = String::new();
    for fixture in fixture::all() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for flow in outcome::judged(&fixture.bytes()) {
            for finding in &flow.findings {
                *counts.entry(finding.meta.id).or_default() += 1;
            }
        }
        let cells: Vec<String> = counts.iter().map(|(id, count)| format!("{id} {count}")).collect();
        let line = format!("{:<38} {}", fixture.name(), cells.join(", "));
        let _ = writeln!(table, "{}", line.trim_end());
    }
    insta::assert_snapshot!(table);
}
