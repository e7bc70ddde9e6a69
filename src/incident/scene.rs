//! One or more groups taken together: what an incident is made from.

use super::failure::Failure;
use super::group::{Burst, Group, Mark, Named, Source};
use super::service::Service;
use super::{Command, Cover, Incident, Sources};
use crate::base::{Endpoint, Map, Span};
use crate::finding::candidates::{Leaning, candidates};
use crate::finding::causes::Cause;
use crate::finding::{Confidence, Meta};
use crate::verdict::words::Culprit;
use std::cmp::Reverse;
use std::net::IpAddr;

/// Attempts between two failures that do not separate them.
const NEAR: u64 = 2;

/// Failures that belong together, and what else happened in the same stretch of time.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// How most of them failed.
    pub way: Failure,
    /// All ways, with their numbers.
    pub ways: Vec<(Failure, u64)>,
    pub services: Vec<Endpoint>,
    pub what: Vec<(Endpoint, Failure)>,
    pub failed: u64,
    /// Attempts in the stretch.
    pub attempts: u64,
    /// What worked before, within and after it.
    pub ok: [u64; 3],
    pub sources: Map<IpAddr, Source>,
    pub more: bool,
    pub names: Vec<Named>,
    pub unnamed: u64,
    pub first: Mark,
    pub last: Mark,
    pub culprit: Culprit,
    pub confidence: Confidence,
    pub cause: Option<&'static Meta>,
    pub leaning: Leaning,
    pub silences: Vec<Span>,
    pub ports: Vec<u16>,
    pub too_large: (u32, u64),
}

impl Scene {
    /// What one group shows: all of it, or the one stretch in which nearly all of it happened.
    pub fn of(group: &Group, service: &Service) -> Option<Self> {
        let whole = group.bursts.iter().copied().reduce(Burst::join)?;
        let attempts = |burst: &Burst| burst.last.attempts.saturating_sub(burst.first.attempts) + 1;
        let is_dense = |burst: &Burst| burst.failed * 2 >= attempts(burst);
        let largest = group.bursts.iter().max_by_key(|burst| burst.failed)?;
        let is_most = largest.failed >= 3 && largest.failed * 10 >= group.failed * 8;
        let burst = if !is_dense(&whole) && is_dense(largest) && is_most {
            *largest
        } else {
            whole
        };
        let mut scene = Self {
            way: group.way,
            ways: vec![(group.way, burst.failed)],
            services: vec![group.service],
            what: vec![(group.service, group.way)],
            failed: burst.failed,
            attempts: 0,
            ok: [0; 3],
            sources: group.sources.clone(),
            more: group.more,
            names: group.names.clone(),
            unnamed: group.unnamed,
            first: burst.first,
            last: burst.last,
            culprit: group.culprit,
            confidence: group.confidence.min(group.way.most()),
            cause: group.cause,
            leaning: group.leaning,
            silences: group.silences.clone(),
            ports: group.ports.clone(),
            too_large: group.too_large,
        };
        scene.count(service);
        Some(scene)
    }

    /// Counts what happened at its service in its stretch.
    fn count(&mut self, service: &Service) {
        self.attempts = (self.last.attempts.saturating_sub(self.first.attempts) + 1).max(self.failed);
        let within = self.last.ok.saturating_sub(self.first.ok);
        self.ok = [self.first.ok, within, service.ok.saturating_sub(self.last.ok)];
    }

    /// Share of the attempts that failed.
    pub fn share(&self) -> f64 {
        self.failed as f64 / self.attempts.max(1) as f64
    }

    /// Do the two happen among the same attempts at their service?
    pub fn overlaps(&self, other: &Self) -> bool {
        let near = |a: &Self, b: &Self| a.first.attempts <= b.last.attempts + NEAR;
        near(self, other) && near(other, self)
    }

    /// Another way in which the same service failed.
    pub fn join_way(mut self, mut other: Self, service: &Service) -> Self {
        self.join_names(std::mem::take(&mut other.names));
        if other.first.attempts < self.first.attempts {
            self.first = other.first;
        }
        if other.last.attempts > self.last.attempts {
            self.last = other.last;
        }
        self.take(other);
        self.count(service);
        self
    }

    /// Another service that failed, or the last one in another way: many come in order. Names of different services stay
    /// one after the other.
    pub fn join_service(mut self, mut other: Self) -> Self {
        if self.services == other.services {
            self.join_names(std::mem::take(&mut other.names));
        } else {
            self.names.append(&mut other.names);
        }
        if self.services.last() != other.services.first() {
            self.services.append(&mut other.services);
        }
        if other.first.at < self.first.at {
            self.first = other.first;
        }
        if other.last.at > self.last.at {
            self.last = other.last;
        }
        self.attempts += other.attempts;
        for (mine, more) in self.ok.iter_mut().zip(other.ok) {
            *mine += more;
        }
        self.take(other);
        self
    }

    fn join_names(&mut self, names: Vec<Named>) {
        for named in names {
            match self.names.iter_mut().find(|known| known.name == named.name) {
                Some(known) => {
                    known.failed += named.failed;
                    known.ok += named.ok;
                }
                None => self.names.push(named),
            }
        }
    }

