//! What the tests share: fixtures, captures in memory, situations as scripts, and the library driven from end to end.

pub mod capture;
pub mod command;
pub mod fixture;
pub mod frame;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod making;
pub mod noise;
pub mod outcome;
pub mod situation;
pub mod story;

/// Says something that nobody may overlook in a test's output: that it could not test, or what it accepted.
#[expect(clippy::print_stderr, reason = "a test that could not run must say so")]
pub fn say(what: &str) {
    eprintln!("{what}");
}
