//! What an output is written to: readers may go away, disks may be full.

use super::explained;
use std::fs::File;
use std::io::{self, Write};

/// The thing written to. A reader that goes away has seen enough: no error.
pub(super) struct Target {
    name: String,
    inner: Box<dyn Write + Send>,
    may_close: bool,
    pub(super) closed: bool,
    pub(super) growth: Option<Growth>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Target")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Target {
    pub(super) fn new(name: &str, inner: Box<dyn Write + Send>, may_close: bool) -> Self {
        Self {
            name: name.to_owned(),
            inner,
            may_close,
            closed: false,
            growth: None,
        }
    }

    fn outcome<T>(&mut self, result: io::Result<T>, enough: T) -> io::Result<T> {
        match result {
            Err(error) if self.may_close && error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(enough)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                if let Some(growth) = self.growth.take() {
                    growth.cut();
                    self.closed = true;
                }
                Err(explained(&self.name, &error))
            }
            ok => ok,
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        if let (Some(growth), Ok(count)) = (&mut self.growth, &result) {
            growth.grow(*count);
        }
        self.outcome(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.outcome(result, ())
    }
}

/// A regular file that somebody reads while it grows. What stands behind its last whole row is taken back when the disk is
/// full.
#[derive(Debug)]
pub(super) struct Growth {
    file: File,
    written: u64,
    whole: u64,
}

impl Growth {
    /// Of `file`, if something can be taken back there.
    pub(super) fn of(file: &File) -> Option<Self> {
        let is_regular = file.metadata().is_ok_and(|meta| meta.is_file());
        let file = is_regular.then(|| file.try_clone().ok()).flatten()?;
        Some(Self {
            file,
            written: 0,
            whole: 0,
        })
    }

    /// So many bytes more were written.
    pub(super) fn grow(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// What was written ends with a whole row.
    pub(super) fn is_whole(&mut self) {
        self.whole = self.written;
    }

    /// Takes back what is not whole.
    pub(super) fn cut(self) {
        // Where even that fails, the last row stays half.
        let _ = self.file.set_len(self.whole);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_once_and_what_was_whole_stays() {
        // A limit on the size of files cannot be set without unsafe code: a device that is always full stands for it.
        let mut full = super::super::Output::growing("/dev/full".as_ref()).unwrap();
        full.write_all(b"row").unwrap();
        let said = full.flush().unwrap_err().to_string();
        assert_eq!(said, "cannot write /dev/full: No space left on device");
        assert!(
            full.flush().is_err() && !full.is_closed(),
            "a device has nothing to take back"
        );
    }

    #[test]
    fn what_was_not_flushed_is_taken_back() {
        let path = std::env::temp_dir().join(format!("whodropped-growth-{}", std::process::id()));
        let mut file = std::fs::File::create(&path).unwrap();
        let mut growth = super::Growth::of(&file).unwrap();
        file.write_all(b"whole\nhal").unwrap();
        growth.grow(6);
        growth.is_whole();
        growth.grow(3);
        growth.cut();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole\n");
        std::fs::remove_file(path).unwrap();
    }
}
