//! Zeek's words: the state of one end, the `conn_state` of a connection, and its history.

use super::pack::{Kind, Pack, Packer, Unpacker, pack_like_last, pack_words, unpack_like_last};
use crate::base::words;
use std::fmt;

/// What Zeek knows of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Not heard.
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    /// Heard, but never opened.
    Partial,
    Established,
    Closed,
    Reset,
}

impl State {
    /// It has sent a FIN or a RST.
    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }

    fn is_quiet(self) -> bool {
        matches!(self, Self::Inactive | Self::Partial)
    }
}

words! {
    /// Zeek's `conn_state`.
    ConnState {
        S0 "S0" "SYN seen, no answer.",
        S1 "S1" "Established, not closed.",
        Sf "SF" "Established and closed by both sides.",
        Rej "REJ" "The SYN was answered by a RST.",
        S2 "S2" "Established, and only the originator has closed.",
        S3 "S3" "Established, and only the responder has closed.",
        Rsto "RSTO" "Established, and the originator sent a RST.",
        Rstr "RSTR" "The responder sent a RST.",
        RstoS0 "RSTOS0" "The originator sent a SYN and then a RST, and no SYN-ACK was seen.",
        Rstrh "RSTRH" "The responder sent a SYN-ACK and then a RST, and no SYN was seen.",
        Sh "SH" "The originator sent a SYN and then a FIN, and no SYN-ACK was seen.",
        Shr "SHR" "The responder sent a SYN-ACK and then a FIN, and no SYN was seen.",
        Oth "OTH" "No SYN seen: the middle of a connection.",
    }
}

impl ConnState {
    /// SEMANTICS 2.2, first hit. `is_empty`: neither side sent a byte.
    pub(super) fn of(originator: State, responder: State, is_empty: bool, history: &History) -> Self {
        use State::{Closed, Established, Inactive, Reset, SynAckSent, SynSent};
        match (originator, responder) {
            (SynSent | SynAckSent, Reset) => Self::Rej,
            (Reset, Reset) if is_empty => Self::Rej,
            (quiet, Reset) if quiet.is_quiet() => Self::Rstrh,
            (_, Reset) => Self::Rstr,
            (Reset, quiet) if quiet.is_quiet() && history.is_syn_and_rst() => Self::RstoS0,
            (Reset, quiet) if quiet.is_quiet() => Self::Oth,
            (Reset, _) => Self::Rsto,
            (Closed, Closed) => Self::Sf,
            (Closed, quiet) if quiet.is_quiet() => Self::Sh,
            (Closed, _) => Self::S2,
            (quiet, Closed) if quiet.is_quiet() => Self::Shr,
            (_, Closed) => Self::S3,
            (SynSent, Inactive) => Self::S0,
            (Established, Established) => Self::S1,
            _ => Self::Oth,
        }
    }
}

/// Letters that a history holds at most; only a connection with ever new SYNs, FINs or RSTs has more.
const LETTERS: usize = 47;
/// As many as nearly every connection has.
const FEW: usize = 15;

/// Zeek's history: a letter per kind of event, capital for the originator.
#[derive(Clone, PartialEq, Eq)]
pub struct History {
    few: [u8; FEW],
    length: u8,
    /// All letters, where there are more than a few.
    many: Option<Box<[u8; LETTERS]>>,
}

impl Default for History {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl History {
    pub(super) const EMPTY: Self = Self {
        few: [0; FEW],
        length: 0,
        many: None,
    };

    #[inline]
    pub(super) fn push(&mut self, letter: u8) {
        match (&self.many, self.few.get_mut(usize::from(self.length))) {
            (None, Some(free)) => {
                *free = letter;
                self.length += 1;
            }
            _ => self.push_behind(letter),
        }
    }

    /// Where there are more than a few.
    #[inline(never)]
    fn push_behind(&mut self, letter: u8) {
        let place = usize::from(self.length);
        if place == FEW && self.many.is_none() {
            let mut many = Box::new([0; LETTERS]);
            many.iter_mut().zip(self.few).for_each(|(to, from)| *to = from);
            self.many = Some(many);
        }
        let letters = self.many.as_deref_mut().map_or(&mut self.few[..], |many| &mut many[..]);
        if let Some(free) = letters.get_mut(place) {
            *free = letter;
            self.length += 1;
        }
    }

    #[inline]
    pub(super) fn note(&mut self, letter: u8, by_originator: bool) {
        self.push(if by_originator {
            letter
        } else {
            letter.to_ascii_lowercase()
        });
    }

    /// Originator and responder have changed places.
    pub(super) fn flip(&mut self) {
        let old = std::mem::take(self);
        self.push(b'^');
        for letter in old.text().bytes() {
            self.push(if letter.is_ascii_uppercase() {
                letter.to_ascii_lowercase()
            } else {
                letter.to_ascii_uppercase()
            });
        }
    }

    /// The originator sent a SYN and then, with nothing that counts between, a RST.
    fn is_syn_and_rst(&self) -> bool {
        let own = self.text().trim_start_matches('^');
        let behind = own.strip_prefix('S').and_then(|rest| rest.split_once('R'));
        behind.is_some_and(|(between, _)| !between.contains(['H', 'A', 'F', 'G', 'I', 'Q']))
    }

    /// Its letters, which are ASCII.
    #[must_use]
    pub fn letters(&self) -> &[u8] {
        let letters = self.many.as_deref().map_or(&self.few[..], |many| &many[..]);
        letters.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// As Zeek prints it.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.letters()).unwrap_or_default()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(out)
    }
}

pack_words!(
    State,
    [
        Self::Inactive,
        Self::SynSent,
        Self::SynAckSent,
        Self::Partial,
        Self::Established,
        Self::Closed,
        Self::Reset
    ]
);
pack_words!(ConnState, Self::ALL);

impl Pack for History {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.length.pack(to);
        let (start, end) = self.few.split_at(8);
        pack_like_last(Kind::History, start, to);
        pack_like_last(Kind::HistoryEnd, end, to);
        self.many.as_ref().map(|_| Box::<str>::from(self.text())).pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let length = u8::unpack(from);
        let mut few = [0; FEW];
        let (start, end) = few.split_at_mut(8);
        start.copy_from_slice(&unpack_like_last(Kind::History, from));
        end.iter_mut()
            .zip(unpack_like_last(Kind::HistoryEnd, from))
            .for_each(|(to, from)| *to = from);
        let many = Option::<Box<str>>::unpack(from).map(|text| {
            let mut many = Box::new([0; LETTERS]);
            many.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
            many
        });
        Self { few, length, many }
    }
}
