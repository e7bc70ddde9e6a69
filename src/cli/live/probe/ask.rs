//! The application's side of a probe: looks up, connects, says its word, and keeps what came of it.

use super::target::Target;
use super::{Own, Plan, talk};
use crate::base::{Endpoint, Span, Stamp};
use crate::report::probe::{Attempt, Step, StepKind};
use crate::report::text::plain;
use crate::verdict::words::AppError;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A connection, and later an answer, is waited for so long: Linux sends its SYN at 0, 1 and 3 s and would again at 7 s.
/// Ended before that, the silence after the third can be judged soon.
pub(super) const PATIENCE: Duration = Duration::from_millis(6500);
/// A look-up may take so long.
const LOOK_UP: Duration = Duration::from_secs(10);
/// From one attempt to the next.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// All attempts at one target, one after the other, its addresses side by side.
pub(super) fn attempts(plan: &Plan, target: &Target, own: &Own, stop: &AtomicBool, say: &Sender<Attempt>) {
    for number in 1..=plan.count {
        if number > 1 {
            std::thread::sleep(PAUSE);
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut attempt = Attempt {
            number,
            of: plan.count,
            target: target.to_string(),
            server: None,
            client_port: None,
            began: now(),
            ended: now(),
            steps: Vec::new(),
        };
        let addresses = look_up_in(target, &mut attempt);
        if addresses.is_empty() {
            attempt.ended = now();
            // Nobody listens any more: the run is over.
            let _ = say.send(attempt);
            continue;
        }
        std::thread::scope(|scope| {
            for address in addresses {
                let mut attempt = attempt.clone();
                scope.spawn(move || {
                    one(plan, target, address, own, &mut attempt);
                    attempt.ended = now();
                    let _ = say.send(attempt);
                });
            }
        });
    }
}

/// The addresses of a target; a step if it has a name.
fn look_up_in(target: &Target, attempt: &mut Attempt) -> Vec<SocketAddr> {
    if let Some(ip) = target.address() {
        return vec![SocketAddr::new(ip, target.port)];
    }
    let since = Instant::now();
    let (worked, said, mut addresses) = match look_up(target, LOOK_UP) {
        Ok(addresses) => (true, list(&addresses), addresses),
        Err(error) => (false, reason(&error), Vec::new()),
    };
    addresses.truncate(MOST_ADDRESSES);
    attempt.steps.push(Step {
        kind: StepKind::LookUp,
        worked,
        took: span(since.elapsed()),
        said,
        error: None,
    });
    addresses
}

fn list(addresses: &[SocketAddr]) -> String {
    let shown: Vec<_> = addresses
        .iter()
        .take(MOST_ADDRESSES)
        .map(|each| each.ip().to_string())
        .collect();
    let more = addresses.len().saturating_sub(MOST_ADDRESSES);
    let more = if more > 0 {
        format!(" and {more} more, not tried")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// Asks the system's resolver, which itself knows no limit that one could set.
pub(super) fn look_up(target: &Target, most: Duration) -> io::Result<Vec<SocketAddr>> {
    let (say, said) = mpsc::channel();
    let place = (target.host.clone(), target.port);
    std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        // Too late, and nobody listens.
        let _ = say.send(place.to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    })?;
    match said.recv_timeout(most) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(io::Error::other("the name has no address")),
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer from the resolver")),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the resolver failed")),
    }
}

/// One connection.
fn one(plan: &Plan, target: &Target, address: SocketAddr, own: &Own, attempt: &mut Attempt) {
    attempt.server = Some(Endpoint {
        ip: address.ip().to_canonical(),
        port: address.port(),
    });
    let since = Instant::now();
    let connected = connect(address, own, attempt);
    let step = Step {
        kind: StepKind::Connect,
        worked: connected.is_ok(),
        took: span(since.elapsed()),
        said: connected.as_ref().map_or_else(reason, came_from),
        error: connected.as_ref().err().and_then(app_error),
    };
    attempt.steps.push(step);
    if let Ok(stream) = connected {
        attempt.steps.extend(talk::have(&stream, plan, target));
        let hangs = attempt
            .trouble()
            .is_some_and(|step| step.error == Some(AppError::TimedOut));
        talk::leave(stream, hangs, plan.tls);
    }
}

