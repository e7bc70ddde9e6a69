//! One service: all attempts, those that worked, and how many came in a second.

use super::few::{Few, print_of, print_of_ip};
use super::{Failure, Observation};
use crate::base::{Endpoint, Span, Stamp};
use std::net::IpAddr;

/// Attempts are counted in windows this long.
const WINDOW: Span = Span::from_secs(1);

/// What is known of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    /// Attempts whose outcome is known.
    pub attempts: u64,
    /// Those that worked, well or badly.
    pub ok: u64,
    pub last_ok: Option<Stamp>,
    pub clients: Few<IpAddr>,
    pub names: Few<Box<str>>,
    /// Longest silence after which a connection went on.
    pub survived: Span,
    /// The ways in which it fails, a bit each.
    pub ways: u32,
    pub rate: Rate,
    /// Clients of the last failed attempts.
    tried: [Option<Endpoint>; 8],
    next: u8,
}

impl Service {
    /// The same ports tried again at once, as Windows does after a RST: one attempt, not two.
    pub fn is_retry(&mut self, seen: &Observation<'_>, way: Failure) -> bool {
        if !way.is_opening() {
            return false;
        }
        let is_again = self.tried.contains(&Some(seen.client));
        if !is_again {
            self.tried[usize::from(self.next % 8)] = Some(seen.client);
            self.next = self.next.wrapping_add(1);
        }
        is_again
    }

    /// The attempt worked.
    pub fn on_ok(&mut self, seen: &Observation<'_>) {
        self.ok += 1;
        self.last_ok = self.last_ok.max(Some(seen.start));
        let ip = seen.client.ip;
        self.clients
            .on(print_of_ip(ip), |known| *known == ip, || ip, seen.start);
        if let Some(name) = seen.name {
            self.names
                .on(print_of(name), |known| **known == *name, || name.into(), seen.start);
        }
        self.survived = self.survived.max(seen.idle);
    }

    /// It fails in this way, too.
    pub fn fails(&mut self, way: Failure) {
        self.ways |= 1 << way as u32;
    }
}

/// Attempts in windows of a second: what passes of many, and of few.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    start: Stamp,
    attempts: u32,
    failed: u32,
    /// Windows without a failure, the attempts in them, and the most in one.
    pub clean: u32,
    pub clean_attempts: u64,
    pub clean_most: u32,
    /// Windows with failures, the fewest attempts in one, all attempts in them.
    pub bad: u32,
    pub bad_least: u32,
    pub bad_attempts: u64,
    /// What passed in windows with failures: sum, and sum of squares.
    pub passed: u64,
    pub passed_squares: u64,
    /// Times that a window with failures followed one without.
    pub turns: u32,
    was_clean: bool,
}

impl Rate {
    pub fn on(&mut self, at: Stamp, failed: bool) {
        if at - self.start >= WINDOW {
            self.close();
            self.start = at;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.failed += u32::from(failed);
    }

    /// The window is over.
    pub fn close(&mut self) {
        let (attempts, failed) = (self.attempts, self.failed);
        (self.attempts, self.failed) = (0, 0);
        if attempts == 0 {
            return;
        }
        if failed == 0 {
            self.clean += 1;
            self.clean_attempts += u64::from(attempts);
            self.clean_most = self.clean_most.max(attempts);
            self.was_clean = true;
            return;
        }
        let passed = u64::from(attempts - failed.min(attempts));
        self.bad_least = if self.bad == 0 {
            attempts
        } else {
            self.bad_least.min(attempts)
        };
        self.bad += 1;
        self.bad_attempts += u64::from(attempts);
        self.passed += passed;
        self.passed_squares = self.passed_squares.saturating_add(passed.saturating_mul(passed));
        self.turns += u32::from(self.was_clean);
        self.was_clean = false;
    }

    /// Connections that pass in a second, where all beyond so many fail.
    pub fn limit(&self) -> Option<f64> {
        let windows = f64::from(self.bad);
        if self.bad < 3 {
            return None;
        }
        let mean = self.passed as f64 / windows;
        let variance = (self.passed_squares as f64 / windows - mean * mean).max(0.0);
        let share = mean * windows / self.bad_attempts as f64;
        if mean < 1.0 || share > 0.9 {
            return None;
        }
        // Chance would let a varying number pass: n p (1 - p). A limit lets through the same number every time.
        let by_chance = mean * (1.0 - share);
        let is_steady = self.bad >= 5 && variance <= by_chance * 0.4 && mean >= 2.0;
        // Chance would hit quiet seconds, too.
        let spared = share.powf(self.clean_attempts as f64) < 0.001;
        let parts = self.clean >= 3 && self.turns >= 2 && self.clean_most <= self.bad_least && spared;
        let fits = mean >= f64::from(self.clean_most) * 0.5;
        (fits && (is_steady && self.clean_most <= self.bad_least || parts && variance <= mean * mean * 0.25))
            .then_some(mean)
    }
}
