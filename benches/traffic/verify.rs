//! Generated traffic through the whole analyzer and back to the truth.

use super::shapes::{self, Shape};
use super::truth::{Comparison, compare};
use super::writer::Writer;
use std::io::{self, Cursor, Read};
use whodropped::analyzer::Analyzer;
use whodropped::capture::open_reader;
use whodropped::report::{FlowsCsv, Json, Only, Reporter};

/// A capture and the truth about it, in memory.
pub struct Generated {
    pub capture: Vec<u8>,
    pub truth: Vec<u8>,
}

/// Makes the traffic of `shape`.
#[must_use]
pub fn generate(shape: Shape) -> Generated {
    let (mut writer, mut truth) = (Writer::new(Vec::new()).expect("memory"), Vec::new());
    shapes::write(shape, &mut writer, &mut truth).expect("memory");
    Generated {
        capture: writer.finish().expect("memory"),
        truth,
    }
}

/// Delivers at most so many bytes at a time, as a pipe does.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

impl Generated {
    /// The flows CSV, with so many threads, read in pieces of so many bytes.
    #[must_use]
    pub fn judged(&self, threads: usize, piece: usize) -> Vec<u8> {
        self.told(threads, piece, None)[0].clone()
    }

    /// CSV and JSON. `open`: flows that each shard keeps unpacked, while the others lie in files.
    #[must_use]
    pub fn told(&self, threads: usize, piece: usize, open: Option<usize>) -> [Vec<u8>; 2] {
        let reader = Pieces(Cursor::new(self.capture.clone()), piece);
        let mut source = open_reader("generated", Box::new(reader), None).expect("a capture");
        let mut analyzer = Analyzer::new(threads).expect("threads");
        if let Some(open) = open {
            analyzer.set_open_flows(open);
            analyzer.set_packed_room(1);
        }
        analyzer
            .feed_from(source.as_mut(), &mut |_, _| true)
            .expect("a capture, and no filter");
        analyzer.end_capture(source.info());
        let [mut rows, mut objects] = [Vec::new(), Vec::new()];
        let (mut csv, mut json) = (FlowsCsv::new(&mut rows, Only::All), Json::new(&mut objects, Only::All));
        let mut reporters: Vec<&mut dyn Reporter> = vec![&mut csv, &mut json];
        analyzer
            .finish(false)
            .report(&|_, _| true, &mut reporters)
            .expect("memory");
        drop((csv, json));
        [rows, objects]
    }

    /// How the judgement compares with the truth.
    #[must_use]
    pub fn compared(&self, csv: &[u8]) -> Comparison {
        compare(self.truth.as_slice(), csv).expect("CSV")
    }
}
