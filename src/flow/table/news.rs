//! For someone who watches a live capture: what happened since they last asked, and forgetting what is over.

use super::Table;
use crate::base::{FlowKey, limits};
use crate::flow::FlowFacts;
use crate::flow::mark::Marked;

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

    /// What happened since the last call.
    pub fn take_news(&mut self) -> News {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Packets with marks since the last call.
    pub fn take_marked(&mut self) -> Vec<Marked> {
        std::mem::take(&mut self.marked)
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
        if self.newest.get(&key) == Some(number) {
            self.newest.forget(&key);
            if let Some(states) = &mut self.wireshark {
                states.remove(&key);
            }
        }
        self.store.remove(number);
        // Numbers of Wireshark's streams are not told of a capture that has no end yet.
        self.other_streams.clear();
        if self.bare.len() > limits::MAX_HOSTS {
            self.bare.clear();
        }
    }
}