    /// What both kinds have in common.
    fn take(&mut self, other: Self) {
        if self.culprit != other.culprit {
            self.culprit = Culprit::Unknown;
        }
        self.confidence = self.confidence.min(other.confidence);
        for (way, number) in other.ways {
            match self.ways.iter_mut().find(|(known, _)| *known == way) {
                Some((_, mine)) => *mine += number,
                None => self.ways.push((way, number)),
            }
        }
        self.ways
            .sort_by_key(|(way, number)| (way.is_mild(), std::cmp::Reverse(*number)));
        if self
            .ways
            .first()
            .is_some_and(|(way, _)| *way == other.way && *way != self.way)
        {
            (self.way, self.cause, self.leaning) = (other.way, other.cause, other.leaning);
        }
        self.failed += other.failed;
        self.what.extend(other.what);
        for (ip, source) in other.sources {
            let mine = self.sources.entry(ip).or_default();
            mine.failed = mine.failed.saturating_add(source.failed);
            mine.ok = mine.ok.saturating_add(source.ok);
        }
        self.more |= other.more;
        self.unnamed += other.unnamed;
        self.silences.extend(other.silences);
        self.ports.extend(other.ports);
        let least = match (self.too_large, other.too_large) {
            ((_, 0), (least, _)) | ((least, _), (_, 0)) => least,
            ((a, _), (b, _)) => a.min(b),
        };
        self.too_large = (least, self.too_large.1 + other.too_large.1);
    }

    /// Who was hit, the hardest first.
    pub fn hit(&self) -> Sources {
        let all = self.sources.iter();
        let all = first(all.map(|(ip, source)| (Reverse(source.failed), *ip)), Sources::LISTED);
        Sources {
            listed: all.into_iter().map(|(_, ip)| ip).collect(),
            count: self.sources.len() as u64,
            more: self.more,
        }
    }

    /// The incident with everything in it that every kind has.
    pub fn incident(&self, meta: &'static Meta, service: String, summary: String) -> Incident {
        let mut examples = vec![self.first.example()];
        if self.failed > 1 {
            examples.push(self.last.example());
        }
        let causes = self
            .cause
            .map_or_else(Vec::new, |cause| candidates(cause.id, self.leaning));
        let sources = self.hit();
        let filling = Filling::new(self.services.first(), sources.listed.first());
        Incident {
            severity: if self.way.is_mild() {
                crate::finding::Severity::Warn
            } else {
                meta.severity
            },
            confidence: self.confidence,
            failed: self.failed,
            attempts: self.attempts,
            sources,
            examples,
            culprit: self.culprit,
            cause: self.cause.map(|cause| cause.id),
            candidates: said(&causes, self.way),
            commands: Command::of(&causes, |text| filling.put_in(text)),
            next: filling.put_in(self.cause.map_or("", |cause| cause.next)),
            covers: Cover::new(self.what.iter().copied(), None),
            ..Incident::new(meta, service, (self.first.at, self.last.at), summary)
        }
    }
}

impl Scene {
    /// The commands of these causes, for its first service and the client that was hit hardest.
    pub fn commands(&self, causes: &[&'static Cause]) -> Vec<Command> {
        let all = self.sources.iter();
        let hardest = all.min_by_key(|(ip, source)| (Reverse(source.failed), **ip));
        let filling = Filling::new(self.services.first(), hardest.map(|(ip, _)| ip));
        Command::of(causes, |text| filling.put_in(text))
    }
}

/// The first `most` of `all`, in order.
pub(super) fn first<T: Ord>(all: impl Iterator<Item = T>, most: usize) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    if all.len() > most {
        all.select_nth_unstable(most);
        all.truncate(most);
    }
    all.sort_unstable();
    all
}

/// What stands for the names in braces of commands and hints.
struct Filling {
    server: String,
    port: String,
    client: String,
}

impl Filling {
    fn new(server: Option<&Endpoint>, client: Option<&IpAddr>) -> Self {
        Self {
            server: server.map_or_else(String::new, |server| server.ip.to_string()),
            port: server.map_or_else(String::new, |server| server.port.to_string()),
            client: client.map_or_else(|| "CLIENT".to_owned(), IpAddr::to_string),
        }
    }

    fn of(&self, name: &str) -> Option<&str> {
        Some(match name {
            "server" => &self.server,
            "port" => &self.port,
            "client" => &self.client,
            "client_port" => "PORT",
            "interface" => "any",
            _ => return None,
        })
    }

    /// `text`, filled in. Other braces stay as they are.
    fn put_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let name = behind.split_once('}');
            let filled = name.and_then(|(name, after)| Some((self.of(name)?, after)));
            let (value, after) = filled.unwrap_or(("{", behind));
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// The causes in words, or what is usual where no finding names any.
fn said(causes: &[&Cause], way: Failure) -> Vec<String> {
    if causes.is_empty() {
        return way.candidates().iter().map(|text| (*text).to_owned()).collect();
    }
    causes.iter().map(|cause| cause.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_that_name_nothing_stay() {
        let server = Endpoint {
            ip: [10, 0, 0, 5].into(),
            port: 443,
        };
        let filling = Filling::new(Some(&server), None);
        let show = |text| filling.put_in(text);
        assert_eq!(
            show("nc {server} {port} from {client}:{client_port}"),
            "nc 10.0.0.5 443 from CLIENT:PORT"
        );
        assert_eq!(show("awk '{print $1}' {x{port}} {"), "awk '{print $1}' {x443} {");
        assert_eq!(show(""), "");
    }

    #[test]
    fn only_the_first_are_put_in_order() {
        let all = [5, 3, 9, 1, 7, 2];
        assert_eq!(first(all.into_iter(), 3), [1, 2, 3]);
        assert_eq!(first(all.into_iter(), 6), [1, 2, 3, 5, 7, 9]);
        assert_eq!(first(all.into_iter(), 9).len(), 6);
    }
}
