//! Where the flows of one shard are: a lone SYN in 48 bytes, a flow in use as it is, one that has been quiet packed to
//! some 150 bytes. A flow that speaks again comes back exactly as it was, so memory changes no verdict.

use super::Flow;
use super::copies;
use super::facts::FlowFacts;
use super::lone::LoneSyn;
use super::pack::{Pack, Packer, Unpacker};
use super::table::Conversation;
use super::wireshark::Stream;
use crate::base::{FlowKey, Stamp, limits};

/// Where one flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Lone(u32),
    Open(u32),
    /// Chunk, start in it, and length.
    Packed(u16, u32, u16),
    /// Nowhere: never said of a flow that is there.
    Gone,
}

/// Bytes of packed flows in one piece.
const CHUNK: usize = 1 << 20;

/// The flows of one shard, numbered in order of first packet.
#[derive(Debug)]
pub struct Store {
    slots: Vec<Slot>,
    lone: Arena<LoneSyn>,
    open: Arena<(u32, Box<Flow>)>,
    chunks: Vec<Vec<u8>>,
    /// Bytes in the chunks, and how many of them belong to flows that were unpacked again.
    packed: usize,
    garbage: usize,
    scratch: Vec<u8>,
    /// Latest stamp of any segment.
    now: Stamp,
    /// Flows that are kept unpacked.
    most_open: usize,
    /// Numbers of flows that were removed, for new ones.
    free: Vec<u32>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            lone: Arena::default(),
            open: Arena::default(),
            chunks: Vec::new(),
            packed: 0,
            garbage: 0,
            scratch: Vec::new(),
            now: Stamp::default(),
            most_open: limits::MAX_OPEN_PER_SHARD,
            free: Vec::new(),
        }
    }
}

