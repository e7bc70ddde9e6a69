//! The bytes of a capture, be it a file or a pipe, plain or compressed, as one stream.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::inflate::{Compression, Inflated};

/// Bytes looked at to recognise a compressed stream. No more than any capture's header has: a pipe may fall silent after it.
const HEAD: usize = 4;

/// A stream of capture bytes, decompressed.
pub(super) struct Stream {
    input: Input,
    consumed: Arc<AtomicU64>,
    compression: Option<Compression>,
}

enum Input {
    Plain(Box<dyn Read + Send>),
    Inflated(Inflated),
}

impl Stream {
    /// Looks at the first bytes of `reader` and decompresses it if they say so.
    pub(super) fn new(reader: Box<dyn Read + Send>) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let mut reader = Counted {
            reader,
            count: Arc::clone(&consumed),
        };
        let mut head = Vec::with_capacity(HEAD);
        reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(reader));
        let input = match compression {
            Some(kind) => Input::Inflated(Inflated::start(kind, whole)?),
            None => Input::Plain(whole),
        };
        Ok(Self {
            input,
            consumed,
            compression,
        })
    }

    /// Reads what is there, at most `into.len()` bytes; 0 at the end.
    ///
    /// # Errors
    /// Those of a plain stream. A compressed stream that fails ends, and [`Stream::broken`] tells why.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.input {
            Input::Inflated(inflated) => Ok(inflated.read(into)),
            Input::Plain(reader) => loop {
                match reader.read(into) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    done => return done,
                }
            },
        }
    }

    /// How it is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// What was wrong with the compressed stream.
    pub(super) fn broken(&self) -> Option<&str> {
        match &self.input {
            Input::Plain(_) => None,
            Input::Inflated(inflated) => inflated.failure(),
        }
    }

    /// Bytes taken from the input, before decompression.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}

/// A reader that counts what was read.
struct Counted {
    reader: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
