//! `--write` and `--ring`: what is captured goes to pcapng, into one file or into several in turn; and, where `--html` or
//! `--evidence` will look at packets again that are in no one file, its beginning to a temporary one.

use crate::capture::live::Live;
use crate::capture::write::PcapNgWriter;
use crate::capture::{Batch, CaptureInfo, Record};
use crate::cli::complain;
use crate::cli::live::args::Live as Args;
use crate::cli::pieces::{Pieces, is_file};
use crate::cli::spool::Spool;
use crate::report::file::Output;
use anyhow::Result;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are written to a temporary file at once.
const BUFFER: usize = 256 << 10;

/// A recording, if one is wanted; given up with a sentence where it cannot be written any longer.
#[derive(Debug, Default)]
pub(super) struct Recording {
    recorder: Option<Recorder>,
    /// What is in no file that can be read again, as far as it is kept.
    kept: Option<PcapNgWriter<BufWriter<Spool>>>,
    incomplete: bool,
}

impl Recording {
    /// Records to `--write`, if there is one, or to `--ring` (files, bytes of each) named after it.
    pub(super) fn open(args: &Args, info: &CaptureInfo) -> Result<Self> {
        let path = args.write.as_deref();
        let recorder = path.map(|path| Recorder::open(path, args.ring, info)).transpose()?;
        let kept = if file(args).is_some() { None } else { keep(args, info)? };
        let mut recording = Self {
            recorder,
            kept,
            incomplete: false,
        };
        // It can be read from now on, whenever the first packet comes, and whether or not the disk has room for it by then.
        recording.flush();
        Ok(recording)
    }

    /// Records what was lent last.
    pub(super) fn take(&mut self, live: &Live) {
        let (batch, info) = live.lent();
        self.attempt(|recorder| recorder.take(batch, info));
        if let Some(kept) = &mut self.kept {
            // A spool takes everything in, whether it keeps it or not.
            let _ = batch.records.iter().try_for_each(|record| packet(kept, batch, record));
        }
    }

    /// Everything so far is in the file.
    pub(super) fn flush(&mut self) {
        self.attempt(|recorder| Ok(recorder.writer.flush()?));
    }

    /// Nothing more comes. Gives where the packets can be read again.
    pub(super) fn finish(&mut self, args: &Args, info: &CaptureInfo) -> Option<Pieces> {
        self.attempt(|recorder| recorder.finish(info));
        self.recorder = None;
        let Some(kept) = self.kept.take() else {
            return file(args).map(|path| Pieces::recorded(path, None));
        };
        let spool = kept.into_inner().into_inner().ok()?;
        Some(Pieces::recorded(Path::new("the live capture"), Some(spool)))
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

/// The one file that everything is recorded in.
fn file(args: &Args) -> Option<&Path> {
    let path = args.write.as_deref().filter(|_| args.ring.is_none())?;
    is_file(path).then_some(path)
}

/// A temporary file, where one is needed.
fn keep(args: &Args, info: &CaptureInfo) -> Result<Option<PcapNgWriter<BufWriter<Spool>>>> {
    let spool = match (&args.evidence, &args.rows.html) {
        (Some(_), _) => Spool::new()?,
        // The page says what it lacks.
        (None, Some(_)) => match Spool::new() {
            Ok(spool) => spool,
            Err(_) => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let writer = PcapNgWriter::new(BufWriter::with_capacity(BUFFER, spool), &info.interfaces)?;
    Ok(Some(writer))
}

fn packet<W: Write>(to: &mut PcapNgWriter<W>, batch: Batch<'_>, record: &Record) -> io::Result<()> {
    to.packet(record.interface, record.stamp, record.original, batch.bytes(record))
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
            packet(&mut self.writer, batch, record)?;
        }
        Ok(())
    }

    /// Ends this file and begins the next.
    fn turn(&mut self, info: &CaptureInfo) -> Result<()> {
        let Some(ring) = &mut self.ring else { return Ok(()) };
        let mut next = PcapNgWriter::new(Output::growing(&ring.next())?, &info.interfaces)?;
        self.finish(info)?;
        next.flush()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture;

    #[test]
    fn a_recording_can_be_read_before_there_is_a_packet() {
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            live: Args,
        }
        let folder = tempfile::tempdir().unwrap();
        let (path, info) = (folder.path().join("x.pcapng"), CaptureInfo::default());
        let typed = [
            "live",
            "-i",
            "eth0",
            "--ring",
            "2x1M",
            "--write",
            path.to_str().unwrap(),
        ];
        let args = <Typed as clap::Parser>::parse_from(typed).live;
        let mut recording = Recording::open(&args, &info).unwrap();
        for number in 1..=2 {
            let file = folder.path().join(format!("x-0000{number}.pcapng"));
            assert!(capture::open(&file).unwrap().next_batch().unwrap().is_none());
            recording.attempt(|recorder| recorder.turn(&info));
        }
        assert!(!recording.is_incomplete());
    }
}
