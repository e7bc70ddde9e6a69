//! The captures of one run, in the order in which they were read, to be read again: from their files, or from what was kept.

use super::read::{is_dash, named, open};
use super::spool::{Spool, Tee};
use crate::analyzer::{Again, Found, Wanted};
use crate::capture::{self, CaptureInfo, Source};
use anyhow::{Result, anyhow};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What will be read a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// Nothing.
    No,
    /// What can be: else something is missing from a page that says so.
    IfPossible,
    /// Everything: else there is no sense in the first reading.
    Yes,
}

/// One capture as it was read.
#[derive(Debug)]
struct Piece {
    path: PathBuf,
    /// Where it can be read again, if not at its path.
    spool: Option<Spool>,
    /// What the first reading said of it.
    info: CaptureInfo,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Pieces {
    all: Vec<Piece>,
    twice: Twice,
    /// Of the one that is being read.
    spool: Option<Spool>,
    /// Cannot be read again.
    lost: Option<String>,
}

/// How far a second reading came.
#[derive(Debug)]
pub(super) struct Reached {
    /// The last packet.
    packets: u64,
    /// Why not further, if it was not all.
    why: Option<String>,
}

impl Reached {
    /// A sentence, where packets up to number `last` were wanted for `option` and not all could be read.
    pub(super) fn lacks(&self, option: &str, last: u64) -> Option<String> {
        let why = self.why.as_ref().filter(|_| last > self.packets)?;
        Some(format!("{option} ends with packet {}: {why}", self.packets))
    }

    /// This packet was reached.
    pub(super) fn has(&self, packet: u64) -> bool {
        self.why.is_none() || packet <= self.packets
    }
}

impl Pieces {
    pub(super) fn new(twice: Twice) -> Self {
        Self {
            all: Vec::new(),
            twice,
            spool: None,
            lost: None,
        }
    }

    /// One recording: in a file, or kept in a spool.
    pub(super) fn recorded(path: &Path, spool: Option<Spool>) -> Self {
        let mut pieces = Self::new(Twice::Yes);
        pieces.spool = spool;
        pieces.end(path, &CaptureInfo::default());
        pieces
    }

    /// Opens a capture for the first reading; a pipe that will be needed again is copied on the way.
    ///
    /// # Errors
    /// One sentence that names the capture, or says that it cannot be kept.
    pub(super) fn open(&mut self, path: &Path) -> Result<Box<dyn Source>> {
        if self.twice == Twice::No || is_file(path) {
            return open(path);
        }
        let to = match Spool::new() {
            Ok(spool) => spool,
            Err(error) if self.twice == Twice::Yes => return Err(error),
            Err(error) => {
                self.lost = Some(error.to_string());
                return open(path);
            }
        };
        self.spool = Some(to.clone());
        let from: Box<dyn Read + Send> = if is_dash(path) {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| named(path, &error.into()))?)
        };
        let source = capture::open_reader(&path.display().to_string(), Box::new(Tee { from, to }), None);
        source.map_err(|error| named(path, &error))
    }

    /// The capture that was read last is over.
    pub(super) fn end(&mut self, path: &Path, info: &CaptureInfo) {
        self.all.push(Piece {
            path: path.to_owned(),
            spool: self.spool.take(),
            info: info.clone(),
        });
    }

    /// No more than a spool holds.
    pub(super) fn are_spooled(&self) -> bool {
        self.all.iter().all(|piece| piece.spool.is_some())
    }

    /// Reads everything once more, and hands the packets of the flows that `wanted` names to `sink`; `filter` as the first
    /// time. A `stop` that ended the first reading does not end this one, which goes no further than the first.
    ///
    /// # Errors
    /// One sentence that names the capture.
    pub(super) fn read_again(
        &self,
        filter: Option<&str>,
        wanted: Wanted,
        stop: &AtomicBool,
        sink: &mut dyn FnMut(&Found<'_>) -> Result<(), String>,
    ) -> Result<Reached> {
        if let Some(why) = &self.lost {
            return Err(anyhow!(why.clone()));
        }
        let was_stopped = stop.load(Ordering::Relaxed);
        let mut again = Again::new(wanted, filter.map(str::to_owned));
        let mut reached = Reached { packets: 0, why: None };
        for piece in &self.all {
            let mut source = piece.open()?;
            let before = again.packets();
            while let Some(batch) = source.next_batch().map_err(|error| named(&piece.path, &error))? {
                again.feed(batch, sink).map_err(|why| anyhow!(why))?;
                if was_stopped && again.packets() - before >= piece.info.packets {
                    break;
                }
                if !was_stopped && stop.load(Ordering::Relaxed) {
                    reached.packets = again.packets();
                    reached.why.get_or_insert_with(|| "it was interrupted".to_owned());
                    return Ok(reached);
                }
            }
            if reached.why.is_none() {
                reached.packets = again.packets();
                reached.why = piece.ended();
            }
            again.end_capture(&piece.info);
        }
        Ok(reached)
    }
}

impl Piece {
    fn open(&self) -> Result<Box<dyn Source>> {
        let Some(spool) = &self.spool else {
            return open(&self.path);
        };
        let kept = spool.again().map_err(capture::CaptureError::from);
        let source = kept.and_then(|kept| capture::open_reader(&self.path.display().to_string(), kept, None));
        source.map_err(|error| named(&self.path, &error))
    }

    fn ended(&self) -> Option<String> {
        let why = self.spool.as_ref()?.ended()?;
        Some(format!("{why}; what is in a capture file can be read to its end"))
    }
}

/// It will still be there the second time.
pub(super) fn is_file(path: &Path) -> bool {
    !is_dash(path) && std::fs::metadata(path).is_ok_and(|meta| meta.is_file())
}
