//! One direction's sequence space: what was sent, what is missing, what came twice, what the peer acknowledged.

mod calm;

use super::facts::{Repeats, SideFacts, Sighting};
use super::holes::Holes;
use super::loss::Resent;
use super::pack::pack_fields;
use super::recovery::Resend;
use crate::base::{Seq, Span, Stamp};
use crate::wire::{Flags, Segment};

/// A jump or an acknowledgment further than this is no hole but a number from another connection (1 GiB, the largest window).
const FARTHEST: i32 = 1 << 30;
/// A hole filled within this time was reordering, at most (SEMANTICS: min(iRTT/2, 10 ms)).
const REORDERING: Span = Span::from_millis(10);
/// Duplicate ACKs after which a sender resends without waiting for its timer (RFC 5681 3.2; two, because a capture misses some).
const FAST_AFTER: u8 = 2;

/// What a segment did to its sender's sequence space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No sequence space used.
    Nothing,
    /// New bytes (and perhaps a hole before them).
    New,
    /// Bytes that were missing.
    Filled,
    /// Bytes that had been seen.
    Again,
    /// A keep-alive or a probe one byte below the next sequence number.
    KeepAlive,
    /// A number that cannot belong to this connection.
    Stray,
}

/// Live state of one sender.
#[derive(Clone, Debug)]
pub struct Sender {
    started: bool,
    /// After the highest byte seen or proven.
    next: Seq,
    /// When that was reached.
    next_at: Stamp,
    /// Highest acknowledgment by the peer.
    acked: Option<Seq>,
    holes: Holes,
    /// A segment being timed: its end and when it was sent. Dropped when anything is resent (Karn).
    timed_end: Seq,
    timed_at: Stamp,
    is_timed: bool,
    /// Duplicate acknowledgments in a row, as far as it matters how many.
    duplicates: u8,
    /// Payload of a SYN: may or may not have been accepted (RFC 7413).
    syn_data: u32,
    /// End of the FIN.
    fin_end: Option<Seq>,
}

impl Sender {
    /// Nothing was heard of it.
    pub const BLANK: Self = Self {
        started: false,
        next: Seq(0),
        next_at: Stamp(0),
        acked: None,
        holes: Holes::NONE,
        timed_end: Seq(0),
        timed_at: Stamp(0),
        is_timed: false,
        duplicates: 0,
        syn_data: 0,
        fin_end: None,
    };

    /// See [`super::Flow::touch`].
    pub fn raw_next(&self) -> u32 {
        self.next.0
    }

    /// After the highest byte seen or proven, once anything is known.
    pub fn next(&self) -> Option<Seq> {
        (self.started || self.acked.is_some()).then_some(self.next)
    }

    /// The peer's highest acknowledgment.
    pub fn acked(&self) -> Option<Seq> {
        self.acked
    }

    /// Bytes sent and not yet acknowledged.
    pub fn unacked(&self) -> u32 {
        if !self.started {
            return 0;
        }
        self.acked
            .map_or(0, |acked| u32::try_from(self.next.since(acked)).unwrap_or(0))
    }

    /// Has this segment's sequence number a place near what this side sent so far? True while nothing is known.
    pub fn fits(&self, seq: Seq) -> bool {
        self.next().is_none_or(|next| seq.since(next).unsigned_abs() < 1 << 20)
    }

    /// Every byte of this segment, and it has some, has passed already.
    pub fn has_all_of(&self, segment: &Segment) -> bool {
        let end = segment
            .seq
            .plus(segment.length.wrapping_add(u32::from(segment.flags.is_fin())));
        self.started
            && end != segment.seq
            && self.next.is_at_least(end)
            && self
                .acked
                .is_some_and(|acked| segment.seq.since(acked).unsigned_abs() < FARTHEST.unsigned_abs())
            && !self.holes.touch(segment.seq, end)
    }

    /// A SYN or SYN-ACK fixes (or, with another number, restarts) the sequence space.
    pub fn on_syn(&mut self, segment: &Segment, facts: &mut SideFacts) {
        let start = segment.seq.plus(1);
        if !self.started || self.next.since(start).unsigned_abs() > 1 << 20 {
            facts.give_up_recovery();
            *self = Self::BLANK;
            self.on_first_syn(segment);
        }
        self.syn_data = segment.length;
    }

    /// Of a blank sender: a SYN or SYN-ACK without payload.
    pub fn on_first_syn(&mut self, segment: &Segment) {
        self.started = true;
        self.next = segment.seq.plus(1);
        self.next_at = segment.stamp;
        self.acked = Some(segment.seq);
    }

