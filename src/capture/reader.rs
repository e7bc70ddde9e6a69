//! What all formats share: the loop that reads, lends batches, and goes on after damage.

use super::window::Window;
use super::{Batch, CaptureError, CaptureInfo, Record, Source};
use crate::base::limits::BATCH_RECORDS;

/// Why a walk over the bytes in memory stopped.
pub(super) enum Stop {
    /// The batch is full.
    Full,
    /// The next record is not all there yet.
    Starved,
    /// What stands at the window's start cannot be a record.
    Damaged(String),
}

/// How one file format is read.
pub(super) trait Format: Send {
    /// Takes whole records from the window into `records`, and everything else on the way.
    fn walk(&mut self, window: &mut Window, records: &mut Vec<Record>, info: &mut CaptureInfo) -> Stop;

    /// Moves the window behind damage at its start to where records go on; `false` if they do not.
    ///
    /// # Errors
    /// Those of reading, and `Broken` if nothing could be read at all.
    fn recover(&mut self, window: &mut Window, what: &str) -> Result<bool, CaptureError>;

    /// Offset of a block that is being passed over without being kept.
    fn passing(&self) -> Option<u64> {
        None
    }
}

/// A capture of format `F`.
pub(super) struct Reader<F> {
    window: Window,
    format: F,
    records: Vec<Record>,
    info: CaptureInfo,
    done: bool,
}

impl<F: Format> Reader<F> {
    pub(super) fn new(window: Window, format: F, info: CaptureInfo) -> Self {
        Self {
            window,
            format,
            records: Vec::with_capacity(BATCH_RECORDS),
            info,
            done: false,
        }
    }

    fn fill(&mut self) -> Result<(), CaptureError> {
        let at = self.window.offset();
        let filled = self.window.fill();
        filled.map(drop).map_err(|error| self.lost(at, error.into()))
    }

    /// Nothing further can be read behind byte `at`; the error then tells where.
    fn lost(&mut self, at: u64, error: CaptureError) -> CaptureError {
        self.done = true;
        let CaptureError::Io(error) = error else { return error };
        let what = format!("reading {} failed behind byte {at}: {error}", self.info.name);
        CaptureError::Io(std::io::Error::new(error.kind(), what))
    }

    fn recover(&mut self, what: &str) -> Result<bool, CaptureError> {
        let at = self.window.offset();
        let found = self.format.recover(&mut self.window, what);
        found.map_err(|error| self.lost(at, error))
    }

    fn repair(&mut self, what: String) -> Result<(), CaptureError> {
        let offset = self.window.offset();
        let found = self.recover(&what)?;
        self.info.health.skip(offset, || what);
        if !found {
            self.close();
        }
        Ok(())
    }

    fn close(&mut self) {
        self.done = true;
        if let Some(broken) = self.window.stream().broken() {
            self.info.health.broken_compression = Some(broken.to_owned());
        }
    }

    /// The stream is at its end. If it ends inside a record, that record may have lied about its length and have
    /// swallowed good ones: only when there are none behind it the capture is cut.
    fn on_end(&mut self) -> Result<(), CaptureError> {
        if self.window.rest().is_empty() {
            self.info.health.cut = self.format.passing();
            self.close();
            return Ok(());
        }
        let offset = self.window.offset();
        if self.info.packets > 0 && self.recover("a record that does not end")? {
            self.info
                .health
                .skip(offset, || "a record that claims more bytes than there are".to_owned());
        } else {
            self.info.health.cut = Some(offset);
            self.close();
        }
        Ok(())
    }
}

impl<F: Format> Source for Reader<F> {
    fn next_batch(&mut self) -> Result<Option<Batch<'_>>, CaptureError> {
        self.records.clear();
        while self.records.is_empty() && !self.done {
            match self.format.walk(&mut self.window, &mut self.records, &mut self.info) {
                _ if !self.records.is_empty() => {}
                Stop::Full => {}
                // Only a walk that knows of the end has had its last word.
                Stop::Starved if self.window.ended() => self.on_end()?,
                Stop::Starved => self.fill()?,
                Stop::Damaged(what) => self.repair(what)?,
            }
        }
        let batch = Batch {
            data: self.window.data(),
            records: &self.records,
        };
        Ok((!self.records.is_empty()).then_some(batch))
    }

    fn info(&self) -> &CaptureInfo {
        &self.info
    }

    fn consumed(&self) -> u64 {
        self.window.stream().consumed()
    }
}
