//! Wireshark 4.0.17's TCP analysis: which `tcp.analysis.*` flags it raises.
//!
//! Written from its observed behaviour (SEMANTICS 1.1 to 1.3). Its oddities are kept on purpose: numbers are absolute
//! and 0 means "none seen"; windows are raw; the acknowledgment field counts even without its flag; times are whole
//! nanoseconds and their differences unsigned, so that a clock that ran backwards makes them huge.

use super::mark::{Mark, Marks};
use super::stream::Effect;
use crate::base::Stamp;
use crate::wire::{Flags, Segment};
use std::collections::VecDeque;

/// Without a round trip of the handshake, what comes behind newer bytes sooner than this is called out of order.
const OUT_OF_ORDER: u64 = 3_000_000;
/// What the other side asks for, sent within this time of its request, is called a fast retransmission.
const FAST: u64 = 20_000_000;
/// An acknowledgment of unseen bytes was reported; not again until another number is acknowledged.
const REPORTED: u32 = u32::MAX;

/// Wireshark keeps no more segments of one side that were not acknowledged; behind these it is blind.
const MAX_UNACKED: usize = 10_000;

/// What a sender's windows are multiplied with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scale {
    /// Its SYN was not captured.
    #[default]
    Unknown,
    /// One of the SYNs did not offer it.
    Unused,
    By(u8),
}

/// The ends of segments that were not acknowledged yet, in the order in which they were sent. Often there is but one.
#[derive(Clone, Debug, Default)]
struct Unacked {
    oldest: Option<u32>,
    others: VecDeque<u32>,
}

impl Unacked {
    fn is_full(&self) -> bool {
        self.others.len() + usize::from(self.oldest.is_some()) >= MAX_UNACKED
    }

    fn push(&mut self, end: u32) {
        if self.oldest.is_none() && self.others.is_empty() {
            self.oldest = Some(end);
        } else {
            self.others.push_back(end);
        }
    }

    /// Up to the first that `ack` does not cover.
    fn on_ack(&mut self, ack: u32) {
        if self.oldest.is_some_and(|end| !is_at_most(end, ack)) {
            return;
        }
        self.oldest = None;
        while self.others.front().is_some_and(|&end| is_at_most(end, ack)) {
            self.others.pop_front();
        }
    }
}

/// One side of a stream.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Behind the highest byte that it sent.
    next: u32,
    /// When it sent that byte.
    next_time: Stamp,
    /// Behind its bytes that were captured without a gap.
    contiguous: u32,
    /// Its segments that were not acknowledged yet.
    unacked: Unacked,
    /// Acknowledgment field of its last packet.
    ack: u32,
    /// Time of its last packet.
    time: Stamp,
    /// How often it repeated its acknowledgment, or [`REPORTED`].
    duplicates: u32,
    /// `None` before its first packet.
    window: Option<u16>,
    scale: Scale,
    /// It has acknowledged something since its last SYN: from now on its windows are scaled.
    is_scaled: bool,
    /// Marks of its last packet.
    last: Marks,
}

/// The state of one stream, as Wireshark keeps it.
#[derive(Clone, Debug, Default)]
pub(super) struct Wireshark {
    sides: [Side; 2],
    /// Time of the last SYN; zero where there was none.
    syn: Stamp,
    /// Time from a SYN to the first acknowledgment behind it; zero while not known.
    round_trip: u64,
}

impl Wireshark {
    /// Looks at what most segments need of it.
    pub(super) fn touch(&self) -> u32 {
        self.sides.iter().fold(0, |all, side| all ^ side.next ^ side.ack)
    }

    /// The next segment of this stream, which had this `effect` on it.
    pub(super) fn on_segment(&mut self, segment: &Segment, effect: Effect) -> Marks {
        let from = segment.dir.index();
        let mut marks = Marks::default();
        self.on_effect(from, effect);
        let Some(length) = segment.length_in_wireshark() else {
            self.on_handshake(segment.flags, segment.stamp);
            return marks;
        };
        if matches!(effect, Effect::Restarted | Effect::Rebased) {
            marks.add(Mark::ReusedPorts);
        }
        let [up, down] = &mut self.sides;
        let (own, peer) = if from == 0 { (up, down) } else { (down, up) };
        let phantom = u32::from(segment.flags.any(Flags::SYN | Flags::FIN));
        Step {
            segment,
            length,
            seq: segment.seq.0,
            end: segment.seq.plus(length).plus(phantom).0,
            ack: segment.ack.0,
            own,
            peer,
            round_trip: self.round_trip,
        }
        .run(&mut marks);
        if segment.short_offset {
            // Here Wireshark gives up, before it shows what it thought of the rest.
            return Marks::default();
        }
        self.on_handshake(segment.flags, segment.stamp);
        if segment.header_cut {
            // The same at the missing options.
            return Marks::default();
        }
        self.on_options(segment);
        marks
    }

