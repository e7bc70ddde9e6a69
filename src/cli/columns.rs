//! Every word of a verdict with its column and its meaning, for `explain`.

use crate::finding::{Confidence, Severity, Side};
use crate::flow::ConnState;
use crate::verdict::words::{AppError, Culprit, Doubt, Ending, Handshake, Stage, Status};

/// A column whose cells are words.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name in CSV and JSON.
    pub(super) name: &'static str,
    /// What it says of a connection.
    pub(super) about: &'static str,
    /// Its words, each with its meaning.
    pub(super) words: Vec<(&'static str, &'static str)>,
}

/// All columns of words, in the order of the contract.
pub(super) fn columns() -> Vec<Column> {
    macro_rules! column {
        ($name:literal, $about:literal, $words:ident) => {
            Column {
                name: $name,
                about: $about,
                words: $words::ALL
                    .iter()
                    .map(|each| (each.word(), each.meaning()))
                    .collect(),
            }
        };
    }
    vec![
        column!("status", "what a reader sorts by", Status),
        column!("handshake", "how the three-way handshake went", Handshake),
        column!("ending", "how the connection ended", Ending),
        column!("stage", "how far the connection got", Stage),
        column!("culprit", "who is at fault, as far as the evidence goes", Culprit),
        column!("confidence", "how sure the verdict is", Confidence),
        column!("doubts", "why the verdict is not surer", Doubt),
        column!("app_error", "what the client's application saw", AppError),
        column!("conn_state", "how Zeek calls its state", ConnState),
        column!("severity", "how bad a finding is", Severity),
        column!("side", "which end a finding is about", Side),
    ]
}
