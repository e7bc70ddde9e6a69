//! The captures of one recording in turn: while one is read, the next ones, if compressed, are already being decompressed.

use super::read::named;
use crate::base::limits;
use crate::capture::{ReadAhead, Source};
use anyhow::Result;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Opens one whose turn it is.
pub(super) type Open<'a> = &'a mut dyn FnMut(&Path) -> Result<Box<dyn Source>>;

/// Captures that still have to be read.
pub(super) struct Turns {
    paths: VecDeque<PathBuf>,
    /// The first of them, as far as they were opened early; `None` where that would win nothing.
    opened: VecDeque<Option<Result<Box<dyn Source>>>>,
    ahead: ReadAhead,
    most: usize,
}

impl Turns {
    /// These, on so many threads (`None`: one per processor). One thread reads nothing ahead, nor does whoever has little
    /// memory: what the buffers take would be missing for connections, and the result would depend on them.
    pub(super) fn new(paths: Vec<PathBuf>, threads: Option<usize>, is_tight: bool) -> Self {
        let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let most = if is_tight { 0 } else { threads.saturating_sub(1) };
        Self {
            paths: paths.into(),
            opened: VecDeque::new(),
            ahead: ReadAhead::new(limits::READ_AHEAD),
            most: most.min(limits::READ_AHEAD_CAPTURES),
        }
    }

    /// The next capture. What is wrong with one that was opened early is told here, at its place.
    pub(super) fn next(&mut self, open: Open<'_>) -> Option<(PathBuf, Result<Box<dyn Source>>)> {
        let path = self.paths.pop_front()?;
        let source = self.opened.pop_front().flatten().unwrap_or_else(|| open(&path));
        while let Some(next) = self.paths.get(self.opened.len()) {
            if self.opened.len() == self.most {
                break;
            }
            let early = self.ahead.open(next);
            self.opened
                .push_back(early.map(|source| source.map_err(|error| named(next, &error))));
        }
        Some((path, source))
    }
}
