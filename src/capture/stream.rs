//! The bytes of a capture, be it a file or a pipe, plain or compressed, as one stream.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::FileAt;
use super::inflate::{Compression, Inflated};
use super::pool::Pool;

/// Bytes looked at to recognise a compressed stream. No more than any capture's header has: a pipe may fall silent after it.
pub(super) const HEAD: usize = 4;

/// A stream of capture bytes, decompressed.
pub(super) struct Stream {
    input: Input,
    consumed: Arc<AtomicU64>,
    compression: Option<Compression>,
}

enum Input {
    /// A plain file.
    File(FileAt),
    Plain(Box<dyn Read + Send>),
    Inflated(Inflated),
}

impl Stream {
    /// Looks at the first bytes of `reader` and decompresses it, into blocks of `pool`, if they say so.
    pub(super) fn new(reader: Box<dyn Read + Send>, pool: &Arc<Pool>) -> io::Result<Self> {
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
            Some(kind) => Input::Inflated(Inflated::start(kind, whole, pool)?),
            None => Input::Plain(whole),
        };
        Ok(Self {
            input,
            consumed,
            compression,
        })
    }

    /// As [`Stream::new`], for a file of which others may read other parts at the same time.
    pub(super) fn of_file(file: FileAt, pool: &Arc<Pool>) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD);
        file.clone().take(HEAD as u64).read_to_end(&mut head)?;
        if Compression::of(&head).is_some() {
            return Self::new(Box::new(file), pool);
        }
        Ok(Self {
            input: Input::File(file),
            consumed: Arc::default(),
            compression: None,
        })
    }

    /// The file from here on, if it is a plain one.
    pub(super) fn file(&self) -> Option<FileAt> {
        match &self.input {
            Input::File(file) => Some(file.clone()),
            Input::Plain(_) | Input::Inflated(_) => None,
        }
    }

    /// Somebody else has read the next `count` bytes of the file.
    pub(super) fn pass(&mut self, count: usize) {
        if let Input::File(file) = &mut self.input {
            file.at += count as u64;
        }
    }

    /// Reads what is there, at most `into.len()` bytes; 0 at the end.
    ///
    /// # Errors
    /// Those of a plain stream. A compressed stream that fails ends, and [`Stream::broken`] tells why.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.input {
            Input::Inflated(inflated) => Ok(inflated.read(into)),
            Input::File(file) => read_some(file, into),
            Input::Plain(reader) => read_some(reader, into),
        }
    }

    /// How it is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// What was wrong with the compressed stream.
    pub(super) fn broken(&self) -> Option<&str> {
        match &self.input {
            Input::File(_) | Input::Plain(_) => None,
            Input::Inflated(inflated) => inflated.failure(),
        }
    }

    /// Bytes taken from the input, before decompression.
    pub(super) fn consumed(&self) -> u64 {
        match &self.input {
            Input::File(file) => file.at,
            Input::Plain(_) | Input::Inflated(_) => self.consumed.load(Ordering::Relaxed),
        }
    }
}

