//! A probe where nothing may be captured: the application's side alone.

use super::Probe;
use crate::analyzer::Analyzer;
use crate::analyzer::watch::Watch;
use crate::capture::CaptureInfo;
use crate::cli::live::args::Live as Args;
use crate::cli::live::outputs::Outputs;
use crate::cli::live::screen::Screen;
use crate::report::probe::Wire;
use anyhow::{Result, anyhow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Makes the probe, tells what the application saw, and ends with why nothing was watched.
///
/// # Errors
/// In any case: what was asked for could not be done wholly.
pub(in crate::cli::live) fn unwatched(
    mut probe: Probe,
    why: &str,
    args: &Args,
    stop: &Arc<AtomicBool>,
) -> Result<bool> {
    let (mut outputs, mut screen) = (Outputs::open(args)?, Screen::of(args));
    outputs.open_page(args)?;
    let info = CaptureInfo {
        format: "not captured".to_owned(),
        ..CaptureInfo::default()
    };
    let mut analyzer = Analyzer::new(1)?;
    let mut watch = Watch::new(&mut analyzer);
    outputs.begin(&watch, &mut analyzer, &info);
    screen.line(&format!("{} The wire cannot be watched.", probe.announcement()))?;
    probe.start(stop)?;
    while let Some(said) = probe.said.take() {
        let attempt = said.recv_timeout(Duration::from_millis(100));
        let is_over = matches!(attempt, Err(RecvTimeoutError::Disconnected));
        if !is_over && !stop.load(Ordering::Relaxed) {
            probe.said = Some(said);
        }
        if let Ok(attempt) = attempt {
            let report = probe.tell(attempt, Wire::Unwatched, "");
            outputs.probe(&report);
            screen.probe(&report)?;
        }
    }
    screen.list("The probe", &probe.summary())?;
    outputs.leave_out_empty_report();
    outputs.end(&mut watch, &mut analyzer, &info, None)?;
    Err(anyhow!("the wire was not watched: {why}"))
}
