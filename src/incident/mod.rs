//! Many flows that failed in the same way at the same place in the same stretch of time: one incident.

mod caller;
mod collect;
mod failure;
mod family;
mod direction;
mod few;
mod flood;
mod group;
mod instant;
mod lookup;
mod losses;
mod observation;
mod pattern;
mod periodic;
mod spectrum;
mod plain;
mod ports;
mod rhythm;
mod say;
mod scene;
mod service;
mod since;
mod timeline;
mod window;

pub use collect::Incidents;
pub use failure::Failure;
pub use observation::{Observation, SideLoss};
pub use timeline::{Bin, Timeline};

use crate::base::{Endpoint, Set, Stamp};
use crate::finding::causes::Cause;
use crate::finding::{Confidence, Meta, Severity};
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// One flow, or one look-up, of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Number of the flow in the report; `None` where it is no TCP flow.
    pub flow: Option<u64>,
    /// When it began.
    pub stamp: Stamp,
    /// Packets that show it, by number, ascending, at most eight.
    pub packets: Vec<u64>,
}

/// Who was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The first of them, at most [`Sources::LISTED`].
    pub listed: Vec<IpAddr>,
    /// How many there are, as far as they were counted.
    pub count: u64,
    /// There are more than `count`: a limit was reached.
    pub more: bool,
}

impl Sources {
    /// Addresses that are listed one by one.
    pub const LISTED: usize = 8;
}

/// A command that helps to settle whether it was one cause, addresses and ports filled in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Command {
    /// Number of the cause in the catalogue.
    pub id: &'static str,
    /// For Linux.
    pub linux: String,
    /// For Windows.
    pub windows: String,
}

impl Command {
    /// The commands of these causes, with `fill` putting in addresses and ports.
    fn of(causes: &[&'static Cause], fill: impl Fn(&str) -> String) -> Vec<Self> {
        let command = |cause: &&'static Cause| Self {
            id: cause.id,
            linux: fill(cause.linux),
            windows: fill(cause.windows),
        };
        causes.iter().map(command).collect()
    }
}

/// Many flows that failed in the same way at the same place in the same stretch of time.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Which kind, with its page.
    pub meta: &'static Meta,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One plain sentence.
    pub summary: String,
    /// Where: `10.0.0.5:443`, `10.0.0.5`, `port 445`, `db.internal at 10.0.0.53`.
    pub service: String,
    /// When the first of them showed it.
    pub first: Stamp,
    /// When the last of them showed it.
    pub last: Stamp,
    /// Connections (or look-ups) that failed so.
    pub failed: u64,
    /// Connections (or look-ups) to the same place in the same stretch of time.
    pub attempts: u64,
    /// Who was hit.
    pub sources: Sources,
    /// The first and the last of them; one where there is only one.
    pub examples: Vec<Example>,
    /// What still worked, one sentence each.
    pub contrast: Vec<String>,
    /// Who, as far as the evidence goes.
    pub culprit: Culprit,
    /// The finding that most of its flows have as their cause.
    pub cause: Option<&'static str>,
    /// What it may be, likeliest first, each with what would settle it.
    pub candidates: Vec<String>,
    /// Commands that help to settle it, in the order of the candidates.
    pub commands: Vec<Command>,
    /// What to do next, with addresses and ports filled in.
    pub next: String,
    /// The flows that it explains.
    pub covers: Cover,
}

/// Which flows an incident explains: those that failed at these services in these ways.
#[derive(Clone, Debug, Default)]
pub struct Cover {
    /// Services and ways.
    what: Set<(Endpoint, Failure)>,
    /// Only those of this client.
    pub client: Option<IpAddr>,
}

impl Cover {
    /// These ways at these services, of any client or of this one.
    pub fn new(what: impl IntoIterator<Item = (Endpoint, Failure)>, client: Option<IpAddr>) -> Self {
        Self {
            what: what.into_iter().collect(),
            client,
        }
    }

