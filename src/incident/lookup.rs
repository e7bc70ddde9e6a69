//! Look-ups that failed with no connection after them: names that nobody resolves, hosts that nobody answers for.

use super::say::{count, list, span, time, when};
use super::{
    DNS_ERROR, DNS_NO_SUCH_NAME, DNS_SLOW, DNS_TRUNCATED, DNS_UNANSWERED, Example, Incident, NEIGHBOR_SILENT,
    Observation, Sources,
};
use crate::base::{Map, Span};
use crate::finding::{Meta, Severity};
use crate::lookup::{Lookup, Unanswered};
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// One host asking for more addresses than this in vain looks for what is there.
const SCAN: usize = 8;

/// Look-ups in trouble, and what connections say of them.
#[derive(Debug, Default)]
pub(super) struct Before {
    lookups: Vec<Lookup>,
    unanswered: Vec<Unanswered>,
    /// Places in `lookups` by client and name, as long as no connection shows that it was found; the earliest last.
    names: Map<(IpAddr, Box<str>), Vec<usize>>,
    /// Places in `unanswered` by the address asked for, as long as it was not heard; the earliest last.
    wanted: Map<IpAddr, Vec<usize>>,
    /// Questions that name servers did answer.
    answered: Map<IpAddr, u64>,
}

impl Before {
    pub(super) fn new(lookups: &[Lookup], answered: &Map<IpAddr, u64>, unanswered: &[Unanswered]) -> Self {
        let mut before = Self {
            lookups: lookups.to_vec(),
            unanswered: unanswered.to_vec(),
            answered: answered.clone(),
            ..Self::default()
        };
        for (place, lookup) in lookups.iter().enumerate() {
            let key = (lookup.client, lookup.name.clone());
            before.names.entry(key).or_default().push(place);
        }
        for (place, one) in unanswered.iter().enumerate() {
            before.wanted.entry(one.wanted).or_default().push(place);
        }
        for places in before.names.values_mut() {
            places.sort_by_key(|place| std::cmp::Reverse(lookups[*place].first.1));
        }
        for places in before.wanted.values_mut() {
            places.sort_by_key(|place| std::cmp::Reverse(unanswered[*place].first.1));
        }
        before
    }

    /// A connection to a name shows that it was found all the same, one with a host that it is there.
    pub(super) fn on_flow(&mut self, seen: &Observation<'_>) {
        if !self.names.is_empty() {
            let key = seen.name.map(|name| (seen.client.ip, Box::from(name)));
            if let Some(places) = key.and_then(|key| self.names.get_mut(&key)) {
                while let Some(lookup) = settle(places, &mut self.lookups, |lookup| lookup.first.1 <= seen.start) {
                    lookup.good += u32::from(lookup.slow == 0);
                }
            }
        }
        if self.wanted.is_empty() {
            return;
        }
        for (ip, heard) in [(seen.client.ip, Some(seen.end)), (seen.server.ip, seen.last_heard)] {
            if let (Some(places), Some(heard)) = (self.wanted.get_mut(&ip), heard) {
                while let Some(one) = settle(places, &mut self.unanswered, |one| one.first.1 <= heard) {
                    one.times = 0;
                }
            }
        }
    }

