//! Trouble that comes back at regular intervals, told from trouble that comes by chance, alone or in bursts.
//!
//! Moments of loss are joined to episodes; of these the Rayleigh periodogram (the Lomb-Scargle periodogram of points) is
//! taken. It is divided by the spectrum that a renewal process with the same episodes and exponential pauses would have
//! (Cox and Lewis 1966, 4.6), so that the dead time of an episode does not pass for a rhythm; what is left is compared
//! with the exponential distribution. Few episodes are judged by how equal their pauses are.

use super::spectrum::{LEAST, Null, fundamental, periodogram, refine};
use crate::base::{Span, Stamp};
use std::f64::consts::TAU;

/// Episodes looked at: those from the beginning.
const EPISODES: usize = 200;
/// Fewest episodes that can show a rhythm.
const FEWEST: usize = 6;
/// Frequencies tried.
const FREQUENCIES: usize = 4000;
/// False alarms that are accepted, over all that is tried.
const ALARM: f64 = 1e-5;
/// Pauses, as parts of the mean interval between events, that end an episode.
const JOINS: [f64; 7] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];

/// A rhythm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rhythm {
    pub period: Span,
    /// How long it lasts each time: the median.
    pub lasts: Span,
    /// A moment at which an episode begins.
    pub phase: Stamp,
    pub episodes: usize,
    /// Probability that chance would do it.
    pub chance: f64,
}

/// From first to last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    pub start: f64,
    pub end: f64,
}

/// The rhythm of `events`, in any order, if they have one.
pub(super) fn find(events: &[Stamp]) -> Option<Rhythm> {
    let mut events: Vec<Stamp> = events.to_vec();
    events.sort_unstable();
    let origin = *events.first()?;
    let times: Vec<f64> = events.iter().map(|event| (*event - origin).as_secs()).collect();
    let span = *times.last()?;
    if times.len() < FEWEST || span <= 0.0 {
        return None;
    }
    let mut found: Vec<(f64, f64, Vec<Episode>)> = Vec::new();
    let mut last = 0;
    for join in joins(&times, span) {
        let episodes = episodes(&times, join);
        // A longer pause that joins no more than the one before shows nothing else.
        let is_new = episodes.len() != last || episodes.len() >= EPISODES;
        last = episodes.len();
        if !is_new || episodes.len() < FEWEST || is_clustered(&episodes) {
            continue;
        }
        if let Some((period, chance)) = rhythm_of(&episodes, join) {
            // Tried with several joins, and on more than one kind of event.
            let chance = (chance * 2.0 * JOINS.len() as f64).min(1.0);
            if chance < ALARM {
                found.push((period, chance, episodes));
            }
        }
    }
    // One episode a period tells best how long it lasts.
    let excess = |(period, _, episodes): &(f64, f64, Vec<Episode>)| {
        let whole = episodes.last().map_or(0.0, |last| last.start);
        (episodes.len() as f64 - 1.0 - whole / period).abs()
    };
    let (period, chance, episodes) = found.into_iter().min_by(|a, b| excess(a).total_cmp(&excess(b)))?;
    Some(describe(origin, period, chance, &episodes))
}

/// The pauses vary more than those of chance: what is joined are parts of bursts.
fn is_clustered(episodes: &[Episode]) -> bool {
    let pauses: Vec<f64> = episodes.windows(2).map(|pair| pair[1].start - pair[0].end).collect();
    let number = pauses.len() as f64;
    let mean = pauses.iter().sum::<f64>() / number;
    let variance = pauses.iter().map(|pause| (pause - mean).powi(2)).sum::<f64>() / number;
    variance > 1.2 * mean * mean
}

/// Pauses worth trying.
fn joins(times: &[f64], span: f64) -> Vec<f64> {
    let mean = span / times.len() as f64;
    JOINS.iter().map(|part| part * mean).collect()
}

