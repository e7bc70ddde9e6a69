//! `--write` and `--ring`: what is captured goes to pcapng, into one file or into several in turn.

use crate::capture::live::Live;
use crate::capture::write::PcapNgWriter;
use crate::capture::{Batch, CaptureInfo};
use crate::cli::complain;
use crate::report::file::Output;
use anyhow::Result;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// A recording, if one is wanted; given up with a sentence where it cannot be written any longer.
#[derive(Debug, Default)]
pub(super) struct Recording {
    recorder: Option<Recorder>,
    incomplete: bool,
}

impl Recording {
    /// Records to `path`, if there is one, or to `ring` (files, bytes of each) named after it.
    pub(super) fn open(path: Option<&Path>, ring: Option<(u32, u64)>, info: &CaptureInfo) -> Result<Self> {
        let recorder = path.map(|path| Recorder::open(path, ring, info)).transpose()?;
        Ok(Self {
            recorder,
            incomplete: false,
        })
    }

    /// Records what was lent last.
    pub(super) fn take(&mut self, live: &Live) {
        let (batch, info) = live.lent();
        self.attempt(|recorder| recorder.take(batch, info));
    }

    /// Everything so far is in the file.
    pub(super) fn flush(&mut self) {
        self.attempt(|recorder| Ok(recorder.writer.flush()?));
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, info: &CaptureInfo) {
        self.attempt(|recorder| recorder.finish(info));
        self.recorder = None;
    }

    /// Something could not be recorded.
    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    fn attempt(&mut self, does: impl FnOnce(&mut Recorder) -> Result<()>) {
        let done = self.recorder.as_mut().map_or(Ok(()), does);
        if let Err(error) = done {
            complain(&format!("{error:#}; the capture goes on without it"));
            self.recorder = None;
            self.incomplete = true;
        }
    }
}

#[derive(Debug)]
struct Recorder {
    writer: PcapNgWriter<Output>,
    ring: Option<Ring>,
}

/// Files in turn: the oldest is removed when there are too many.
#[derive(Debug)]
struct Ring {
    name: PathBuf,
    files: u32,
    bytes: u64,
    kept: VecDeque<PathBuf>,
    number: u64,
}

impl Recorder {
    fn open(path: &Path, ring: Option<(u32, u64)>, info: &CaptureInfo) -> Result<Self> {
        let mut ring = ring.map(|(files, bytes)| Ring {
            name: path.to_owned(),
            files,
            bytes,
            kept: VecDeque::new(),
            number: 0,
        });
        let path = ring.as_mut().map_or_else(|| path.to_owned(), Ring::next);
        let writer = PcapNgWriter::new(Output::growing(&path)?, &info.interfaces)?;
        Ok(Self { writer, ring })
    }

    fn take(&mut self, batch: Batch<'_>, info: &CaptureInfo) -> Result<()> {
        for record in batch.records {
            let is_full = self
                .ring
                .as_ref()
                .is_some_and(|ring| self.writer.written() >= ring.bytes);
            if is_full {
                self.turn(info)?;
            }
            self.writer
                .packet(record.interface, record.stamp, record.original, batch.bytes(record))?;
        }
        Ok(())
    }

    /// Ends this file and begins the next.
    fn turn(&mut self, info: &CaptureInfo) -> Result<()> {
        let Some(ring) = &mut self.ring else { return Ok(()) };
        let next = PcapNgWriter::new(Output::growing(&ring.next())?, &info.interfaces)?;
        self.finish(info)?;
        self.writer = next;
        Ok(())
    }

    /// This file is complete: what is known at its end is told there.
    fn finish(&mut self, info: &CaptureInfo) -> Result<()> {
        for (index, interface) in info.interfaces.iter().enumerate() {
            self.writer.statistics(index as u16, interface)?;
        }
        Ok(self.writer.flush()?)
    }
}

impl Ring {
    /// `capture.pcapng` becomes `capture-00001.pcapng`, and so on.
    fn next(&mut self) -> PathBuf {
        self.number += 1;
        let stem = self.name.file_stem().unwrap_or_default().to_string_lossy();
        let end = self
            .name
            .extension()
            .map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
        let path = self.name.with_file_name(format!("{stem}-{:05}{end}", self.number));
        self.kept.push_back(path.clone());
        while self.kept.len() > self.files as usize {
            if let Some(oldest) = self.kept.pop_front() {
                // Somebody may have taken it away already.
                let _ = std::fs::remove_file(oldest);
            }
        }
        path
    }
}
