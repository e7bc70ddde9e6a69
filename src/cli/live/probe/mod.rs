//! `--probe`: makes the connections while the capture runs, and puts what the application saw next to what the wire showed.

pub mod args;
mod ask;
mod hello;
mod names;
mod route;
mod summary;
mod talk;
mod target;
mod together;
mod unwatched;

use crate::analyzer::Analyzer;
use crate::analyzer::watch::{Event, Watch};
use crate::base::{Endpoint, Span, Stamp};
use crate::capture::live::{Refusal, devices};
use crate::capture::{Batch, CaptureInfo};
use crate::report::FlowRow;
use crate::report::probe::{Attempt, ProbeReport, Wire};
use crate::verdict::words::Status;
use anyhow::{Context, Result};
use args::ProbeArgs;
use names::Overheard;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use summary::Summary;
use target::Target;
pub(super) use unwatched::unwatched;

/// What follows an attempt within this time belongs to it.
const SETTLE: Span = Span::from_millis(300);
/// The line of a failure, with what this machine knows of it, comes by then.
const TOLD: Span = Span::from_millis(1500);
/// A verdict that has not come by then does not come.
const MOST: Span = Span::from_secs(5);
/// Names are looked up so long before the capture begins, to find the interface.
const LOOK_UP: Duration = Duration::from_secs(3);
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

/// Ports that the probe connects from, and where to: known before the first packet leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Arc<Mutex<HashSet<(u16, Endpoint)>>>);

impl Own {
    fn add(&self, port: u16, server: Endpoint) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((port, server));
    }

    /// A connection between these two is the probe's.
    pub(super) fn has(&self, a: Endpoint, b: Endpoint) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(a.port, b)) || known.contains(&(b.port, a))
    }
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

    /// The interfaces that lead to all targets; where that cannot be told, all of them, as far as the system can do that.
    pub(super) fn interfaces(&self) -> Result<Vec<String>, Refusal> {
        let known = devices()?;
        let look_up = |target: &Target| match target.address() {
            Some(ip) => Ok(vec![SocketAddr::new(ip, target.port)]),
            None => ask::look_up(target, LOOK_UP),
        };
        let addresses: Result<Vec<_>, _> = self.plan.targets.iter().map(look_up).collect();
        let found = addresses
            .ok()
            .and_then(|addresses| route::interfaces(&addresses.concat(), &known));
        match found {
            Some(names) => Ok(names),
            None if cfg!(target_os = "linux") => Ok(vec!["any".to_owned()]),
            None => Err(Refusal::Wrong(
                "which interface leads to the target of --probe cannot be told: name it with -i".to_owned(),
            )),
        }
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

    /// All attempts are done and told.
    pub(super) fn is_over(&self) -> bool {
        self.is_started && self.said.is_none() && self.waiting.is_empty()
    }

    /// Takes in what was captured.
    pub(super) fn take(&mut self, batch: Batch<'_>) {
        self.names.take(batch);
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
            None => (all || since >= TOLD).then(|| Wire::Silent(together::silence(attempt, &info.name))),
        }
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
