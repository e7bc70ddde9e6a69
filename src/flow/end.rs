//! The end of a flow: what only the live state knows goes into the facts.

use super::facts::FlowFacts;
use super::receiver::Receiver;
use super::zeek::Zeek;
use super::{Flow, Side, roles};
use crate::base::Dir;

impl Flow {
    /// The end: all that it showed.
    #[must_use]
    pub fn finish(mut self) -> FlowFacts {
        self.end();
        self.facts
    }

    /// The end, where it stays: its facts are complete.
    pub(super) fn end(&mut self) {
        self.settle();
        self.facts.settle_roles();
    }

    /// The same of a flow that goes on.
    pub(super) fn so_far(&self) -> FlowFacts {
        let mut facts = self.facts.clone();
        settle(&mut facts, &self.sides, &self.zeek);
        facts.settle_roles();
        facts
    }

    /// Brings into the facts what only the live state knows. It may go on all the same.
    pub(super) fn settle(&mut self) {
        settle(&mut self.facts, &self.sides, &self.zeek);
    }
}

fn settle(facts: &mut FlowFacts, sides: &[Side; 2], zeek: &Zeek) {
    for (side, live) in facts.sides.iter_mut().zip(sides) {
        live.sender.finish(side);
        Receiver::finish(side, facts.last.stamp);
    }
    (facts.conn_state, facts.history) = zeek.finish();
    facts.originator = zeek.originator();
}

impl FlowFacts {
    /// Who the client is, if this is all.
    pub(super) fn likely_client(&self) -> Dir {
        if self.roles_seen {
            self.client
        } else {
            roles::guess_client_of(self)
        }
    }

    pub(super) fn settle_roles(&mut self) {
        self.client = self.likely_client();
    }
}
