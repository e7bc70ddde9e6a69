//! How much memory a shard's flows may take.

use super::Table;
use crate::base::limits;

impl Table {
    /// Starts no flow that would take the whole beyond so many bytes.
    pub fn set_room(&mut self, bytes: usize) {
        let open = bytes / limits::OPEN_SHARE / limits::OPEN_FLOW;
        self.store.set_open_flows(open.min(limits::MAX_OPEN_PER_SHARD));
        self.room = Some(bytes);
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
