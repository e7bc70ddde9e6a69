//! Packing flows that are not likely to speak again.

use super::chunks::Chunks;
use super::{Place, Slot, Store, set_place};
use crate::base::{Span, Stamp, limits};
use crate::flow::outline::Outline;
use crate::flow::{copies, pack};

/// After this time nothing more comes of most connections that are over: their last acknowledgment needs one round trip. Then
/// they are packed, as long as they are near: later they would have to be fetched from far memory.
const AFTERMATH: Span = Span::from_millis(200);

/// Flows that room is made for ahead: where no more begin, none need be packed.
const MOST_WANTED: u32 = 64;

impl Store {
    /// A flow is opened: others are likely to follow.
    pub(super) fn expect_more(&mut self) {
        self.wanted = (self.wanted + 2).min(MOST_WANTED);
    }

    /// Flow `number` came to its end just now.
    pub fn on_over(&mut self, number: u32) {
        if self.wanted == 0 || self.has_few() {
            return;
        }
        if self.over.len() < limits::MAX_OVER_PER_SHARD {
            self.over.push_back((number, self.now));
        }
        while let Some(&(number, stamp)) = self.over.front() {
            if self.now - stamp < AFTERMATH || self.wanted == 0 {
                break;
            }
            self.over.pop_front();
            self.pack_over(number);
        }
    }

    /// Packs flow `number`, if it is open and over. If it has spoken since, it waits once more.
    fn pack_over(&mut self, number: u32) {
        let Place::Open(place) = self.place(number) else {
            return;
        };
        let Some(flow) = self.open.get(place).filter(|flow| flow.is_over()) else {
            return;
        };
        if self.now - flow.facts().last.stamp > copies::LONGEST {
            self.wanted -= 1;
            self.pack_open(number, place);
        } else {
            self.over.push_back((number, self.now));
        }
    }

    /// Packs the half of the open flows that is least likely to speak again: those that are over, then those that have been
    /// quiet for longest.
    pub(super) fn pack_quiet(&mut self) {
        let mut quiet: Vec<(bool, Stamp, u32)> = self
            .open
            .iter()
            .map(|(place, flow)| (!flow.is_over(), flow.facts().last.stamp, place))
            .collect();
        let half = quiet.len().div_ceil(2);
        quiet.select_nth_unstable(half - 1);
        quiet.truncate(half);
        let places = quiet.iter().map(|&(.., place)| place);
        let numbered = places.filter_map(|place| Some((self.open.number(place)?, place)));
        let mut quiet: Vec<(u32, u32)> = numbered.collect();
        // In the order in which they will be read.
        quiet.sort_unstable();
        for (number, place) in quiet {
            self.pack_open(number, place);
        }
        // There are no longer few: the room of most is not needed again.
        if self.open.places() > 4 * self.most_open.max(self.open.used()) {
            let slots = &mut self.slots;
            self.open
                .close_up(|number, place| set_place(slots, number, Place::Open(place)));
        }
    }

    /// Packs flow `number`, which is open at `place`, unless it is too long for it.
    fn pack_open(&mut self, number: u32, place: u32) {
        if let Some(at) = self.pack(number, place) {
            self.open.free(place);
            self.set_place(number, Place::Packed(at));
        }
    }

    /// The place in the chunks; `None` where the flow is too long for it.
    fn pack(&mut self, number: u32, place: u32) -> Option<u64> {
        if self.chunks.is_littered() {
            self.sweep();
        }
        let flow = self.open.get_mut(place)?;
        if self.now - flow.facts().last.stamp > copies::LONGEST {
            flow.forget_copies();
        }
        flow.settle();
        let (first, outline) = (flow.facts().first, Outline::of(flow.facts()));
        let bytes = pack::pack(&outline, flow, first.number(), first.stamp, &mut self.blocks)?;
        if self.chunks.is_full_for(bytes) {
            put_in_order(&mut self.chunks, &mut self.slots);
        }
        self.chunks.keep(number, bytes)
    }

