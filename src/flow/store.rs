//! Where the flows of one shard are: a lone SYN in 48 bytes, a flow in use as it is, one that has been quiet packed to
//! some 650 bytes. A flow that speaks again comes back exactly as it was, so memory changes no verdict.

mod arena;
mod blocks;
mod chunks;
mod free;
mod open;
mod quiet;

use super::Flow;
use super::facts::FlowFacts;
use super::lone::LoneSyn;
use super::outline::Outline;
use super::pack;
use crate::base::{Dir, FlowKey, Stamp, limits};
use crate::wire::Segment;
use arena::Arena;
use chunks::Chunks;
pub use chunks::Shelf;
use open::OpenFlows;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Where one flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Lone(u32),
    Open(u32),
    /// Where its length and then its bytes are, over all chunks.
    Packed(u64),
    /// Nowhere: never said of a flow that is there.
    Gone,
}

/// A [`Place`] in eight bytes: there are as many as flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot(u64);

impl Slot {
    const GONE: Self = Self(3 << Self::KIND);
    /// The two bits above tell the kind.
    const KIND: u32 = 62;
}

impl From<Place> for Slot {
    fn from(place: Place) -> Self {
        match place {
            Place::Lone(place) => Self(place.into()),
            Place::Open(place) => Self(1 << Self::KIND | u64::from(place)),
            Place::Packed(at) => Self(2 << Self::KIND | at),
            Place::Gone => Self::GONE,
        }
    }
}

impl From<Slot> for Place {
    #[inline]
    fn from(slot: Slot) -> Self {
        match slot.0 >> Slot::KIND {
            0 => Self::Lone(slot.0 as u32),
            1 => Self::Open(slot.0 as u32),
            2 => Self::Packed(slot.0 & !Slot::GONE.0),
            _ => Self::Gone,
        }
    }
}

/// The flows of one shard, numbered in order of first packet.
#[derive(Debug)]
pub struct Store {
    slots: Vec<Slot>,
    lone: Arena<LoneSyn>,
    open: OpenFlows,
    chunks: Chunks,
    /// Where flows are packed.
    blocks: Vec<pack::Block>,
    /// Latest stamp of any segment.
    now: Stamp,
    /// Flows that are kept unpacked, and up to how many where fewer will not do.
    most_open: usize,
    limit: usize,
    /// Flows that are kept unpacked while there are few in all.
    most_of_few: usize,
    /// Flows unpacked again since some were last packed.
    reopened: usize,
    /// Flows that came to their end, and when.
    over: VecDeque<(u32, Stamp)>,
    /// For how many flows room is likely to be wanted: as many as were opened lately.
    wanted: u32,
    /// Numbers of flows that were removed, for new ones.
    free: Vec<u32>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            lone: Arena::default(),
            open: OpenFlows::default(),
            chunks: Chunks::default(),
            blocks: Vec::new(),
            now: Stamp::default(),
            most_open: limits::OPEN_PER_SHARD,
            limit: limits::MAX_OPEN_PER_SHARD,
            most_of_few: limits::OPEN_OF_FEW,
            reopened: 0,
            over: VecDeque::new(),
            wanted: 0,
            free: Vec::new(),
        }
    }
}

impl Store {
    /// Flows so far.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Flows that are unpacked.
    #[cfg(test)]
    pub fn open_flows(&self) -> usize {
        self.open.used()
    }

    /// Keeps so many flows unpacked, at least one, and never more.
    pub fn set_open_flows(&mut self, count: usize) {
        self.most_open = count.max(1);
        self.limit = self.most_open;
        self.most_of_few = self.most_open;
    }

    /// Keeps about so many bytes of packed flows in memory, and the rest on `shelf`. To be said before the first.
    pub fn set_shelf(&mut self, shelf: Box<dyn Shelf>, bytes: usize) {
        self.chunks.set_shelf(shelf, bytes);
    }

    /// Flows that could not be read back from the shelf.
    pub fn lost(&self) -> u64 {
        self.chunks.lost()
    }

