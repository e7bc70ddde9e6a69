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
use whodropped::finding::candidates::candidates;
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

    /// One line for each kind of mistake.
    fn mistakes(&self) -> String {
        let mut wrong: BTreeMap<&str, u64> = BTreeMap::new();
        for each in &self.wrong {
            *wrong.entry(each).or_default() += 1;
        }
        let lines: Vec<String> = wrong
            .iter()
            .map(|(each, number)| format!("- {each} ({number})\n"))
            .collect();
        lines.concat()
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
    cause: Causes,
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
    ];
    for (name, matrix) in all {
        let share = matrix.right as f64 * 100.0 / matrix.all() as f64;
        println!("{name}: {} of {} right ({share:.2} %)\n", matrix.right, matrix.all());
        println!("{}", matrix.markdown(name));
        println!("{}", matrix.mistakes());
    }
    println!("{}\n", matrices.cause.said());
    println!("{}", matrices.cause.matrix.found("cause"));
    println!("{}", matrices.cause.matrix.mistakes());
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
        let own = words(connection, "catalogue");
        let numbers = if own.is_empty() { &causes } else { &own };
        let status = words(at, "status");
        let is_planted = !status.is_empty() && status.iter().all(|word| is_trouble(word));
        let is_healthy = status.iter().all(|word| word == "ok");
        if numbers.iter().all(|number| is_of_the_capture(number)) || !is_planted && !is_trouble(row.status.word()) {
            continue;
        }
        // A healthy connection has no cause that could be right.
        let numbers = if is_healthy { &Vec::new() } else { numbers };
        to.cause.on(numbers, row, at_place);
    }
}

/// What was said of the causes of connections that are in trouble, or that we say are.
#[derive(Default)]
struct Causes {
    matrix: Matrix,
    /// The likeliest candidate is right; it is among the first three; it is among all; how many were named in all.
    first: u64,
    three: u64,
    among: u64,
    named: u64,
}

impl Causes {
    /// A cause is right where one of `numbers`, of the catalogue, is among what its finding may come from, as told for this
    /// very connection (`candidates` in the JSON report).
    fn on(&mut self, numbers: &[String], row: &FlowRow, where_: impl FnOnce() -> String) {
        let cause = row.cause.unwrap_or("none");
        let named: Vec<&str> = candidates(cause, row.leaning).iter().map(|cause| cause.id).collect();
        let place = named.iter().position(|id| numbers.iter().any(|number| number == id));
        let key = numbers.join(" ");
        let cell = self.matrix.cells.entry(key.clone()).or_default();
        *cell.entry(cause.to_owned()).or_default() += 1;
        self.first += u64::from(place == Some(0));
        self.three += u64::from(place.is_some_and(|place| place < 3));
        self.among += u64::from(place.is_some());
        self.named += named.len() as u64;
        if place.is_some() {
            self.matrix.right += 1;
        } else {
            let (status, named) = (row.status.word(), named.join(" "));
            let said = format!("{}: right is {key}, said {status}, {cause} ({named})", where_());
            self.matrix.wrong.push(said);
        }
    }

    fn said(&self) -> String {
        let all = self.matrix.all();
        let share = |part: u64| format!("{part} of {all} ({:.1} %)", part as f64 * 100.0 / all.max(1) as f64);
        format!(
            "cause, of the connections that failed or worked badly: right among the candidates {}; the likeliest candidate \
             {}; among the first three {}. Candidates named: {:.1} on average.",
            share(self.among),
            share(self.first),
            share(self.three),
            self.named as f64 / all.max(1) as f64,
        )
    }
}

/// Situations about the capture itself (D51 to D53) plant no trouble in a connection.
fn is_of_the_capture(number: &str) -> bool {
    ["D51", "D52", "D53"].contains(&number)
}

fn is_trouble(word: &str) -> bool {
    word == "failed" || word == "degraded"
}

/// The numbers of the catalogue that each kind of generated connection is made after.
fn numbers_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "answers-lost" | "black-hole" | "one-way" => &["D33"],
        "client-gave-up" => &["D21"],
        "client-reset" | "server-reset" | "server-reset-request" | "server-reset-at-once" | "server-reset-hello" => {
            &["D40"]
        }
        "zero-window" | "client-zero-window" => &["D44"],
        "dropped" => &["D1"],
        "half-open" => &["D11", "D23"],
        "hello-lost" => &["D36"],
        "hello-reset-by-box" => &["D37"],
        "icmp-mid-stream" => &["D17", "D33"],
        "keep-alive-failed" => &["D46"],
        "late" => &["D47"],
        "no-response" => &["D43"],
        "refused" => &["D14"],
        "rejected" => &["D17", "D18", "D19"],
        "stale-peer" => &["D29"],
        "syn-ack-ignored" => &["D12"],
        _ => &[],
    }
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
        let numbers: Vec<String> = numbers_of(&answer[8]).iter().map(|&number| number.to_owned()).collect();
        let is_planted = !answer[6].is_empty() && answer[6].split('|').all(is_trouble);
        if is_planted || is_trouble(row.status.word()) {
            to.cause.on(&numbers, row, at_place);
        }
    }
}
