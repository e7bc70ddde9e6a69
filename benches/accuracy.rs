//! `cargo run --release --example accuracy`: how often each verdict is right, as confusion matrices in Markdown, over the
//! laboratory's captures (`fixtures/`) and generated traffic. Nothing is read from the network or from elsewhere.

#[path = "traffic/mod.rs"]
#[expect(dead_code, reason = "the generator's program uses the rest")]
mod traffic;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use traffic::shapes::Shape;
use traffic::verify::generate;
use whodropped::analyzer::Analyzer;
use whodropped::capture::open_reader;
use whodropped::finding::catalogue;
use whodropped::report::{FlowReport, FlowRow, Head, Reporter, Tail};

/// Right answers, as given, by what was said.
#[derive(Default)]
struct Matrix {
    cells: BTreeMap<String, BTreeMap<String, u64>>,
    right: u64,
    wrong: Vec<String>,
}

impl Matrix {
    /// `allowed`: all words that are right. The row is the first of them, or the one that was said.
    fn on(&mut self, allowed: &[String], said: &str, where_: impl FnOnce() -> String) {
        let is_right = allowed.iter().any(|word| word == said);
        let row = if is_right {
            said
        } else {
            allowed.first().map_or("", String::as_str)
        };
        *self
            .cells
            .entry(row.to_owned())
            .or_default()
            .entry(said.to_owned())
            .or_default() += 1;
        if is_right {
            self.right += 1;
        } else {
            self.wrong
                .push(format!("{}: said {said}, right is {}", where_(), allowed.join(" or ")));
        }
    }

    fn all(&self) -> u64 {
        self.right + self.wrong.len() as u64
    }

    /// One line a word: how often it was right, and what was said instead.
    fn markdown(&self, name: &str) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "| {name} | cases | said so | said instead |\n| --- | ---: | ---: | --- |"
        );
        for (truth, said) in &self.cells {
            let all: u64 = said.values().sum();
            let right = said.get(truth).copied().unwrap_or(0);
            let others = said.iter().filter(|(word, _)| *word != truth);
            let others: Vec<String> = others.map(|(word, number)| format!("{number} {word}")).collect();
            let _ = writeln!(out, "| `{truth}` | {all} | {right} | {} |", others.join(", "));
        }
        out
    }

    /// One line a row: everything that was said.
    fn found(&self, name: &str) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "| planted | cases | {name} |\n| --- | ---: | --- |");
        for (truth, said) in &self.cells {
            let all: u64 = said.values().sum();
            let said: Vec<String> = said.iter().map(|(word, number)| format!("{number} `{word}`")).collect();
            let _ = writeln!(out, "| {truth} | {all} | {} |", said.join(", "));
        }
        out
    }
}

#[derive(Default)]
struct Rows(Vec<FlowRow>);

impl Reporter for Rows {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.0.push(flow.row.clone());
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}

fn judged(bytes: Vec<u8>) -> Vec<FlowRow> {
    let mut source = open_reader("capture", Box::new(io::Cursor::new(bytes)), None).expect("a capture");
    let mut analyzer = Analyzer::new(0).expect("threads");
    while let Some(batch) = source.next_batch().expect("a capture") {
        analyzer.feed(batch).expect("no filter, no error");
    }
    analyzer.end_capture(source.info());
    let mut rows = Rows::default();
    analyzer
        .finish(false)
        .report(&|_, _| true, &mut [&mut rows])
        .expect("memory");
    rows.0
}

/// Matrices of one source of truth.
#[derive(Default)]
struct Matrices {
    handshake: Matrix,
    ending: Matrix,
    status: Matrix,
    cause: Matrix,
}

fn main() {
    let mut laboratory = Matrices::default();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut folders: Vec<_> = fs::read_dir(&fixtures)
        .expect("fixtures/")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("truth.toml").exists()) {
        for place in ["client", "router", "server"] {
            compare_fixture(folder, place, &mut laboratory);
        }
    }
    let mut generated = Matrices::default();
    for seed in 1..=3 {
        compare_generated(Shape::mixed(0.1, seed), &mut generated);
    }
    print("The laboratory (fixtures/, three places each)", &laboratory);
    print("Generated traffic (mixed, 4,500 connections, three seeds)", &generated);
}

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn print(title: &str, matrices: &Matrices) {
    println!("### {title}\n");
    let all = [
        ("handshake", &matrices.handshake),
        ("ending", &matrices.ending),
        ("status", &matrices.status),
        ("cause", &matrices.cause),
    ];
    for (name, matrix) in all {
        if matrix.all() == 0 {
            println!("{name} by what was planted\n\n{}", matrix.found(name));
            continue;
        }
        let share = matrix.right as f64 * 100.0 / matrix.all() as f64;
        println!("{name}: {} of {} right ({share:.2} %)\n", matrix.right, matrix.all());
        if name == "cause" {
            println!("{}", matrix.found(name));
        } else {
            println!("{}", matrix.markdown(name));
        }
        let mut wrong: BTreeMap<&str, u64> = BTreeMap::new();
        for each in &matrix.wrong {
            *wrong.entry(each).or_default() += 1;
        }
        for (each, number) in &wrong {
            println!("- {each} ({number})");
        }
        if !wrong.is_empty() {
            println!();
        }
    }
}

