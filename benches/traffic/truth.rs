//! What really happened to a connection, in the words of the contract, and the comparison with what was judged.

use super::packet::Line;
use std::collections::{HashMap, hash_map::Entry};
use std::io::{self, Write};

/// The right answers; `|` separates several that are all right, empty means that anything is.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub kind: &'static str,
    pub handshake: &'static str,
    pub ending: &'static str,
    pub status: &'static str,
    pub culprit: &'static str,
}

/// The columns of a truth file.
pub const HEADER: &str = "client,client_port,server,server_port,handshake,ending,status,culprit,kind";

impl Truth {
    pub fn write(&self, line: &Line, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{},{},{},{},{},{},{},{},{}",
            line.ips[0],
            line.ports[0],
            line.ips[1],
            line.ports[1],
            self.handshake,
            self.ending,
            self.status,
            self.culprit,
            self.kind
        )
    }
}

/// Client, its port, server, its port.
type Ends = [String; 4];

/// How a judged flows CSV compares with a truth file.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Flows judged right in every column.
    pub right: u64,
    /// One line for each flow that is not.
    pub wrong: Vec<String>,
}

/// Compares every flow in `csv` (our `--csv`) with `truth`. Connections that were not reported are wrong too.
///
/// # Errors
/// When one of the two cannot be read as CSV.
pub fn compare(truth: impl io::Read, csv: impl io::Read) -> Result<Comparison, csv::Error> {
    let mut answers: HashMap<Ends, (csv::StringRecord, bool)> = HashMap::new();
    for record in csv::Reader::from_reader(truth).into_records() {
        let record = record?;
        let ends = [0, 1, 2, 3].map(|place| record[place].to_owned());
        answers.insert(ends, (record, false));
    }
    let mut comparison = Comparison::default();
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|word| word == name).unwrap_or_default();
    let ends = ["client_ip", "client_port", "server_ip", "server_port"].map(column);
    let judged = ["handshake", "ending", "status", "culprit"].map(column);
    let (summary, first) = (column("summary"), column("first_packet"));
    for record in reader.into_records() {
        let record = record?;
        let ends = ends.map(|place| record[place].to_owned());
        let Entry::Occupied(mut answer) = answers.entry(ends) else {
            let ends = record.iter().skip(5).take(4).collect::<Vec<_>>().join(" ");
            comparison.wrong.push(format!("made up: {ends}"));
            continue;
        };
        let (truth, seen) = answer.get_mut();
        *seen = true;
        let differs = (4..8).any(|place| {
            let right = &truth[place];
            !right.is_empty() && !right.split('|').any(|word| word == &record[judged[place - 4]])
        });
        if differs {
            let said = judged.map(|place| record[place].to_owned()).join(" ");
            let right = [4, 5, 6, 7].map(|place| truth[place].to_owned()).join(" ");
            comparison.wrong.push(format!(
                "{}: said {said}, right is {right}; port {} packet {}: {}",
                &truth[8],
                &record[ends_port(&header)],
                &record[first],
                &record[summary]
            ));
        } else {
            comparison.right += 1;
        }
    }
    let missing = answers.values().filter(|(_, seen)| !seen);
    comparison.wrong.extend(missing.map(|(truth, _)| {
        format!(
            "{}: missing: {}",
            &truth[8],
            truth.iter().take(4).collect::<Vec<_>>().join(" ")
        )
    }));
    Ok(comparison)
}

fn ends_port(header: &csv::StringRecord) -> usize {
    header.iter().position(|word| word == "client_port").unwrap_or_default()
}
