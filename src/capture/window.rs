//! The stretch of the stream that is in memory: read by blocks, the unread rest carried to the front.

use std::io;

use super::ahead::Stretch;
use super::stream::Stream;
use crate::base::limits::READ_BLOCK;

/// Whether reading may go on at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// More bytes are needed to say; never once the stream has ended.
    Unsure,
}

/// A sliding window over a stream. It grows only by bytes that arrived, never by what a header claims.
pub(super) struct Window {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of the first byte in memory. Behind [`Window::take_in`], there may be no such byte: it wraps around 0.
    base: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            base: 0,
            ended: false,
        }
    }

    /// The stream below.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Everything in memory; records point into it.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(..self.end).unwrap_or_default()
    }

    /// Place of the first unread byte in [`Window::data`].
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The unread bytes.
    pub(super) fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Offset of the first unread byte in the (decompressed) stream.
    pub(super) fn offset(&self) -> u64 {
        self.base.wrapping_add(self.start as u64)
    }

    /// The stream has nothing behind the bytes in memory.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Passes over `count` unread bytes, or as many as there are.
    pub(super) fn take(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Reads one more block at most, keeping the unread bytes; `false` at the end of the stream.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.carry();
        let wanted = self.end + READ_BLOCK;
        if self.buffer.is_empty() {
            // Zeroed by the system as it is touched: a small capture costs small memory.
            self.buffer = vec![0; 2 * READ_BLOCK];
        } else if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let room = self.buffer.get_mut(self.end..wanted).unwrap_or_default();
        let count = self.stream.read(room)?;
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }

    /// Goes on with what of `stretch` is not in memory yet; `false` where there is no such part, or it cannot follow.
    pub(super) fn take_in(&mut self, stretch: &mut Stretch) -> bool {
        let at = self.stream.consumed();
        let Some((start, end)) = stretch.trade(at, &mut self.buffer, self.start, self.end) else {
            if stretch.trade_back(&mut self.buffer, self.start, self.end) {
                self.base = self.offset();
                (self.start, self.end) = (0, self.end - self.start);
            }
            return self.append(stretch.fresh(at).unwrap_or_default());
        };
        // What is unread stands there as before: at the same offset, and perhaps at a later place than that.
        self.base = self.offset().wrapping_sub(start as u64);
        self.stream.pass(end - start - (self.end - self.start));
        (self.start, self.end) = (start, end);
        true
    }

    /// Goes on with these bytes of the stream, which others have read; `false` where there are none.
    fn append(&mut self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return false;
        }
        self.carry();
        self.buffer.truncate(self.end);
        self.buffer.extend_from_slice(bytes);
        self.end += bytes.len();
        self.stream.pass(bytes.len());
        true
    }

    /// Reads until `count` unread bytes are there; `false` if the stream ends before.
    pub(super) fn need(&mut self, count: usize) -> io::Result<bool> {
        while self.rest().len() < count {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves on to the first place, at least one byte further, that `fits`, in memory bounded by what `fits` asks to
    /// see; `false` if the stream ends before. It is given bytes, and whether the stream ends with them.
    pub(super) fn search(&mut self, fits: impl Fn(&[u8], bool) -> Fit) -> io::Result<bool> {
        self.take(1);
        loop {
            let rest = self.rest();
            let place = (0..rest.len()).find_map(|at| {
                let fit = fits(rest.get(at..).unwrap_or_default(), self.ended);
                (fit != Fit::No).then_some((at, fit))
            });
            let (at, fit) = place.unwrap_or((rest.len(), Fit::No));
            self.take(at);
            if fit == Fit::Yes || self.ended {
                return Ok(fit == Fit::Yes);
            }
            self.fill()?;
        }
    }

    fn carry(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base = self.offset();
            self.end -= self.start;
            self.start = 0;
        }
    }
}
