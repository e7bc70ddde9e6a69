//! Sockets and their processes, from /proc.

use super::{Listener, Process, View};
use crate::base::Endpoint;
use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, all_processes};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

/// Sockets remembered at most.
const MOST: usize = 65_536;
/// Local ports in use are worth a word from this share on.
const CROWDED: f64 = 0.8;

/// Holders of listening sockets by inode, seen while this process could still see them all.
static SEEN: Mutex<Option<HashMap<u64, Process>>> = Mutex::new(None);

pub(super) fn look(client: Endpoint, server: Endpoint, is_client: bool, is_server: bool) -> Option<View> {
    let entries: Vec<TcpNetEntry> = [tcp().ok(), tcp6().ok()].into_iter().flatten().flatten().collect();
    if entries.is_empty() {
        return None;
    }
    let listening = |entry: &&TcpNetEntry| entry.state == TcpState::Listen && entry.local_address.port() == server.port;
    let listeners: Vec<_> = entries.iter().filter(listening).filter(|_| is_server).collect();
    let (local, remote) = if is_client { (client, server) } else { (server, client) };
    let own = entries.iter().find(|entry| {
        entry.inode != 0 && endpoint(entry.local_address) == local && endpoint(entry.remote_address) == remote
    });
    let inodes: Vec<u64> = listeners.iter().copied().chain(own).map(|entry| entry.inode).collect();
    let mut holders = holders_of(&inodes);
    if let Some(seen) = SEEN.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        for inode in &inodes {
            if let Some(process) = seen.get(inode) {
                holders.entry(*inode).or_insert_with(|| process.clone());
            }
        }
    }
    Some(View {
        listeners: listeners
            .iter()
            .map(|entry| Listener {
                at: endpoint(entry.local_address),
                process: holders.get(&entry.inode).cloned(),
                waiting: entry.rx_queue,
            })
            .collect(),
        owner: own.and_then(|entry| holders.get(&entry.inode).cloned()),
        crowded: is_client.then(|| crowded(&entries, client.ip)).flatten(),
        is_server,
    })
}

pub(super) fn remember() {
    let entries = [tcp().ok(), tcp6().ok()].into_iter().flatten().flatten();
    let listening = entries.filter(|entry| entry.state == TcpState::Listen);
    let inodes: Vec<u64> = listening.map(|entry| entry.inode).take(MOST).collect();
    *SEEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(holders_of(&inodes));
}

/// An IPv4 connection of an IPv6 socket is an IPv4 connection.
fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        ip: address.ip().to_canonical(),
        port: address.port(),
    }
}

fn holders_of(inodes: &[u64]) -> HashMap<u64, Process> {
    let mut found = HashMap::new();
    if inodes.is_empty() {
        return found;
    }
    // Processes that end meanwhile, and those of others, are passed over.
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(descriptors) = process.fd() else { continue };
        for target in descriptors.flatten().map(|each| each.target) {
            let FDTarget::Socket(inode) = target else { continue };
            if inodes.contains(&inode) {
                if let Ok(stat) = process.stat() {
                    found.entry(inode).or_insert(Process {
                        name: stat.comm,
                        pid: process.pid,
                    });
                }
            }
        }
        if found.len() == inodes.len() {
            break;
        }
    }
    found
}

/// Local ports in use by this address, of how many, if that is a lot.
fn crowded(entries: &[TcpNetEntry], ip: IpAddr) -> Option<(usize, usize)> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().filter_map(|end| end.parse::<u16>().ok());
    let (low, high) = (ends.next()?, ends.next()?);
    let mut ports: Vec<u16> = entries
        .iter()
        .map(|entry| endpoint(entry.local_address))
        .filter(|local| local.ip == ip && (low..=high).contains(&local.port))
        .map(|local| local.port)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let all = usize::from(high.saturating_sub(low)) + 1;
    (ports.len() as f64 > all as f64 * CROWDED).then_some((ports.len(), all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn this_process_is_found_behind_its_own_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = endpoint(listener.local_addr().unwrap());
        let stream = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let client = endpoint(stream.local_addr().unwrap());
        let view = look(client, server, true, true).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        assert_eq!(view.listeners.len(), 1, "{view:?}");
        assert_eq!(
            (view.listeners[0].at, view.listeners[0].waiting),
            (server, 1),
            "nobody has accepted yet"
        );
        assert_eq!(view.listeners[0].process.as_ref().map(|process| process.pid), Some(pid));
        assert_eq!(view.owner.map(|process| process.pid), Some(pid));
    }
}
