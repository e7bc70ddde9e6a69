//! The captures of one run, opened, put in order and fed to the analyzer.

use super::pieces::Pieces;
use super::plan::Plan;
use super::progress::Progress;
use super::turns::Turns;
use crate::analyzer::{Analysis, Analyzer, FeedError};
use crate::base::{Stamp, limits};
use crate::capture::{self, CaptureError, Source};
pub(super) use crate::report::file::is_stdout as is_dash;
use anyhow::{Context, Result, anyhow};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Reads all captures of `plan`. Where `stop` is set, ends early and says so in the analysis. Also gives what was read, for a
/// second time.
///
/// # Errors
/// One sentence that names the capture.
pub(super) fn analyse(plan: &Plan, progress: &mut Progress, stop: &AtomicBool) -> Result<(Analysis, Pieces)> {
    let mut analyzer =
        Analyzer::on_this_thread(plan.threads.unwrap_or(0)).context("cannot start threads (try --threads 1)")?;
    if let Some(filter) = &plan.filter {
        analyzer.set_filter(filter.clone());
    }
    analyzer.set_packed_room(limits::PACKED_ROOM);
    if let Some(bytes) = plan.max_memory {
        analyzer.set_max_memory(bytes);
    }
    if plan.marks.is_some() {
        analyzer.want_marks();
    }
    let mut bytes = 0;
    let mut turns = Turns::new(in_order(&plan.captures)?, plan.threads, plan.max_memory.is_some());
    let mut pieces = Pieces::new(plan.twice());
    while let Some((path, source)) = turns.next(&mut |path| pieces.open(path)) {
        let mut source = source?;
        let mut goes_on = |consumed, records| {
            progress.batch(bytes + consumed, records);
            !stop.load(Ordering::Relaxed)
        };
        analyzer
            .feed_from(source.as_mut(), &mut goes_on)
            .map_err(|error| match error {
                FeedError::Capture(error) => named(&path, &error),
                FeedError::Filter(why) => anyhow!(why),
            })?;
        bytes += source.consumed();
        analyzer.end_capture(source.info());
        pieces.end(&path, source.info());
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    // Its buffers are not needed any more.
    drop(turns);
    Ok((analyzer.finish(stop.load(Ordering::Relaxed)), pieces))
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Source>> {
    let source = if is_dash(path) {
        capture::open_reader("-", Box::new(io::stdin()), None)
    } else {
        capture::open(path)
    };
    source.map_err(|error| named(path, &error))
}

/// The sentence with the capture's name in front, unless it names it already.
pub(super) fn named(path: &Path, error: &CaptureError) -> anyhow::Error {
    let (sentence, name) = (error.to_string(), path.display().to_string());
    let name = if is_dash(path) {
        "standard input".to_string()
    } else {
        name
    };
    if sentence.contains(&name) {
        anyhow!(sentence)
    } else {
        anyhow!("{name}: {sentence}")
    }
}

/// Pieces of one recording in the order of their first packets: a ring buffer's names do not sort by time.
/// As given where there is only one, or where one is a pipe.
fn in_order(captures: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    if captures.len() < 2 || !captures.iter().all(|path| is_file(path)) {
        return Ok(captures.to_vec());
    }
    let mut pieces = Vec::with_capacity(captures.len());
    for path in captures {
        let mut source = open(path)?;
        let first = source.next_batch().map_err(|error| named(path, &error))?;
        let start = first.and_then(|batch| batch.records.first().map(|record| record.stamp));
        pieces.push((start.unwrap_or(Stamp(i64::MAX)), path.clone()));
    }
    pieces.sort_by_key(|(start, _)| *start);
    Ok(pieces.into_iter().map(|(_, path)| path).collect())
}
