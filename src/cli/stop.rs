//! Ctrl-C: the first stops the reading, and what was read is reported; the second leaves at once.

use crate::report::file::remove_unfinished;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell calls the exit status after an interrupt: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// A flag that the first Ctrl-C sets. Without a handler (already taken), Ctrl-C just ends the process.
#[must_use]
pub(super) fn on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            remove_unfinished();
            std::process::exit(INTERRUPTED);
        }
        super::complain("stopping; the report of what was read follows (Ctrl-C again leaves at once)");
    });
    stop
}
