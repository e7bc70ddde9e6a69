//! The command: parse, run, turn the outcome into an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    whodropped::cli::main(std::env::args_os())
}
