//! From a path or a pipe to a source of packets, by what the first bytes are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::ahead::FileAt;
use super::describe::describe;
use super::pcap::Pcap;
use super::pcap_layout::{FILE_HEADER, Layout, is_pcap};
use super::pcapng::PcapNg;
use super::pool::Pool;
use super::reader::Reader;
use super::snoop::{self, Snoop};
use super::stream::{HEAD, Stream};
use super::window::Window;
use super::{CaptureError, CaptureInfo, Interface, Source, inflate::Compression};

/// Bytes shown to the describer of unknown formats.
const LOOK: usize = 512;

/// Opens the capture file `path`: pcap, pcapng or snoop, plain or compressed with gzip, zstd, lz4 or xz.
///
/// # Errors
/// One sentence that names the file: missing, a directory, no permission, empty, or of no known format.
pub fn open(path: &Path) -> Result<Box<dyn Source>, CaptureError> {
    open_with(path, &Arc::default())
}

/// Opens captures before their turn comes: what is compressed is decompressed meanwhile, up to a number of bytes in all.
#[derive(Clone, Debug)]
pub struct ReadAhead(Arc<Pool>);

impl ReadAhead {
    /// Up to about so many bytes decompressed ahead, over all captures.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Pool::new(bytes)))
    }

    /// Opens the capture file `path`, if it is compressed; nothing is won by opening another one early, and a pipe may have
    /// nobody yet who writes to it.
    #[must_use]
    pub fn open(&self, path: &Path) -> Option<Result<Box<dyn Source>, CaptureError>> {
        let mut head = Vec::new();
        let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        let file = about.and_then(|_| File::open(path).ok())?;
        file.take(HEAD as u64).read_to_end(&mut head).ok()?;
        Compression::of(&head).map(|_| open_with(path, &self.0))
    }
}

fn open_with(path: &Path, pool: &Arc<Pool>) -> Result<Box<dyn Source>, CaptureError> {
    let name = path.display().to_string();
    let refused = |error: io::Error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "permission denied; run as a user who may read it, or make it readable with chmod or chown".to_owned()
            }
            _ => error.to_string(),
        };
        CaptureError::Io(io::Error::new(error.kind(), format!("cannot open {name}: {what}")))
    };
    let about = std::fs::metadata(path).map_err(refused)?;
    if about.is_dir() {
        let what =
            format!("cannot open {name}: it is a directory; name the capture files in it, such as {name}/*.pcap");
        return Err(CaptureError::Io(io::Error::new(io::ErrorKind::IsADirectory, what)));
    }
    let file = File::open(path).map_err(refused)?;
    let size = about.is_file().then_some(about.len());
    let stream = match FileAt::start(file, about.is_file()) {
        Ok(file) => Stream::of_file(file, pool),
        Err(file) => Stream::new(Box::new(file), pool),
    };
    read_from(&name, stream, size)
}

/// Opens a capture that comes from `reader`, such as standard input. `size` is the number of bytes that it will give,
/// if that is known. Records come as soon as they are complete, however small the pieces that the reader delivers.
///
/// # Errors
/// One sentence that names the capture as `name`: empty, or of no known format.
pub fn open_reader(
    name: &str,
    reader: Box<dyn Read + Send>,
    size: Option<u64>,
) -> Result<Box<dyn Source>, CaptureError> {
    read_from(name, Stream::new(reader, &Arc::default()), size)
}

fn read_from(name: &str, stream: io::Result<Stream>, size: Option<u64>) -> Result<Box<dyn Source>, CaptureError> {
    let failed =
        |error: io::Error| CaptureError::Io(io::Error::new(error.kind(), format!("reading {name} failed: {error}")));
    let mut window = Window::new(stream.map_err(failed)?);
    window.need(4).map_err(failed)?;
    let compression = window.stream().compression();
    let mut info = CaptureInfo {
        name: name.to_owned(),
        ..CaptureInfo::default()
    };
    let mut named = |format: &str| {
        info.format = compression.map_or(format.to_owned(), |kind| format!("{format} ({})", kind.name()));
    };
    if is_pcap(window.rest()) {
        named("pcap");
        window.need(FILE_HEADER).map_err(failed)?;
        let Some(layout) = Layout::of(window.rest()) else {
            return Err(cut_header(name, &window));
        };
        // The extra header bytes of some dialects may still be on their way.
        window.need(layout.file_header).map_err(failed)?;
        window.take(layout.file_header);
        info.interfaces.push(Pcap::interface(&layout));
        return Ok(Box::new(Reader::new(window, Pcap::new(layout), info)));
    }
    if window.rest().starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        named("pcapng");
        window.need(12).map_err(failed)?;
        if window.rest().len() < 12 {
            return Err(cut_header(name, &window));
        }
        if super::blocks::order_of_section(window.rest()).is_some() {
            let size = size.filter(|_| compression.is_none());
            return Ok(Box::new(Reader::new(window, PcapNg::new(size), info)));
        }
    }
    if window.rest().starts_with(b"snoo") && window.need(16).map_err(failed)? {
        if let Some(link) = snoop::link(window.rest()) {
            named("snoop");
            window.take(16);
            info.interfaces.push(Interface::new(link, 0, 6));
            return Ok(Box::new(Reader::new(window, Snoop::new(link), info)));
        }
    }
    window.need(LOOK).map_err(failed)?;
    Err(not_a_capture(name, &window))
}

