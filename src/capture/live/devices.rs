//! What can be captured on, and in one sentence why something cannot.

use crate::capture::libpcap;
use pcap::{Device as Found, Error};
use std::fmt;
use std::net::IpAddr;

/// An interface that libpcap knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What `-i` takes.
    pub name: String,
    /// For people; Windows needs it, names there are unreadable.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is up.
    pub up: bool,
    /// It is up and has a carrier.
    pub running: bool,
    /// It leads to this machine itself.
    pub loopback: bool,
    /// It is a radio.
    pub wireless: bool,
}

impl From<Found> for Device {
    fn from(found: Found) -> Self {
        let addresses = found.addresses.iter().map(|each| each.addr).collect();
        Self {
            name: found.name,
            description: found.desc,
            addresses,
            up: found.flags.is_up(),
            running: found.flags.is_running(),
            loopback: found.flags.is_loopback(),
            wireless: found.flags.is_wireless(),
        }
    }
}

/// Why nothing can be captured: one sentence with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not by this user, or not before libpcap is installed.
    Closed(String),
    /// Not what was asked for: there is no such interface, the filter makes no sense.
    Wrong(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Closed(said) | Self::Wrong(said)) = self;
        out.write_str(said)
    }
}

/// All interfaces, in libpcap's order.
///
/// # Errors
/// libpcap is not there, or fails.
pub fn devices() -> Result<Vec<Device>, Refusal> {
    libpcap::load().map_err(|why| Refusal::Closed(missing(&why)))?;
    let list = Found::list().map_err(|error| format!("cannot list the interfaces: {}", plain(&error)));
    Ok(list.map_err(Refusal::Closed)?.into_iter().map(Device::from).collect())
}

/// Live capture needs the library.
fn missing(why: &str) -> String {
    let install = if cfg!(windows) {
        "install Npcap from npcap.com"
    } else {
        "install it, on Debian and Ubuntu with apt install libpcap0.8"
    };
    format!("capturing needs libpcap, and {why}: {install}")
}

/// Why `name` cannot be captured on.
pub(super) fn refusal(name: &str, error: &Error) -> Refusal {
    let said = plain(error);
    if is_permission(&said) {
        return Refusal::Closed(format!("capturing on {name} is not permitted: {}", permit()));
    }
    Refusal::Wrong(wrong(name, &said))
}

fn wrong(name: &str, said: &str) -> String {
    if is_unknown(said) {
        return match devices() {
            Ok(known) if !known.is_empty() => {
                let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
                format!("there is no interface {name}; there are {}", names.join(", "))
            }
            _ => format!(
                "there is no interface {name}, and none that may be captured on: {}",
                permit()
            ),
        };
    }
    if said.contains("not up") || said.contains("down") {
        return format!("{name} is down: switch it on first (ip link set {name} up)");
    }
    format!("cannot capture on {name}: {said}")
}

/// What grants the permission on this system.
fn permit() -> String {
    if cfg!(target_os = "macos") {
        return "run it with sudo, or install ChmodBPF (it comes with Wireshark), which opens /dev/bpf* to your user"
            .to_owned();
    }
    if cfg!(windows) {
        return "start it as administrator, or install Npcap without the option that restricts it to administrators"
            .to_owned();
    }
    let program = std::env::current_exe().map_or_else(|_| "whodropped".to_owned(), |path| path.display().to_string());
    format!("run it with sudo, or grant it once with: sudo setcap cap_net_raw,cap_net_admin=eip {program}")
}

fn is_permission(said: &str) -> bool {
    let said = said.to_lowercase();
    ["permission", "not permitted", "access is denied"]
        .iter()
        .any(|part| said.contains(part))
}

fn is_unknown(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "no such device",
        "doesn't exist",
        "does not exist",
        "cannot find",
        "not found",
        "error opening adapter",
    ]
    .iter()
    .any(|part| said.contains(part))
}

/// What libpcap said, as one line.
pub(super) fn plain(error: &Error) -> String {
    let text = match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    };
    let line: Vec<_> = text.split_whitespace().collect();
    line.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_permitted_names_the_remedy() {
        let error = Error::PcapError(
            "eth0: You don't have permission to capture on that device\n(socket: Operation not permitted)".into(),
        );
        let refused = refusal("eth0", &error);
        assert!(matches!(refused, Refusal::Closed(_)), "{refused:?}");
        let said = refused.to_string();
        let remedy = if cfg!(windows) { "administrator" } else { "sudo" };
        assert!(
            said.contains("not permitted") && said.contains(remedy) && !said.contains('\n'),
            "{said}"
        );
    }

    #[test]
    fn any_other_trouble_is_passed_on_as_one_line() {
        let error = Error::PcapError("can't\nmmap rx ring".into());
        assert_eq!(
            refusal("eth0", &error),
            Refusal::Wrong("cannot capture on eth0: can't mmap rx ring".to_owned())
        );
    }
}
