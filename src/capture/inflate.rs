//! Decompression in a thread of its own, some blocks ahead of the reader and in constant memory.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::pool::{Block, Pool, Quota};
use crate::base::limits::{MAX_DICTIONARY, READ_BLOCK};

/// A compressed form that is read as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
    /// The LZ4 frame format, any number of frames.
    Lz4,
    /// The .xz format, any number of streams.
    Xz,
}

impl Compression {
    /// Recognises compressed bytes by their first four.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match *head.first_chunk::<4>()? {
            [0x1f, 0x8b, 8, _] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            [0x04, 0x22, 0x4d, 0x18] => Some(Self::Lz4),
            [0xfd, b'7', b'z', b'X'] => Some(Self::Xz),
            _ => None,
        }
    }

    /// The name that users know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    fn decoder(self, input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read>> {
        let input = BufReader::with_capacity(READ_BLOCK, input);
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(MAX_DICTIONARY.ilog2())?;
                Box::new(decoder)
            }
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
            Self::Xz => {
                let kib = (MAX_DICTIONARY >> 10) as u32 + 1024;
                Box::new(lzma_rust2::XzReader::new_mem_limit(input, true, kib))
            }
        })
    }
}

/// What the thread hands over: a block filled up to `len`, and after the last one how it ended.
struct Piece {
    block: Block,
    len: usize,
    failure: Option<String>,
}

/// The decompressed bytes of a stream.
pub(super) struct Inflated {
    pieces: Receiver<Piece>,
    quota: Arc<Quota>,
    current: Option<Piece>,
    at: usize,
    ended: bool,
    failure: Option<String>,
}

impl Inflated {
    /// Starts to decompress `input` into blocks of `pool`.
    pub(super) fn start(compression: Compression, input: Box<dyn Read + Send>, pool: &Arc<Pool>) -> io::Result<Self> {
        // Bounded by the blocks that there are.
        let (pieces_in, pieces) = channel();
        let quota = Quota::new(pool);
        let blocks = Arc::clone(&quota);
        thread::Builder::new()
            .name(compression.name().to_owned())
            .spawn(move || pump(compression, input, &pieces_in, &blocks))?;
        Ok(Self {
            pieces,
            quota,
            current: None,
            at: 0,
            ended: false,
            failure: None,
        })
    }

    /// What was wrong with the compressed stream; known once everything before it was read.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Copies decompressed bytes to `into`; 0 at the end, be it the true one or where the stream is broken.
    pub(super) fn read(&mut self, into: &mut [u8]) -> usize {
        while self.waiting().is_empty() && !self.ended {
            self.next_piece();
        }
        let waiting = self.waiting();
        let count = waiting.len().min(into.len());
        if let (Some(from), Some(to)) = (waiting.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        count
    }

    /// What is left of the current piece.
    fn waiting(&self) -> &[u8] {
        let current = self.current.as_ref();
        current
            .and_then(|piece| piece.block.bytes.get(self.at..piece.len))
            .unwrap_or_default()
    }

    fn next_piece(&mut self) {
        // Its block goes back before the next is waited for.
        if let Some(failure) = self.current.take().and_then(|piece| piece.failure) {
            self.failure = Some(failure);
            self.ended = true;
            return;
        }
        let Ok(piece) = self.pieces.recv() else {
            self.failure = Some("the decompressor stopped".to_owned());
            self.ended = true;
            return;
        };
        self.ended = piece.len == 0 && piece.failure.is_none();
        self.current = Some(piece);
        self.at = 0;
    }
}

impl Drop for Inflated {
    fn drop(&mut self) {
        self.quota.close();
    }
}

/// The thread's work: fills blocks until the stream ends, breaks, or nobody listens any more.
fn pump(compression: Compression, input: Box<dyn Read + Send>, pieces: &Sender<Piece>, blocks: &Arc<Quota>) {
    let mut decoder = match compression.decoder(input) {
        Ok(decoder) => decoder,
        Err(error) => Box::new(Refused(Some(error))),
    };
    while let Some(mut block) = blocks.take() {
        let (len, failure) = fill(&mut *decoder, &mut block.bytes);
        let last = len == 0 || failure.is_some();
        if pieces.send(Piece { block, len, failure }).is_err() || last {
            return;
        }
    }
}

/// Reads until `block` is full; says how far it came, and why not further if that was no proper end.
fn fill(decoder: &mut dyn Read, block: &mut [u8]) -> (usize, Option<String>) {
    let mut len = 0;
    while let Some(room) = block.get_mut(len..).filter(|room| !room.is_empty()) {
        match decoder.read(room) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return (len, Some("the compressed stream ends early".to_owned()));
            }
            Err(error) => return (len, Some(error.to_string())),
        }
    }
    (len, None)
}

/// A decoder that could not be made: its one read is the reason.
struct Refused(Option<io::Error>);

impl Read for Refused {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