impl Store {
    /// Flows so far.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Flows that are there.
    pub fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Forgets flow `number`; the next new flow gets the number, so that flows are in order of first packet no longer.
    pub fn remove(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return;
        };
        match std::mem::replace(slot, Slot::Gone) {
            Slot::Lone(place) => drop(self.lone.take(place)),
            Slot::Open(place) => drop(self.open.take(place)),
            Slot::Packed(_, _, length) => self.garbage += usize::from(length),
            Slot::Gone => return,
        }
        self.free.push(number);
    }

    fn new_slot(&mut self, slot: Slot) -> u32 {
        let Some(number) = self.free.pop() else {
            self.slots.push(slot);
            return self.slots.len() as u32 - 1;
        };
        if let Some(place) = self.slots.get_mut(number as usize) {
            *place = slot;
        }
        number
    }

    /// Keeps so many flows unpacked, at least one.
    pub fn set_open_flows(&mut self, count: usize) {
        self.most_open = count.max(1);
    }

    /// Time goes on.
    pub fn on_time(&mut self, stamp: Stamp) {
        self.now = self.now.max(stamp);
    }

    /// A new flow of which this SYN is all.
    pub fn add_lone(&mut self, syn: LoneSyn) -> u32 {
        let place = self.lone.put(syn);
        self.new_slot(Slot::Lone(place))
    }

    /// A new flow.
    pub fn add(&mut self, flow: Flow) -> u32 {
        let number = self.new_slot(Slot::Gone);
        self.put_open(number, Box::new(flow));
        number
    }

    /// Flow `number`, ready for use: unpacked, or made from its lone SYN.
    pub fn open(&mut self, number: u32, key: FlowKey) -> Option<&mut Flow> {
        match *self.slots.get(number as usize)? {
            Slot::Open(place) => return self.open.get(place).map(|(_, flow)| &mut **flow),
            Slot::Lone(place) => {
                let syn = self.lone.take(place)?;
                self.put_open(number, Box::new(flow_of(&syn, key)));
            }
            Slot::Packed(chunk, start, length) => {
                let flow = unpack(&self.chunks, chunk, start, length);
                self.garbage += usize::from(length);
                self.put_open(number, Box::new(flow));
            }
            Slot::Gone => return None,
        }
        match self.slots.get(number as usize) {
            Some(&Slot::Open(place)) => self.open.get(place).map(|(_, flow)| &mut **flow),
            _ => None,
        }
    }

    fn put_open(&mut self, number: u32, flow: Box<Flow>) {
        if self.open.used() >= self.most_open {
            self.pack_quiet();
        }
        let place = self.open.put((number, flow));
        if let Some(slot) = self.slots.get_mut(number as usize) {
            *slot = Slot::Open(place);
        }
    }

    /// Packs the half of the open flows that has been quiet for longest.
    fn pack_quiet(&mut self) {
        let mut quiet: Vec<(Stamp, u32)> = self
            .open
            .iter()
            .map(|(place, (_, flow))| (flow.facts().last.stamp, place))
            .collect();
        let half = quiet.len().div_ceil(2);
        quiet.select_nth_unstable(half - 1);
        for &(last, place) in quiet.iter().take(half) {
            let Some((number, mut flow)) = self.open.take(place) else {
                continue;
            };
            if self.now - last > copies::LONGEST {
                flow.forget_copies();
            }
            let slot = self
                .pack(&flow)
                .unwrap_or_else(|| Slot::Open(self.open.put((number, flow))));
            if let Some(old) = self.slots.get_mut(number as usize) {
                *old = slot;
            }
        }
    }

    fn pack(&mut self, flow: &Flow) -> Option<Slot> {
        let first = flow.facts().first;
        let mut packer = Packer::new(std::mem::take(&mut self.scratch), first.number(), first.stamp);
        flow.pack(&mut packer);
        self.scratch = packer.finish();
        if self.garbage > CHUNK && self.garbage > self.packed / 4 {
            self.sweep();
        }
        let bytes = std::mem::take(&mut self.scratch);
        let slot = self.keep(&bytes);
        self.scratch = bytes;
        slot
    }

    /// Leaves the garbage behind.
    fn sweep(&mut self) {
        let old = std::mem::take(&mut self.chunks);
        (self.packed, self.garbage) = (0, 0);
        for number in 0..self.slots.len() {
            if let Some(&Slot::Packed(chunk, start, length)) = self.slots.get(number) {
                let kept = self.keep(bytes_at(&old, chunk, start, length));
                self.slots[number] = kept.unwrap_or(Slot::Gone);
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Slot> {
        let length = u16::try_from(bytes.len()).ok()?;
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() + usize::from(length) > CHUNK)
        {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let number = u16::try_from(self.chunks.len() - 1).ok()?;
        let chunk = self.chunks.last_mut()?;
        let start = chunk.len() as u32;
        chunk.extend_from_slice(bytes);
        self.packed += bytes.len();
        Some(Slot::Packed(number, start, length))
    }

    /// The facts of flow `number`, finished; `key` is needed for lone SYNs only.
    pub fn facts(&self, number: u32, key: impl FnOnce() -> Option<FlowKey>) -> Option<FlowFacts> {
        Some(match *self.slots.get(number as usize)? {
            Slot::Lone(place) => flow_of(self.lone.peek(place)?, key()?).finish(),
            Slot::Open(place) => self.open.peek(place)?.1.clone().finish(),
            Slot::Packed(chunk, start, length) => unpack(&self.chunks, chunk, start, length).finish(),
            Slot::Gone => return None,
        })
    }

    /// First packet of flow `number`.
    pub fn first_packet(&self, number: u32) -> Option<u64> {
        Some(match *self.slots.get(number as usize)? {
            Slot::Lone(place) => self.lone.peek(place)?.packet(),
            Slot::Open(place) => self.open.peek(place)?.1.facts().first.number(),
            Slot::Packed(chunk, start, length) => Unpacker::packet(bytes_at(&self.chunks, chunk, start, length)),
            Slot::Gone => return None,
        })
    }

    /// Is there a flow of which one SYN is all?
    pub fn has_lone(&self) -> bool {
        self.lone.used() > 0
    }

    /// Is one SYN all of flow `number`?
    pub fn is_lone(&self, number: u32) -> bool {
        matches!(self.slots.get(number as usize), Some(Slot::Lone(_)))
    }
}

fn flow_of(syn: &LoneSyn, key: FlowKey) -> Flow {
    let segment = syn.segment(key);
    let mut stream = Stream::new(segment.packet);
    stream.on_header(
        segment.packet,
        segment.dir.index(),
        segment.seq,
        segment.ack,
        segment.flags,
    );
    let mut flow = Flow::new(
        &segment,
        syn.capture(),
        Conversation {
            stream,
            others: Vec::new(),
        },
    );
    flow.on_segment(&segment);
    flow
}

fn bytes_at(chunks: &[Vec<u8>], chunk: u16, start: u32, length: u16) -> &[u8] {
    let start = start as usize;
    let chunk = chunks.get(usize::from(chunk)).map_or(&[][..], Vec::as_slice);
    chunk.get(start..start + usize::from(length)).unwrap_or_default()
}

fn unpack(chunks: &[Vec<u8>], chunk: u16, start: u32, length: u16) -> Flow {
    Flow::unpack(&mut Unpacker::new(bytes_at(chunks, chunk, start, length)))
}

/// Items whose places are used again.
#[derive(Debug)]
struct Arena<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Arena<T> {
    fn put(&mut self, item: T) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(slot) = self.items.get_mut(place as usize) {
                *slot = Some(item);
            }
            return place;
        }
        self.items.push(Some(item));
        self.items.len() as u32 - 1
    }

    fn take(&mut self, place: u32) -> Option<T> {
        let item = self.items.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(item)
    }

    fn get(&mut self, place: u32) -> Option<&mut T> {
        self.items.get_mut(place as usize)?.as_mut()
    }

    fn peek(&self, place: u32) -> Option<&T> {
        self.items.get(place as usize)?.as_ref()
    }

    fn used(&self) -> usize {
        self.items.len() - self.free.len()
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(place, item)| Some((place as u32, item.as_ref()?)))
    }
}
