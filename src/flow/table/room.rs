//! How much memory a shard's flows may take.

use super::{Shelf, Table};
use crate::base::limits;

impl Table {
    /// Starts no flow that would take the whole beyond so many bytes.
    pub fn set_room(&mut self, bytes: usize) {
        let open = bytes / limits::OPEN_SHARE / limits::OPEN_FLOW;
        self.store.set_open_flows(open.min(limits::OPEN_PER_SHARD));
        self.room = Some(bytes);
    }

    /// Keeps about so many bytes of packed flows in memory, and the rest on `shelf`. To be said before the first segment.
    pub fn set_shelf(&mut self, shelf: Box<dyn Shelf>, bytes: usize) {
        self.store.set_shelf(shelf, bytes);
    }

    /// Is there room for one flow more?
    pub(super) fn has_room(&self) -> bool {
        if self.store.used() >= self.most_flows() {
            return false;
        }
        self.room.is_none_or(|room| self.bytes() <= room)
    }

    /// Memory of all flows, what the report will need included.
    pub(super) fn bytes(&self) -> usize {
        self.store.bytes() + self.newest.bytes() + self.store.len() * limits::REPORT_PER_FLOW
    }
}
