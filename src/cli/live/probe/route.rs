//! The interface that leads to an address: the one that has the address which packets to there would come from.

use super::target::Target;
use super::{Probe, ask};
use crate::capture::live::{Device, Refusal, devices};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Names are looked up so long before the capture begins, to find the interface.
const LOOK_UP: Duration = Duration::from_secs(3);

impl Probe {
    /// The interfaces that lead to all targets; where that cannot be told, all of them, as far as the system can do that.
    pub(in crate::cli::live) fn interfaces(&self) -> Result<Vec<String>, Refusal> {
        let known = devices()?;
        let look_up = |target: &Target| match target.address() {
            Some(ip) => Ok(vec![SocketAddr::new(ip, target.port)]),
            None => ask::look_up(target, LOOK_UP),
        };
        let addresses: Result<Vec<_>, _> = self.plan.targets.iter().map(look_up).collect();
        let found = addresses
            .ok()
            .and_then(|addresses| interfaces(&addresses.concat(), &known));
        match found {
            Some(names) => Ok(names),
            None if cfg!(target_os = "linux") => Ok(vec!["any".to_owned()]),
            None => Err(Refusal::Wrong(
                "which interface leads to the target of --probe cannot be told: name it with -i".to_owned(),
            )),
        }
    }
}

/// The interfaces that lead to all of these addresses; `None` where that cannot be told.
fn interfaces(addresses: &[SocketAddr], known: &[Device]) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for address in addresses {
        // Where there is no way, no packet will go.
        let Some(source) = source_of(*address) else { continue };
        let name = interface_of(source, address.ip(), known)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then_some(names)
}

fn interface_of(source: IpAddr, target: IpAddr, known: &[Device]) -> Option<String> {
    // What a machine sends to itself passes its loopback interface.
    if source == target || target.is_loopback() {
        return known
            .iter()
            .find(|device| device.loopback)
            .map(|device| device.name.clone());
    }
    let mut holders = known.iter().filter(|device| device.addresses.contains(&source));
    let holder = holders.next().filter(|device| device.up && !device.loopback)?;
    // An address that several interfaces have says nothing.
    holders.next().is_none().then(|| holder.name.clone())
}

/// The address that packets to `target` would come from. Nothing is sent: connecting a UDP socket only asks the routes.
fn source_of(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if target.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, addresses: &[&str], loopback: bool) -> Device {
        Device {
            name: name.to_owned(),
            description: None,
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
            up: true,
            running: true,
            loopback,
            wireless: false,
        }
    }

    #[test]
    fn the_interface_is_the_one_with_the_source_address() {
        let known = [
            device("lo", &["127.0.0.1", "10.9.9.9"], true),
            device("eth0", &["10.0.0.2", "fd00::2"], false),
            device("eth1", &["10.1.0.2"], false),
            device("tun0", &["10.1.0.2"], false),
        ];
        let of = |source: &str, target: &str| {
            let name = interface_of(source.parse().unwrap(), target.parse().unwrap(), &known);
            name.unwrap_or_default()
        };
        assert_eq!(of("10.0.0.2", "10.0.0.5"), "eth0");
        assert_eq!(of("fd00::2", "fd00::5"), "eth0");
        assert_eq!(of("127.0.0.1", "127.0.0.1"), "lo");
        assert_eq!(of("10.0.0.2", "10.0.0.2"), "lo", "its own address");
        assert_eq!(of("10.9.9.9", "10.0.0.5"), "", "an address kept on lo leaves elsewhere");
        assert_eq!(of("10.1.0.2", "10.1.0.5"), "", "two have it");
        assert_eq!(of("10.7.0.2", "10.7.0.5"), "");
    }

    #[test]
    fn the_way_to_this_machine_itself_is_known_everywhere() {
        let target: SocketAddr = "127.0.0.1:9".parse().unwrap();
        assert_eq!(source_of(target), Some(target.ip()));
    }
}
