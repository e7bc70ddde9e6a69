//! Where a report goes: a regular file appears whole or not at all; anything else is written directly, never replaced.

mod target;

use super::text::plain;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use target::{Growth, Target};

/// Bytes collected before they are written.
const BUFFER: usize = 128 << 10;

/// Temporary files of outputs that are not finished, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// An output. Dropped without [`Output::commit`], it leaves no regular file behind.
#[derive(Debug)]
pub struct Output {
    name: String,
    out: BufWriter<Target>,
    temporary: Option<Temporary>,
}

/// A file that takes its name only when it is whole.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    target: PathBuf,
}

impl Output {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new("standard output", Box::new(io::stdout()), None)
    }

    /// The output called `path`; `-` is standard output.
    ///
    /// # Errors
    /// One sentence with the path and the reason.
    pub fn create(path: &Path) -> io::Result<Self> {
        if is_stdout(path) {
            return Ok(Self::stdout());
        }
        let name = path.display().to_string();
        Self::open(path, &name).map_err(|error| explained(&name, &error))
    }

    /// The output called `path`, for rows that somebody reads while they come: written directly under its name. Where it
    /// cannot be written any longer it keeps what was flushed, and takes no more.
    ///
    /// # Errors
    /// One sentence with the path and the reason.
    pub fn growing(path: &Path) -> io::Result<Self> {
        if is_stdout(path) {
            return Ok(Self::stdout());
        }
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| explained(&name, &error))?;
        let growth = Growth::of(&file);
        let mut output = Self::new(&name, Box::new(file), None);
        output.out.get_mut().growth = growth;
        Ok(output)
    }

    /// The reader has gone away.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.out.get_ref().closed
    }

    fn open(path: &Path, name: &str) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
            Ok(meta) if meta.is_file() && !is_descriptor(path) => Self::beside(&fs::canonicalize(path)?, name),
            Ok(_) => {
                let file = OpenOptions::new().write(true).open(path)?;
                Ok(Self::new(name, Box::new(file), None))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::beside(&end_of_links(path), name),
            Err(error) => Err(error),
        }
    }

    /// A temporary file beside `target`, in the same file system, so that the rename is one step.
    fn beside(target: &Path, name: &str) -> io::Result<Self> {
        let permissions = match OpenOptions::new().write(true).open(target) {
            Ok(existing) => Some(existing.metadata()?.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // The rename would get past a file that its owner made read-only.
            Err(error) => return Err(error),
        };
        let (file, path) = create_temporary(target)?;
        let temporary = Temporary {
            path,
            target: target.to_owned(),
        };
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        Ok(Self::new(name, Box::new(file), Some(temporary)))
    }

    fn new(name: &str, inner: Box<dyn Write + Send>, temporary: Option<Temporary>) -> Self {
        let target = Target::new(name, inner, temporary.is_none());
        Self {
            name: name.to_owned(),
            out: BufWriter::with_capacity(BUFFER, target),
            temporary,
        }
    }

    /// Everything was written: the file takes its name.
    ///
    /// # Errors
    /// One sentence with the path and the reason.
    pub fn commit(mut self) -> io::Result<()> {
        self.out.flush()?;
        let Some(temporary) = self.temporary.take() else {
            return Ok(());
        };
        fs::rename(&temporary.path, &temporary.target).map_err(|error| explained(&self.name, &error))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        if let Some(growth) = &mut self.out.get_mut().growth {
            growth.is_whole();
        }
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
        if let Ok(mut unfinished) = UNFINISHED.lock() {
            unfinished.retain(|path| *path != self.path);
        }
    }
}

/// Removes what outputs that are still open have written beside their targets: for leaving at once.
pub fn remove_unfinished() {
    if let Ok(unfinished) = UNFINISHED.lock() {
        for path in unfinished.iter() {
            let _ = fs::remove_file(path);
        }
    }
}

/// `path` means the standard output of this process.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
        .iter()
        .any(|name| path == Path::new(name))
}

/// Names of open descriptors and devices: what they lead to belongs to someone else, even where it is a file.
fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// Where a chain of dangling symbolic links leads.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // Linux follows 40 links and then gives up.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

fn create_temporary(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parent = target.parent().unwrap_or(Path::new(""));
    for attempt in 0..100 {
        let path = parent.join(format!(".{name}.{}-{attempt}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                if let Ok(mut unfinished) = UNFINISHED.lock() {
                    unfinished.push(path.clone());
                }
                return Ok((file, path));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "its temporary files of earlier runs are in the way",
    ))
}

fn explained(name: &str, error: &io::Error) -> io::Error {
    let folder = Path::new(name)
        .parent()
        .filter(|folder| error.kind() == io::ErrorKind::NotFound && !folder.as_os_str().is_empty() && !folder.exists());
    let why = folder.map_or_else(
        || plain(error),
        |folder| format!("there is no folder {}; make it first", folder.display()),
    );
    io::Error::new(error.kind(), format!("cannot write {name}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this test's own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("whodropped-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = Folder::new("whole");
        let path = folder.0.join("out.csv");
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(!path.exists());
        output.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(folder.names(), ["out.csv"]);
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = Folder::new("failure");
        let path = folder.0.join("out.csv");
        fs::write(&path, "old").unwrap();
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.names(), ["out.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = Folder::new("links");
        let (path, link, dangling) = (
            folder.0.join("out.csv"),
            folder.0.join("link"),
            folder.0.join("dangling"),
        );
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("out.csv", &link).unwrap();
        symlink("fresh.csv", &dangling).unwrap();
        for each in [&link, &dangling] {
            let mut output = Output::create(each).unwrap();
            output.write_all(b"new").unwrap();
            output.commit().unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(folder.names(), ["dangling", "fresh.csv", "link", "out.csv"]);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_reader_of_the_old_file_never_sees_half_of_the_new() {
        let folder = Folder::new("rename");
        let path = folder.0.join("out.csv");
        fs::write(&path, "old").unwrap();
        let mut reader = File::open(&path).unwrap();
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "old");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_behind_a_link_is_written_directly() {
        let folder = Folder::new("device");
        let link = folder.0.join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let mut output = Output::create(&link).unwrap();
        output.write_all(b"gone").unwrap();
        output.commit().unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("/dev/null"));
        assert_eq!(folder.names(), ["null"]);
    }

    #[test]
    fn an_error_names_the_file_and_the_reason() {
        let folder = Folder::new("errors");
        let missing = folder.0.join("no").join("out.csv");
        let error = Output::create(&missing).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write ") && error.contains("out.csv: there is no folder "),
            "{error}"
        );
        let error = Output::create(&folder.0).unwrap_err().to_string();
        assert!(error.ends_with("it is a directory"), "{error}");
    }

    #[test]
    fn a_reader_that_leaves_is_no_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut output = Output::new("standard output", Box::new(Gone), None);
        output.write_all(&vec![0; 3 * BUFFER]).unwrap();
        output.commit().unwrap();
    }
}
