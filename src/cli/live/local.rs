//! What this machine knows of its own connections: asked when one fails, kept until its row is written.

use crate::analyzer::watch::Event;
use crate::base::Endpoint;
use crate::capture::CaptureInfo;
use crate::host::{self, Counters};
use crate::verdict::words::Status;
use std::collections::HashMap;
use std::net::IpAddr;

/// Connections of which something was said and whose row is still to come.
const MOST: usize = 10_000;
/// Connections asked about in one second: looking through all processes costs milliseconds.
const MOST_ASKED: u32 = 20;

/// The machine's own view, if it is wanted.
pub(super) struct Local {
    wanted: bool,
    own: Vec<IpAddr>,
    said: HashMap<u64, String>,
    before: Counters,
    asked: (std::time::Instant, u32),
}

impl Local {
    pub(super) fn new(wanted: bool, info: &CaptureInfo) -> Self {
        if wanted {
            host::remember();
        }
        Self {
            wanted,
            own: info
                .interfaces
                .iter()
                .flat_map(|interface| interface.addresses.clone())
                .collect(),
            said: HashMap::new(),
            before: if wanted { Counters::read() } else { Counters::default() },
            asked: (std::time::Instant::now(), 0),
        }
    }

    /// What is known of the connection of an event: asked when it fails, remembered when its row comes.
    pub(super) fn ask(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Verdict(report, _) if report.row.status == Status::Failed => {
                let row = report.row;
                let said = self.look(row.client, row.server, row.handshake)?;
                if self.said.len() < MOST {
                    self.said.insert(row.flow, said.clone());
                }
                Some(said)
            }
            Event::Ended(report) => self.said.remove(&report.row.flow),
            _ => None,
        }
    }

    fn look(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        handshake: crate::verdict::words::Handshake,
    ) -> Option<String> {
        if !self.wanted || !self.may_ask() {
            return None;
        }
        let own = |ip: IpAddr| ip.is_loopback() || self.own.contains(&ip);
        host::sentence(&host::look(client, server, &own)?, server, handshake)
    }

    fn may_ask(&mut self) -> bool {
        if self.asked.0.elapsed().as_secs() >= 1 {
            self.asked = (std::time::Instant::now(), 0);
        }
        self.asked.1 += 1;
        self.asked.1 <= MOST_ASKED
    }

    /// Counters that moved since the beginning.
    pub(super) fn moved(&self) -> Vec<String> {
        if self.wanted {
            Counters::read().moved_since(&self.before)
        } else {
            Vec::new()
        }
    }
}