    /// What is left.
    pub(super) fn find(&self, found: &mut Vec<Incident>) {
        let mut groups: Map<(IpAddr, Trouble), Vec<&Lookup>> = Map::default();
        for lookup in &self.lookups {
            if let Some(trouble) = Trouble::of(lookup) {
                groups.entry((lookup.server, trouble)).or_default().push(lookup);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|(what, _)| *what);
        for ((server, trouble), lookups) in &groups {
            // Whether an answer would have been seen at all, only a repeated question tells, or another answer.
            let is_shown = self.answered.contains_key(server) || lookups.iter().any(|lookup| lookup.asked > 2);
            if *trouble != Trouble::Unanswered || is_shown {
                found.push(self.incident(*server, *trouble, lookups));
            }
        }
        self.find_silent(found);
    }

    fn incident(&self, server: IpAddr, trouble: Trouble, lookups: &[&Lookup]) -> Incident {
        let mut names: Vec<&str> = lookups.iter().map(|lookup| &*lookup.name).collect();
        names.sort_unstable();
        names.dedup();
        let first = lookups.iter().map(|lookup| lookup.first.1).min().unwrap_or_default();
        let last = lookups.iter().map(|lookup| lookup.last.1).max().unwrap_or_default();
        let failed: u64 = lookups.iter().map(|lookup| u64::from(trouble.count(lookup))).sum();
        let of = if names.len() > 3 {
            format!("{} names ({})", names.len(), list(&names, 3))
        } else {
            list(&names, 3)
        };
        let longest = lookups.iter().map(|lookup| lookup.longest).max().unwrap_or(Span::ZERO);
        let what = trouble.said(server, longest);
        let summary = format!("{} of {of} {what}, {}.", count(failed, "look-up"), when(first, last));
        let service = if let [name] = names[..] {
            format!("{name} at {server}")
        } else {
            server.to_string()
        };
        let mut incident = Incident::new(trouble.meta(), service, (first, last), summary);
        let answered = self.answered.get(&server).copied().unwrap_or(0);
        incident.failed = failed;
        incident.attempts = lookups
            .iter()
            .map(|lookup| u64::from(lookup.asked))
            .sum::<u64>()
            .max(failed)
            + answered;
        incident.sources = sources(lookups.iter().map(|lookup| lookup.client));
        incident.examples = examples(lookups);
        if answered > 0 && trouble != Trouble::Slow {
            incident
                .contrast
                .push(format!("{server} answered {} otherwise.", count(answered, "question")));
        }
        if matches!(trouble, Trouble::Error(_)) {
            incident.culprit = Culprit::ServerApp;
        }
        let name = names.first().copied().unwrap_or_default();
        incident.next = trouble.next(server, name);
        incident.candidates = trouble.candidates(server);
        incident
    }

    fn find_silent(&self, found: &mut Vec<Incident>) {
        let silent: Vec<&Unanswered> = self.unanswered.iter().filter(|one| one.times > 0).collect();
        let mut by_asker: Map<IpAddr, Vec<&Unanswered>> = Map::default();
        for one in &silent {
            by_asker.entry(one.asker).or_default().push(one);
        }
        for (asker, all) in by_asker.iter().filter(|(_, all)| all.len() > SCAN) {
            found.push(scan(*asker, all));
        }
        let mut by_wanted: Map<IpAddr, Vec<&Unanswered>> = Map::default();
        for one in silent {
            if by_asker.get(&one.asker).is_none_or(|all| all.len() <= SCAN) {
                by_wanted.entry(one.wanted).or_default().push(one);
            }
        }
        found.extend(by_wanted.iter().map(|(wanted, all)| silence(*wanted, all)));
    }
}

/// The next of those at `places`, if it is settled: then its place is forgotten, as no connection says more of it.
fn settle<'a, T>(places: &mut Vec<usize>, all: &'a mut [T], is_settled: impl Fn(&T) -> bool) -> Option<&'a mut T> {
    let next = all.get_mut(*places.last()?).filter(|next| is_settled(next))?;
    places.pop();
    Some(next)
}

/// What became of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Trouble {
    Unanswered,
    /// Answered with this code.
    Error(u8),
    NoSuchName,
    Truncated,
    Slow,
}

impl Trouble {
    fn of(lookup: &Lookup) -> Option<Self> {
        if lookup.good > 0 {
            return (lookup.slow > 0).then_some(Self::Slow);
        }
        match lookup {
            _ if lookup.errors > 0 => Some(Self::Error(lookup.code)),
            _ if lookup.no_such_name > 0 => Some(Self::NoSuchName),
            _ if lookup.truncated > 0 && lookup.by_tcp == 0 => Some(Self::Truncated),
            _ if lookup.unanswered > 0 => Some(Self::Unanswered),
            _ => None,
        }
    }