fn cut_header(name: &str, window: &Window) -> CaptureError {
    let len = window.rest().len();
    let broken = window
        .stream()
        .broken()
        .map(|what| format!(" ({what})"))
        .unwrap_or_default();
    CaptureError::NotACapture(format!(
        "{name} ends after {len} bytes{broken}, inside the header of the capture; it was cut or never written: copy or record it again"
    ))
}

fn not_a_capture(name: &str, window: &Window) -> CaptureError {
    let (head, stream) = (window.rest(), window.stream());
    let sentence = match (stream.compression(), stream.broken(), Compression::of(head)) {
        (Some(outer), Some(what), _) if head.is_empty() => {
            format!(
                "{name} is a damaged {} file: {what}; copy it again from where it came",
                outer.name()
            )
        }
        (Some(outer), _, Some(inner)) => format!(
            "{name} is {} inside {}; take the outer compression off first, and pipe the result to -",
            inner.name(),
            outer.name()
        ),
        (Some(outer), ..) => format!(
            "{name} is a {} file, but what is in it {}",
            outer.name(),
            describe(head)
        ),
        (None, ..) => format!("{name} {}", describe(head)),
    };
    CaptureError::NotACapture(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{Writer, read_all};

    fn sentence(bytes: &[u8]) -> String {
        read_all(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_refusal_names_the_capture_and_says_what_to_do() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"\xd4\xc3\xb2", "bytes"),
            (b"\xd4\xc3\xb2\xa1\x02\0", "ends after 6 bytes"),
            (b"\x0a\x0d\x0d\x0a\x1c\0", "ends after 6 bytes"),
            (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x01\x02\x03\x04xxxx", "damaged first block"),
            (b"snoop\0\0\0\0\0\0\x09\0\0\0\x04", "snoop"),
            (b"snooker is a game", "text"),
            (b"12:00 IP a > b: Flags [S]", "text"),
        ] {
            let sentence = sentence(bytes);
            assert!(sentence.starts_with("test ") && sentence.contains(words), "{sentence}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_named() {
        let place = std::env::temp_dir();
        let missing = place.join("whodropped-no-such-file.pcap");
        let error = open(&missing).err().unwrap().to_string();
        assert!(
            error.contains("no-such-file.pcap") && error.contains("no such file"),
            "{error}"
        );
        let error = open(&place).err().unwrap().to_string();
        assert!(error.contains("directory") && error.contains("*.pcap"), "{error}");
    }

    #[test]
    fn what_is_opened_early_is_read_in_any_order_or_not_at_all() {
        use std::io::Write;
        let place = std::env::temp_dir().join(format!("whodropped-{}-early", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let writer = Writer { big: false };
        let mut bytes = writer.pcap_header(0xa1b2_c3d4, 4, 1);
        // More than a stream's own blocks hold.
        (0..30).for_each(|at| bytes.extend(writer.record((at, 0), (100_000, 100_000), &[], &vec![7; 100_000])));
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&bytes).unwrap();
        let (plain, packed) = (place.join("plain"), place.join("packed"));
        std::fs::write(&plain, &bytes).unwrap();
        std::fs::write(&packed, packer.finish().unwrap()).unwrap();
        for room in [0, 600 << 10, 64 << 20] {
            let ahead = ReadAhead::new(room);
            assert!(ahead.open(&plain).is_none() && ahead.open(&place).is_none());
            assert!(ahead.open(&place.join("missing")).is_none());
            let mut early: Vec<_> = (0..4).map(|_| ahead.open(&packed).unwrap().unwrap()).collect();
            drop(early.remove(1));
            while let Some(mut source) = early.pop() {
                let mut count = 0;
                while let Some(batch) = source.next_batch().unwrap() {
                    count += batch.records.len();
                }
                assert_eq!(count, 30, "{room}");
            }
        }
        std::fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn a_file_is_known_by_its_bytes_not_by_its_name() {
        let path = std::env::temp_dir().join(format!("whodropped-{}.txt", std::process::id()));
        let writer = Writer { big: true };
        let bytes = [
            writer.pcap_header(0xa1b2_c3d4, 4, 1),
            writer.record((1, 2), (1, 1), &[], b"x"),
        ]
        .concat();
        std::fs::write(&path, &bytes).unwrap();
        let mut source = open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(source.next_batch().unwrap().unwrap().records.len(), 1);
        assert!(source.next_batch().unwrap().is_none());
        assert_eq!(source.consumed(), bytes.len() as u64);
        assert_eq!(source.info().name, path.display().to_string());
    }
}