fn words(table: &toml::Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(toml::Value::as_array);
    let words = list.into_iter().flatten().filter_map(toml::Value::as_str);
    words.map(str::to_owned).collect()
}

fn compare_fixture(folder: &Path, place: &str, to: &mut Matrices) {
    let truth: toml::Table = fs::read_to_string(folder.join("truth.toml"))
        .expect("a truth")
        .parse()
        .expect("TOML");
    let rows = judged(fs::read(folder.join(format!("{place}.pcap"))).expect("a capture"));
    let causes = words(&truth, "catalogue");
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    for connection in truth["connection"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
    {
        let text = |key: &str| {
            let value = connection.get(key);
            value
                .and_then(toml::Value::as_str)
                .map_or_else(|| value.map_or_else(String::new, ToString::to_string), str::to_owned)
        };
        let Some(at) = connection
            .get("at")
            .and_then(|at| at.get(place))
            .and_then(toml::Value::as_table)
        else {
            continue;
        };
        if at.contains_key("absent") {
            continue;
        }
        let ends = |row: &&FlowRow| {
            let pair = |end: whodropped::base::Endpoint| (end.ip.to_string(), end.port.to_string());
            let (client, server) = (
                (text("client"), text("client_port")),
                (text("server"), text("server_port")),
            );
            let swapped = connection.contains_key("roles_may_swap");
            (pair(row.client), pair(row.server)) == (client.clone(), server.clone())
                || swapped && (pair(row.client), pair(row.server)) == (server, client)
        };
        let order = connection.get("order").and_then(toml::Value::as_integer).unwrap_or(1);
        let Some(row) = rows.iter().filter(ends).nth(order as usize - 1) else {
            continue;
        };
        let at_place = || format!("{name}@{place} port {}", row.client.port);
        to.handshake.on(&words(at, "handshake"), row.handshake.word(), at_place);
        to.ending.on(&words(at, "ending"), row.ending.word(), at_place);
        to.status.on(&words(at, "status"), row.status.word(), at_place);
        if row.status.word() == "failed" || row.status.word() == "degraded" {
            let cause = row.cause.unwrap_or("none");
            compare_cause(&causes, cause, &mut to.cause);
        }
    }
}

/// A cause is right where its page names one of the situation's numbers of the catalogue. Situations about the capture
/// itself (D51 to D53) plant no trouble in a connection.
fn compare_cause(numbers: &[String], cause: &str, to: &mut Matrix) {
    let is_of_the_capture = |number: &String| ["D51", "D52", "D53"].contains(&number.as_str());
    if numbers.iter().all(is_of_the_capture) {
        return;
    }
    let page = catalogue()
        .iter()
        .find(|meta| meta.id == cause)
        .map_or("", |meta| meta.page);
    let key = numbers.join(" ");
    *to.cells
        .entry(key.clone())
        .or_default()
        .entry(cause.to_owned())
        .or_default() += 1;
    if numbers.iter().any(|number| covered(page).contains(number)) {
        to.right += 1;
    } else {
        to.wrong.push(format!("{key}: {cause}"));
    }
}

/// The numbers of the catalogue that a page names: D4, and D1–D4 with all between.
fn covered(page: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let text = page.replace(['–', '—'], "-");
    let mut last: Option<(u32, bool)> = None;
    for token in text
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|token| !token.is_empty())
    {
        for (place, part) in token.split('-').enumerate() {
            let number = part.strip_prefix('D').and_then(|digits| digits.parse::<u32>().ok());
            if let Some(number) = number {
                if let (Some((from, _)), true) = (last, place > 0) {
                    numbers.extend((from..number).map(|between| format!("D{between}")));
                }
                numbers.push(format!("D{number}"));
                last = Some((number, true));
            } else {
                last = None;
            }
        }
    }
    numbers
}

fn compare_generated(shape: Shape, to: &mut Matrices) {
    let generated = generate(shape);
    let rows = judged(generated.capture.clone());
    let mut truth: BTreeMap<[String; 4], csv::StringRecord> = BTreeMap::new();
    for record in csv::Reader::from_reader(&generated.truth[..]).into_records().flatten() {
        truth.insert([0, 1, 2, 3].map(|place| record[place].to_owned()), record);
    }
    for row in &rows {
        let ends = [
            row.client.ip.to_string(),
            row.client.port.to_string(),
            row.server.ip.to_string(),
            row.server.port.to_string(),
        ];
        let Some(answer) = truth.get(&ends) else { continue };
        let allowed = |place: usize| -> Vec<String> { answer[place].split('|').map(str::to_owned).collect() };
        let at_place = || format!("{} packet {}", &answer[8], row.first_packet);
        for (place, matrix, said) in [
            (4, &mut to.handshake, row.handshake.word()),
            (5, &mut to.ending, row.ending.word()),
            (6, &mut to.status, row.status.word()),
        ] {
            if !answer[place].is_empty() {
                matrix.on(&allowed(place), said, at_place);
            }
        }
        let cause = row.cause.unwrap_or("none");
        *to.cause
            .cells
            .entry(answer[8].to_owned())
            .or_default()
            .entry(cause.to_owned())
            .or_default() += 1;
    }
}
