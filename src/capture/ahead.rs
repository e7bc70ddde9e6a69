//! Stretches of a plain file, read before their turn comes, by several threads at once.

use crate::base::limits::READ_BLOCK;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Room before the bytes of a stretch: what is left unread of the one before it is put there.
const ROOM: usize = 128 << 10;

/// A buffer that has become larger than this, for a long record, is not used again.
const LARGEST: usize = 4 * READ_BLOCK;

/// A file that is read from one place on, by whoever has a copy of this.
#[derive(Clone, Debug)]
pub(super) struct FileAt {
    file: Arc<File>,
    pub(super) at: u64,
}

impl FileAt {
    /// The beginning of `file`, if it is a plain one; gives others back, and all where none can be read from any place.
    pub(super) fn start(file: File, is_plain: bool) -> Result<Self, File> {
        if is_plain && cfg!(unix) {
            let file = Arc::new(file);
            Ok(Self { file, at: 0 })
        } else {
            Err(file)
        }
    }
}

impl Read for FileAt {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, into, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Reads a source's file ahead of the source, which is given the stretches in order.
#[derive(Clone, Debug)]
pub struct Ahead(FileAt);

impl Ahead {
    pub(super) fn new(from: FileAt) -> Self {
        Self(from)
    }

    /// Reads stretch `number`, from 0, into `stretch`. It is not whole where the file ends, or cannot be read: then the source
    /// has to read itself, and says what is wrong.
    pub fn read(&self, number: u64, stretch: &mut Stretch) {
        let mut from = FileAt {
            at: self.0.at + number * READ_BLOCK as u64,
            ..self.0.clone()
        };
        if !(ROOM + READ_BLOCK..=LARGEST).contains(&stretch.bytes.len()) {
            // Zeroed by the system as it is touched.
            stretch.bytes = vec![0; ROOM + READ_BLOCK];
        }
        (stretch.offset, stretch.length, stretch.is_traded) = (from.at, 0, false);
        let mut room = stretch.bytes.get_mut(ROOM..ROOM + READ_BLOCK).unwrap_or_default();
        while !room.is_empty() {
            match from.read(room) {
                Ok(count @ 1..) => {
                    room = room.get_mut(count..).unwrap_or_default();
                    stretch.length += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
}

/// A stretch of a file. Used again and again.
#[derive(Debug, Default)]
pub struct Stretch {
    /// The bytes stand behind [`ROOM`].
    bytes: Vec<u8>,
    /// Of the first byte in the file.
    offset: u64,
    length: usize,
    /// Another buffer is here for the time being.
    is_traded: bool,
}

impl Stretch {
    /// The file goes on behind it, or ends there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.length == READ_BLOCK
    }

    /// Its bytes from `offset` on, if it has any.
    pub(super) fn fresh(&self, offset: u64) -> Option<&[u8]> {
        let known = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let bytes = self.bytes.get(ROOM.checked_add(known)?..ROOM + self.length)?;
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Changes what is from `offset` on for `buffer`, whose part from `start` to `end` stands before that and is carried over;
    /// says where both stand now, from where to where. Nothing where there is nothing from `offset` on, or no room for what is
    /// carried over.
    pub(super) fn trade(
        &mut self,
        offset: u64,
        buffer: &mut Vec<u8>,
        start: usize,
        end: usize,
    ) -> Option<(usize, usize)> {
        let (fresh, rest) = (self.fresh(offset)?.len(), buffer.get(start..end)?);
        let behind = ROOM + self.length;
        let to = (behind - fresh).checked_sub(rest.len())?;
        self.bytes.get_mut(to..behind - fresh)?.copy_from_slice(rest);
        std::mem::swap(&mut self.bytes, buffer);
        (self.length, self.is_traded) = (0, true);
        Some((to, behind))
    }

    /// Takes back what was traded, so that who reads into it finds it near. The part of `buffer` from `start` to `end` is carried
    /// over, to the beginning. `false` where nothing was traded.
    pub(super) fn trade_back(&mut self, buffer: &mut Vec<u8>, start: usize, end: usize) -> bool {
        if !std::mem::take(&mut self.is_traded) {
            return false;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(buffer.get(start..end).unwrap_or_default());
        std::mem::swap(&mut self.bytes, buffer);
        true
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::capture::testing::{Outcome, Writer, noise, seen};
    use crate::capture::{CaptureError, open};
    use std::io::Write;
    use tempfile::NamedTempFile;

    fn file_of(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Some stretches long, of all formats, with records of up to `longest` bytes.
    fn captures(longest: usize) -> [Vec<u8>; 3] {
        let (writer, mut dice) = (Writer { big: false }, 7);
        let mut pcap = writer.pcap_header(0xa1b2_c3d4, 4, 1);
        let mut pcapng = [writer.section(), writer.interface(1, 0, &[(2, b"eth0")])].concat();
        let mut snoop = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
        let mut at = 0_u32;
        while pcap.len() < 5 * READ_BLOCK {
            at += 1;
            // Whole words, so that snoop needs no padding.
            let length = noise(&mut dice) % longest / 4 * 4;
            let packet = vec![at as u8; length];
            pcap.extend(writer.record((at, 1), (length as u32, length as u32), &[], &packet));
            pcapng.extend(writer.packet(0, u64::from(at), &packet));
            let length = length as u32;
            snoop.extend([length, length, length + 24, 0, at, 0].map(u32::to_be_bytes).concat());
            snoop.extend(&packet);
        }
        [pcap, pcapng, snoop]
    }

    fn alone(file: &NamedTempFile) -> Result<Outcome, CaptureError> {
        let mut source = open(file.path())?;
        let mut packets = Vec::new();
        while let Some(batch) = source.next_batch()? {
            packets.extend(seen(batch));
        }
        let info = source.info().clone();
        Ok(Outcome { packets, info })
    }

    /// As [`alone`], with stretches that were read ahead; `between` is called before each.
    fn with_help(file: &NamedTempFile, mut between: impl FnMut(u64)) -> Result<Outcome, CaptureError> {
        let mut source = open(file.path())?;
        let ahead = source.ahead().unwrap();
        let (mut packets, mut stretch) = (Vec::new(), Stretch::default());
        for number in 0.. {
            between(number);
            ahead.read(number, &mut stretch);
            let is_whole = stretch.is_whole();
            while let Some(batch) = source.next_of(&mut stretch)? {
                packets.extend(seen(batch));
            }
            if !is_whole {
                break;
            }
        }
        while let Some(batch) = source.next_batch()? {
            packets.extend(seen(batch));
        }
        assert!(source.ahead().is_none(), "it has ended");
        let info = source.info().clone();
        Ok(Outcome { packets, info })
    }

    fn assert_same(file: &NamedTempFile) -> usize {
        match (alone(file), with_help(file, |_| ())) {
            (Ok(one), Ok(other)) => {
                assert!(one.packets == other.packets);
                assert_eq!(format!("{:?}", one.info.health), format!("{:?}", other.info.health));
                one.packets.len()
            }
            (Err(one), Err(other)) => {
                assert_eq!(one.to_string(), other.to_string());
                0
            }
            (one, other) => {
                assert!(one.is_err() && other.is_err(), "{one:?} {other:?}");
                0
            }
        }
    }

    #[test]
    fn what_was_read_ahead_gives_the_same_records() {
        // The last: what is left of a stretch does not fit before the next.
        for longest in [200, 70_000, 260_000] {
            for bytes in captures(longest) {
                let packets = assert_same(&file_of(&bytes));
                assert!(packets > 5 * READ_BLOCK / longest, "{packets}");
                // With an end inside a record, and at the end of a stretch.
                assert_same(&file_of(&bytes[..bytes.len() - 3]));
                assert_same(&file_of(&bytes[..3 * READ_BLOCK]));
                assert_same(&file_of(&bytes[..READ_BLOCK]));
                assert_same(&file_of(&bytes[..1000]));
            }
        }
    }

    #[test]
    fn so_it_does_where_bytes_are_damaged() {
        let mut dice = 3;
        for whole in captures(3000) {
            for _ in 0..20 {
                let mut bytes = whole.clone();
                for _ in 0..=noise(&mut dice) % 8 {
                    // Near the ends of stretches, most of them.
                    let near = (1 + noise(&mut dice) % 4) * READ_BLOCK - 2000 + noise(&mut dice) % 4000;
                    let at = [near, noise(&mut dice) % bytes.len()][usize::from(noise(&mut dice) % 4 == 0)];
                    let length = (1 + noise(&mut dice) % 40).min(bytes.len() - at);
                    bytes[at..at + length].fill([0, 1, 0x7f, 0xff][noise(&mut dice) % 4]);
                }
                assert_same(&file_of(&bytes));
            }
        }
    }

    #[test]
    fn a_file_that_grows_meanwhile_is_read_to_its_end() {
        for bytes in captures(3000) {
            for cut in [2 * READ_BLOCK + 5000, 2 * READ_BLOCK] {
                let (file, whole) = (file_of(&bytes[..cut]), file_of(&bytes));
                let seen = with_help(&file, |number| {
                    if number == 1 {
                        // Goes on where it was.
                        file.as_file().write_all(&bytes[cut..]).unwrap();
                    }
                });
                assert!(seen.unwrap().packets == alone(&whole).unwrap().packets);
            }
        }
    }

    #[test]
    fn a_file_that_shrinks_meanwhile_ends_where_it_ends() {
        for bytes in captures(3000) {
            let (file, cut) = (file_of(&bytes), file_of(&bytes[..2 * READ_BLOCK + 5000]));
            let seen = with_help(&file, |number| {
                if number == 1 {
                    file.as_file().set_len(2 * READ_BLOCK as u64 + 5000).unwrap();
                }
            });
            assert!(seen.unwrap().packets == alone(&cut).unwrap().packets);
        }
    }

    #[test]
    fn the_buffer_of_a_long_record_is_not_kept() {
        let file = file_of(&captures(3000)[0]);
        let ahead = open(file.path()).unwrap().ahead().unwrap();
        let mut stretch = Stretch::default();
        for (before, after) in [
            (0, ROOM + READ_BLOCK),
            (LARGEST, LARGEST),
            (LARGEST + 1, ROOM + READ_BLOCK),
        ] {
            stretch.bytes = vec![0; before];
            ahead.read(0, &mut stretch);
            assert_eq!((stretch.bytes.len(), stretch.is_whole()), (after, true));
        }
    }

    #[test]
    fn each_gets_its_own_buffer_back() {
        let file = file_of(&captures(3000)[0]);
        let mut source = open(file.path()).unwrap();
        let ahead = source.ahead().unwrap();
        let mut stretches = [Stretch::default(), Stretch::default()];
        let mut buffers = Vec::new();
        for number in 0..6 {
            let stretch = &mut stretches[number % 2];
            ahead.read(number as u64, stretch);
            buffers.push(stretch.bytes.as_ptr());
            while source.next_of(stretch).unwrap().is_some() {}
        }
        assert!(buffers[0] != buffers[1] && (2..6).all(|at| buffers[at] == buffers[at - 2]));
    }

    #[test]
    fn a_stretch_that_was_left_before_its_end_takes_nothing_back() {
        let file = file_of(&captures(3000)[0]);
        let mut source = open(file.path()).unwrap();
        let ahead = source.ahead().unwrap();
        let mut stretch = Stretch::default();
        ahead.read(0, &mut stretch);
        while !stretch.is_traded {
            assert!(source.next_of(&mut stretch).unwrap().is_some());
        }
        ahead.read(1, &mut stretch);
        let mut buffer = vec![7; 10];
        assert!(!stretch.trade_back(&mut buffer, 2, 10) && buffer.len() == 10);
    }

    #[test]
    fn stretches_come_from_any_thread() {
        let [bytes, ..] = captures(3000);
        let file = file_of(&bytes);
        let mut source = open(file.path()).unwrap();
        let ahead = source.ahead().unwrap();
        let read = |number| {
            let mut stretch = Stretch::default();
            ahead.read(number, &mut stretch);
            stretch
        };
        let read = &read;
        let mut stretches: Vec<Stretch> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || read(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut packets = Vec::new();
        for stretch in &mut stretches {
            while let Some(batch) = source.next_of(stretch).unwrap() {
                packets.extend(seen(batch));
            }
        }
        assert!(packets == alone(&file).unwrap().packets);
        let gzip: Vec<u8> = [0x1f, 0x8b, 8].into_iter().chain([0; 40]).collect();
        assert!(open(file_of(&gzip).path()).map_or(true, |source| source.ahead().is_none()));
    }
}
