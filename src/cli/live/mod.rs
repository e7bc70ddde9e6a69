//! `live` and `interfaces`: captures, tells what fails while it happens, and reports at the end.

pub mod args;
mod local;
mod outputs;
mod privilege;
mod probe;
mod record;
mod screen;

use crate::analyzer::Analyzer;
use crate::analyzer::watch::Watch;
use crate::base::{Endpoint, Stamp};
use crate::capture::live::{self, Live, Opened, Refusal, Settings, Wanted};
use crate::capture::{CaptureInfo, Source};
use crate::cli::args::FailOn;
use crate::cli::run::is_bad;
use crate::cli::{Said, complain, stop};
use crate::report::file::Output;
use crate::report::{Selection, text};
use anyhow::{Context, Result, anyhow};
use args::Live as Args;
use local::Local;
use outputs::Outputs;
use probe::{Own, Probe, unwatched};
use record::Recording;
use screen::{Now, Screen, clock, lost};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Flows are looked at, files flushed and the status drawn so often.
const TICK: Duration = Duration::from_millis(100);
/// What was captured before the end is waited for so long.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Lists what can be captured on.
///
/// # Errors
/// One sentence.
pub(super) fn interfaces() -> Result<()> {
    let devices = live::devices().map_err(|why| anyhow!(why))?;
    let mut out = Output::stdout();
    for device in &devices {
        let states = [
            (device.up, "up"),
            (device.running, "running"),
            (device.loopback, "loopback"),
            (device.wireless, "wireless"),
        ];
        let states: Vec<_> = states
            .iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, word)| *word)
            .collect();
        let mut parts = vec![if states.is_empty() {
            "down".to_owned()
        } else {
            states.join(", ")
        }];
        parts.extend(device.addresses.iter().map(ToString::to_string));
        parts.extend(device.description.iter().map(|text| format!("({})", text::clean(text))));
        writeln!(out, "{:16}  {}", text::clean(&device.name), parts.join("  "))?;
    }
    if devices.is_empty() {
        complain("no interface may be captured on: run it with sudo, or as administrator");
    }
    Ok(out.commit()?)
}

/// Captures until something stops it. Returns whether `--fail-on` found what it asks for.
///
/// # Errors
/// One sentence with what cannot be done.
pub(super) fn run(mut args: Args) -> Result<bool> {
    let stop = stop::on_signal();
    let is_alone = args.ports.is_empty() && args.hosts.is_empty() && args.filter.is_none();
    let probe = Probe::new(&args.probing, is_alone);
    let opened = match open(&mut args, probe.as_ref()) {
        Ok(opened) => opened,
        Err(Refusal::Wrong(why)) => return Err(anyhow!(why)),
        Err(Refusal::Closed(why)) => {
            return probe.map_or_else(
                || Err(anyhow!(why.clone())),
                |probe| unwatched(probe, &why, &args, &stop),
            );
        }
    };
    let mut outputs = Outputs::open(&args)?;
    let info = opened.info();
    let recording = Recording::open(&args, &info)?;
    let local = Local::new(!args.no_host, &info);
    // Before the first thread starts, so that none keeps what the others gave up.
    let user = if args.stay_root || args.ring.is_some() {
        None
    } else {
        privilege::give_up()?
    };
    outputs.open_page(&args)?;
    let live = opened.start().context("cannot start threads")?;
    Session::new(args, live, outputs, recording, local, user, probe)?.run(&stop)
}

/// Opens what is to be captured on; with a probe and no interface, what leads to its targets.
fn open(args: &mut Args, probe: Option<&Probe>) -> Result<Opened, Refusal> {
    if let Some(probe) = probe.filter(|_| args.interface.is_empty()) {
        args.interface = probe.interfaces()?;
    }
    live::open(&settings(args, probe))
}

fn settings(args: &Args, probe: Option<&Probe>) -> Settings {
    Settings {
        names: args.interface.clone(),
        wanted: Wanted {
            ports: probe.and_then(Probe::ports).unwrap_or_else(|| args.ports.clone()),
            hosts: args.hosts.iter().map(crate::report::Block::parts).collect(),
            filter: args.filter.clone(),
            strict: args.strict_filter,
        },
        snaplen: args.snaplen,
        promiscuous: args.promiscuous,
        buffer: args.buffer.min(i32::MAX as u64) as u32,
    }
}

