//! The beginning of a pipe or of a live capture in a temporary file, for what has to be read twice.

use crate::base::limits;
use crate::report::text::plain;
use anyhow::{Result, anyhow};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes in everything, and keeps as much as there is room for.
#[derive(Clone, Debug)]
pub(super) struct Spool(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    file: File,
    bytes: u64,
    most: u64,
    /// Why there is no more of it.
    ended: Option<String>,
}

impl Spool {
    /// Up to [`limits::SPOOLED`] bytes, in a file without a name.
    ///
    /// # Errors
    /// One sentence, where no such file can be made.
    pub(super) fn new() -> Result<Self> {
        Self::with_room(limits::SPOOLED)
    }

    fn with_room(most: u64) -> Result<Self> {
        let file = tempfile::tempfile().map_err(|error| {
            let place = std::env::temp_dir();
            anyhow!(
                "cannot make a temporary file in {}: {} (set TMPDIR to a folder that can be written)",
                place.display(),
                plain(&error)
            )
        })?;
        Ok(Self(Arc::new(Mutex::new(Kept {
            file,
            bytes: 0,
            most,
            ended: None,
        }))))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why not all of it was kept, if so.
    pub(super) fn ended(&self) -> Option<String> {
        self.lock().ended.clone()
    }

    /// What was kept, from its beginning.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn again(&self) -> io::Result<Box<dyn Read + Send>> {
        let kept = self.lock();
        let mut file = kept.file.try_clone()?;
        file.rewind()?;
        Ok(Box::new(file.take(kept.bytes)))
    }
}

impl Kept {
    fn keep(&mut self, bytes: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let room = usize::try_from(self.most - self.bytes).unwrap_or(usize::MAX);
        let fits = &bytes[..bytes.len().min(room)];
        if let Err(error) = self.file.write_all(fits) {
            let place = std::env::temp_dir();
            self.ended = Some(format!(
                "the temporary file in {} could not be written any further: {}",
                place.display(),
                plain(&error)
            ));
            return;
        }
        self.bytes += fits.len() as u64;
        if fits.len() < bytes.len() {
            self.ended = Some(format!("only the first {} were kept", size(self.most)));
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes >> 30 {
        0 => format!("{bytes} bytes"),
        whole => format!("{whole} GiB"),
    }
}

impl Write for Spool {
    /// Never fails: what is not kept is missing later, and is said then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().keep(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader whose bytes go to a spool as well.
pub(super) struct Tee<R> {
    pub(super) from: R,
    pub(super) to: Spool,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.to.lock().keep(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(spool: &Spool) -> Vec<u8> {
        let mut bytes = Vec::new();
        spool.again().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_read_is_kept_and_can_be_read_again_and_again() {
        let to = Spool::new().unwrap();
        let mut tee = Tee {
            from: &b"some packets"[..],
            to: to.clone(),
        };
        assert_eq!(io::read_to_string(&mut tee).unwrap(), "some packets");
        assert_eq!(everything(&to), b"some packets");
        assert_eq!(everything(&to), b"some packets");
        assert_eq!(to.ended(), None);
    }

    #[test]
    fn beyond_the_limit_nothing_is_kept_and_that_is_said() {
        let mut spool = Spool::with_room(5).unwrap();
        spool.write_all(b"abc").unwrap();
        assert_eq!(spool.ended(), None);
        spool.write_all(b"defg").unwrap();
        spool.write_all(b"h").unwrap();
        assert_eq!(everything(&spool), b"abcde");
        assert_eq!(spool.ended().unwrap(), "only the first 5 bytes were kept");
        assert_eq!(size(limits::SPOOLED), "1 GiB");
    }
}
