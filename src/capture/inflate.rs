//! Decompression in a thread of its own, a few blocks ahead of the reader and in constant memory.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::base::limits::{MAX_DICTIONARY, READ_BLOCK};

/// Blocks that may wait for the reader: with the one being filled and the one being read, 1 MiB.
const BLOCKS_AHEAD: usize = 2;

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
    block: Vec<u8>,
    len: usize,
    failure: Option<String>,
}

/// The decompressed bytes of a stream.
pub(super) struct Inflated {
    pieces: Receiver<Piece>,
    spare: Sender<Vec<u8>>,
    current: Piece,
    at: usize,
    ended: bool,
    failure: Option<String>,
}

impl Inflated {
    /// Starts to decompress `input`.
    pub(super) fn start(compression: Compression, input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (pieces_in, pieces) = sync_channel(BLOCKS_AHEAD);
        let (spare, spare_out) = channel();
        thread::Builder::new()
            .name(compression.name().to_owned())
            .spawn(move || pump(compression, input, &pieces_in, &spare_out))?;
        Ok(Self {
            pieces,
            spare,
            current: Piece {
                block: Vec::new(),
                len: 0,
                failure: None,
            },
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
        while self.at == self.current.len && !self.ended {
            self.next_piece();
        }
        let waiting = self.current.block.get(self.at..self.current.len).unwrap_or_default();
        let count = waiting.len().min(into.len());
        if let (Some(from), Some(to)) = (waiting.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        count
    }

    fn next_piece(&mut self) {
        if let Some(failure) = self.current.failure.take() {
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
        let used = std::mem::replace(&mut self.current, piece);
        self.at = 0;
        // The thread may have ended already; then nobody needs the block.
        let _ = self.spare.send(used.block);
    }
}

/// The thread's work: fills blocks until the stream ends, breaks, or nobody listens any more.
fn pump(compression: Compression, input: Box<dyn Read + Send>, pieces: &SyncSender<Piece>, spare: &Receiver<Vec<u8>>) {
    let mut decoder = match compression.decoder(input) {
        Ok(decoder) => decoder,
        Err(error) => Box::new(Refused(Some(error))),
    };
    loop {
        let spare = spare.try_recv().ok().filter(|block| !block.is_empty());
        let mut block = spare.unwrap_or_else(|| vec![0; READ_BLOCK]);
        let (len, failure) = fill(&mut *decoder, &mut block);
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
