//! What all formats share: the loop that reads, lends batches, and goes on after damage.

use super::records::Records;
use super::window::Window;
use super::{Ahead, Batch, CaptureError, CaptureInfo, Source, Stretch};

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
    fn walk(&mut self, window: &mut Window, records: &mut Records, info: &mut CaptureInfo) -> Stop;

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
    records: Records,
    info: CaptureInfo,
    done: bool,
}

impl<F: Format> Reader<F> {
    pub(super) fn new(window: Window, format: F, info: CaptureInfo) -> Self {
        Self {
            window,
            format,
            records: Records::default(),
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

    /// Takes records; none at the end, and where more of `stretch` is needed than it has. Without one, reads itself.
    fn take(&mut self, mut stretch: Option<&mut Stretch>) -> Result<Option<Batch<'_>>, CaptureError> {
        self.records.clear();
        while self.records.is_empty() && !self.done {
            match self.format.walk(&mut self.window, &mut self.records, &mut self.info) {
                _ if !self.records.is_empty() => {}
                Stop::Full => {}
                // Only a walk that knows of the end has had its last word.
                Stop::Starved if self.window.ended() => self.on_end()?,
                Stop::Starved => match stretch.as_deref_mut().map(|stretch| self.window.take_in(stretch)) {
                    Some(true) => {}
                    Some(false) => break,
                    None => self.fill()?,
                },
                Stop::Damaged(what) => self.repair(what)?,
            }
        }
        let batch = Batch {
            data: self.window.data(),
            records: self.records.taken(),
        };
        Ok((!self.records.is_empty()).then_some(batch))
    }
}

impl<F: Format> Source for Reader<F> {
    fn next_batch(&mut self) -> Result<Option<Batch<'_>>, CaptureError> {
        self.take(None)
    }

    fn ahead(&self) -> Option<Ahead> {
        let file = self.window.stream().file();
        file.filter(|_| !self.done).map(Ahead::new)
    }

    fn next_of(&mut self, stretch: &mut Stretch) -> Result<Option<Batch<'_>>, CaptureError> {
        self.take(Some(stretch))
    }

    fn info(&self) -> &CaptureInfo {
        &self.info
    }

    fn consumed(&self) -> u64 {
        self.window.stream().consumed()
    }
}

#[cfg(test)]
mod tests {
    use crate::capture::CaptureError;
    use crate::capture::testing::{Writer, noise, read_all, read_in_pieces};

    fn captures() -> [Vec<u8>; 3] {
        let writer = Writer { big: false };
        let mut pcap = writer.pcap_header(0xa1b2_c3d4, 4, 1);
        let mut pcapng = [writer.section(), writer.interface(1, 0, &[(2, b"eth0"), (9, &[9])])].concat();
        let mut snoop = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
        for at in 0..20 {
            pcap.extend(writer.record((1_700_000_000 + at, 1), (30, 40), &[], &[7; 30]));
            pcapng.extend(writer.packet(0, u64::from(at), &[7; 30]));
            snoop.extend([40_u32, 30, 54, 0, at, 0].map(u32::to_be_bytes).concat());
            snoop.extend([7; 30]);
        }
        pcapng.extend(writer.block(4, &writer.options(&[(1, b"\x0a\0\0\x01host\0")])));
        [pcap, pcapng, snoop]
    }

    #[test]
    fn damaged_bytes_never_panic_and_pieces_change_nothing() {
        let mut dice = 1;
        for whole in captures() {
            assert_eq!(read_all(&whole).unwrap().packets.len(), 20);
            for _ in 0..300 {
                let mut bytes = whole.clone();
                for _ in 0..=noise(&mut dice) % 8 {
                    let at = noise(&mut dice) % bytes.len();
                    bytes[at] = [0, 1, 0x7f, 0xff][noise(&mut dice) % 4];
                }
                let seen = read_in_pieces(&bytes, 1 << 20);
                let slow = read_in_pieces(&bytes, 1 + noise(&mut dice) % 40);
                match (seen, slow) {
                    (Ok(seen), Ok(slow)) => {
                        assert_eq!(seen.packets, slow.packets);
                        assert_eq!(seen.info.health, slow.info.health);
                    }
                    (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
                    (one, other) => assert!(one.is_err() && other.is_err(), "{one:?} {other:?}"),
                }
            }
        }
    }

    #[test]
    fn what_cannot_go_on_is_said_once_and_then_ends() {
        let bytes = [Writer { big: true }.pcap_header(0xa1b2_c3d4, 4, 1), vec![0xff; 40]].concat();
        let reader = Box::new(std::io::Cursor::new(bytes));
        let mut source = crate::capture::open_reader("x", reader, None).unwrap();
        assert!(matches!(
            source.next_batch(),
            Err(CaptureError::Broken { offset: 24, .. })
        ));
        assert!(source.next_batch().unwrap().is_none());
    }
}
