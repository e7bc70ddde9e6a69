//! Losses of one direction and their repair: how the sender noticed, and how long it took.

use super::facts::SideFacts;
use super::pack::{Pack, Packer, Unpacker, pack_fields};
use crate::base::{Seq, Span, Stamp};

/// The shortest retransmission time-out of common systems (Linux `TCP_RTO_MIN`), and round trips that one takes at least.
const SHORTEST_TIMER: Span = Span::from_millis(200);
const TIMER_TENTHS: i64 = 15;

/// Losses: each from the first segment sent again until all that was outstanding then is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The sender learned it from duplicate acknowledgments or SACK, before any time-out.
    pub fast: u16,
    /// It had sent nothing after the lost segment, so that nothing could tell it.
    pub tail: u16,
    /// It had to wait for its time-out, although it had sent something after the lost segment.
    pub timeout: u16,
    /// No telling: no acknowledgment seen before, and too soon for a time-out.
    pub unclear: u16,
    /// Of all of them, those that were repaired.
    pub recovered: u16,
    /// Repair times together, in microseconds, up to 71 minutes.
    micros: u32,
}

impl Losses {
    pub(super) const NONE: Self = Self {
        fast: 0,
        tail: 0,
        timeout: 0,
        unclear: 0,
        recovered: 0,
        micros: 0,
    };

    /// All of them.
    #[must_use]
    pub fn count(&self) -> u32 {
        [self.fast, self.tail, self.timeout, self.unclear]
            .map(u32::from)
            .iter()
            .sum()
    }

    /// Time from sending again to the acknowledgment at the capture point, on average.
    pub(super) fn mean(&self) -> Option<Span> {
        let mean = i64::from(self.micros).checked_div(self.recovered.into())?;
        Some(Span::from_micros(mean))
    }
}

/// Where segments that were sent again had been lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// They had passed the capture point: between it and the receiver.
    pub behind: u32,
    /// They had not: between the sender and the capture point.
    pub before: u32,
    /// Nowhere: the receiver had them, as its acknowledgment or its duplicate SACK proves.
    pub needless: u32,
}

impl SideFacts {
    /// Where its segments with data were lost that it sent again.
    #[must_use]
    pub fn lost(&self) -> Lost {
        // A FIN that is repeated says nothing of the data.
        let fins = self.fins.saturating_sub(1);
        let behind = self.resent.saturating_sub(fins);
        let needless = self
            .spurious
            .max(self.dsacks.into())
            .max(self.early_echoes.into())
            .min(behind.saturating_add(self.refilled));
        Lost {
            behind: behind.saturating_sub(needless),
            before: self.refilled - needless.saturating_sub(behind),
            needless,
        }
    }
}

impl SideFacts {
    /// Its numbers begin anew: what is being repaired will never be acknowledged.
    pub(super) fn give_up_recovery(&mut self) {
        if let Some(troubles) = self.troubles.get_mut() {
            troubles.recovery = Recovery::NONE;
        }
    }
}

/// What is known when data is sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resend {
    pub at: Stamp,
    /// After its last byte.
    pub end: Seq,
    /// After the highest byte sent.
    pub next: Seq,
    /// Since new data was sent.
    pub gap: Span,
    /// Duplicate acknowledgments or SACK told the sender.
    pub was_told: bool,
    pub rtt: Option<Span>,
}

/// A loss that is being repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    begun: Stamp,
    /// What has to be acknowledged.
    until: Seq,
    is_open: bool,
}

impl Recovery {
    pub(super) const NONE: Self = Self {
        begun: Stamp(0),
        until: Seq(0),
        is_open: false,
    };

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Outstanding data is sent again.
    pub(super) fn on_resend(&mut self, resend: &Resend, losses: &mut Losses) {
        if self.is_open {
            // What was sent during the repair got lost as well.
            if resend.end.is_after(self.until) {
                self.until = resend.next;
            }
            return;
        }
        *self = Self {
            begun: resend.at,
            until: resend.next,
            is_open: true,
        };
        let timer = resend
            .rtt
            .map_or(SHORTEST_TIMER, |rtt| rtt.times_tenths(TIMER_TENTHS).max(SHORTEST_TIMER));
        let count = if resend.was_told && resend.gap < timer {
            &mut losses.fast
        } else if resend.end == resend.next {
            &mut losses.tail
        } else if resend.gap >= timer {
            &mut losses.timeout
        } else {
            &mut losses.unclear
        };
        *count = count.saturating_add(1);
    }

    /// The peer acknowledges up to `ack`.
    pub(super) fn on_ack(&mut self, ack: Seq, at: Stamp, losses: &mut Losses) {
        if !self.is_open || !ack.is_at_least(self.until) {
            return;
        }
        self.is_open = false;
        losses.recovered = losses.recovered.saturating_add(1);
        let took = u32::try_from((at - self.begun).0.max(0) / 1000).unwrap_or(u32::MAX);
        losses.micros = losses.micros.saturating_add(took);
    }
}

impl Pack for Recovery {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.is_open.then_some((self.begun, self.until)).pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let open = Option::<(Stamp, Seq)>::unpack(from);
        open.map_or(Self::NONE, |(begun, until)| Self {
            begun,
            until,
            is_open: true,
        })
    }
}

pack_fields!(Losses { fast tail timeout unclear recovered micros });

#[cfg(test)]
mod tests {
    use crate::base::Seq;
    use crate::flow::facts::SideFacts;
    use crate::flow::sender::Sender;
    use crate::script::Script;
    use crate::wire::Segment;

    #[test]
    fn a_repair_is_given_up_where_the_numbers_begin_anew() {
        let line = |text: &str| -> Segment { Script::parse(text).unwrap().segments().next().unwrap().clone() };
        let (mut sender, mut facts) = (Sender::BLANK, SideFacts::BLANK);
        let (mut syn, data) = (line("0 > S 0:0(0)"), line("0 > P. 1:9(8) ack 1"));
        sender.on_syn(&syn, &mut facts);
        sender.on_segment(&data, &mut facts, None);
        sender.on_segment(&data, &mut facts, None);
        assert!(facts.recovery.is_open());
        syn.seq = Seq(syn.seq.0.wrapping_add(1 << 25));
        sender.on_syn(&syn, &mut facts);
        assert!(!facts.recovery.is_open());
    }
}