    /// A header quoted in an ICMP error: not analysed, but not without effect.
    pub(super) fn on_quoted(&mut self, from: usize, flags: Flags, stamp: Stamp, effect: Effect) {
        self.on_effect(from, effect);
        self.on_handshake(flags, stamp);
        if flags.any(Flags::SYN) {
            self.sides[from].is_scaled = false;
        } else if flags.is_ack() {
            self.sides[from].is_scaled = true;
        }
    }

    /// What even a header that is not analysed does to the state.
    fn on_effect(&mut self, from: usize, effect: Effect) {
        match effect {
            Effect::Restarted => *self = Self::default(),
            Effect::SynAgain => self.sides[from].next = self.sides[from].contiguous,
            Effect::None | Effect::Rebased => {}
        }
    }

    /// The time of the handshake.
    fn on_handshake(&mut self, flags: Flags, stamp: Stamp) {
        if flags.is_syn() {
            self.syn = stamp;
        } else if flags.is_ack() && !flags.any(Flags::SYN) && self.round_trip == 0 && self.syn.0 != 0 {
            self.round_trip = elapsed(self.syn, stamp);
        }
    }

    fn on_options(&mut self, segment: &Segment) {
        let from = segment.dir.index();
        if segment.flags.any(Flags::SYN) {
            self.sides[from].is_scaled = false;
            let [own, peer] = [from, 1 - from].map(|side| self.sides[side].scale);
            match segment.options.window_scale {
                _ if segment.flags.is_syn_ack() && peer == Scale::Unused => self.sides[from].scale = peer,
                Some(shift) => self.sides[from].scale = Scale::By(shift.min(14)),
                None if own == Scale::Unknown => self.sides.iter_mut().for_each(|side| side.scale = Scale::Unused),
                None => {}
            }
            return;
        }
        self.sides[from].is_scaled |= segment.flags.is_ack();
        // Whether or not a SYN carries it.
        if let Some(shift) = segment.options.window_scale {
            self.sides[from].scale = Scale::By(shift.min(14));
        }
    }
}

/// One segment while it is judged.
struct Step<'a> {
    segment: &'a Segment,
    length: u32,
    seq: u32,
    /// Behind it: a SYN or a FIN takes one number, both together take one as well.
    end: u32,
    ack: u32,
    own: &'a mut Side,
    peer: &'a mut Side,
    round_trip: u64,
}

