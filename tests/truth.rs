//! Every fixture's truth, written by the laboratory from the rules that it set, holds at every vantage point.

use crate::common::{fixture, outcome, say};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use whodropped::base::Endpoint;
use whodropped::report::FlowRow;

/// One `[[connection]]` of a truth.toml, as far as a report can be held to it.
struct Connection<'a> {
    table: &'a toml::Table,
}

impl Connection<'_> {
    fn text(&self, key: &str) -> String {
        self.table[key]
            .as_str()
            .map_or_else(|| self.table[key].to_string(), String::from)
    }

    fn is(&self, key: &str) -> bool {
        self.table.get(key).and_then(toml::Value::as_bool).unwrap_or(false)
    }

    fn at(&self, place: &str) -> Option<&toml::Table> {
        self.table.get("at")?.get(place)?.as_table()
    }

    fn end(&self, name: &str) -> Endpoint {
        Endpoint {
            ip: self.text(name).parse().expect("an address"),
            port: self.text(&format!("{name}_port")).parse().expect("a port"),
        }
    }

    /// The flows of this connection, in order.
    fn flows<'r>(&self, rows: &'r [FlowRow]) -> Vec<&'r FlowRow> {
        let (client, server, swapped) = (self.end("client"), self.end("server"), self.is("roles_may_swap"));
        let is_ours = |row: &&FlowRow| {
            (row.client, row.server) == (client, server) || swapped && (row.client, row.server) == (server, client)
        };
        rows.iter().filter(is_ours).collect()
    }

    fn name(&self) -> String {
        format!("{}:{}", self.text("client"), self.text("client_port"))
    }

    /// What is wrong with `rows` from `place`, one line each; counts what was compared.
    fn compare(&self, place: &str, rows: &[FlowRow], compared: &mut BTreeMap<String, u32>) -> Vec<String> {
        let Some(wanted) = self.at(place) else {
            return Vec::new();
        };
        let flows = self.flows(rows);
        if wanted.get("absent").is_some() {
            *compared.entry("absent".into()).or_default() += 1;
            return if flows.is_empty() {
                Vec::new()
            } else {
                vec![format!("{} should not be there", self.name())]
            };
        }
        let order = self.table.get("order").and_then(toml::Value::as_integer).unwrap_or(1);
        let Some(flow) = flows.get(order as usize - 1) else {
            let missing = format!("{} number {order} is not there", self.name());
            return if self.is("optional") { Vec::new() } else { vec![missing] };
        };
        let mut wrong = Vec::new();
        for word in ["handshake", "ending", "status", "culprit"] {
            let Some(allowed) = wanted.get(word).and_then(toml::Value::as_array) else {
                continue;
            };
            *compared.entry(word.into()).or_default() += 1;
            let said = said(flow, word);
            if !allowed.iter().any(|any| any.as_str() == Some(said)) {
                wrong.push(format!("{} {word} is {said}, not one of {allowed:?}", self.name()));
            }
        }
        wrong
    }
}

fn said(flow: &FlowRow, column: &str) -> &'static str {
    match column {
        "handshake" => flow.handshake.word(),
        "ending" => flow.ending.word(),
        "status" => flow.status.word(),
        _ => flow.culprit.word(),
    }
}

#[test]
fn every_report_says_what_the_laboratory_did() {
    let mut wrong = String::new();
    let mut compared = BTreeMap::new();
    for capture in fixture::all() {
        let path = fixture::root()
            .join("fixtures")
            .join(&capture.folder)
            .join("truth.toml");
        let truth: toml::Table = std::fs::read_to_string(path).expect("a truth").parse().expect("TOML");
        let rows: Vec<FlowRow> = outcome::judged(&capture.bytes())
            .into_iter()
            .map(|judged| judged.row)
            .collect();
        for table in truth["connection"].as_array().expect("connections") {
            let connection = Connection {
                table: table.as_table().expect("a table"),
            };
            for line in connection.compare(&capture.place, &rows, &mut compared) {
                let _ = writeln!(wrong, "{}: {line}", capture.name());
            }
        }
    }
    say(&format!("compared with the laboratory's truth: {compared:?}"));
    assert!(wrong.is_empty(), "\n{wrong}");
    // The laboratory has about 380 connections at three places: fewer comparisons mean that something was not read.
    assert!(
        compared["handshake"] > 1000 && compared["culprit"] > 300,
        "{compared:?}"
    );
}
