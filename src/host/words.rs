//! What this machine knows, as one sentence behind the wire's verdict.

use super::{Listener, Process, View};
use crate::base::Endpoint;
use crate::verdict::words::Handshake;

/// What `view` adds to a connection that went wrong; `None` if nothing.
#[must_use]
pub fn sentence(view: &View, server: Endpoint, handshake: Handshake) -> Option<String> {
    let mut parts = Vec::new();
    if view.is_server {
        parts.extend(at_server(view, server, handshake));
    }
    if let Some(owner) = &view.owner {
        let side = if view.is_server { "server's" } else { "client's" };
        parts.push(format!("the {side} socket is held by {}", named(owner)));
    }
    if let Some((used, all)) = view.crowded {
        parts.push(format!("{used} of this machine's {all} local ports are in use"));
    }
    (!parts.is_empty()).then(|| format!("On this machine: {}.", parts.join("; ")))
}

fn at_server(view: &View, server: Endpoint, handshake: Handshake) -> Option<String> {
    let serves = |listener: &&Listener| listener.at.ip == server.ip || listener.at.ip.is_unspecified();
    let serving = view.listeners.iter().find(serves);
    match (handshake, serving) {
        (Handshake::Completed | Handshake::Retransmitted | Handshake::NotCaptured, serving) => {
            let listener = serving.filter(|listener| listener.waiting > 0)?;
            Some(format!("{}, {}", held(listener), queue(listener)))
        }
        (Handshake::Rst, Some(listener)) => Some(format!(
            "{} now: it began too late, or a rule of this machine refused the connection",
            held(listener)
        )),
        (_, Some(listener)) if listener.waiting > 0 => Some(format!("{}, {}", held(listener), queue(listener))),
        (_, Some(listener)) => Some(held(listener)),
        (_, None) => Some(nobody(view, server)),
    }
}

/// The classic: it listens, but on loopback only.
fn nobody(view: &View, server: Endpoint) -> String {
    let elsewhere: Vec<_> = view.listeners.iter().map(held).collect();
    if elsewhere.is_empty() {
        format!("no process listens on port {}", server.port)
    } else {
        format!("no process listens on {server}; {}", elsewhere.join(", "))
    }
}

fn held(listener: &Listener) -> String {
    match &listener.process {
        Some(process) => format!("{} is held by {}", listener.at, named(process)),
        None => format!("{} is held by a process of another user", listener.at),
    }
}

fn queue(listener: &Listener) -> String {
    let verb = if listener.waiting == 1 {
        "connection waits"
    } else {
        "connections wait"
    };
    format!("and {} {verb} to be accepted", listener.waiting)
}

fn named(process: &Process) -> String {
    format!("{} ({})", process.name, process.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ip: &str) -> Endpoint {
        Endpoint {
            ip: ip.parse().unwrap(),
            port: 8080,
        }
    }

    fn view(listeners: &[(&str, u32)]) -> View {
        let listener = |&(ip, waiting): &(&str, u32)| Listener {
            at: end(ip),
            process: Some(Process {
                name: "java".to_owned(),
                pid: 4711,
            }),
            waiting,
        };
        View {
            listeners: listeners.iter().map(listener).collect(),
            is_server: true,
            ..View::default()
        }
    }

    #[track_caller]
    fn check(view: &View, handshake: Handshake, said: Option<&str>) {
        assert_eq!(sentence(view, end("10.0.0.5"), handshake).as_deref(), said);
    }

    #[test]
    fn a_listener_on_loopback_only_is_named() {
        check(
            &view(&[("127.0.0.1", 0)]),
            Handshake::Rst,
            Some("On this machine: no process listens on 10.0.0.5:8080; 127.0.0.1:8080 is held by java (4711)."),
        );
        check(
            &view(&[]),
            Handshake::Rst,
            Some("On this machine: no process listens on port 8080."),
        );
    }

    #[test]
    fn a_full_queue_is_counted() {
        check(
            &view(&[("0.0.0.0", 129)]),
            Handshake::SilentlyDropped,
            Some("On this machine: 0.0.0.0:8080 is held by java (4711), and 129 connections wait to be accepted."),
        );
        check(&view(&[("::", 0)]), Handshake::Completed, None);
    }

    #[test]
    fn the_client_knows_whose_socket_it_was() {
        let view = View {
            owner: Some(Process {
                name: "curl".to_owned(),
                pid: 7,
            }),
            crowded: Some((28_000, 28_232)),
            ..View::default()
        };
        check(
            &view,
            Handshake::SilentlyDropped,
            Some(
                "On this machine: the client's socket is held by curl (7); 28000 of this machine's 28232 local ports are in use.",
            ),
        );
    }
}
