//! `--probe`: makes the connections while the capture runs, and puts what the application saw next to what the wire showed.

pub mod args;
mod ask;
mod hello;
mod names;
mod neighbors;
mod own;
mod route;
mod summary;
mod talk;
mod target;
mod together;
mod unwatched;

use crate::analyzer::Analyzer;
use crate::analyzer::watch::{Event, Watch};
use crate::base::{Endpoint, Span, Stamp};
use crate::capture::{Batch, CaptureInfo};
use crate::report::FlowRow;
use crate::report::probe::{Attempt, ProbeReport, Wire};
use crate::verdict::words::{AppError, Status};
use crate::wire::{Heard, decode};
use anyhow::{Context, Result};
use args::ProbeArgs;
use names::Overheard;
use neighbors::Neighbors;
pub(super) use own::Own;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, TryRecvError};
use summary::Summary;
use target::Target;
pub(super) use unwatched::unwatched;

/// What follows an attempt within this time belongs to it.
const SETTLE: Span = Span::from_millis(300);
/// The line of a failure, with what this machine knows of it, comes by then.
const TOLD: Span = Span::from_millis(1500);
/// A verdict that has not come by then does not come.
const MOST: Span = Span::from_secs(5);
/// Rows kept of connections whose attempt is not told yet.
const MOST_ROWS: usize = 10_000;

/// What is to be done.
#[derive(Clone, Debug, Default)]
struct Plan {
    targets: Vec<Target>,
    count: u32,
    tls: bool,
    sni: Option<String>,
    http: Option<String>,
}

/// A probe, seen from the capture.
pub(super) struct Probe {
    plan: Arc<Plan>,
    own: Own,
    /// Nothing else was asked for: only its own connections are reported.
    is_alone: bool,
    said: Option<Receiver<Attempt>>,
    is_started: bool,
    waiting: Vec<Attempt>,
    /// Verdicts that were told of its connections.
    rows: HashMap<(u16, Endpoint), FlowRow>,
    /// What this machine said of them.
    host: HashMap<u64, String>,
    names: Overheard,
    neighbors: Neighbors,
    summary: Summary,
}

impl Probe {
    /// The probe that was asked for, if one was. `is_alone`: nothing else is selected.
    pub(super) fn new(args: &ProbeArgs, is_alone: bool) -> Option<Self> {
        let plan = Plan {
            targets: args.probe.clone(),
            count: args.probe_count,
            tls: args.tls,
            sni: args.sni.clone(),
            http: args.http.clone(),
        };
        (!plan.targets.is_empty()).then(|| Self {
            names: Overheard::new(&plan.targets),
            neighbors: Neighbors::default(),
            plan: Arc::new(plan),
            own: Own::default(),
            is_alone,
            said: None,
            is_started: false,
            waiting: Vec::new(),
            rows: HashMap::new(),
            host: HashMap::new(),
            summary: Summary::default(),
        })
    }

    /// The ports to let through the kernel's filter, where nothing else was asked for.
    pub(super) fn ports(&self) -> Option<Vec<u16>> {
        let mut ports: Vec<u16> = self.plan.targets.iter().map(|target| target.port).collect();
        ports.sort_unstable();
        ports.dedup();
        self.is_alone.then_some(ports)
    }

    /// Which connections are reported, where nothing else was asked for.
    pub(super) fn only(&self) -> Option<Own> {
        self.is_alone.then(|| self.own.clone())
    }

    /// What will be done, and how long that takes.
    pub(super) fn announcement(&self) -> String {
        let targets: Vec<_> = self.plan.targets.iter().map(ToString::to_string).collect();
        let times = if self.plan.count == 1 {
            "once".to_owned()
        } else {
            format!("{} times", self.plan.count)
        };
        let each = ask::PATIENCE + ask::PAUSE;
        let most = each.as_secs_f64() * f64::from(self.plan.count) + 1.0;
        let targets = targets.join(", ");
        format!("Probing {targets} {times}: seconds where something answers, about {most:.0} s where nothing does.")
    }

    /// The capture runs: the attempts begin.
    pub(super) fn start(&mut self, stop: &Arc<AtomicBool>) -> Result<()> {
        let said = ask::start(&self.plan, &self.own, stop);
        self.said = Some(said.context("cannot start threads for the probe")?);
        self.is_started = true;
        Ok(())
    }

    /// It was stopped before all attempts were made.
    pub(super) fn is_cut(&self) -> bool {
        self.said.is_some()
    }

    /// All attempts are done and told.
    pub(super) fn is_over(&self) -> bool {
        self.is_started && self.said.is_none() && self.waiting.is_empty()
    }

    /// Takes in what was captured.
    pub(super) fn take(&mut self, batch: Batch<'_>) {
        for record in batch.records {
            match decode(record, batch.bytes(record)) {
                Heard::Dns(message) => self.names.on(*message),
                Heard::Neighbor(neighbor) => self.neighbors.on(&neighbor),
                _ => {}
            }
        }
    }

