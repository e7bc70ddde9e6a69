//! Totals over all selected flows: what the terminal and the JSON summary say, and what `--fail-on` asks.

use super::{Draft, FlowReport, Head, Reporter, Sheet, Tail};
use crate::verdict::words::{Culprit, Ending, Handshake, Status};
use std::io;

/// Flows counted by each word of their verdicts.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// All flows.
    pub flows: u64,
    status: [u64; Status::ALL.len()],
    handshake: [u64; Handshake::ALL.len()],
    ending: [u64; Ending::ALL.len()],
    culprit: [u64; Culprit::ALL.len()],
    /// Few, and the same ones again and again.
    causes: Vec<(&'static str, u64)>,
}

impl Totals {
    /// Counts one flow.
    pub fn add(&mut self, flow: &FlowReport<'_>) {
        let row = flow.row;
        self.flows += 1;
        self.status[row.status as usize] += 1;
        self.handshake[row.handshake as usize] += 1;
        self.ending[row.ending as usize] += 1;
        self.culprit[row.culprit as usize] += 1;
        if let Some(cause) = row.cause {
            self.add_cause(cause, 1);
        }
    }

    fn add_cause(&mut self, cause: &'static str, flows: u64) {
        match self.causes.iter_mut().find(|(id, _)| *id == cause) {
            Some((_, count)) => *count += flows,
            None => self.causes.push((cause, flows)),
        }
    }

    /// Counts all flows of `other`, which then has none.
    pub(super) fn take(&mut self, other: &mut Self) {
        let Self {
            flows,
            status,
            handshake,
            ending,
            culprit,
            causes,
        } = other;
        self.flows += std::mem::take(flows);
        join(&mut self.status, status);
        join(&mut self.handshake, handshake);
        join(&mut self.ending, ending);
        join(&mut self.culprit, culprit);
        causes.drain(..).for_each(|(cause, flows)| self.add_cause(cause, flows));
    }

    /// Flows of this status.
    #[must_use]
    pub fn status(&self, status: Status) -> u64 {
        self.status[status as usize]
    }

    /// Counts by status, in the order of the contract.
    pub fn statuses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        counts(Status::ALL, &self.status, Status::word)
    }

    /// Counts by handshake, in the order of the contract.
    pub fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        counts(Handshake::ALL, &self.handshake, Handshake::word)
    }

    /// Counts by ending, in the order of the contract.
    pub fn endings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        counts(Ending::ALL, &self.ending, Ending::word)
    }

    /// Counts by culprit, in the order of the contract.
    pub fn culprits(&self) -> impl Iterator<Item = (&'static str, u64)> {
        counts(Culprit::ALL, &self.culprit, Culprit::word)
    }

    /// Counts by cause, those that occur, by name.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let mut causes = self.causes.clone();
        causes.sort_unstable();
        causes.into_iter()
    }
}

fn counts<T: Copy>(
    all: &'static [T],
    counts: &[u64],
    word: fn(T) -> &'static str,
) -> impl Iterator<Item = (&'static str, u64)> {
    all.iter().zip(counts).map(move |(each, count)| (word(*each), *count))
}

fn join(counts: &mut [u64], others: &mut [u64]) {
    for (count, other) in counts.iter_mut().zip(others) {
        *count += std::mem::take(other);
    }
}

impl Draft for Totals {
    fn flow(&mut self, flow: &FlowReport<'_>) {
        self.add(flow);
    }

    fn end(&mut self, sheet: &mut Sheet) {
        sheet.totals.take(self);
    }
}

impl Reporter for Totals {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn wants_incidents(&self) -> bool {
        false
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.add(flow);
        Ok(())
    }

    fn draft(&self) -> Option<Box<dyn Draft>> {
        Some(Box::<Self>::default())
    }

    fn take(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        self.take(&mut sheet.totals);
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_word_counts_its_flows() {
        let mut ok = sample::row(3);
        (ok.status, ok.handshake, ok.ending) = (Status::Ok, Handshake::Completed, Ending::Fin);
        ok.cause = None;
        let mut totals = Totals::default();
        sample::play(&mut totals, &[sample::row(1), sample::row(2), ok]);
        assert_eq!(totals.flows, 3);
        assert_eq!(totals.status(Status::Failed), 2);
        assert!(totals.handshakes().any(|pair| pair == ("silently-dropped", 2)));
        assert!(totals.endings().any(|pair| pair == ("fin", 1)));
        assert!(totals.culprits().any(|pair| pair == ("path", 3)));
        assert_eq!(totals.causes().collect::<Vec<_>>(), [("syn-silent", 2)]);
    }
}
