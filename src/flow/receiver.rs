//! One side as a receiver: the acknowledgments and windows that it advertises.

use super::facts::{SideFacts, Sighting};
use super::pack::pack_fields;
use crate::base::{Seq, Stamp};
use crate::wire::{Flags, Segment};

/// What one side advertised last.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its last acknowledgment, if there was one.
    ack: Seq,
    has_acked: bool,
    window: u16,
    heard: bool,
}

impl Receiver {
    /// Nothing was heard of it.
    pub const BLANK: Self = Self {
        ack: Seq(0),
        has_acked: false,
        window: 0,
        heard: false,
    };

    /// The last window field, if any packet of this side was heard.
    pub fn window(&self) -> Option<u16> {
        self.heard.then_some(self.window)
    }

    /// Acknowledges and offers the same as the packet before, with no payload (RFC 5681 2).
    pub fn is_duplicate(&self, segment: &Segment) -> bool {
        self.has_acked
            && self.ack == segment.ack
            && self.window == segment.window
            && segment.length == 0
            && !segment.flags.any(Flags::SYN | Flags::FIN | Flags::RST)
    }

    /// Takes in what this side's packet advertises.
    pub fn on_segment(&mut self, segment: &Segment, facts: &mut SideFacts) {
        self.heard = true;
        if segment.flags.is_ack() {
            self.take_ack(segment.ack);
        }
        // A FIN's sender has often closed already; its window says nothing about a slow reader.
        if segment.flags.any(Flags::SYN | Flags::FIN) || segment.header_cut && segment.window == 0 {
            self.window = segment.window;
            return;
        }
        self.window = segment.window;
        if segment.window == 0 && !facts.window_is_zero {
            let troubles = facts.troubles.make_mut();
            troubles.window_is_zero = true;
            troubles.zero_windows = troubles.zero_windows.saturating_add(1);
            troubles.window_closed = Some(Sighting::from(segment));
        } else if segment.window != 0 {
            reopen(facts, segment.stamp);
        }
    }

    /// A SYN: a window, and nothing acknowledged.
    pub fn on_syn(&mut self, segment: &Segment) {
        self.heard = true;
        self.window = segment.window;
    }

    /// In a steady flow: an acknowledgment and a window that is not zero.
    pub fn on_steady(&mut self, segment: &Segment) {
        self.heard = true;
        self.take_ack(segment.ack);
        self.window = segment.window;
    }

    #[inline]
    fn take_ack(&mut self, ack: Seq) {
        (self.ack, self.has_acked) = (ack, true);
    }

    /// The flow ended at `last`.
    pub fn finish(facts: &mut SideFacts, last: Stamp) {
        let Some(troubles) = facts.troubles.get_mut() else {
            return;
        };
        if let Some(closed) = troubles.window_closed {
            troubles.longest_zero_window = troubles.longest_zero_window.max(last - closed.stamp);
        }
    }
}

fn reopen(facts: &mut SideFacts, now: Stamp) {
    let Some(troubles) = facts.troubles.get_mut() else {
        return;
    };
    troubles.window_is_zero = false;
    if let Some(closed) = troubles.window_closed.take() {
        troubles.longest_zero_window = troubles.longest_zero_window.max(now - closed.stamp);
    }
}

pack_fields!(Receiver { has_acked ack window heard });