    /// Memory of all flows.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
            + self.lone.items.len() * limits::LONE_SYN
            + self.open.places() * limits::OPEN_FLOW
            + self.chunks.bytes()
    }

    /// Time goes on.
    #[inline]
    pub fn on_time(&mut self, stamp: Stamp) {
        self.now = self.now.max(stamp);
    }

    /// A new flow of which this SYN is all.
    pub fn add_lone(&mut self, syn: &Segment, capture: u16) -> u32 {
        let (place, room) = self.lone.room();
        *room = Some(LoneSyn::of(syn, capture));
        self.new_slot(Place::Lone(place))
    }

    /// A new flow, blank, to be started. Says its number.
    pub fn add(&mut self) -> (u32, &mut Flow) {
        self.make_room();
        let number = self.new_slot(Place::Gone);
        let (place, flow) = self.open.take_blank(number);
        set_place(&mut self.slots, number, Place::Open(place));
        (number, flow)
    }

    fn place(&self, number: u32) -> Place {
        self.slots.get(number as usize).copied().unwrap_or(Slot::GONE).into()
    }

    fn set_place(&mut self, number: u32, place: Place) {
        set_place(&mut self.slots, number, place);
    }

    /// Flow `number`, ready for use: unpacked, or made from its lone SYN.
    #[inline]
    pub fn open(&mut self, number: u32, key: &FlowKey) -> Option<&mut Flow> {
        let place = match self.place(number) {
            Place::Open(place) => place,
            other => self.make_ready(number, other, key)?,
        };
        self.open.get_mut(place)
    }

    /// Flow `number`, if it is open.
    #[inline]
    pub fn opened(&mut self, number: u32) -> Option<&mut Flow> {
        match self.place(number) {
            Place::Open(place) => self.open.get_mut(place),
            _ => None,
        }
    }

    /// Reads a little of what [`Store::open`] and its caller will read of flow `number`, so that it is near by then.
    #[inline]
    pub fn touch(&self, number: u32, dir: Dir) -> u32 {
        match self.place(number) {
            Place::Open(place) => self.open.get(place).map_or(0, |flow| flow.touch(dir)),
            _ => 0,
        }
    }

    /// Of a flow that is not open, makes one that is.
    #[inline(never)]
    fn make_ready(&mut self, number: u32, place: Place, key: &FlowKey) -> Option<u32> {
        self.reopened += usize::from(matches!(place, Place::Packed(_)));
        self.make_room();
        // Room is made by packing, which may move what is packed.
        let open = match self.place(number) {
            Place::Lone(place) => {
                let syn = self.lone.take(place)?;
                let (open, flow) = self.open.take_blank(number);
                syn.start(*key, flow);
                open
            }
            Place::Packed(at) => {
                let (open, flow) = self.open.take(number);
                let length = self.chunks.read(at, |bytes| {
                    *flow = pack::unpack_behind::<Outline, Flow>(bytes);
                    bytes.len()
                });
                let Some(length) = length else {
                    self.open.free(open);
                    return None;
                };
                self.chunks.forget(at, length);
                open
            }
            Place::Open(_) | Place::Gone => return None,
        };
        self.set_place(number, Place::Open(open));
        Some(open)
    }

    /// Makes room for one more open flow.
    fn make_room(&mut self) {
        if self.open.used() >= self.most_open && !self.keeps_more() {
            self.pack_quiet();
        }
        self.expect_more();
    }

    /// Few flows so far, and room for them as they are.
    fn has_few(&self) -> bool {
        self.slots.len() <= limits::FEW_PER_SHARD && self.open.used() < self.most_of_few
    }

    /// There are few flows, or half of what was packed last time came back since: more than these speak at the same time.
    fn keeps_more(&mut self) -> bool {
        if self.has_few() {
            return true;
        }
        let is_wanted = std::mem::take(&mut self.reopened) * 4 > self.most_open && self.most_open < self.limit;
        if is_wanted {
            self.most_open = (self.most_open * 2).min(self.limit);
        }
        is_wanted
    }

    /// The facts of flow `number` so far, as if it ended here; `key` is needed for lone SYNs only.
    pub fn facts(&self, number: u32, key: impl FnOnce() -> Option<FlowKey>) -> Option<FlowFacts> {
        match self.place(number) {
            Place::Open(place) => Some(self.open.get(place)?.so_far()),
            place => self.facts_at(place, key),
        }
    }

    /// The same after [`Store::end`], without a copy where there need be none.
    pub fn settled(&self, number: u32, key: impl FnOnce() -> Option<FlowKey>) -> Option<Cow<'_, FlowFacts>> {
        match self.place(number) {
            Place::Open(place) => Some(Cow::Borrowed(self.open.get(place)?.facts())),
            Place::Packed(at) => self.chunks.read(at, |flow| Cow::Owned(unpack_facts(flow))),
            place => self.facts_at(place, key).map(Cow::Owned),
        }
    }

    /// The facts of a flow that is not open.
    fn facts_at(&self, place: Place, key: impl FnOnce() -> Option<FlowKey>) -> Option<FlowFacts> {
        Some(match place {
            Place::Lone(place) => self.lone.peek(place)?.flow(key()?).finish(),
            Place::Packed(at) => return self.chunks.read(at, unpack_facts),
            Place::Open(_) | Place::Gone => return None,
        })
    }

    /// Ends flow `number`. Gives its first packet and its outline, if it is more than a lone SYN.
    pub fn end(&mut self, number: u32) -> Option<(u64, Outline)> {
        match self.place(number) {
            Place::Open(place) => {
                let flow = self.open.get_mut(place)?;
                flow.end();
                Some((flow.facts().first.number(), Outline::of(flow.facts())))
            }
            Place::Packed(at) => self
                .chunks
                .read(at, |bytes| (pack::first_packet(bytes), pack::unpack(bytes))),
            Place::Lone(_) | Place::Gone => None,
        }
    }

    /// Is there a flow of which one SYN is all?
    pub fn has_lone(&self) -> bool {
        self.lone.used() > 0
    }

    /// The SYN that is all of flow `number`.
    pub fn lone(&self, number: u32) -> Option<&LoneSyn> {
        match self.place(number) {
            Place::Lone(place) => self.lone.peek(place),
            _ => None,
        }
    }

    /// Is one SYN all of flow `number`?
    pub fn is_lone(&self, number: u32) -> bool {
        matches!(self.place(number), Place::Lone(_))
    }
}

/// Flow `number` is at `place`.
fn set_place(slots: &mut [Slot], number: u32, place: Place) {
    if let Some(slot) = slots.get_mut(number as usize) {
        *slot = place.into();
    }
}

/// The facts of a packed flow, moved as little as can be: they are a kilobyte and a half.
#[inline(never)]
fn unpack_facts(flow: &[u8]) -> FlowFacts {
    let mut facts: FlowFacts = pack::unpack_behind::<Outline, _>(flow);
    facts.settle_roles();
    facts
}
