//! Losses and failed handshakes of the whole recording, searched for a rhythm.

use super::periodic::{self, Rhythm};
use super::say::{count, span, thousands};
use super::{Cover, Example, Failure, Incident, Observation, PERIODIC_LOSS, SERVICE_FAILING, Sources};
use crate::base::{Endpoint, Set, Span, Stamp, limits};
use crate::finding::Confidence;
use std::f64::consts::TAU;

/// Moments at which something was lost, and at which it could have been.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    /// Of data, in connections that survived it.
    losses: Vec<Stamp>,
    /// Of SYNs that got no answer, or only a late one.
    silent: Vec<(Stamp, Endpoint, Failure)>,
    /// Of all SYNs.
    tried: Vec<(Stamp, Endpoint)>,
    first: Option<Example>,
    /// There were more.
    pub full: bool,
    /// Connections of which only the first losses are known.
    pub cut: u64,
}

impl Moments {
    pub fn on(&mut self, seen: &Observation<'_>, way: Option<Failure>) {
        if self.tried.len() < limits::MAX_MOMENTS {
            self.tried.push((seen.start, seen.server));
        }
        self.cut += u64::from(seen.lost.len() >= limits::MAX_LOSS_TIMES);
        // What is cut off above a rate comes back with a rhythm of its own.
        if !seen.lost.is_empty() && way.is_none_or(Failure::is_mild) && seen.policed <= 0.0 {
            if self.losses.len() + seen.lost.len() <= limits::MAX_MOMENTS {
                self.losses.extend(seen.lost);
            } else {
                self.full = true;
            }
            self.first.get_or_insert_with(|| Example {
                flow: Some(seen.flow),
                stamp: seen.start,
                packets: seen.packets.to_vec(),
            });
        }
        if let Some(way @ (Failure::Silent | Failure::Late)) = way {
            if self.silent.len() < limits::MAX_MOMENTS {
                self.silent.push((seen.start, seen.server, way));
            } else {
                self.full = true;
            }
        }
    }

    /// The rhythm of the losses, else that of the handshakes, where it is not the clients' own and not explained already.
    pub fn find(mut self, found: &mut Vec<Incident>) {
        if let Some(rhythm) = periodic::find(&self.losses) {
            found.push(describe(
                &rhythm,
                &self.losses,
                "segments with data",
                self.first.clone(),
            ));
            return;
        }
        let is_open = |incident: &Incident| incident.meta.id == SERVICE_FAILING.id;
        let explaining = found
            .iter()
            .filter(|each| !is_open(each) && each.covers.client.is_none());
        let explained: Set<(Endpoint, Failure)> = explaining.flat_map(|each| each.covers.all()).collect();
        self.silent
            .retain(|(_, service, way)| !explained.contains(&(*service, *way)));
        let services: Set<Endpoint> = self.silent.iter().map(|(_, service, _)| *service).collect();
        self.tried.retain(|(_, service)| services.contains(service));
        let silent: Vec<Stamp> = self.silent.iter().map(|(at, ..)| *at).collect();
        let tried: Vec<Stamp> = self.tried.iter().map(|(at, _)| *at).collect();
        let Some(rhythm) = periodic::find(&silent) else { return };
        // Those who call do so in the same rhythm, with success or without.
        if concentration(&tried, rhythm.period) > 0.5 * concentration(&silent, rhythm.period) {
            return;
        }
        let what: Set<(Endpoint, Failure)> = self.silent.iter().map(|(_, service, way)| (*service, *way)).collect();
        // What it explains is no incident of its own.
        found.retain(|each| !(is_open(each) && each.covers.is_within(&what)));
        let mut incident = describe(&rhythm, &silent, "SYNs", None);
        incident.covers = Cover::new(what, None);
        found.push(incident);
    }
}

/// From 0, at all phases alike, to 1, always at the same.
fn concentration(moments: &[Stamp], period: Span) -> f64 {
    let Some(origin) = moments.first() else { return 0.0 };
    let (mut x, mut y) = (0.0, 0.0);
    for moment in moments {
        let (sin, cos) = (TAU * (*moment - *origin).as_secs() / period.as_secs()).sin_cos();
        x += cos;
        y += sin;
    }
    (x * x + y * y).sqrt() / moments.len() as f64
}

fn describe(rhythm: &Rhythm, events: &[Stamp], what: &str, example: Option<Example>) -> Incident {
    let (first, last) = (
        events.iter().min().copied().unwrap_or_default(),
        events.iter().max().copied().unwrap_or_default(),
    );
    let period = rhythm.period.as_secs();
    let every = if period < 100.0 {
        format!("{period:.*} s", if period < 10.0 { 2 } else { 1 })
    } else {
        span(rhythm.period)
    };
    let lasts = if rhythm.lasts > Span::from_millis(1) {
        format!(" for about {}", span(rhythm.lasts))
    } else {
        String::new()
    };
    let mut phase = String::new();
    // Writing to a string cannot fail.
    let _ = rhythm.phase.write_rfc3339(&mut phase, 3);
    let summary = format!(
        "{} {what} were lost, every {every}{lasts}: {} at that interval, one of them at {}.",
        thousands(events.len() as u64),
        count(rhythm.episodes as u64, "time"),
        phase.get(11..23).unwrap_or_default(),
    );
    Incident {
        confidence: if rhythm.chance < 1e-9 { Confidence::High } else { Confidence::Medium },
        failed: events.len() as u64,
        attempts: events.len() as u64,
        sources: Sources::default(),
        examples: example.into_iter().collect(),
        candidates: vec![
            "something that runs at this interval: a scan of wireless channels, a routing or spanning-tree timer, a backup link, a cron job, a power-saving radio".to_owned(),
            "a token bucket that is refilled at this interval (D49)".to_owned(),
            "an application that sends its bursts at this interval into a small buffer (D47)".to_owned(),
        ],
        next: "compare the moments with the logs and timers of the devices on the path; --json has losses in bins of time".to_owned(),
        ..Incident::new(&PERIODIC_LOSS, "all connections".to_owned(), (first, last), summary)
    }
}
