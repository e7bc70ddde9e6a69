//! What happened when: attempts, failed handshakes, resets, losses and round trips in bins of time.

use super::{Failure, Observation};
use crate::base::{Span, Stamp};
use crate::verdict::words::{Ending, Handshake};

/// Bins, at most.
const BINS: i64 = 200;
/// Narrowest bin.
const NARROWEST: i64 = 1_000;

/// What happened in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Connections that began.
    pub attempts: u64,
    /// Of these, the ones whose handshake failed.
    pub failed_handshakes: u64,
    /// Resets that ended a connection, or refused it.
    pub resets: u64,
    /// Segments with data that were lost, each counted when it was sent first, as far as that is known.
    pub losses: u64,
    /// Sum of the round trips of the connections that began, in milliseconds.
    rtt_sum: f64,
    rtts: u32,
}

impl Bin {
    /// Mean round trip of the connections that began, in milliseconds.
    #[must_use]
    pub fn rtt_ms(&self) -> Option<f64> {
        (self.rtts > 0).then(|| self.rtt_sum / f64::from(self.rtts))
    }
}

/// A recording in bins whose width suits its span: 1, 2 or 5 times a power of ten.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Where the first bin begins: a multiple of the width.
    pub start: Stamp,
    /// Width of a bin.
    pub width: Span,
    /// One after the other.
    pub bins: Vec<Bin>,
}

impl Timeline {
    /// For a recording from `first` to `last`.
    #[must_use]
    pub fn new(first: Stamp, last: Stamp) -> Self {
        let length = (last - first).0.max(0);
        let mut width = NARROWEST;
        let mut steps = [2, 5, 10].into_iter().cycle();
        let mut decade = NARROWEST;
        // The start is rounded down: one bin more.
        while length / width + 2 > BINS {
            let step = steps.next().unwrap_or(10);
            width = decade.saturating_mul(step);
            if step == 10 {
                decade = width;
            }
        }
        let start = first.0.div_euclid(width).saturating_mul(width);
        let number = (last.0.max(first.0).saturating_sub(start) / width + 1) as usize;
        Self {
            start: Stamp(start),
            width: Span(width),
            bins: vec![Bin::default(); number],
        }
    }

    /// The bin of a moment; those outside of the recording count to its ends.
    fn at(&mut self, stamp: Stamp) -> Option<&mut Bin> {
        let place = ((stamp - self.start).0 / self.width.0.max(1)).max(0) as usize;
        let last = self.bins.len().checked_sub(1)?;
        self.bins.get_mut(place.min(last))
    }

    /// Takes in a flow.
    pub(super) fn on(&mut self, seen: &Observation<'_>, way: Option<Failure>) {
        let rtt = seen.rtt.map(Span::as_millis);
        let began = !matches!(seen.handshake, Handshake::NotCaptured);
        if let Some(bin) = self.at(seen.start) {
            bin.attempts += u64::from(began);
            bin.failed_handshakes += u64::from(way.is_some_and(Failure::is_opening));
            bin.rtt_sum += rtt.unwrap_or(0.0);
            bin.rtts += u32::from(rtt.is_some());
        }
        let is_reset = matches!(seen.ending, Ending::RstClient | Ending::RstServer | Ending::RstInjected);
        if is_reset || seen.handshake == Handshake::Rst {
            let at = if way.is_some() { seen.failed_at } else { seen.end };
            if let Some(bin) = self.at(at) {
                bin.resets += 1;
            }
        }
        for lost in seen.lost {
            if let Some(bin) = self.at(*lost) {
                bin.losses += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_suits_the_span() {
        for (seconds, width) in [
            (0.0001, 0.000_001),
            (1.0, 0.01),
            (3.0, 0.02),
            (90.0, 0.5),
            (3600.0, 20.0),
            (86_400.0 * 7.0, 5000.0),
        ] {
            let last = Stamp::new(1_700_000_000, 0) + Span((seconds * 1e9) as i64);
            let line = Timeline::new(Stamp::new(1_700_000_000, 0), last);
            assert!(
                (line.width.as_secs() - width).abs() < width / 1e6,
                "{seconds} s: {:?}",
                line.width
            );
            assert!(line.bins.len() <= BINS as usize);
        }
        assert_eq!(Timeline::new(Stamp(5), Stamp(5)).bins.len(), 1);
        assert!(Timeline::new(Stamp(i64::MIN), Stamp(i64::MAX)).bins.len() <= BINS as usize + 1);
    }
}
