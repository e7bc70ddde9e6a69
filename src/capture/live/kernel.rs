//! The filter that is given to the kernel: what was asked for, and what a verdict needs besides.

use std::net::IpAddr;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Any of these ports.
    pub ports: Vec<u16>,
    /// And any of these addresses or blocks, as (address, prefix length).
    pub hosts: Vec<(IpAddr, u8)>,
    /// And what matches this, in libpcap's syntax.
    pub filter: Option<String>,
    /// Nothing besides.
    pub strict: bool,
}

/// Let through in any case: errors that quote packets, what proves that a host can be heard, names of addresses.
const BESIDES: &str = "arp or icmp or icmp6 or udp port 53";

/// Later fragments, which have no ports to be filtered by.
const FRAGMENTS: &str = "(ip[6:2] & 0x1fff != 0) or (ip6 proto 44)";

impl Wanted {
    /// The filter's text, `None` where everything is wanted. `vlans`: look behind VLAN tags too, which not every link
    /// type can have.
    #[must_use]
    pub fn text(&self, vlans: bool) -> Option<String> {
        let chosen = self.chosen();
        if chosen.is_empty() && self.filter.is_none() {
            return None;
        }
        let mut parts = Vec::new();
        if !self.strict {
            parts.push(BESIDES.to_owned());
        }
        if self.filter.is_none() {
            let tcp = format!("tcp and {chosen}");
            let fragments = if self.strict {
                String::new()
            } else {
                format!(" or {FRAGMENTS}")
            };
            parts.push(format!("({tcp}){fragments}"));
            if vlans {
                // Behind the word, everything is looked for behind the tag: it has to come last.
                parts.push(format!("(vlan and ({tcp}))"));
            }
        } else if let Some(filter) = &self.filter {
            let both = if chosen.is_empty() {
                format!("({filter})")
            } else {
                format!("({chosen} and ({filter}))")
            };
            parts.push(both);
        }
        Some(parts.join(" or "))
    }

    fn chosen(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(|port| format!("port {port}")).collect();
        let hosts: Vec<_> = self.hosts.iter().map(|(ip, prefix)| host(*ip, *prefix)).collect();
        let lists = [ports, hosts];
        let lists: Vec<_> = lists
            .iter()
            .filter(|list| !list.is_empty())
            .map(|list| format!("({})", list.join(" or ")))
            .collect();
        lists.join(" and ")
    }
}

fn host(ip: IpAddr, prefix: u8) -> String {
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    if prefix >= longest {
        return format!("host {ip}");
    }
    // libpcap refuses a network with bits behind its prefix.
    let network = match ip {
        IpAddr::V4(ip) => {
            IpAddr::from((u32::from(ip) & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V6(ip) => {
            IpAddr::from((u128::from(ip) & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)).to_be_bytes())
        }
    };
    format!("net {network}/{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Filter, LinkType};

    fn wanted(ports: &[u16], hosts: &[(&str, u8)], filter: Option<&str>, strict: bool) -> Wanted {
        Wanted {
            ports: ports.to_vec(),
            hosts: hosts
                .iter()
                .map(|(ip, prefix)| (ip.parse().unwrap(), *prefix))
                .collect(),
            filter: filter.map(str::to_owned),
            strict,
        }
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        assert_eq!(Wanted::default().text(true), None);
        assert_eq!(wanted(&[], &[], None, true).text(true), None);
    }

    #[test]
    fn a_port_lets_errors_names_and_arp_through() {
        let text = wanted(&[8080], &[], None, false).text(false).unwrap();
        assert_eq!(text, format!("{BESIDES} or (tcp and (port 8080)) or {FRAGMENTS}"));
    }

    #[test]
    fn strict_is_strict() {
        let text = wanted(&[80, 443], &[("10.1.2.3", 8)], None, true).text(false).unwrap();
        assert_eq!(text, "(tcp and (port 80 or port 443) and (net 10.0.0.0/8))");
        assert_eq!(
            wanted(&[], &[], Some("tcp[13] & 4 != 0"), true).text(true).unwrap(),
            "(tcp[13] & 4 != 0)"
        );
    }

    #[test]
    fn libpcap_understands_all_of_it() {
        if crate::capture::libpcap::load().is_err() {
            return; // `capture::filter` says so, loudly.
        }
        let all = [
            wanted(
                &[80, 443],
                &[
                    ("10.1.2.3", 8),
                    ("::1", 128),
                    ("2001:db8::1", 32),
                    ("0.0.0.0", 0),
                    ("::", 0),
                ],
                None,
                false,
            ),
            wanted(&[1], &[("192.0.2.1", 32)], Some("tcp or vlan 3"), false),
            wanted(&[], &[], Some("tcp"), false),
        ];
        for one in &all {
            Filter::compile(LinkType(1), &one.text(true).unwrap()).unwrap();
            for link in [12, 113, 0] {
                Filter::compile(LinkType(link), &one.text(false).unwrap().replace("or vlan 3", "")).unwrap();
            }
        }
    }
}
