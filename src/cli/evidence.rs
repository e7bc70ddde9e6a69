//! `--evidence`: the packets of the connections that failed, from a second reading of the captures.

use super::complain;
use super::pieces::Pieces;
use crate::analyzer::Wanted;
use crate::base::{Set, limits};
use crate::report::evidence::{Evidence, Packet};
use crate::report::file::Output;
use crate::report::{FlowReport, Head, Reporter, Tail};
use crate::verdict::words::Status;
use anyhow::Result;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicBool;

/// Connections whose verdict is written beside their first packet: about 300 bytes each.
const NAMED: usize = 100_000;

/// Connections whose packets are looked for: about 100 bytes each, and as many as can be tracked at once.
const MOST: u64 = limits::MAX_FLOWS as u64;

/// The connections that failed, and where their packets go.
#[derive(Debug)]
pub struct Failed {
    out: Option<Evidence<Output>>,
    wanted: Wanted,
    comments: BTreeMap<u64, String>,
    count: u64,
}

impl Failed {
    /// Their packets go to `out`, if there is one.
    pub fn new(out: Option<Output>) -> Self {
        Self {
            out: out.map(Evidence::new),
            wanted: Wanted::default(),
            comments: BTreeMap::new(),
            count: 0,
        }
    }

    /// Reads the captures again, with the filter of the first time, and writes the packets. Says what could not be read.
    ///
    /// # Errors
    /// One sentence, where a capture cannot be read again or the file cannot be written.
    pub(super) fn write(self, pieces: &Pieces, filter: Option<&str>, stop: &AtomicBool) -> Result<()> {
        let Some(mut out) = self.out else { return Ok(()) };
        let comments = self.comments;
        let mut named: Set<u64> = Set::default();
        let mut lacking = None;
        if !self.wanted.is_empty() {
            let last = self.wanted.last();
            let reached = pieces.read_again(filter, self.wanted, stop, &mut |found| {
                let comment = if named.insert(found.flow) {
                    comments.get(&found.flow)
                } else {
                    None
                };
                let packet = Packet {
                    interface: found.record.interface,
                    stamp: found.record.stamp,
                    original: found.record.original,
                    bytes: found.bytes,
                    comment: comment.map(String::as_str),
                };
                out.packet(found.capture, &packet).map_err(|error| error.to_string())
            })?;
            lacking = reached.lacks("--evidence", last);
        }
        out.finish()?.commit()?;
        if let Some(what) = lacking {
            complain(&what);
        }
        if self.count > MOST {
            complain(&format!(
                "--evidence holds the first {MOST} of {} failed connections",
                self.count
            ));
        }
        Ok(())
    }
}

impl Reporter for Failed {
    fn wants_details(&self) -> bool {
        false
    }

    fn wants_incidents(&self) -> bool {
        false
    }

    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), |out| out.head(head))
    }

    fn ignores_flows(&self) -> bool {
        self.out.is_none()
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        let row = flow.row;
        if self.out.is_some() && row.status == Status::Failed {
            self.count += 1;
            if self.count > MOST {
                return Ok(());
            }
            self.wanted.add(row);
            if self.comments.len() < NAMED {
                let said = format!("whodropped, connection {}: {}", row.flow, row.summary);
                self.comments.insert(row.flow, said);
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}