    /// Payload or FIN.
    pub fn on_segment(&mut self, segment: &Segment, facts: &mut SideFacts, reordering: Option<Span>) -> Progress {
        let end = segment
            .seq
            .plus(segment.length.wrapping_add(u32::from(segment.flags.is_fin())));
        if !self.started {
            return self.on_first(segment, end, facts);
        }
        let offset = segment.seq.since(self.next);
        let is_empty = end == segment.seq;
        // RFC 9293 3.8.4; Linux also probes a closed window this way.
        if segment.length <= 1 && offset == -1 && !segment.flags.any(Flags::FIN) && self.is_idle_or_probe(segment) {
            return Progress::KeepAlive;
        }
        if offset.unsigned_abs() > FARTHEST.unsigned_abs() {
            // Of several SYN-ACKs with different numbers, the client took another than the last.
            if segment.length == 0 || facts.first_data.is_some() || facts.syn_acks < 2 {
                return Progress::Stray;
            }
            // No data came before, so that none is being repaired.
            *self = Self::BLANK;
            return self.on_first(segment, end, facts);
        }
        if is_empty {
            return Progress::Nothing;
        }
        if segment.flags.is_fin() {
            self.fin_end = Some(end);
        }
        if offset >= 0 {
            self.on_new(segment, end, offset, facts);
            return Progress::New;
        }
        self.on_behind(segment, end, facts, reordering)
    }

    fn is_idle_or_probe(&self, segment: &Segment) -> bool {
        segment.length == 0 || self.unacked() == 0
    }

    fn on_first(&mut self, segment: &Segment, end: Seq, facts: &mut SideFacts) -> Progress {
        self.started = true;
        // What the peer acknowledged before is proven; this packet may lie behind it.
        if self.acked.is_none() || end.is_after(self.next) {
            self.next = end;
            facts.bytes += u64::from(segment.length);
        }
        self.next_at = segment.stamp;
        self.acked.get_or_insert(segment.seq);
        if segment.flags.is_fin() {
            self.fin_end = Some(end);
        }
        if segment.length > 0 {
            self.time(end, segment.stamp);
        }
        if end == segment.seq {
            Progress::Nothing
        } else {
            Progress::New
        }
    }

    fn on_new(&mut self, segment: &Segment, end: Seq, offset: i32, facts: &mut SideFacts) {
        if let Some(troubles) = facts.troubles.get_mut() {
            troubles.deaf_resends = Repeats::default();
        }
        if offset > 0 {
            let (is_first, missing) = (self.holes.is_empty(), self.holes.missing_below(self.next));
            let passed = facts.bytes.saturating_sub(missing);
            self.holes.open(self.next, segment.seq);
            let troubles = facts.troubles.make_mut();
            troubles.holes = troubles.holes.saturating_add(1);
            troubles.note_hole(segment.stamp, passed, is_first);
            facts.bytes += u64::from(offset.unsigned_abs());
        }
        facts.bytes += u64::from(segment.length);
        self.next = end;
        self.next_at = segment.stamp;
        if !self.is_timed && offset == 0 {
            self.time(end, segment.stamp);
        }
    }

    fn on_behind(&mut self, segment: &Segment, end: Seq, facts: &mut SideFacts, rtt: Option<Span>) -> Progress {
        if end.is_after(self.next) {
            facts.bytes += u64::from(end.since(self.next).unsigned_abs());
            let since = segment.stamp - self.next_at;
            self.next = end;
            self.next_at = segment.stamp;
            if since < REORDERING && segment.length == 0 {
                return Progress::New;
            }
        }
        let filled = !self.holes.is_empty() && self.holes.fill(segment.seq, end);
        self.stop_timing();
        let age = segment.stamp - self.next_at;
        let soon = rtt.map_or(REORDERING, |rtt| {
            Span(rtt.0 / 2).min(REORDERING).max(Span::from_millis(1))
        });
        let (min_rtt, bytes) = (facts.min_rtt, facts.bytes);
        let facts = facts.troubles.make_mut();
        if filled && age < soon && self.duplicates <= FAST_AFTER {
            facts.out_of_order = facts.out_of_order.saturating_add(1);
            facts.forget_hole();
            return Progress::Filled;
        }
        if filled {
            facts.refilled = facts.refilled.saturating_add(1);
        } else {
            facts.resent = facts.resent.saturating_add(1);
        }
        if self.acked.is_some_and(|acked| acked.is_at_least(end)) {
            facts.spurious = facts.spurious.saturating_add(u32::from(!filled));
            facts.deaf_resends.on(Sighting::from(segment));
        } else {
            let was_told = self.duplicates >= FAST_AFTER;
            let told = was_told || facts.sacked_beyond;
            let rtt = rtt.or(min_rtt);
            if segment.length > 0 {
                facts.note_loss(&Resent {
                    again: Sighting::from(segment),
                    since: if told { rtt.unwrap_or(Span::ZERO) } else { age },
                    bytes,
                    flight: self.next.since(segment.seq).unsigned_abs(),
                    filled,
                    told,
                    begins: !facts.recovery.is_open(),
                });
            }
            facts.resends.on(Sighting::from(segment));
            facts.smallest_resent = match facts.smallest_resent {
                0 => segment.length,
                old => old.min(segment.length),
            };
            if let (false, Some((tsval, _))) = (filled, segment.options.timestamps) {
                facts.echo_due.get_or_insert((end, tsval));
            }
            facts.fast = facts.fast.saturating_add(u32::from(was_told));
            if segment.length > 0 {
                let resend = Resend {
                    at: segment.stamp,
                    end,
                    next: self.next,
                    gap: age,
                    was_told: told,
                    rtt,
                };
                facts.recovery.on_resend(&resend, &mut facts.losses);
            }
        }
        if filled { Progress::Filled } else { Progress::Again }
    }