    /// Takes in what is told of a connection. `true`: it is one of its own, and told together with its attempt.
    pub(super) fn on(&mut self, event: &Event<'_>, host: Option<&str>) -> bool {
        let report = match event {
            Event::Verdict(report, _) | Event::Ended(report) | Event::Recovered(report) => report,
            Event::Waiting(report, _) => return self.has(report.row),
            Event::Mark(_) => return false,
        };
        let row = report.row;
        if !self.has(row) {
            return false;
        }
        if let Some(is_new) = self.summary.update(row) {
            // What comes later can make the verdict another one: that is news again.
            return !is_new;
        }
        if self.rows.len() < MOST_ROWS {
            self.rows.insert((row.client.port, row.server), row.clone());
        }
        if let Some(host) = host {
            self.host.insert(row.flow, host.to_owned());
        }
        true
    }

    fn has(&self, row: &FlowRow) -> bool {
        self.own.has(row.client, row.server)
    }

    fn hear(&mut self) {
        while let Some(said) = &self.said {
            match said.try_recv() {
                Ok(attempt) => self.waiting.push(attempt),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.said = None,
            }
        }
    }

    /// The attempts of which both sides are known at `now`; `all`: nothing more will be known.
    pub(super) fn due(
        &mut self,
        watch: &Watch,
        analyzer: &Analyzer,
        info: &CaptureInfo,
        now: Stamp,
        all: bool,
    ) -> Vec<ProbeReport> {
        self.hear();
        let mut due = Vec::new();
        for attempt in std::mem::take(&mut self.waiting) {
            match self.wire_of(&attempt, (watch, analyzer, info), now, all) {
                Some(wire) => due.push(self.tell(attempt, wire, &info.name)),
                None => self.waiting.push(attempt),
            }
        }
        due
    }

    fn wire_of(
        &self,
        attempt: &Attempt,
        (watch, analyzer, info): (&Watch, &Analyzer, &CaptureInfo),
        now: Stamp,
        all: bool,
    ) -> Option<Wire> {
        let since = now - attempt.ended;
        if since < SETTLE && !all {
            return None;
        }
        let Some((port, server)) = attempt.client_port.zip(attempt.server) else {
            return Some(Wire::Silent(String::new()));
        };
        let is_it = |a: Endpoint, b: Endpoint| (a.port, b) == (port, server) || (b.port, a) == (port, server);
        let began = attempt.began + Span::from_secs(-1);
        let told = self.rows.get(&(port, server)).filter(|row| row.start >= began);
        if let Some(peek) = watch.peek(analyzer, info, &is_it, began) {
            let row = Box::new(peek.row);
            let is_told = told.is_some() || row.status == Status::Ok || since >= TOLD;
            // A server that does not close in its turn leaves it open; more will not come.
            let is_clear = row.status != Status::Unknown || attempt.worked() && since >= TOLD;
            let is_due = is_told && is_clear && !peek.is_settling;
            return (is_due || all || since >= MOST).then_some(Wire::Flow(row));
        }
        match told {
            Some(row) => Some(Wire::Flow(Box::new(row.clone()))),
            None => (all || since >= TOLD).then(|| Wire::Silent(self.silence(attempt, info))),
        }
    }

    fn silence(&self, attempt: &Attempt, info: &CaptureInfo) -> String {
        let is_own = |ip| {
            info.interfaces
                .iter()
                .any(|interface| interface.addresses.contains(&ip))
        };
        let is_unreachable = attempt.trouble().and_then(|step| step.error) == Some(AppError::HostUnreachable);
        // The host itself; or, where the system knows no way on, the router that would be the way.
        let matters =
            |ip| attempt.server.is_some_and(|server| server.ip == ip) || is_unreachable && !self.own.is_server(ip);
        let link = self.neighbors.said((attempt.began, attempt.ended), &is_own, &matters);
        together::silence(attempt, &info.name, link.as_deref())
    }

    fn tell(&mut self, attempt: Attempt, wire: Wire, on: &str) -> ProbeReport {
        let row = match &wire {
            Wire::Flow(row) => Some(row),
            Wire::Silent(_) | Wire::Unwatched => None,
        };
        let host = row.and_then(|row| self.host.remove(&row.flow));
        if let Some(place) = attempt.client_port.zip(attempt.server) {
            self.rows.remove(&place);
        }
        let report = ProbeReport {
            together: row.and_then(|row| together::both(&attempt, row)),
            names: self.said_of_names(&attempt, on),
            attempt,
            wire,
            host,
        };
        self.summary.add(&report);
        report
    }

    fn said_of_names(&self, attempt: &Attempt, on: &str) -> Option<String> {
        let step = attempt
            .steps
            .first()
            .filter(|step| step.kind == crate::report::probe::StepKind::LookUp)?;
        let (host, _) = attempt.target.rsplit_once(':')?;
        let until = attempt.began + step.took + Span::from_millis(50);
        self.names.said(host, (attempt.began, until), step.worked, on)
    }
}