    /// Leaves the garbage behind.
    fn sweep(&mut self) {
        let packed = (0..).zip(&self.slots).filter_map(|(number, &slot)| match slot.into() {
            Place::Packed(at) => Some((number, at)),
            _ => None,
        });
        let packed: Vec<(u32, u64)> = packed.collect();
        let slots = &mut self.slots;
        self.chunks.sweep(packed.into_iter(), |number, at| {
            set_place(slots, number, at.map_or(Place::Gone, Place::Packed));
        });
    }
}

/// Before the oldest piece goes to the shelf, what is left of it is put in the order in which it will be read.
fn put_in_order(chunks: &mut Chunks, slots: &mut [Slot]) {
    let mut flows = chunks.oldest();
    flows.retain(|&(number, at)| slots.get(number as usize) == Some(&Place::Packed(at).into()));
    flows.sort_unstable();
    chunks.rewrite_oldest(&flows, |number, at| set_place(slots, number, Place::Packed(at)));
}

#[cfg(test)]
mod tests {
    use super::super::Shelf;
    use super::*;
    use crate::base::Rare;
    use crate::flow::stream::Stream;
    use crate::flow::table::Conversation;
    use crate::script::Script;

    #[derive(Debug, Default)]
    struct Memory(Vec<u8>);

    impl Shelf for Memory {
        fn put(&mut self, bytes: &[u8], at: u64) -> bool {
            self.0.resize(at as usize, 0);
            self.0.extend_from_slice(bytes);
            true
        }

        fn look(&self, to: &mut [u8], at: u64) -> Option<usize> {
            let rest = self.0.get(at as usize..)?;
            let count = rest.len().min(to.len());
            to[..count].copy_from_slice(&rest[..count]);
            Some(count)
        }
    }

    #[test]
    fn what_spoke_again_is_not_taken_for_what_it_was() {
        let script =
            Script::parse("0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1\n+.1 > . 1:1(0) ack 1\n+.1 > F. 1:1(0) ack 1").unwrap();
        let segments: Vec<_> = script.segments().cloned().collect();
        let (syn, others) = segments.split_first().unwrap();
        let mut store = Store::default();
        store.set_open_flows(1);
        store.set_shelf(Box::<Memory>::default(), 16 << 10);
        let add = |store: &mut Store| {
            let conversation = Conversation {
                stream: Stream::new(1),
                others: Rare::default(),
            };
            let (number, flow) = store.add();
            flow.start(syn, 0, conversation);
            flow.on_segment(syn);
            number
        };
        let talkers = 3;
        for _ in 0..20 {
            add(&mut store);
        }
        for segment in others {
            for number in 0..talkers {
                store.open(number, &segment.key).unwrap().on_segment(segment);
            }
        }
        // What they were goes to the shelf before what they are: at no time is the one taken for the other.
        for number in 20..1_000 {
            assert_eq!(add(&mut store), number);
            for talker in 0..talkers {
                let facts = store.facts(talker, || None).unwrap();
                let packets: u64 = facts.sides.iter().map(|side| side.packets).sum();
                assert_eq!(packets, segments.len() as u64, "{talker} when {number} began");
            }
        }
    }

    #[test]
    fn the_room_of_few_flows_is_given_back_when_there_are_many() {
        let script = Script::parse("0 > S 0:0(0)").unwrap();
        let syn = script.segments().next().unwrap();
        let (mut store, mut most) = (Store::default(), 0);
        for number in 0..limits::FEW_PER_SHARD as u32 + 2_000 {
            let conversation = Conversation {
                stream: Stream::new(1),
                others: Rare::default(),
            };
            let (new, flow) = store.add();
            flow.start(syn, 0, conversation);
            assert_eq!(new, number);
            most = most.max(store.open.places());
        }
        assert_eq!(most, limits::OPEN_OF_FEW);
        assert!(
            store.open.places() <= 4 * limits::OPEN_PER_SHARD,
            "{}",
            store.open.places()
        );
    }
}
