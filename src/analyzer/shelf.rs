//! A temporary file for what need not be in memory: no other program sees it, and it goes with the process.

use crate::flow::table::Shelf;
use std::fs::File;
use std::io;

/// A file that is made when something is put there.
#[derive(Debug, Default)]
pub(super) struct TemporaryFile(Option<File>);

impl Shelf for TemporaryFile {
    fn put(&mut self, bytes: &[u8], at: u64) -> bool {
        self.write(bytes, at).is_ok()
    }

    fn look(&self, to: &mut [u8], at: u64) -> Option<usize> {
        self.read(to, at).ok()
    }
}

impl TemporaryFile {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let file = match &mut self.0 {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let mut written = 0;
        while written < bytes.len() {
            let rest = bytes.get(written..).unwrap_or_default();
            match write_at(file, rest, at + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&self, to: &mut [u8], at: u64) -> io::Result<usize> {
        let file = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut read = 0;
        while read < to.len() {
            let room = to.get_mut(read..).unwrap_or_default();
            match read_at(file, room, at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;

#[cfg(unix)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(to, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    file.write_at(bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    file.seek_read(to, at)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    file.seek_write(bytes, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzer::Analysis;
    use crate::analyzer::deal::Tally;
    use crate::analyzer::marks::Ledger;
    use crate::base::FlowKey;
    use crate::flow::table::Table;
    use crate::script::Script;
    use crate::wire::Segment;

    #[test]
    fn what_was_put_is_there() {
        let mut file = TemporaryFile::default();
        assert!(file.look(&mut [0; 4], 0).is_none());
        assert!(file.put(b"0123456789", 0) && file.put(b"abc", 16));
        let mut bytes = [9; 8];
        assert_eq!((file.look(&mut bytes, 2).unwrap(), &bytes), (8, b"23456789"));
        assert_eq!((file.look(&mut bytes, 14).unwrap(), &bytes[..5]), (5, &b"\0\0abc"[..]));
    }

    /// Takes everything, and gives nothing back.
    #[derive(Debug)]
    struct Broken;

    impl Shelf for Broken {
        fn put(&mut self, _: &[u8], _: u64) -> bool {
            true
        }

        fn look(&self, _: &mut [u8], _: u64) -> Option<usize> {
            None
        }
    }

    #[test]
    fn flows_that_cannot_be_read_back_end_the_report() {
        let report = |shelf: Box<dyn Shelf>| {
            let mut table = Table::default();
            table.set_open_flows(1);
            table.set_shelf(shelf, 1);
            let script = Script::parse("0 > S 0:0(0)\n+.1 < R. 0:0(0) ack 1").unwrap();
            for number in 0..200 {
                for (at, segment) in script.segments().enumerate() {
                    let ends = [segment.dir, segment.dir.flip()].map(|dir| segment.key.sender(dir));
                    let [from, to] = ends.map(|mut end| {
                        end.port = if end.port < 1024 { end.port } else { 2000 + number };
                        end
                    });
                    let (key, dir) = FlowKey::between(from, to).unwrap();
                    let packet = u64::from(number) * 2 + at as u64 + 1;
                    table.on_segment(
                        &Segment {
                            packet,
                            key,
                            dir,
                            ..segment.clone()
                        },
                        0,
                    );
                }
            }
            let marks = Ledger::new(std::iter::empty(), 0);
            let analysis = Analysis::new(None, Vec::new(), vec![table.finish()], marks, Tally::default(), false);
            analysis.report(&|_, _| true, &mut [])
        };
        assert!(report(Box::<TemporaryFile>::default()).is_ok());
        let error = report(Box::new(Broken)).unwrap_err().to_string();
        assert!(
            error.contains("could not be read back") && error.contains("TMPDIR"),
            "{error}"
        );
    }
}
