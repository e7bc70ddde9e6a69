//! How much of a frequency is in the beginnings of episodes, and how much of it chance would put there.

use super::periodic::Episode;
use std::f64::consts::TAU;

/// The spectrum of chance is never taken for less: few episodes cannot tell it apart.
pub(super) const LEAST: f64 = 0.5;
/// Frequencies side by side.
const LANES: usize = 4;

/// [`power`] at all frequencies from `slowest` to `fastest`. Each episode's vector is turned from one to the next.
pub(super) fn periodogram(
    episodes: &[Episode],
    slowest: f64,
    fastest: f64,
    step: f64,
) -> impl Iterator<Item = (f64, f64)> {
    let count = ((fastest - slowest) / step) as usize + 1;
    // Several frequencies side by side, each turning by as many steps: the processor adds them at once.
    let mut sums = vec![([0.0; LANES], [0.0; LANES]); count.div_ceil(LANES)];
    for episode in episodes {
        let angle = |lane: usize| TAU * (slowest + lane as f64 * step) * episode.start;
        let mut x: [f64; LANES] = std::array::from_fn(|lane| angle(lane).cos());
        let mut y: [f64; LANES] = std::array::from_fn(|lane| angle(lane).sin());
        let (sin, cos) = (TAU * LANES as f64 * step * episode.start).sin_cos();
        for (sum_x, sum_y) in &mut sums {
            for lane in 0..LANES {
                sum_x[lane] += x[lane];
                sum_y[lane] += y[lane];
                (x[lane], y[lane]) = (x[lane] * cos - y[lane] * sin, x[lane] * sin + y[lane] * cos);
            }
        }
    }
    let number = episodes.len() as f64;
    let sums = sums.into_iter().flat_map(|(x, y)| x.into_iter().zip(y));
    let powers = sums.map(move |(x, y)| (x * x + y * y) / number);
    powers
        .take(count)
        .enumerate()
        .map(move |(place, power)| (slowest + place as f64 * step, power))
}

/// Rayleigh's power: the square of the sum of unit vectors, over their number. Exponential with mean 1 for points by chance.
fn power(episodes: &[Episode], frequency: f64) -> f64 {
    let (mut x, mut y) = (0.0, 0.0);
    for episode in episodes {
        let (sin, cos) = (TAU * frequency * episode.start).sin_cos();
        x += cos;
        y += sin;
    }
    (x * x + y * y) / episodes.len() as f64
}

/// The top of the peak near `frequency`.
pub(super) fn refine(episodes: &[Episode], frequency: f64, step: f64) -> f64 {
    let (mut at, mut step) = (frequency, step);
    for _ in 0..24 {
        step /= 2.0;
        let around = [at - step, at, at + step];
        at = around
            .into_iter()
            .max_by(|a, b| power(episodes, *a).total_cmp(&power(episodes, *b)))
            .unwrap_or(at);
    }
    at
}

/// Of a rhythm and its harmonics, the slowest.
pub(super) fn fundamental(episodes: &[Episode], frequency: f64, slowest: f64) -> f64 {
    let full = power(episodes, frequency);
    let mut lower = (2..=4).map(|part| frequency / f64::from(part));
    lower
        .rfind(|lower| *lower >= slowest && power(episodes, *lower) >= 0.8 * full)
        .unwrap_or(frequency)
}

/// What chance would do: episodes as long as these, after exponential pauses of at least the join.
pub(super) struct Null {
    lengths: Vec<f64>,
    join: f64,
    mean: f64,
}

impl Null {
    pub(super) fn of(episodes: &[Episode], join: f64) -> Self {
        let pauses = episodes.windows(2).map(|pair| pair[1].start - pair[0].end - join);
        let mean = pauses.sum::<f64>() / (episodes.len() - 1) as f64;
        Self {
            lengths: episodes
                .iter()
                .take(64)
                .map(|episode| episode.end - episode.start)
                .collect(),
            join,
            mean: mean.max(1e-9),
        }
    }

    /// Of a renewal process: the real part of (1 + φ) / (1 - φ), φ being the characteristic function of an interval.
    pub(super) fn spectrum(&self, frequency: f64) -> f64 {
        let omega = TAU * frequency;
        let (mut x, mut y) = (0.0, 0.0);
        for length in &self.lengths {
            let (sin, cos) = (omega * (length + self.join)).sin_cos();
            x += cos;
            y += sin;
        }
        let number = self.lengths.len() as f64;
        let (x, y) = (x / number, y / number);
        // Times 1 / (1 - i ω m), the pause's.
        let (re, im) = (1.0, omega * self.mean);
        let size = re * re + im * im;
        let (x, y) = ((x * re - y * im) / size, (x * im + y * re) / size);
        let size = x * x + y * y;
        let distance = (1.0 - x).powi(2) + y * y;
        ((1.0 - size) / distance.max(1e-9)).max(LEAST)
    }
}
