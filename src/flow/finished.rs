//! What a shard leaves behind: its flows in order of first packet, finished one at a time as they are read.

use super::Sighting;
use super::facts::FlowFacts;
pub use super::lone::Kind;
use super::lone::LoneSyn;
use super::mark::Marked;
use super::newest::KeyV4;
use super::outline::Outline;
use super::store::Store;
use crate::base::{Endpoint, FlowKey, Map};
use std::borrow::Cow;

/// A flow of which a single SYN is all.
#[derive(Clone, Copy, Debug)]
pub struct Lone {
    /// The 4-tuple.
    pub key: FlowKey,
    /// Who sent it.
    pub client: Endpoint,
    /// Who did not answer.
    pub server: Endpoint,
    /// The SYN.
    pub at: Sighting,
    /// What else a judgement may depend on.
    pub kind: Kind,
}

/// What a table leaves behind.
#[derive(Debug, Default)]
pub struct Finished {
    store: Store,
    /// Keys of lone SYNs by number: all that their flows do not know themselves. Anything for other flows.
    keys: Vec<KeyV4>,
    /// The same for IPv6.
    long: Map<u32, FlowKey>,
    /// Packets that started a stream without a flow.
    pub other_streams: Vec<u64>,
    /// Packets with marks, in order.
    pub marked: Vec<Marked>,
    /// Segments of flows that there was no room for.
    pub refused: u64,
    /// Copies of packets captured before.
    pub copies: u64,
    /// Flows whose first bytes were given up for want of room.
    pub deaf: u64,
}

impl Finished {
    /// The flows of `store`, and the keys of its 4-tuples.
    pub(super) fn new(store: Store, keys: impl Iterator<Item = (u32, FlowKey)>) -> Self {
        let mut finished = Self {
            store,
            ..Self::default()
        };
        if finished.store.has_lone() {
            let none = KeyV4::new([0; 4], [0; 4], 0, 0);
            finished.keys.resize(finished.store.len(), none);
            for (number, key) in keys.filter(|&(number, _)| finished.store.is_lone(number)) {
                match (key, finished.keys.get_mut(number as usize)) {
                    (FlowKey::V4(a, b, c, d), Some(place)) => *place = KeyV4::new(a, b, c, d),
                    _ => {
                        finished.long.insert(number, key);
                    }
                }
            }
        }
        finished
    }

    /// Number of flows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// There are no flows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows that could not be read back from the shelf so far: [`Finished::facts`] had nothing to give.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.store.lost()
    }

    /// Is a single SYN all that flow `number` showed?
    #[must_use]
    pub fn is_lone(&self, number: u32) -> bool {
        self.store.is_lone(number)
    }

    /// Flow `number`, if a single SYN is all that it showed.
    #[must_use]
    pub fn lone(&self, number: u32) -> Option<Lone> {
        let syn = self.store.lone(number)?;
        let key = self.key_of(number)?;
        Some(Lone {
            key,
            client: key.sender(syn.dir()),
            server: key.sender(syn.dir().flip()),
            at: syn.at(),
            kind: syn.kind(),
        })
    }

    /// The key of a lone SYN.
    fn key_of(&self, number: u32) -> Option<FlowKey> {
        match self.long.get(&number) {
            Some(key) => Some(*key),
            None => self.keys.get(number as usize).map(|key| key.key()),
        }
    }

    /// The packets of all lone SYNs, in order.
    pub fn lone_packets(&self) -> impl Iterator<Item = u64> {
        (0..self.len() as u32).filter_map(|number| self.lone_packet(number))
    }

    /// The packet of flow `number`, if a single SYN is all that it showed. The numbers of flows are in order of first packet.
    #[must_use]
    pub fn lone_packet(&self, number: u32) -> Option<u64> {
        self.store.lone(number).map(LoneSyn::packet)
    }

    /// All flows, in order of first packet.
    pub fn flows(&self) -> impl Iterator<Item = FlowFacts> {
        (0..self.len() as u32).filter_map(|number| self.facts(number).map(Cow::into_owned))
    }

    /// Ends each flow that is more than a lone SYN, as [`Table::finish`](super::table::Table::finish) has done. Gives its
    /// number, first packet and what it tells about the recording.
    pub fn end_each(&mut self, mut tell: impl FnMut(&Self, u32, u64, &Outline)) {
        for number in 0..self.len() as u32 {
            if self.store.is_lone(number) {
                continue;
            }
            if let Some((packet, outline)) = self.store.end(number) {
                tell(self, number, packet, &outline);
            }
        }
    }

    /// All that flow `number` showed.
    #[must_use]
    pub fn facts(&self, number: u32) -> Option<Cow<'_, FlowFacts>> {
        self.store.settled(number, || self.key_of(number))
    }
}