fn came_from(stream: &TcpStream) -> String {
    let from = stream.local_addr().map_or_else(
        |_| String::new(),
        |local| format!(", from {}", local.ip().to_canonical()),
    );
    format!("connected{from}")
}

/// Connects from a port that is known before the first packet leaves.
fn connect(address: SocketAddr, own: &Own, attempt: &mut Attempt) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    socket.bind(&SocketAddr::new(any, 0).into())?;
    let local = socket.local_addr()?.as_socket().map(|local| local.port());
    if let (Some(port), Some(server)) = (local, attempt.server) {
        attempt.client_port = Some(port);
        own.add(port, server);
    }
    socket.connect_timeout(&address.into(), PATIENCE)?;
    Ok(socket.into())
}

/// What the system said, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    // Otherwise some systems say that a resource is temporarily unavailable.
    if error.kind() == io::ErrorKind::WouldBlock || is_timeout(error) && error.raw_os_error().is_none() {
        return "timed out".to_owned();
    }
    let said = plain(error);
    let said = said
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&said);
    said.to_owned()
}

/// Nothing came in time, by any system's word for it.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// The error that applications know.
pub(super) fn app_error(error: &io::Error) -> Option<AppError> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => AppError::ConnectionRefused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => AppError::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => AppError::ConnectionReset,
        io::ErrorKind::BrokenPipe => AppError::BrokenPipe,
        io::ErrorKind::HostUnreachable => AppError::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => AppError::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => AppError::PermissionDenied,
        _ => return None,
    })
}

/// The clock that the kernel stamps packets with.
pub(super) fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp::new(since.as_secs() as i64, since.subsec_nanos().into())
}

pub(super) fn span(time: Duration) -> Span {
    Span(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// A thread for each target; they say what came of each attempt, until all are done.
pub(super) fn start(plan: &Arc<Plan>, own: &Own, stop: &Arc<AtomicBool>) -> io::Result<mpsc::Receiver<Attempt>> {
    let (say, said) = mpsc::channel();
    for place in 0..plan.targets.len() {
        let (plan, own, stop, say) = (Arc::clone(plan), own.clone(), Arc::clone(stop), say.clone());
        std::thread::Builder::new()
            .name(format!("probe {place}"))
            .spawn(move || {
                if let Some(target) = plan.targets.get(place) {
                    attempts(&plan, target, &own, &stop, &say);
                }
            })?;
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn plan(http: Option<&str>) -> Plan {
        Plan {
            count: 2,
            http: http.map(str::to_owned),
            ..Plan::default()
        }
    }

    fn probed(plan: &Plan, port: u16) -> Vec<Attempt> {
        let (say, said) = mpsc::channel();
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port,
        };
        attempts(plan, &target, &Own::default(), &AtomicBool::new(false), &say);
        drop(say);
        said.iter().collect()
    }

    #[test]
    fn a_closed_port_is_refused_every_time() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let attempts = probed(&plan(None), port);
        assert_eq!(attempts.len(), 2);
        for attempt in attempts {
            assert!(!attempt.worked() && attempt.client_port.is_some(), "{attempt:?}");
            let step = &attempt.steps[0];
            assert_eq!(
                (step.kind, step.error),
                (StepKind::Connect, Some(AppError::ConnectionRefused))
            );
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_no_connection() {
        let target = Target::read("nowhere.invalid:80").unwrap();
        let (say, said) = mpsc::channel();
        let plan = Plan {
            count: 1,
            ..Plan::default()
        };
        attempts(&plan, &target, &Own::default(), &AtomicBool::new(false), &say);
        let attempt = said.recv().unwrap();
        assert!(!attempt.worked() && attempt.server.is_none(), "{attempt:?}");
        assert!(!attempt.steps[0].said.contains("failed to lookup"), "{attempt:?}");
    }
}
