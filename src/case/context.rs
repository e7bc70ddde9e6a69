//! What the whole recording could show: how long it ran, which hosts were heard, in which directions, from where.

pub use super::ending::hops;
use crate::base::{Endpoint, Map, Set, Span, Stamp, limits};
use crate::flow::FlowFacts;
use crate::flow::facts::Ttl;
use crate::flow::outline::{Outline, SideOutline};
use crate::flow::talk::Talk;
use crate::lookup::Names;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A client that was asked to log in tries again within this time.
const SOON: Span = Span::from_secs(60);

/// Where a capture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// On the client, or in its network.
    NearClient,
    /// On the server, or in its network.
    NearServer,
    /// On the way.
    Between,
    /// Both ends are equally near, or nothing tells.
    Unknown,
}

/// What is known of one host over all flows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host {
    /// TTL of its packets that were no resets.
    pub ttl: Ttl,
    /// Smallest time in which it answered.
    pub rtt: Option<Span>,
    /// First packet of the flow that told its first TTL.
    since: u64,
}

/// The recording around a flow.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Last stamp per interface.
    pub ends: Vec<Stamp>,
    /// Last stamp of all.
    pub end: Stamp,
    /// The last file ends inside a packet, or its compression is damaged.
    pub cut: bool,
    /// Drops that the capture recorded.
    pub dropped: u64,
    /// There was no room for all flows.
    pub limited: bool,
    /// Stamps that ran backwards.
    pub steps_back: u64,
    /// Hosts that were heard.
    pub hosts: Map<IpAddr, Host>,
    /// Addresses of the interfaces that were captured on: whatever these hosts send and are sent passes there.
    pub own: Set<IpAddr>,
    /// Names of addresses from the capture's name resolution blocks.
    pub names: Map<IpAddr, String>,
    /// Names that hosts were given for addresses in DNS answers.
    pub resolved: Names,
    /// Services that completed a handshake, as far as there was room.
    answering: Set<Endpoint>,
    /// Ways that proxies granted: client, proxy and target, and when.
    granted: Map<(IpAddr, Endpoint, Box<str>), BTreeSet<Stamp>>,
    granted_times: usize,
    /// Flows of which both directions were captured.
    pub two_sided: u64,
    /// Flows of which one direction was captured although the other must have existed.
    pub one_sided: u64,
    /// Flows with bytes that were acknowledged and never captured.
    pub lossy: u64,
    near_client: u64,
    near_server: u64,
}

impl Context {
    /// Takes in a flow.
    pub fn on_flow(&mut self, facts: &FlowFacts) {
        self.on_outline(&Outline::of(facts), facts.first.number());
        if let Some(talk) = facts.talk.as_deref() {
            self.on_tunnel(facts, talk);
        }
    }

    /// Takes in a flow without a tunnel, which begins with packet `first`.
    pub fn on_outline(&mut self, outline: &Outline, first: u64) {
        let [client, server] = [outline.client, outline.client.flip()].map(|dir| &outline.sides[dir.index()]);
        for (dir, side) in [(outline.client, client), (outline.client.flip(), server)] {
            if side.was_heard {
                self.on_host(outline.key.sender(dir).ip, &Host::new(side, first));
            }
        }
        if outline.is_one_sided {
            self.one_sided += 1;
        } else if client.was_heard && server.was_heard {
            self.two_sided += 1;
            self.lossy += u64::from(outline.is_lossy);
        }
        if outline.is_completed {
            self.on_answering(outline.key.sender(outline.client.flip()));
        }
        match seen_from(client.ttl, server.ttl) {
            Vantage::NearClient => self.near_client += 1,
            Vantage::NearServer => self.near_server += 1,
            Vantage::Between | Vantage::Unknown => {}
        }
    }

    fn on_answering(&mut self, service: Endpoint) {
        if self.answering.len() < limits::MAX_ANSWERING {
            self.answering.insert(service);
        }
    }

    /// The service is known to have completed a handshake, sooner or later.
    #[must_use]
    pub fn answers(&self, service: Endpoint) -> bool {
        self.answering.contains(&service)
    }

    fn on_tunnel(&mut self, facts: &FlowFacts, talk: &Talk) {
        let granted = talk.tunnel.as_ref().filter(|tunnel| tunnel.granted);
        let Some((target, tunnel)) = granted.and_then(|tunnel| Some((tunnel.target.clone()?, tunnel))) else {
            return;
        };
        let (client, proxy) = (facts.key.sender(facts.client).ip, facts.key.sender(facts.client.flip()));
        let at = tunnel.at.map_or(facts.first.stamp, |seen| seen.stamp);
        self.on_granted((client, proxy, target), &BTreeSet::from([at]));
    }

    fn on_granted(&mut self, way: (IpAddr, Endpoint, Box<str>), times: &BTreeSet<Stamp>) {
        if self.granted_times + times.len() > limits::MAX_GRANTED {
            self.limited = true;
            return;
        }
        self.granted_times += times.len();
        self.granted.entry(way).or_default().extend(times);
    }