    /// The services and ways, in no order.
    pub fn all(&self) -> impl Iterator<Item = (Endpoint, Failure)> {
        self.what.iter().copied()
    }

    /// All of it is in `what`.
    fn is_within(&self, what: &Set<(Endpoint, Failure)>) -> bool {
        !self.what.is_empty() && self.what.iter().all(|each| what.contains(each))
    }

    /// Flows that failed so at this service are among them, as far as the client allows.
    #[must_use]
    pub fn has(&self, service: Endpoint, way: Failure) -> bool {
        self.what.contains(&(service, way))
    }
}

impl Incident {
    /// An incident of the catalogue's severity, without sources, contrast and examples yet.
    #[must_use]
    pub fn new(meta: &'static Meta, service: String, (first, last): (Stamp, Stamp), summary: String) -> Self {
        Self {
            meta,
            severity: meta.severity,
            confidence: Confidence::Medium,
            summary,
            service,
            first,
            last,
            failed: 0,
            attempts: 0,
            sources: Sources::default(),
            examples: Vec::new(),
            contrast: Vec::new(),
            culprit: Culprit::Unknown,
            cause: None,
            candidates: Vec::new(),
            commands: Vec::new(),
            next: String::new(),
            covers: Cover::default(),
        }
    }
}

/// One line an incident: its id, its severity, a few words, its page.
macro_rules! catalogue {
    ($($name:ident $id:literal $severity:ident $title:literal,)+) => {
        $(
            #[doc = $title]
            pub static $name: Meta = Meta {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                next: "",
                page: include_str!(concat!($id, ".md")),
            };
        )+
        static METAS: &[&Meta] = &[$(&$name,)+];
    };
}

catalogue! {
    SERVICE_DOWN "service-down" Error "every connection to a service fails in the same way",
    PATH_OUTAGE "path-outage" Error "connections of several hosts broke at the same moment",
    PEER_RESTARTED "peer-restarted" Error "connections of one host broke at the same moment",
    IDLE_TIMEOUT "idle-timeout" Error "connections fail after a silence",
    LARGE_SEGMENTS_LOST "large-segments-lost" Error "only large segments are lost: a path MTU hole",
    NAME_BLOCKED "name-blocked" Error "only one name at a service fails",
    SOURCE_BLOCKED "source-blocked" Error "only one client, or one network, cannot use a service",
    PORTS_EXHAUSTED "ports-exhausted" Error "ports are used again before the server has forgotten them",
    ONE_DIRECTION "one-direction" Error "connections work in one direction between two hosts, not in the other",
    RATE_LIMIT "rate-limit" Error "only so many new connections a second get through",
    FAMILY_BROKEN "family-broken" Warn "IPv6 (or IPv4) does not work, the other does",
    PORT_SCAN "port-scan" Warn "one client tries many ports or hosts",
    PERIODIC_LOSS "periodic-loss" Warn "losses come back at regular intervals",
    ONE_WAY_LOSS "one-way-loss" Warn "data gets lost in one direction between two hosts, not in the other",
    THROUGHPUT_POLICED "throughput-policed" Warn "several connections are cut off above a rate",
    SYN_FLOOD "syn-flood" Error "very many SYNs that nobody follows up",
    SERVICE_FAILING "service-failing" Error "many connections to a service fail in the same way",
    DNS_UNANSWERED "dns-unanswered" Error "look-ups of names get no answer",
    DNS_ERROR "dns-error" Error "a name server answers with an error",
    DNS_NO_SUCH_NAME "dns-no-such-name" Warn "names that do not exist, and no connection after",
    DNS_TRUNCATED "dns-truncated" Warn "DNS answers that did not fit, and no TCP after",
    DNS_SLOW "dns-slow" Warn "DNS answers that take longer than a second",
    NEIGHBOR_SILENT "neighbor-silent" Warn "nobody on the link answers for an address",
}

/// Every kind of incident there is.
#[must_use]
pub fn catalogue() -> &'static [&'static Meta] {
    METAS
}
