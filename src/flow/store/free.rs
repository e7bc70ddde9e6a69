//! Places that are free again: a live capture forgets flows that are over.

use super::{Place, Store};
use crate::base::Stamp;
use crate::flow::Flow;

impl Store {
    /// Flows that are there.
    pub fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// When an open flow was last heard: others have been quiet for longer than those.
    pub fn heard(&self, number: u32) -> Option<Stamp> {
        match self.place(number) {
            Place::Open(place) => Some(self.open.get(place)?.facts().last.stamp),
            _ => None,
        }
    }

    /// Forgets flow `number`; the next new flow gets the number, so that flows are in order of first packet no longer.
    pub fn remove(&mut self, number: u32) {
        match self.place(number) {
            Place::Lone(place) => drop(self.lone.take(place)),
            Place::Open(place) => {
                if let Some(flow) = self.open.get_mut(place) {
                    *flow = Flow::BLANK;
                }
                self.open.free(place);
            }
            Place::Packed(at) => {
                let length = self.chunks.read(at, <[u8]>::len).unwrap_or(0);
                self.chunks.forget(at, length);
            }
            Place::Gone => return,
        }
        self.set_place(number, Place::Gone);
        self.free.push(number);
    }

    /// The place of a new flow.
    pub(super) fn new_slot(&mut self, place: Place) -> u32 {
        let Some(number) = self.free.pop() else {
            self.slots.push(place.into());
            return self.slots.len() as u32 - 1;
        };
        self.set_place(number, place);
        number
    }
}
