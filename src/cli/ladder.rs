//! `--flow`: the connections asked for, packet by packet, from a second reading of the captures.

use super::complain;
use super::pieces::Pieces;
use super::plan::Plan;
use crate::analyzer::Wanted;
use crate::report::file::Output;
use crate::report::{FlowReport, Head, Ladder, Reporter, Tail};
use anyhow::{Result, bail};
use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

/// Columns without a terminal.
const WIDTH: usize = 120;

/// The connections asked for, picked out of all.
#[derive(Debug)]
pub struct Asked {
    numbers: Vec<u64>,
    ladders: Vec<Ladder>,
    wanted: Wanted,
    flows: u64,
}

impl Asked {
    /// By their numbers.
    pub fn new(numbers: &[u64]) -> Self {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        Self {
            numbers,
            ladders: Vec::new(),
            wanted: Wanted::default(),
            flows: 0,
        }
    }

    /// Reads the captures again and prints the ladders.
    ///
    /// # Errors
    /// One sentence, where a number is no connection's or a capture cannot be read again.
    pub(super) fn show(self, pieces: &Pieces, plan: &Plan, stop: &AtomicBool) -> Result<()> {
        let Self {
            numbers,
            mut ladders,
            wanted,
            flows,
        } = self;
        if numbers.is_empty() {
            return Ok(());
        }
        if let Some(number) = numbers
            .iter()
            .find(|number| ladders.iter().all(|ladder| ladder.flow() != **number))
        {
            bail!("there is no connection {number}: they are numbered from 1 to {flows}");
        }
        let last = wanted.last();
        let reached = pieces.read_again(plan.filter.as_deref(), wanted, stop, &mut |found| {
            if let Ok(place) = ladders.binary_search_by_key(&found.flow, Ladder::flow) {
                ladders[place].on(found.heard);
            }
            Ok(())
        })?;
        if !plan.report {
            return Ok(());
        }
        let width = terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(width, _)| usize::from(width.0));
        let mut out = Output::stdout();
        for (place, ladder) in ladders.iter().enumerate() {
            if place > 0 {
                writeln!(out)?;
            }
            for line in ladder.lines(width.clamp(80, 160)) {
                writeln!(out, "{line}")?;
            }
        }
        out.commit()?;
        if let Some(what) = reached.lacks("--flow", last) {
            complain(&what);
        }
        Ok(())
    }
}

impl Reporter for Asked {
    fn wants_details(&self) -> bool {
        false
    }

    fn wants_incidents(&self) -> bool {
        false
    }

    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn ignores_flows(&self) -> bool {
        self.numbers.is_empty()
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        if self.numbers.binary_search(&flow.row.flow).is_ok() {
            self.wanted.add(flow.row);
            self.ladders.push(Ladder::new(flow.row.clone()));
        }
        Ok(())
    }

    fn end(&mut self, tail: &Tail) -> io::Result<()> {
        self.flows = tail.flows;
        Ok(())
    }
}
