//! What this machine itself knows of a connection of its own: who listens, who owns the socket, what its counters say.
//! Linux tells through /proc; elsewhere nothing is known, and nothing is said.

mod counters;
#[cfg(target_os = "linux")]
mod linux;
mod words;

pub use counters::Counters;
pub use words::sentence;

use crate::base::Endpoint;
use std::net::IpAddr;

/// A process, as far as it may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its short name.
    pub name: String,
    /// Its number.
    pub pid: i32,
}

/// Something that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where; an unspecified address stands for all.
    pub at: Endpoint,
    /// Whose it is; `None` where that may not be seen.
    pub process: Option<Process>,
    /// Connections that wait to be accepted.
    pub waiting: u32,
}

/// What is asked for one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Everything that listens on the server's port, where the server is this machine.
    pub listeners: Vec<Listener>,
    /// Who owns the local socket of the connection, if it is still there.
    pub owner: Option<Process>,
    /// Local ports in use, of so many, where that is a lot.
    pub crowded: Option<(usize, usize)>,
    /// The server is this machine.
    pub is_server: bool,
}

/// Asks about the connection from `client` to `server`, one of which lives on this machine (which has the addresses
/// `own`); `None` if none does, or if this system does not tell.
#[must_use]
pub fn look(client: Endpoint, server: Endpoint, own: &dyn Fn(IpAddr) -> bool) -> Option<View> {
    let (is_client, is_server) = (own(client.ip), own(server.ip));
    if !is_client && !is_server {
        return None;
    }
    #[cfg(target_os = "linux")]
    return linux::look(client, server, is_client, is_server);
    #[cfg(not(target_os = "linux"))]
    None
}

/// Remembers which processes hold which sockets, for the time when that may no longer be seen.
pub fn remember() {
    #[cfg(target_os = "linux")]
    linux::remember();
}
