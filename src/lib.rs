//! whodropped: which TCP connections failed, how, who dropped them, and how sure are we?
//!
//! Data flows one way, and so do the imports:
//! `base < capture < wire < {script, flow, lookup} < case < finding < verdict < incident < report < {analyzer, host} <
//! cli`.

pub mod base;
pub mod capture;
pub mod wire;
pub mod script;
pub mod flow;
pub mod lookup;
pub mod case;
pub mod finding;
pub mod verdict;
pub mod incident;
pub mod report;
pub mod analyzer;
pub mod host;
pub mod cli;

/// README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
