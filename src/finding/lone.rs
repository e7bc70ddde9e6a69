//! What is said of a lone SYN, said again of another that differs in nothing but address, port, time and number.

use super::{Finding, capture_cut, syn_silent, text};
use crate::base::{Endpoint, Span};
use crate::case::Case;
use crate::flow::Sighting;

/// How the one finding of a lone SYN is put into words, if it has one.
#[derive(Clone, Debug)]
pub struct Wording {
    sentence: Sentence,
    /// Whom the last sentence was about, and how the time in it read.
    said: Option<(Endpoint, Vec<u8>)>,
    /// Room for the time in the next one.
    time: Vec<u8>,
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
            said: None,
            time: Vec::new(),
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
            if !is_new {
                continue;
            }
            let mut line = std::mem::take(&mut finding.summary).into_bytes();
            line.clear();
            match self.sentence {
                Sentence::None => {}
                Sentence::Silent(place) => syn_silent::say_once(server, wait, place, &mut line),
                Sentence::TooSoon(cut) => capture_cut::say(wait, cut, &mut line),
            }
            finding.summary = String::from_utf8(line).unwrap_or_default();
        }
        is_new
    }

    /// The sentence differs from the last one.
    fn is_new(&mut self, server: Endpoint, wait: Span) -> bool {
        self.time.clear();
        text::push_time(wait, &mut self.time);
        match &mut self.said {
            Some((before, time)) if *before == server && *time == self.time => return false,
            Some((before, time)) => {
                *before = server;
                std::mem::swap(time, &mut self.time);
            }
            None => self.said = Some((server, std::mem::take(&mut self.time))),
        }
        true
    }
}
