//! Captures driven through the library to everything that it says about them.

use std::io::{self, Read};
use whodropped::analyzer::{Analysis, Analyzer};
use whodropped::capture::{Batch, CaptureError, open_reader};
use whodropped::finding::Finding;
use whodropped::flow::mark::Mark;
use whodropped::report::{
    FindingsCsv, FlowReport, FlowRow, FlowsCsv, Head, Json, MarkRow, Only, Reporter, Style, Tail, Terminal,
};

/// How a capture is driven through the analyzer.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Threads.
    pub threads: usize,
    /// Records fed at once; 0 for as many as the source lends.
    pub batch: usize,
    /// Flows kept unpacked in each shard, the others in files; 0 for as many as there are by default.
    pub open: usize,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            threads: 1,
            batch: 0,
            open: 0,
        }
    }
}

/// Reads the pieces of one recording.
pub fn read_pieces(pieces: &[(&str, &[u8])], way: Way) -> Result<Analysis, CaptureError> {
    let readers = pieces
        .iter()
        .map(|(name, bytes)| -> (&str, Box<dyn Read + Send>) { (name, Box::new(io::Cursor::new(bytes.to_vec()))) });
    read_from(readers, way)
}

/// Reads what these readers deliver, one after the other.
pub fn read_from<'a>(
    readers: impl IntoIterator<Item = (&'a str, Box<dyn Read + Send>)>,
    way: Way,
) -> Result<Analysis, CaptureError> {
    let mut analyzer = Analyzer::new(way.threads).expect("threads are given");
    if way.open > 0 {
        analyzer.set_open_flows(way.open);
        // And of those that are packed, nearly all go to files.
        analyzer.set_packed_room(1);
    }
    feed(analyzer, readers, way)
}

fn feed<'a>(
    mut analyzer: Analyzer,
    readers: impl IntoIterator<Item = (&'a str, Box<dyn Read + Send>)>,
    way: Way,
) -> Result<Analysis, CaptureError> {
    for (name, reader) in readers {
        let mut source = open_reader(name, reader, None)?;
        while let Some(batch) = source.next_batch()? {
            let size = if way.batch == 0 { usize::MAX } else { way.batch };
            for records in batch.records.chunks(size) {
                let data = batch.data;
                analyzer.feed(Batch { data, records }).expect("no filter, no error");
            }
        }
        analyzer.end_capture(source.info());
    }
    Ok(analyzer.finish(false))
}

/// Reads one capture in the plainest way.
pub fn read(bytes: &[u8]) -> Analysis {
    read_pieces(&[("capture", bytes)], Way::default()).expect("it is a capture")
}

/// Keeps all marks: packet, stream, mark, and which duplicate ACK it is.
#[derive(Debug, Default)]
struct KeepMarks(Vec<(u64, u64, String, u64)>);

impl Reporter for KeepMarks {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, _: &FlowReport<'_>) -> io::Result<()> {
        Ok(())
    }

    fn mark(&mut self, row: &MarkRow) -> io::Result<()> {
        let stream = row.tcp_stream.expect("every packet has a stream");
        self.0.extend(row.marks.iter().map(|mark| {
            let number = if mark == Mark::DuplicateAck {
                u64::from(row.marks.number)
            } else {
                0
            };
            (row.packet, stream, mark.word().to_string(), number)
        }));
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}

/// The marks of all packets.
pub fn marks(bytes: &[u8]) -> Vec<(u64, u64, String, u64)> {
    marks_of(&marked(bytes, Way::default(), usize::MAX))
}

/// Reads one capture, and marks its packets up to the `most`th that has marks.
pub fn marked(bytes: &[u8], way: Way, most: usize) -> Analysis {
    let mut analyzer = Analyzer::new(way.threads).expect("threads are given");
    analyzer.want_marks();
    analyzer.set_most_marked(most);
    let reader: Box<dyn Read + Send> = Box::new(io::Cursor::new(bytes.to_vec()));
    feed(analyzer, [("capture", reader)], way).expect("it is a capture")
}

/// The marks of all packets.
pub fn marks_of(analysis: &Analysis) -> Vec<(u64, u64, String, u64)> {
    let mut keep = KeepMarks::default();
    analysis
        .report(&|_, _| true, &mut [&mut keep])
        .expect("memory can be written");
    keep.0
}

/// A row with its findings, kept.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The row.
    pub row: FlowRow,
    /// Its findings.
    pub findings: Vec<Finding>,
}

/// Keeps all rows.
#[derive(Debug, Default)]
struct Keep(Vec<Judged>);

impl Reporter for Keep {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.0.push(Judged {
            row: flow.row.clone(),
            findings: flow.findings.to_vec(),
        });
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}

/// All flows, judged.
pub fn flows(analysis: &Analysis) -> Vec<Judged> {
    let mut keep = Keep::default();
    tell(analysis, &mut keep);
    keep.0
}

/// The flows of a capture, judged.
pub fn judged(bytes: &[u8]) -> Vec<Judged> {
    flows(&read(bytes))
}

/// The flows CSV.
pub fn csv(analysis: &Analysis) -> String {
    written(|out| tell(analysis, &mut FlowsCsv::new(out, Only::All)))
}

/// The flows CSV, written beside a report that shows everything there is.
pub fn csv_beside_json(analysis: &Analysis) -> String {
    let mut json = Json::new(io::sink(), Only::All);
    written(|out| {
        let reporters: &mut [&mut dyn Reporter] = &mut [&mut FlowsCsv::new(out, Only::All), &mut json];
        analysis
            .report(&|_, _| true, reporters)
            .expect("memory takes everything");
    })
}

/// The findings CSV.
pub fn findings_csv(analysis: &Analysis) -> String {
    written(|out| tell(analysis, &mut FindingsCsv::new(out, Only::All)))
}

/// The JSON Lines.
pub fn json(analysis: &Analysis) -> String {
    written(|out| tell(analysis, &mut Json::new(out, Only::All)))
}

/// The terminal report, without colours.
pub fn terminal(analysis: &Analysis, width: usize) -> String {
    let style = Style {
        width: Some(width),
        color: false,
        only: Only::All,
        selected: false,
    };
    written(|out| tell(analysis, &mut Terminal::new(out, style)))
}

/// Everything that is said about a capture, as text.
pub fn everything(analysis: &Analysis) -> String {
    [
        csv(analysis),
        findings_csv(analysis),
        json(analysis),
        terminal(analysis, 80),
    ]
    .join("\n")
}

/// The flows CSV without the named columns.
pub fn csv_without(analysis: &Analysis, columns: &[&str]) -> String {
    let text = csv(analysis);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("it is CSV")).collect();
    let kept: Vec<usize> = (0..rows[0].len())
        .filter(|&at| !columns.contains(&&rows[0][at]))
        .collect();
    let lines = rows
        .iter()
        .map(|row| kept.iter().map(|&at| &row[at]).collect::<Vec<_>>().join("|"));
    lines.collect::<Vec<_>>().join("\n")
}

fn tell(analysis: &Analysis, reporter: &mut dyn Reporter) {
    analysis
        .report(&|_, _| true, &mut [reporter])
        .expect("memory takes everything");
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("reports are UTF-8")
}
