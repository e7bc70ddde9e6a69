//! For someone who watches a live capture: what happened since they last asked, and forgetting what is over.

use super::Table;
use crate::base::{FlowKey, Stamp, limits};
use crate::flow::{Flow, FlowFacts};
use crate::wire::{Flags, Segment};

/// Flows that began and flows that were touched since somebody last asked, by number.
#[derive(Debug, Default)]
pub struct News {
    /// New flows: first packet, number, 4-tuple.
    pub started: Vec<(u64, u32, FlowKey)>,
    /// Flows with packets; the same one may stand there more than once.
    pub touched: Vec<u32>,
}

impl Table {
    pub(super) fn touch(&mut self, number: u32) {
        if let Some(news) = self.news.as_mut().filter(|news| news.touched.last() != Some(&number)) {
            news.touched.push(number);
        }
    }

    pub(super) fn most_flows(&self) -> usize {
        if self.news.is_some() {
            limits::MAX_LIVE_FLOWS / limits::SHARDS
        } else {
            limits::MAX_FLOWS_PER_SHARD
        }
    }

    /// From now on, [`Table::take_news`] tells what happens.
    pub fn watch(&mut self) {
        self.news = Some(News::default());
    }

    /// What happened since the last call. What only a report at the end would need is not kept meanwhile.
    pub fn take_news(&mut self) -> News {
        // Numbers of Wireshark's streams are not told of a capture that has no end yet.
        self.other_streams.clear();
        if self.bare.len() > limits::MAX_HOSTS {
            self.bare.clear();
        }
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Flows that are there.
    #[must_use]
    pub fn used(&self) -> usize {
        self.store.used()
    }

    /// When flow `number` was last heard, if it has been in use lately.
    #[must_use]
    pub fn heard(&self, number: u32) -> Option<Stamp> {
        self.store.heard(number)
    }

    /// Everything that grows with what is watched, counted in entries: for tests of long runs.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        let states = self.marking.as_ref().map_or(0, super::marking::Marking::len);
        self.store.len() + self.newest.len() + self.bare.len() + self.other_streams.len() + states + self.marked.len()
    }

    /// Bytes put aside for messages that are not complete.
    #[cfg(test)]
    pub(crate) fn put_aside(&self) -> usize {
        self.aside
    }

    /// Segments since the last call that there was no room for, and copies of earlier ones.
    pub fn take_counts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.refused), std::mem::take(&mut self.copies))
    }

    /// What flow `number` of the 4-tuple `key` has shown so far.
    #[must_use]
    pub fn snapshot(&self, number: u32, key: FlowKey) -> Option<FlowFacts> {
        self.store.facts(number, || Some(key))
    }

    /// Forgets flow `number` of the 4-tuple `key`; its number may come again.
    pub fn retire(&mut self, number: u32, key: FlowKey) {
        if self.aside > 0 {
            let held = self.store.open(number, &key).map_or(0, |flow| flow.aside());
            self.aside = self.aside.saturating_sub(held);
        }
        if self.newest.get(&key) == Some(number) {
            self.forget_newest(&key);
        }
        self.store.remove(number);
    }
}

impl Flow {
    /// An answer is waited for, even if nothing else comes: to a SYN-ACK, or to data to a peer that has not sent any yet.
    pub(super) fn is_question(&self, segment: &Segment) -> bool {
        segment.flags.any(Flags::SYN)
            || segment.length > 0 && self.facts.sides[segment.dir.flip().index()].data_segments == 0
    }
}
