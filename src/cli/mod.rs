//! The command line: what was typed, what it means, and what comes of it.

pub mod args;
pub mod color;
pub mod evidence;
mod explain;
mod columns;
mod errors;
mod html;
mod ladder;
mod live;
mod markdown;
mod meanings;
mod app_meanings;
mod pieces;
pub mod plan;
pub mod progress;
mod read;
pub mod run;
mod spool;
mod stop;
mod turns;

use args::{Cli, Command};
use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// A connection is as bad as `--fail-on` asks.
const BAD: u8 = 1;
/// It could not be done.
const CANNOT: u8 = 2;

/// Parses, runs, and turns the outcome into an exit status.
#[must_use]
pub fn main(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    let typed = args::with_command(typed.into_iter().collect());
    let cli = match Cli::try_parse_from(typed) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let outcome = match cli.command {
        Command::Analyze(args) => plan::Plan::new(*args, !io::stdin().is_terminal()).and_then(|plan| run::run(&plan)),
        Command::Live(args) => live::run(*args),
        Command::Interfaces => live::interfaces().map(|()| false),
        Command::Explain(args) => explain::run(&args).map(|()| false),
    };
    match outcome {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(BAD),
        Err(error) => {
            if !error.is::<Said>() {
                complain(&format!("{error:#}"));
            }
            ExitCode::from(CANNOT)
        }
    }
}

/// It could not be done, and the sentence about it was said when it happened.
#[derive(Debug, thiserror::Error)]
#[error("it could not be done")]
struct Said;

/// What clap has to say: help and version are answers, anything else is one sentence.
fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed pipe is success.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let _ = error.print();
            ExitCode::from(CANNOT)
        }
        _ => {
            complain(&args::one_line(error));
            ExitCode::from(CANNOT)
        }
    }
}

/// One line on standard error; nothing that a file name could make the terminal do.
fn complain(sentence: &str) {
    let sentence = sentence.replace(['\n', '\r'], " ");
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "whodropped: {}", crate::report::text::clean(&sentence));
}