    /// How long after `at` the proxy opened to the client what it asks for, on whatever connection, if it soon did.
    #[must_use]
    pub fn granted_after(&self, client: IpAddr, proxy: Endpoint, target: &str, at: Stamp) -> Option<Span> {
        let times = self.granted.get(&(client, proxy, target.into()))?;
        let after = times.range(at..).next().map(|granted| *granted - at);
        after.filter(|after| *after <= SOON)
    }

    fn on_host(&mut self, ip: IpAddr, heard: &Host) {
        self.hosts.entry(ip).or_default().join(heard);
    }

    /// What another part of the recording tells: in whatever order the parts are put together, the whole is the same.
    pub fn join(&mut self, other: &Self) {
        for (ip, heard) in &other.hosts {
            self.on_host(*ip, heard);
        }
        other.answering.iter().for_each(|service| self.on_answering(*service));
        for (way, times) in &other.granted {
            self.on_granted(way.clone(), times);
        }
        self.two_sided += other.two_sided;
        self.one_sided += other.one_sided;
        self.lossy += other.lossy;
        self.near_client += other.near_client;
        self.near_server += other.near_server;
    }

    /// A host was heard otherwise than by TCP.
    pub fn on_heard(&mut self, ip: IpAddr) {
        self.hosts.entry(ip).or_default();
    }

    /// The name that `client` had looked up for `address` before `at`, or that the capture itself knows.
    #[must_use]
    pub fn name_of(&self, client: IpAddr, address: IpAddr, at: Stamp) -> Option<&str> {
        let resolved = self.resolved.name_of(client, address, at);
        resolved.or_else(|| self.names.get(&address).map(String::as_str))
    }

    /// Last stamp of an interface.
    #[must_use]
    pub fn end_of(&self, interface: u16) -> Stamp {
        self.ends.get(usize::from(interface)).copied().unwrap_or(self.end)
    }

    /// At least one packet of this host was captured.
    #[must_use]
    pub fn has_spoken(&self, ip: IpAddr) -> bool {
        self.hosts.contains_key(&ip)
    }

    /// Some flows show both directions, and they are the rule.
    #[must_use]
    pub fn sees_both_directions(&self) -> bool {
        self.two_sided > self.one_sided
    }

    /// Flows that show one direction only are the rule.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.one_sided > 0 && self.one_sided >= self.two_sided
    }

    /// The capture itself lost packets.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.dropped > 0 || self.lossy > 2 && self.lossy * 5 > self.two_sided
    }

    /// Flows that were captured near the client, and near the server, by their TTLs.
    #[must_use]
    pub fn near(&self) -> (u64, u64) {
        (self.near_client, self.near_server)
    }

    /// Where a flow was captured: by its own TTLs, else by those of its hosts, else as most flows.
    #[must_use]
    pub fn vantage_of(&self, facts: &FlowFacts) -> Vantage {
        let ttl_of = |dir: crate::base::Dir| {
            let own = facts.sides[dir.index()].ttl;
            if own.first != 0 {
                return own;
            }
            self.hosts.get(&facts.key.sender(dir).ip).map_or(own, |host| host.ttl)
        };
        let (client, server) = (ttl_of(facts.client), ttl_of(facts.client.flip()));
        // Both ends were heard and both are near: the other flows know no better.
        if client.first != 0 && server.first != 0 {
            return seen_from(client, server);
        }
        match seen_from(client, server) {
            Vantage::Unknown if self.near_client > 0 && self.near_server == 0 => Vantage::NearClient,
            Vantage::Unknown if self.near_server > 0 && self.near_client == 0 => Vantage::NearServer,
            seen => seen,
        }
    }
}

impl Host {
    fn new(side: &SideOutline, since: u64) -> Self {
        let mut ttl = Ttl::default();
        if side.ttl.first != 0 {
            ttl.on(side.ttl.min);
            ttl.on(side.ttl.max);
        }
        Self {
            ttl,
            rtt: side.answered_in,
            since,
        }
    }

    fn join(&mut self, other: &Self) {
        if other.ttl.first != 0 {
            if self.ttl.first == 0 || other.since < self.since {
                self.ttl.first = other.ttl.first;
                self.since = other.since;
            }
            self.ttl.max = self.ttl.max.max(other.ttl.max);
            self.ttl.min = match self.ttl.min {
                0 => other.ttl.min,
                min => min.min(other.ttl.min),
            };
        }
        self.rtt = match (self.rtt, other.rtt) {
            (Some(mine), Some(other)) => Some(mine.min(other)),
            (mine, other) => mine.or(other),
        };
    }
}

/// An untouched TTL was sent next to the capture point.
fn seen_from(client: Ttl, server: Ttl) -> Vantage {
    if client.first == 0 || server.first == 0 {
        return Vantage::Unknown;
    }
    match (hops(client.max), hops(server.max)) {
        (0, 0) => Vantage::Unknown,
        (0, _) => Vantage::NearClient,
        (_, 0) => Vantage::NearServer,
        _ => Vantage::Between,
    }
}