    fn meta(self) -> &'static Meta {
        match self {
            Self::Unanswered => &DNS_UNANSWERED,
            Self::Error(_) => &DNS_ERROR,
            Self::NoSuchName => &DNS_NO_SUCH_NAME,
            Self::Truncated => &DNS_TRUNCATED,
            Self::Slow => &DNS_SLOW,
        }
    }

    /// Questions that came to this.
    fn count(self, lookup: &Lookup) -> u32 {
        match self {
            Self::Unanswered => lookup.unanswered,
            Self::Error(_) => lookup.errors,
            Self::NoSuchName => lookup.no_such_name,
            Self::Truncated => lookup.truncated,
            Self::Slow => lookup.slow,
        }
    }

    /// `10 look-ups of db.internal …`
    fn said(self, server: IpAddr, longest: Span) -> String {
        match self {
            Self::Unanswered => format!("got no answer from {server}"),
            Self::Error(2) => format!("failed at {server}: server failure (SERVFAIL)"),
            Self::Error(5) => format!("got \"refused\" (REFUSED) from {server}"),
            Self::Error(code) => format!("got error {code} from {server}"),
            Self::NoSuchName => {
                format!("got \"no such name\" (NXDOMAIN) from {server}, and no connection followed")
            }
            Self::Truncated => format!("got an answer from {server} that did not fit, and no question by TCP followed"),
            Self::Slow => format!(
                "got an answer from {server} only after {}, at the longest",
                span(longest)
            ),
        }
    }

    fn next(self, server: IpAddr, name: &str) -> String {
        let ask = format!("dig @{server} {name} (Windows: nslookup {name} {server})");
        match self {
            Self::Unanswered => format!("{ask}; capture at {server} with \"port 53\": does the question arrive?"),
            Self::Error(_) => format!("{ask}; the log of {server}, and whom it asks in turn"),
            Self::NoSuchName => format!("{ask}: is the name spelled right, and is this the server that knows it?"),
            Self::Truncated => {
                format!("dig +tcp @{server} {name}: does the server answer by TCP, and is TCP port 53 open?")
            }
            Self::Slow => format!("{ask}, twice: is the second faster? Then {server} waits for others"),
        }
    }

    fn candidates(self, server: IpAddr) -> Vec<String> {
        let all: &[&str] = match self {
            Self::Unanswered => &[
                "the name server is down: does it answer another host?",
                "UDP port 53 is dropped on the way, or the answer on its way back: a capture at the name server shows which",
                "the client asks the wrong server: /etc/resolv.conf, resolvectl status; Get-DnsClientServerAddress",
            ],
            Self::Error(2) => &[
                "the server cannot reach those that it asks in turn: a capture on it, port 53",
                "the zone is broken or its signature is not valid: dig +cd (checking disabled) answers then",
            ],
            Self::Error(_) => &["the server does not serve this client or this zone: its access list"],
            Self::NoSuchName => &[
                "the name is misspelled or gone",
                "another server knows it (split DNS, VPN): ask that one",
                "the search list appended the wrong domain: /etc/resolv.conf; Get-DnsClientGlobalSetting",
            ],
            Self::Truncated => &["TCP port 53 is filtered", "the client does not ask again by TCP"],
            Self::Slow => &[
                "the first question or its answer was lost, and the client waited for its timer",
                "the server waits for those that it asks in turn",
            ],
        };
        let fill = |text: &&str| text.replace("the name server", &format!("the name server {server}"));
        all.iter().map(fill).collect()
    }
}

