//! What is said of a lone SYN, said again of another that differs in nothing but address, port, time and number.

use super::{Finding, capture_cut, syn_silent, text};
use crate::base::{Endpoint, Span};
use crate::case::Case;
use crate::flow::Sighting;
use std::ops::RangeInclusive;

/// How the one finding of a lone SYN is put into words, if it has one.
#[derive(Clone, Debug)]
pub struct Wording {
    sentence: Sentence,
    /// Whom the last sentence was about, and what it said of it.
    server: Option<Endpoint>,
    start: Vec<u8>,
    /// For which times the rest of it holds, and that.
    waits: Option<RangeInclusive<Span>>,
    rest: String,
}

#[derive(Clone, Copy, Debug)]
enum Sentence {
    /// There is no finding.
    None,
    /// That of `syn-silent`: where the SYN was lost.
    Silent(&'static str),
    /// That of `capture-cut`: the file is cut.
    TooSoon(bool),
}

impl Wording {
    /// That of `findings`, which are those of `case`; `None` where they have words that may differ in other ways.
    #[must_use]
    pub fn of(case: &Case<'_>, findings: &[Finding]) -> Option<Self> {
        let sentence = match findings {
            [] => Sentence::None,
            [one] if one.meta.id == syn_silent::META.id => Sentence::Silent(text::beyond(case)),
            [one] if one.meta.id == capture_cut::META.id => Sentence::TooSoon(case.context.cut),
            _ => return None,
        };
        Some(Self {
            sentence,
            server: None,
            start: Vec::new(),
            waits: None,
            rest: String::new(),
        })
    }

    /// Makes `findings`, those of a SYN like it, those of the SYN at `at` to `server`, `wait` before the end. Says whether
    /// that took other words: of a flood, thousands of SYNs in a row share theirs.
    pub fn say(&mut self, findings: &mut [Finding], at: Sighting, server: Endpoint, wait: Span) -> bool {
        let is_new = self.is_new(server, wait);
        for finding in findings {
            finding.stamp = at.stamp;
            finding.packets.clear();
            finding.packets.push(at.number());
            if is_new {
                finding.summary.clear();
                finding
                    .summary
                    .push_str(std::str::from_utf8(&self.start).unwrap_or_default());
                finding.summary.push_str(&self.rest);
            }
        }
        is_new
    }

    /// The sentence differs from the last one.
    fn is_new(&mut self, server: Endpoint, wait: Span) -> bool {
        let is_other = self.server != Some(server);
        if is_other {
            self.server = Some(server);
            self.start.clear();
            if matches!(self.sentence, Sentence::Silent(_)) {
                syn_silent::say_start(server, &mut self.start);
            }
        }
        let is_later = !self.waits.as_ref().is_some_and(|waits| waits.contains(&wait));
        if is_later {
            self.waits = Some(text::said_alike(wait));
            let mut rest = Vec::new();
            match self.sentence {
                Sentence::None => {}
                Sentence::Silent(place) => syn_silent::say_rest(wait, place, &mut rest),
                Sentence::TooSoon(cut) => capture_cut::say(wait, cut, &mut rest),
            }
            self.rest = String::from_utf8(rest).unwrap_or_default();
        }
        is_other || is_later
    }
}