/// One run.
struct Session {
    args: Args,
    selection: Selection,
    live: Live,
    analyzer: Analyzer,
    watch: Watch,
    outputs: Outputs,
    recording: Recording,
    local: Local,
    /// Who it goes on as, if root's rights were given up.
    user: Option<String>,
    probe: Option<Probe>,
    screen: Screen,
    started: Instant,
    ticked: Instant,
    /// Packets by the last full second.
    second: (Instant, u64),
    rate: u64,
    packets: u64,
}

impl Session {
    fn new(
        args: Args,
        live: Live,
        outputs: Outputs,
        recording: Recording,
        local: Local,
        user: Option<String>,
        probe: Option<Probe>,
    ) -> Result<Self> {
        let mut analyzer = Analyzer::new(args.threads.into()).context("cannot start threads (try --threads 1)")?;
        let watch = Watch::new(&mut analyzer);
        if args.rows.marks.is_some() {
            analyzer.want_marks();
        }
        let screen = Screen::of(&args);
        let selection = Selection {
            ports: args.ports.clone(),
            hosts: args.hosts.clone(),
        };
        let now = Instant::now();
        Ok(Self {
            selection,
            args,
            live,
            analyzer,
            watch,
            outputs,
            recording,
            local,
            user,
            probe,
            screen,
            started: now,
            ticked: now,
            second: (now, 0),
            rate: 0,
            packets: 0,
        })
    }

    fn run(mut self, stop: &Arc<AtomicBool>) -> Result<bool> {
        self.begin()?;
        if let Some(probe) = &mut self.probe {
            self.screen.line(&probe.announcement())?;
            probe.start(stop)?;
        }
        // Whatever goes wrong while it runs, what was seen until then is reported.
        let trouble = self.capture(stop).err();
        let fail_on = self.args.manner.fail_on;
        let (totals, failed) = self.end()?;
        let is_bad = is_bad(&totals, fail_on) || failed > 0 && fail_on != FailOn::Never;
        trouble.map_or(Ok(is_bad), Err)
    }

    fn begin(&mut self) -> Result<()> {
        self.outputs.begin(&self.watch, &mut self.analyzer, self.live.info());
        self.outputs.flush();
        let names = self.args.interface.join(", ");
        let user = self
            .user
            .as_ref()
            .map_or_else(String::new, |user| format!(" Goes on as {user}."));
        self.screen.line(&format!(
            "Capturing on {names}; Ctrl-C ends it with a report. Times are UTC.{user}"
        ))?;
        Ok(())
    }

    /// Until something asks for the end; then until what was captured before has been read.
    fn capture(&mut self, stop: &AtomicBool) -> Result<()> {
        let mut ending: Option<Instant> = None;
        loop {
            let batch = self.live.next_batch().map_err(|error| anyhow!(error.to_string()))?;
            let Some(batch) = batch else { break };
            self.packets += batch.records.len() as u64;
            self.analyzer.feed(batch).map_err(|why| anyhow!(why))?;
            if let Some(probe) = &mut self.probe {
                probe.take(batch);
            }
            if !batch.records.is_empty() {
                self.recording.take(&self.live);
            }
            if self.ticked.elapsed() >= TICK {
                self.ticked = Instant::now();
                self.tick()?;
            }
            if ending.is_some_and(|since| since.elapsed() > LAST_WORDS) {
                break;
            }
            if ending.is_none() && (stop.load(Ordering::Relaxed) || self.is_enough()) {
                self.live.stop();
                ending = Some(Instant::now());
            }
        }
        self.tick()
    }

    fn is_enough(&self) -> bool {
        let reached = |most: Option<u64>, now: u64| most.is_some_and(|most| now >= most);
        self.args.time.is_some_and(|time| self.started.elapsed() >= time)
            || reached(self.args.count, self.packets)
            || reached(self.args.until_failures, self.watch.counts().failed)
            || self.screen.is_closed()
            || self.probe.as_ref().is_some_and(Probe::is_over)
    }