/// One address that is asked for in vain.
fn silence(wanted: IpAddr, all: &[&Unanswered]) -> Incident {
    let (first, last) = range(all);
    let times: u64 = all.iter().map(|one| u64::from(one.times)).sum();
    let askers: Vec<IpAddr> = all.iter().map(|one| one.asker).collect();
    let how = if wanted.is_ipv4() { "ARP" } else { "neighbour discovery" };
    let took = last - first;
    let summary = format!(
        "No answer to {how} for {wanted}, asked {times} times by {} in {}, since {}: no connection can even send its SYN. The host \
         is down, in another subnet or VLAN, or has another address.",
        list(&askers, 3),
        span(took),
        time(first),
    );
    let mut incident = Incident::new(&NEIGHBOR_SILENT, wanted.to_string(), (first, last), summary);
    fill(&mut incident, all, times);
    incident.next = format!(
        "is {wanted} up and in this subnet? Linux: ip neigh show {wanted}; ip route get {wanted}. Windows: Get-NetNeighbor {wanted}; \
         Find-NetRoute -RemoteIPAddress {wanted}"
    );
    incident.candidates = [
        "the host is down, or its cable or port is: the switch's table of addresses (bridge fdb, show mac address-table)",
        "it is in another VLAN, or the asker's prefix length is wrong: compare ip addr on both",
        "it was given another address (DHCP), or it is a gateway whose partner did not take over (VRRP, HSRP)",
    ]
    .map(String::from)
    .into();
    incident
}

/// One host asks for many.
fn scan(asker: IpAddr, all: &[&Unanswered]) -> Incident {
    let (first, last) = range(all);
    let times: u64 = all.iter().map(|one| u64::from(one.times)).sum();
    let wanted: Vec<IpAddr> = all.iter().map(|one| one.wanted).collect();
    let summary = format!(
        "{asker} asked the link for {} that nobody has ({}), {}: it looks for what is there, or it is a router that somebody \
         asks for them.",
        format_args!("{} addresses", all.len()),
        list(&wanted, 3),
        when(first, last),
    );
    let mut incident = Incident::new(&NEIGHBOR_SILENT, asker.to_string(), (first, last), summary);
    incident.severity = Severity::Note;
    fill(&mut incident, all, times);
    incident.next = format!(
        "on {asker}: which program connects to these addresses? Linux: ss -tn state syn-sent; Windows: netstat -ano"
    );
    incident
}

fn range(all: &[&Unanswered]) -> (crate::base::Stamp, crate::base::Stamp) {
    let first = all.iter().map(|one| one.first.1).min().unwrap_or_default();
    (first, all.iter().map(|one| one.last.1).max().unwrap_or(first))
}

fn fill(incident: &mut Incident, all: &[&Unanswered], times: u64) {
    (incident.failed, incident.attempts) = (times, times);
    incident.sources = sources(all.iter().map(|one| one.asker));
    let mut packets: Vec<u64> = all.iter().flat_map(|one| [one.first.0, one.last.0]).collect();
    packets.sort_unstable();
    packets.truncate(8);
    incident.examples = vec![Example {
        flow: None,
        stamp: incident.first,
        packets,
    }];
}

fn sources(all: impl Iterator<Item = IpAddr>) -> Sources {
    let mut listed: Vec<IpAddr> = all.collect();
    listed.sort_unstable();
    listed.dedup();
    let count = listed.len() as u64;
    listed.truncate(Sources::LISTED);
    Sources {
        listed,
        count,
        more: false,
    }
}

fn examples(lookups: &[&Lookup]) -> Vec<Example> {
    let example = |(packet, stamp): (u64, crate::base::Stamp)| Example {
        flow: None,
        stamp,
        packets: vec![packet],
    };
    let first = lookups.iter().map(|lookup| lookup.first).min();
    let last = lookups
        .iter()
        .map(|lookup| lookup.last)
        .max()
        .filter(|last| Some(*last) != first);
    first.into_iter().chain(last).map(example).collect()
}
