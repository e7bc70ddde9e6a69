//! What is said of a lone SYN, said again of another that differs in nothing but address, port, time and number.

use super::{Finding, capture_cut, syn_silent, text};
use crate::base::{Endpoint, Span};
use crate::case::Case;
use crate::flow::Sighting;

/// How the one finding of a lone SYN is put into words, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Wording(Sentence);

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
        let place = text::beyond(case);
        match findings {
            [] => Some(Self(Sentence::None)),
            [one] if one.meta.id == syn_silent::META.id => Some(Self(Sentence::Silent(place))),
            [one] if one.meta.id == capture_cut::META.id => Some(Self(Sentence::TooSoon(case.context.cut))),
            _ => None,
        }
    }

    /// Makes `findings`, those of a SYN like it, those of the SYN at `at` to `server`, `wait` before the end.
    pub fn say(self, findings: &mut [Finding], at: Sighting, server: Endpoint, wait: Span) {
        for finding in findings {
            finding.stamp = at.stamp;
            finding.packets.clear();
            finding.packets.push(at.number());
            let mut line = std::mem::take(&mut finding.summary).into_bytes();
            line.clear();
            match self.0 {
                Sentence::None => {}
                Sentence::Silent(place) => syn_silent::say_once(server, wait, place, &mut line),
                Sentence::TooSoon(cut) => capture_cut::say(wait, cut, &mut line),
            }
            finding.summary = String::from_utf8(line).unwrap_or_default();
        }
    }
}