    fn tick(&mut self) -> Result<()> {
        let now = self.live.heard_until();
        let selection = &self.selection;
        let only: Option<Own> = self.probe.as_ref().and_then(Probe::only);
        let selected = |a: Endpoint, b: Endpoint| {
            only.as_ref()
                .map_or_else(|| selection.matches(a, b), |own| own.has(a, b))
        };
        let (outputs, screen, local, probe) = (&mut self.outputs, &mut self.screen, &mut self.local, &mut self.probe);
        let tell: crate::analyzer::watch::Tell<'_> = &mut |event| {
            let said = local.ask(&event);
            outputs.event(&event, said.as_deref())?;
            // What belongs to an attempt of the probe is told with it.
            let is_probe = probe.as_mut().is_some_and(|probe| probe.on(&event, said.as_deref()));
            if is_probe {
                Ok(())
            } else {
                screen.event(&event, now, said.as_deref())
            }
        };
        self.watch
            .tick(&mut self.analyzer, self.live.info(), now, &selected, tell)?;
        self.tell_attempts(now, false)?;
        self.outputs.flush();
        self.recording.flush();
        self.screen.gone(self.live.info(), now)?;
        let (since, before) = self.second;
        if since.elapsed() >= Duration::from_secs(1) {
            self.rate = ((self.packets - before) as f64 / since.elapsed().as_secs_f64()) as u64;
            self.second = (Instant::now(), self.packets);
        }
        let status = Now {
            packets: self.packets,
            counts: self.watch.counts(),
            drops: lost(self.live.drops()),
            rate: self.rate,
        };
        Ok(self.screen.status(&status, now)?)
    }

    /// The attempts of the probe of which both sides are known; `all`: nothing more will be known.
    fn tell_attempts(&mut self, now: Stamp, all: bool) -> Result<()> {
        let Some(probe) = &mut self.probe else { return Ok(()) };
        for report in probe.due(&self.watch, &self.analyzer, self.live.info(), now, all) {
            self.outputs.probe(&report);
            self.screen.probe(&report)?;
        }
        Ok(())
    }

    /// Returns also how many attempts of the probe failed.
    fn end(mut self) -> Result<(crate::report::Totals, u64)> {
        self.screen.finish();
        let info: CaptureInfo = self.live.info().clone();
        self.tell_attempts(self.live.heard_until(), true)?;
        let (outputs, local, now) = (&mut self.outputs, &mut self.local, self.live.heard_until());
        let probe = &mut self.probe;
        let tell: crate::analyzer::watch::Tell<'_> = &mut |event| {
            let said = local.ask(&event);
            // The row that is told last has the last word in the probe's summary.
            probe.as_mut().map(|probe| probe.on(&event, said.as_deref()));
            outputs.event(&event, said.as_deref())
        };
        self.watch.finish(&mut self.analyzer, &info, tell)?;
        if self.probe.is_some() {
            self.screen.line("")?;
        }
        self.screen.line(&ended(&info, now, self.live.drops()))?;
        for said in self.local.moved() {
            self.screen
                .line(&format!("{}  counter    this machine's {said}", clock(now)))?;
        }
        let failed = self.probe.as_ref().map_or(0, Probe::failed);
        if let Some(probe) = &self.probe {
            self.screen.list("The probe", &probe.summary())?;
        }
        self.screen.line("")?;
        let pieces = self.recording.finish(&self.args, &info);
        if self.probe.is_some() {
            self.outputs.leave_out_empty_report();
        }
        let totals = self
            .outputs
            .end(&mut self.watch, &mut self.analyzer, &info, pieces.as_ref())?;
        let is_incomplete = self.outputs.is_incomplete() || self.recording.is_incomplete();
        if let (Some(_), Some(pieces)) = (&self.args.evidence, &pieces) {
            self.outputs.write_evidence(pieces)?;
        }
        if is_incomplete {
            return Err(Said.into());
        }
        Ok((totals, failed))
    }
}

/// How it ended, with what the interfaces counted.
fn ended(info: &CaptureInfo, now: Stamp, drops: &[live::Drops]) -> String {
    let kernel = drops.iter().map(|each| each.kernel).sum();
    let interface = drops.iter().map(|each| each.interface).sum();
    format!(
        "{}  end        {} captured, {} dropped by the kernel, {} by the interface",
        clock(now),
        text::count(info.packets, "packet"),
        text::thousands(kernel),
        text::thousands(interface),
    )
}