fn read_some(reader: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
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

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write, repeat};

    use super::*;
    use crate::capture::testing::{Outcome, Writer, read_all, read_from, read_in_pieces};

    type Compress = fn(&[u8]) -> Vec<u8>;

    const FORMS: [(&str, Compress); 4] = [("gzip", gzip), ("zstd", zstd), ("lz4", lz4), ("xz", xz)];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let frame = lz4_flex::frame::FrameInfo::new()
            .block_size(lz4_flex::frame::BlockSize::Max64KB)
            .content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A capture that does not compress to nothing, of several blocks.
    fn capture() -> Vec<u8> {
        let writer = Writer { big: false };
        let mut bytes = writer.pcap_header(0xa1b2_c3d4, 4, 1);
        let mut noise = 1_u32;
        for at in 0..3000 {
            let packet: Vec<u8> = (0..200)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 24) as u8
                })
                .collect();
            bytes.extend(writer.record((at, 0), (200, 200), &[], &packet));
        }
        bytes
    }

    fn assert_prefix(seen: &Outcome, whole: &Outcome, what: &str) {
        assert!(seen.packets.len() < whole.packets.len(), "{what}");
        assert_eq!(seen.packets[..], whole.packets[..seen.packets.len()], "{what}");
    }

    #[test]
    fn every_compression_gives_the_same_records() {
        let plain = capture();
        let expected = read_all(&plain).unwrap();
        assert_eq!(expected.packets.len(), 3000);
        for (name, compress) in FORMS {
            let whole = compress(&plain);
            let halves = [compress(&plain[..100_003]), compress(&plain[100_003..])].concat();
            for bytes in [&whole, &halves] {
                let seen = read_all(bytes).unwrap();
                assert_eq!(seen.packets, expected.packets, "{name}");
                assert_eq!(seen.info.format, format!("pcap ({name})"));
                assert_eq!(seen.info.health, expected.info.health);
            }
            assert_eq!(read_in_pieces(&whole, 1).unwrap().packets, expected.packets, "{name}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_gives_what_came_before() {
        let plain = capture();
        let expected = read_all(&plain).unwrap();
        for (name, compress) in FORMS {
            let bytes = compress(&plain);
            let seen = read_all(&bytes[..bytes.len() * 3 / 4]).unwrap();
            assert_prefix(&seen, &expected, name);
            assert!(seen.packets.len() > 1000, "{name}: {}", seen.packets.len());
            assert!(seen.info.health.broken_compression.is_some(), "{name}");
        }
    }

    #[test]
    fn a_damaged_stream_gives_what_came_before() {
        let plain = capture();
        for (name, compress) in FORMS {
            let mut bytes = compress(&plain);
            let middle = bytes.len() / 2;
            bytes[middle..middle + 2000].fill(0xff);
            // Not every form guards every byte at once; but each must notice, and none may lose the beginning.
            let seen = read_all(&bytes).unwrap();
            assert!(seen.packets.len() > 500, "{name}: {}", seen.packets.len());
            assert!(seen.info.health.broken_compression.is_some(), "{name}");
        }
    }

    #[test]
    fn consumed_counts_compressed_bytes() {
        let bytes = zstd(&capture());
        let mut source = crate::capture::open_reader("x", Box::new(Cursor::new(bytes.clone())), None).unwrap();
        while source.next_batch().unwrap().is_some() {}
        assert_eq!(source.consumed(), bytes.len() as u64);
    }

    #[test]
    fn compression_in_compression_is_refused_clearly() {
        let error = read_all(&gzip(&zstd(&capture()))).unwrap_err().to_string();
        assert!(error.contains("zstd inside gzip"), "{error}");
        let error = read_all(&xz(b"just some text in a file\n")).unwrap_err().to_string();
        assert!(error.contains("xz file") && error.contains("text"), "{error}");
        let error = read_all(&gzip(b"")[..12]).unwrap_err().to_string();
        assert!(error.contains("damaged gzip file"), "{error}");
    }

    #[test]
    fn a_bomb_passes_through_in_constant_memory() {
        // 16 MiB of zeros behind a header are 2^20 empty records of time zero.
        let header = Writer { big: false }.pcap_header(0xa1b2_c3d4, 4, 1);
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(&header).unwrap();
        std::io::copy(&mut repeat(0).take(1 << 24), &mut encoder).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1 << 16);
        let mut source = crate::capture::open_reader("bomb", Box::new(Cursor::new(bomb)), None).unwrap();
        let mut count = 0;
        while let Some(batch) = source.next_batch().unwrap() {
            assert!(batch.data.len() < 1 << 20);
            count += batch.records.len();
        }
        assert_eq!(count, 1 << 20);
    }

    #[test]
    fn an_input_that_fails_is_an_error_with_its_name() {
        struct Failing(usize);
        impl Read for Failing {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(io::ErrorKind::Interrupted.into()),
                    2 => {
                        let header = Writer { big: false }.pcap_header(0xa1b2_c3d4, 4, 1);
                        into[..4].copy_from_slice(&header[..4]);
                        Ok(4)
                    }
                    _ => Err(io::Error::other("the disk is gone")),
                }
            }
        }
        let error = read_from(Box::new(Failing(0)), None).unwrap_err().to_string();
        assert!(error.contains("test") && error.contains("the disk is gone"), "{error}");
    }
}
