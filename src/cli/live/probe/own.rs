//! Which connections are the probe's own.

use crate::base::Endpoint;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Ports that the probe connects from, and where to: known before the first packet leaves.
#[derive(Clone, Debug, Default)]
pub(in crate::cli::live) struct Own(Arc<Mutex<HashSet<(u16, Endpoint)>>>);

impl Own {
    /// The next packets from this port to that server are its own.
    pub(super) fn add(&self, port: u16, server: Endpoint) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((port, server));
    }

    /// It connects to this address, among others.
    pub(super) fn is_server(&self, ip: IpAddr) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(_, server)| server.ip == ip)
    }

    /// A connection between these two is the probe's.
    pub(in crate::cli::live) fn has(&self, a: Endpoint, b: Endpoint) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(a.port, b)) || known.contains(&(b.port, a))
    }
}