    /// The peer acknowledges up to `ack`. Says whether that was new.
    pub fn on_ack(&mut self, segment: &Segment, facts: &mut SideFacts) -> bool {
        let (ack, at) = (segment.ack, Sighting::from(segment));
        let Some(acked) = self.acked else {
            self.acked = Some(ack);
            self.next = if self.started { self.next.later(ack) } else { ack };
            return false;
        };
        let advance = ack.since(acked);
        if advance <= 0 || advance > FARTHEST {
            return false;
        }
        self.on_ack_of_unseen(ack, at, facts);
        self.acked = Some(ack);
        self.duplicates = 0;
        if let Some(troubles) = facts.troubles.get_mut() {
            troubles.recovery.on_ack(ack, at.stamp, &mut troubles.losses);
            troubles.take_echo(segment);
            troubles.resends = Repeats::default();
            troubles.smallest_resent = 0;
            troubles.sacked_beyond = false;
        }
        facts.last_acked = Some(at);
        self.take_time(ack, at, facts);
        self.take_end(ack, at, facts);
        true
    }

    /// Is its FIN acknowledged?
    pub fn take_end(&self, ack: Seq, at: Sighting, facts: &mut SideFacts) {
        if self.fin_end.is_some_and(|end| ack.is_at_least(end)) {
            facts.fin_acked.get_or_insert(at);
        }
    }

    /// Waits for the acknowledgment of a segment that ends at `end`.
    #[inline]
    fn time(&mut self, end: Seq, at: Stamp) {
        (self.is_timed, self.timed_end, self.timed_at) = (true, end, at);
    }

    #[inline]
    fn stop_timing(&mut self) {
        (self.is_timed, self.timed_end, self.timed_at) = (false, Seq(0), Stamp(0));
    }

    /// The round trip of the segment that is being timed.
    #[inline]
    fn take_time(&mut self, ack: Seq, at: Sighting, facts: &mut SideFacts) {
        if self.is_timed && ack.is_at_least(self.timed_end) {
            facts.on_rtt(at.stamp - self.timed_at);
            self.stop_timing();
        }
    }

    /// The peer has bytes that did not pass here: lost by the capture, or on another path.
    fn on_ack_of_unseen(&mut self, ack: Seq, at: Sighting, facts: &mut SideFacts) {
        let unseen = ack.since(self.next);
        if unseen <= 0 {
            return;
        }
        if unseen.unsigned_abs() > self.syn_data {
            self.holes.open(self.next, ack);
        }
        if unseen == 1 && self.syn_data == 0 {
            facts.troubles.make_mut().unseen_fin = true;
        }
        facts.bytes += u64::from(unseen.unsigned_abs());
        self.syn_data = 0;
        self.next = ack;
        self.next_at = at.stamp;
        self.stop_timing();
    }

    /// Payload of the SYN.
    pub fn syn_data(&self) -> u32 {
        self.syn_data
    }

    /// An acknowledgment that acknowledges nothing new although something is outstanding.
    pub fn on_duplicate_ack(&mut self) {
        self.duplicates = self.duplicates.saturating_add(1);
    }

    /// Holes below what the peer has acknowledged: it has them, the capture does not.
    pub fn missed(&self) -> usize {
        self.acked.map_or(0, |acked| self.holes.count_below(acked))
    }

    /// Brings what only the live state knows into the facts.
    pub fn finish(&self, facts: &mut SideFacts) {
        facts.unacked = self.unacked();
        let missed_bytes = self.acked.map_or(0, |acked| self.holes.missing_below(acked));
        if missed_bytes > 0 || !facts.troubles.is_usual() {
            facts.troubles.make_mut().missed_bytes = missed_bytes;
        }
    }
}

pack_fields!(Sender { started next next_at acked holes is_timed timed_end timed_at duplicates syn_data fin_end });