fn episodes(times: &[f64], join: f64) -> Vec<Episode> {
    let mut out: Vec<Episode> = Vec::new();
    for &at in times {
        match out.last_mut() {
            Some(episode) if at - episode.end <= join => episode.end = at,
            _ => out.push(Episode { start: at, end: at }),
        }
        if out.len() > EPISODES {
            out.pop();
            break;
        }
    }
    out
}

/// Period and probability of chance.
fn rhythm_of(episodes: &[Episode], join: f64) -> Option<(f64, f64)> {
    let by_phase = by_periodogram(episodes, join);
    let by_pause = by_equal_pauses(episodes, join);
    match (by_phase, by_pause) {
        (Some(a), Some(b)) => Some(if a.1 <= b.1 { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// All intervals between beginnings are nearly the same. Pauses are at least `join`: only what is beyond is chance.
fn by_equal_pauses(episodes: &[Episode], join: f64) -> Option<(f64, f64)> {
    let intervals: Vec<f64> = episodes.windows(2).map(|pair| pair[1].start - pair[0].start).collect();
    let pauses: Vec<f64> = episodes
        .windows(2)
        .map(|pair| pair[1].start - pair[0].end - join)
        .collect();
    let number = pauses.len() as f64;
    let period = intervals.iter().sum::<f64>() / number;
    let mean = pauses.iter().sum::<f64>() / number;
    let spread = (intervals.iter().map(|each| (each - period).powi(2)).sum::<f64>() / (number - 1.0)).sqrt();
    if mean <= 0.0 || spread > 0.3 * mean {
        return None;
    }
    // That all of n exponential pauses lie within ±w of their mean m: about (2 w/m / e) to the n - 1.
    let widest = pauses.iter().map(|pause| (pause - mean).abs()).fold(0.0, f64::max) / mean;
    let chance = (2.0 * widest / std::f64::consts::E).min(1.0).powf(number - 1.0);
    Some((period, chance))
}

fn by_periodogram(episodes: &[Episode], join: f64) -> Option<(f64, f64)> {
    let span = episodes.last()?.start - episodes.first()?.start;
    let number = episodes.len() as f64;
    let fastest = 4.0 * number / span;
    let slowest = 3.0 / span;
    if fastest <= slowest {
        return None;
    }
    let step = (0.3 / span).max((fastest - slowest) / FREQUENCIES as f64);
    let null = Null::of(episodes, join);
    let mut best = (0.0, 0.0);
    for (frequency, power) in periodogram(episodes, slowest, fastest, step) {
        if power / LEAST <= best.1 {
            continue;
        }
        let power = power / null.spectrum(frequency);
        if power > best.1 {
            best = (frequency, power);
        }
    }
    // Independent frequencies: one every 1/span.
    let tried = ((fastest - slowest) * span).max(1.0);
    let chance = (tried * (-best.1).exp()).min(1.0);
    if chance >= ALARM {
        return None;
    }
    let frequency = fundamental(episodes, refine(episodes, best.0, step), slowest);
    Some((1.0 / frequency, chance))
}

fn describe(origin: Stamp, period: f64, chance: f64, episodes: &[Episode]) -> Rhythm {
    let (mut x, mut y) = (0.0, 0.0);
    for episode in episodes {
        let (sin, cos) = (TAU * episode.start / period).sin_cos();
        x += cos;
        y += sin;
    }
    let phase = (y.atan2(x) / TAU).rem_euclid(1.0) * period;
    let mut lengths: Vec<f64> = episodes.iter().map(|episode| episode.end - episode.start).collect();
    lengths.sort_by(f64::total_cmp);
    let seconds = |seconds: f64| Span((seconds * 1e9) as i64);
    Rhythm {
        period: seconds(period),
        lasts: seconds(lengths[lengths.len() / 2]),
        phase: origin + seconds(phase),
        episodes: episodes.len(),
        chance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers by chance (splitmix64).
    struct Chance(u64);

    impl Chance {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn exponential(&mut self, mean: f64) -> f64 {
            -mean * (1.0 - self.unit()).ln()
        }
    }

    fn stamp(seconds: f64) -> Stamp {
        Stamp::new(1_700_000_000, (seconds * 1e9) as i64)
    }

    /// One packet every `every` seconds; those in the first `lasts` of each period are lost, of these `caught` are noticed.
    fn outages(period: f64, lasts: f64, every: f64, until: f64, caught: f64, seed: u64) -> Vec<Stamp> {
        let mut chance = Chance(seed);
        let mut events = Vec::new();
        let mut at = 0.0;
        while at < until {
            at += chance.exponential(every);
            let is_lost = (at + 0.4 * period) % period < lasts;
            if is_lost && chance.unit() < caught {
                events.push(stamp(at));
            }
        }
        events
    }

    #[test]
    fn a_rhythm_is_found_within_five_percent() {
        for (period, lasts, until) in [
            (2.0, 0.3, 60.0),
            (2.0, 0.3, 16.0),
            (0.5, 0.05, 20.0),
            (10.0, 1.0, 300.0),
            (30.0, 0.5, 900.0),
        ] {
            for seed in 0..20 {
                let events = outages(period, lasts, lasts / 10.0, until, 0.8, seed);
                let rhythm =
                    find(&events).unwrap_or_else(|| panic!("{period} s, seed {seed}: {} events", events.len()));
                let error = (rhythm.period.as_secs() / period - 1.0).abs();
                assert!(error < 0.05, "{period} s, seed {seed}: {rhythm:?}");
                assert!(
                    (rhythm.lasts.as_secs() - lasts).abs() < lasts * 0.5,
                    "{period} s, seed {seed}: {rhythm:?}"
                );
            }
        }
    }

    #[test]
    fn a_rhythm_that_often_goes_unnoticed_is_found_all_the_same() {
        let mut found = 0;
        for seed in 0..40 {
            // On average every second outage hits nothing.
            let events = outages(2.0, 0.3, 0.45, 300.0, 1.0, seed);
            if let Some(rhythm) = find(&events) {
                assert!((rhythm.period.as_secs() - 2.0).abs() < 0.1, "seed {seed}: {rhythm:?}");
                found += 1;
            }
        }
        assert!(found >= 30, "{found} of 40");
    }

    #[test]
    fn losses_by_chance_have_no_rhythm() {
        let mut alarms = 0;
        for seed in 0..150 {
            let mut chance = Chance(seed);
            let number = 6 + (chance.unit() * 400.0) as usize;
            let mut at = 0.0;
            let events: Vec<Stamp> = (0..number)
                .map(|_| {
                    at += chance.exponential(0.7);
                    stamp(at)
                })
                .collect();
            alarms += usize::from(find(&events).is_some());
        }
        assert!(alarms <= 1, "{alarms} of 150");
    }

    /// Gilbert and Elliott: good and bad stretches of exponential length, losses mostly in the bad ones.
    #[test]
    fn losses_in_bursts_have_no_rhythm() {
        let mut alarms = 0;
        for seed in 0..150 {
            let mut chance = Chance(seed + 10_000);
            let (good, bad) = (0.5 + chance.unit() * 5.0, 0.05 + chance.unit());
            let (mut at, mut events) = (0.0, Vec::new());
            while at < 200.0 {
                at += chance.exponential(good);
                let end = at + chance.exponential(bad);
                while at < end {
                    events.push(stamp(at));
                    at += chance.exponential(0.02);
                }
            }
            alarms += usize::from(find(&events).is_some());
        }
        assert!(alarms <= 1, "{alarms} of 150");
    }

    #[test]
    fn too_few_events_have_no_rhythm() {
        let even: Vec<Stamp> = (0..5).map(|number| stamp(f64::from(number))).collect();
        assert_eq!(find(&even), None);
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[stamp(1.0); 50]), None);
    }
}