impl Step<'_> {
    /// SEMANTICS 1.2, in its order.
    fn run(mut self, marks: &mut Marks) {
        if self.length == 1 && self.seq == self.own.next && self.peer.window == Some(0) {
            marks.add(Mark::ZeroWindowProbe);
        } else {
            self.judge_window_and_place(marks);
            self.judge_empty(marks);
        }
        if self.ack != self.own.ack {
            self.own.duplicates = 0;
        }
        self.judge_acknowledgment(marks);
        self.judge_repetition(marks);
        self.remember(*marks);
    }

    fn is_control(&self) -> bool {
        self.segment.flags.any(Flags::SYN | Flags::FIN | Flags::RST)
    }

    fn judge_window_and_place(&self, marks: &mut Marks) {
        let (segment, own) = (self.segment, &self.own);
        if segment.window == 0 && !self.is_control() {
            marks.add(Mark::ZeroWindow);
        }
        if own.next != 0 && is_after(self.seq, own.next) && !segment.flags.any(Flags::RST) {
            marks.add(Mark::LostSegment);
        }
        if self.length <= 1 && self.seq == own.next.wrapping_sub(1) && !self.is_control() {
            marks.add(Mark::KeepAlive);
        }
        if self.length > 0 && !self.is_control() && self.fills_window() {
            marks.add(Mark::WindowFull);
        }
    }

    fn fills_window(&self) -> bool {
        let shift = match self.peer.scale {
            Scale::Unknown => return false,
            Scale::By(shift) if self.peer.is_scaled => shift,
            Scale::By(_) | Scale::Unused => 0,
        };
        let Some(window) = self.peer.window else { return false };
        let edge = self.peer.ack.wrapping_add(u32::from(window) << shift);
        self.seq.wrapping_add(self.length) == edge
    }

    /// An empty segment that says again what its sender has said before.
    fn judge_empty(&mut self, marks: &mut Marks) {
        let window = self.segment.window;
        let says_the_same = self.length == 0 && self.seq == self.own.next && self.ack == self.own.ack;
        if !says_the_same || self.is_control() {
            return;
        }
        match (window, self.own.window == Some(window)) {
            (0, true) if self.peer.last.has(Mark::ZeroWindowProbe) => marks.add(Mark::ZeroWindowProbeAck),
            (0, _) => {}
            (_, false) => marks.add(Mark::WindowUpdate),
            (_, true) if self.peer.last.has(Mark::KeepAlive) => marks.add(Mark::KeepAliveAck),
            (_, true) => {
                // From REPORTED on it counts from one again.
                self.own.duplicates = self.own.duplicates.wrapping_add(1).max(1);
                marks.add(Mark::DuplicateAck);
                marks.number = self.own.duplicates;
            }
        }
    }

    fn judge_acknowledgment(&mut self, marks: &mut Marks) {
        let peer = &mut *self.peer;
        if !self.segment.flags.is_ack() || peer.contiguous == 0 || !is_after(self.ack, peer.contiguous) {
            return;
        }
        if is_before(peer.contiguous, peer.next) {
            marks.add(Mark::AckLostSegment);
            peer.contiguous = peer.next;
        } else {
            if peer.duplicates == 0 {
                marks.add(Mark::AckLostSegment);
            }
            peer.duplicates = REPORTED;
        }
    }

    /// SEMANTICS 1.3, first hit wins.
    fn judge_repetition(&self, marks: &mut Marks) {
        let (segment, own, peer) = (self.segment, &self.own, &self.peer);
        let phantom = segment.flags.any(Flags::SYN | Flags::FIN);
        if marks.has(Mark::KeepAlive) || (self.length == 0 && !phantom) {
            return;
        }
        // A byte was probed; this is the data behind it.
        let follows_probe = self.length > 1 && self.seq == own.next.wrapping_sub(1);
        let is_behind = own.next != 0 && is_before(self.seq, own.next) && !follows_probe;
        if self.length > 0 && peer.ack != 0 && is_at_most(self.seq.wrapping_add(self.length), peer.ack) {
            marks.add(Mark::SpuriousRetransmission);
            marks.add(Mark::Retransmission);
        } else if !is_behind {
        } else if self.is_fast() {
            marks.add(Mark::FastRetransmission);
            marks.add(Mark::Retransmission);
        } else if self.is_out_of_order() {
            marks.add(Mark::OutOfOrder);
        } else {
            marks.add(Mark::Retransmission);
        }
    }

    fn is_fast(&self) -> bool {
        let peer = &self.peer;
        peer.duplicates >= 2 && peer.ack == self.seq && elapsed(peer.time, self.segment.stamp) < FAST
    }

    fn is_out_of_order(&self) -> bool {
        let limit = if self.round_trip == 0 {
            OUT_OF_ORDER
        } else {
            self.round_trip
        };
        elapsed(self.own.next_time, self.segment.stamp) < limit && self.own.next != self.end
    }

    fn remember(&mut self, marks: Marks) {
        let own = &mut *self.own;
        if (own.next == 0 || is_after(self.end, own.next)) && !marks.has(Mark::ZeroWindowProbe) {
            own.next = self.end;
            own.next_time = self.segment.stamp;
        }
        let is_full = own.unacked.is_full();
        if !is_full && (self.seq == own.contiguous || own.contiguous == 0) {
            own.contiguous = own.next;
        }
        if !is_full && self.end != self.seq {
            own.unacked.push(self.end);
        }
        own.ack = self.ack;
        own.time = self.segment.stamp;
        own.window = Some(self.segment.window);
        own.last = marks;
        self.peer.unacked.on_ack(self.ack);
    }
}

/// `a` comes before `b`. Half the circle away, each of two numbers is both before and after the other.
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn is_after(a: u32, b: u32) -> bool {
    is_before(b, a)
}

fn is_at_most(a: u32, b: u32) -> bool {
    a == b || is_before(a, b)
}

fn elapsed(from: Stamp, to: Stamp) -> u64 {
    to.0.wrapping_sub(from.0) as u64
}
