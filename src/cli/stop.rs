//! Ctrl-C and `kill`: the first stops the reading, and what was read is reported; the second leaves at once.

use crate::report::file::remove_unfinished;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that the first signal sets. Without a handler (the system refuses it), a signal just ends the process.
#[must_use]
pub(super) fn on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    on_each(move |number| {
        if flag.swap(true, Ordering::SeqCst) {
            remove_unfinished();
            // What a shell calls the exit status after a signal.
            std::process::exit(128 + number);
        }
        super::complain("stopping; the report of what was read follows (once more leaves at once)");
    });
    stop
}

/// SIGINT and SIGTERM. Not SIGHUP: nohup and service managers decide about that one.
#[cfg(unix)]
fn on_each(mut heard: impl FnMut(i32) + Send + 'static) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    let _ = thread.spawn(move || signals.forever().for_each(&mut heard));
}

/// Ctrl-C and Ctrl-Break.
#[cfg(windows)]
fn on_each(mut heard: impl FnMut(i32) + Send + 'static) {
    /// As on Unix.
    const SIGINT: i32 = 2;
    let _ = ctrlc::set_handler(move || heard(SIGINT));
}
