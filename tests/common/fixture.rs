//! The recorded captures under `fixtures/`.

use super::capture::Capture;
use std::fs;
use std::path::{Path, PathBuf};

/// One capture of one situation.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The situation's folder.
    pub folder: String,
    /// `client`, `router` or `server`.
    pub place: String,
    /// The file.
    pub path: PathBuf,
}

impl Fixture {
    /// The capture at `place` in `folder`.
    pub fn of(folder: &str, place: &str) -> Self {
        let path = root().join("fixtures").join(folder).join(format!("{place}.pcap"));
        Self {
            folder: folder.to_string(),
            place: place.to_string(),
            path,
        }
    }

    /// `folder@place`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.folder, self.place)
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// The file's packets.
    pub fn capture(&self) -> Capture {
        Capture::read(&self.bytes())
    }
}

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every capture of every situation, in order of name.
pub fn all() -> Vec<Fixture> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root().join("fixtures")).expect("fixtures/ is there") {
        let folder = folder.expect("fixtures/ can be listed").path();
        for file in fs::read_dir(&folder).into_iter().flatten() {
            let path = file.expect("a fixture can be listed").path();
            if path.extension().is_some_and(|end| end == "pcap") {
                found.push(Fixture {
                    folder: word(folder.file_name()),
                    place: word(path.file_stem()),
                    path,
                });
            }
        }
    }
    found.sort_by_key(Fixture::name);
    assert!(found.len() >= 24 * 3, "only {} captures in fixtures/", found.len());
    found
}

fn word(name: Option<&std::ffi::OsStr>) -> String {
    name.and_then(|name| name.to_str()).unwrap_or_default().to_string()
}
