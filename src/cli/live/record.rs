//! `--write` and `--ring`: what is captured goes to pcapng, into one file or into several in turn.

use crate::capture::write::PcapNgWriter;
use crate::capture::{Batch, CaptureInfo};
use crate::report::file::Output;
use anyhow::Result;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// A recording.
#[derive(Debug)]
pub(super) struct Recorder {
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
    /// Records to `path`, or to `ring` (files, bytes of each) named after it.
    pub(super) fn open(path: &Path, ring: Option<(u32, u64)>, info: &CaptureInfo) -> Result<Self> {
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

    /// Records a batch.
    pub(super) fn take(&mut self, batch: Batch<'_>, info: &CaptureInfo) -> Result<()> {
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
        let full = std::mem::replace(&mut self.writer, next);
        end(full, info)
    }

    /// Nothing more comes.
    pub(super) fn finish(self, info: &CaptureInfo) -> Result<()> {
        end(self.writer, info)
    }

    /// Everything so far is in the file.
    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.writer.flush()?)
    }
}

fn end(mut writer: PcapNgWriter<Output>, info: &CaptureInfo) -> Result<()> {
    for (index, interface) in info.interfaces.iter().enumerate() {
        writer.statistics(index as u16, interface)?;
    }
    Ok(writer.into_inner().commit()?)
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
