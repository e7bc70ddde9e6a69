//! The command: parse, run, turn the outcome into an exit status.

fn main() {}
