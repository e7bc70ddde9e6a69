//! Progress on standard error: only on a terminal, only when the work lasts.

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes and packets read so far. Call [`Progress::batch`] once per batch.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    wanted: bool,
    total: Option<u64>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress over `total` bytes (compressed, where they are), or over a pipe of unknown length.
    #[must_use]
    pub fn new(wanted: bool, total: Option<u64>) -> Self {
        Self {
            started: Instant::now(),
            wanted: wanted && io::stderr().is_terminal(),
            total,
            bar: None,
        }
    }

    /// So many bytes and packets of all captures were read until now.
    pub fn batch(&mut self, bytes: u64, packets: u64) {
        if !self.wanted {
            return;
        }
        if self.bar.is_none() && self.started.elapsed() >= PATIENCE {
            self.bar = Some(bar(self.total, self.started.elapsed()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            let elapsed = self.started.elapsed();
            let rate = packets as f64 / elapsed.as_secs_f64().max(0.001);
            // The crate's own estimate follows the last moments; what was read so far foretells a capture better.
            let left = self.total.map_or_else(String::new, |total| {
                format!("  {} left", HumanDuration(time_left(elapsed, bytes, total)))
            });
            bar.set_message(format!(
                "{} packets, {} per second{left}",
                HumanCount(packets),
                HumanCount(rate as u64)
            ));
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.wanted = false;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// At the pace so far.
fn time_left(elapsed: Duration, bytes: u64, total: u64) -> Duration {
    let left = total.saturating_sub(bytes) as f64 / bytes.max(1) as f64;
    Duration::try_from_secs_f64((elapsed.as_secs_f64() * left).ceil()).unwrap_or(Duration::MAX)
}

fn bar(total: Option<u64>, elapsed: Duration) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{wide_bar} {percent:>3} %  {bytes} of {total_bytes}  {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}  {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_elapsed(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwanted_progress_stays_silent() {
        let mut progress = Progress::new(false, Some(10));
        progress.started -= PATIENCE;
        progress.batch(5, 1);
        assert!(progress.bar.is_none());
    }

    #[test]
    fn the_time_left_follows_the_pace_so_far() {
        assert_eq!(time_left(Duration::from_secs(2), 100, 1000), Duration::from_secs(18));
        assert_eq!(
            time_left(Duration::from_secs(2), 0, u64::MAX),
            Duration::MAX,
            "nothing to go by"
        );
        assert_eq!(time_left(Duration::from_secs(2), 1000, 10), Duration::ZERO);
    }

    #[test]
    fn both_templates_are_sound() {
        for template in [
            "{wide_bar} {percent:>3} %  {bytes} of {total_bytes}  {msg}",
            "{spinner} {bytes}  {msg}  {elapsed}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
