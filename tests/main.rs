//! What the whole of it does: fixtures, situations, properties, peers and the command line, in one binary.

mod cli;
mod cli_outputs;
mod common;
mod evidence;
mod fuzz_bodies;
mod marks;
mod generated;
mod html;
mod incident_near;
mod incident_losses;
mod hostile;
mod incident_paths;
mod incidents;
mod lookups;
mod ladder;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod live_ends;
#[cfg(target_os = "linux")]
mod live_probe;
mod matrix;
#[cfg(target_os = "linux")]
mod memory;
mod missed;
mod pages;
mod peers;
mod peers_marks;
mod pictures;
mod pieces;
mod policed;
mod properties;
mod scripts;
mod tidy;
mod truth;
mod two_threads;
