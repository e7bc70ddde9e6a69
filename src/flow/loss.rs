//! The losses of one direction as points in time and bytes: a sender that is cut off above a rate loses on a straight line.

use super::facts::{SideTroubles, Sighting};
use super::pack::pack_fields;
use crate::base::{Seq, Span, Stamp, limits};
use crate::wire::Segment;

/// A loss, as a point in time and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossPoint {
    /// When the lost segment had been sent: exactly, where its place was seen to be empty at the capture point; else a round
    /// trip before it was sent again.
    pub at: Stamp,
    /// Payload bytes of its sender that had passed before, each counted once.
    pub passed: u64,
    /// When it was sent again, for the first of several losses that are repaired together.
    pub again: Option<Sighting>,
    /// Bytes sent from the lost segment on until then.
    pub flight: u32,
    /// The receiver had told what it lacks: else the sender waited for its timer, and the time says nothing of its rate.
    pub told: bool,
}

impl LossPoint {
    /// How long it took until the lost segment was sent again, where the receiver had told.
    #[must_use]
    pub fn repair(&self) -> Option<Span> {
        let again = self.again.filter(|_| self.told)?;
        Some(again.stamp - self.at).filter(|span| span.0 > 0)
    }
}

/// What is known when lost data is sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resent {
    pub again: Sighting,
    /// How long ago it had been sent, as far as that is known: a round trip, if the receiver told; else since nothing more
    /// was sent.
    pub since: Span,
    /// Payload bytes of its sender up to now, each counted once.
    pub bytes: u64,
    /// Bytes from it to the highest one sent.
    pub flight: u32,
    /// It had not passed the capture point before.
    pub filled: bool,
    /// The receiver had told what it lacks.
    pub told: bool,
    /// Nothing was being repaired.
    pub begins: bool,
}

impl SideTroubles {
    /// Lost data is sent again. For those who look for a rhythm, the first time since the peer's last new acknowledgment.
    pub(super) fn note_loss(&mut self, resent: &Resent) {
        let sent = resent.again.stamp + Span(resent.since.0.saturating_neg());
        if self.resends.count == 0 && self.lost_at.len() < limits::MAX_LOSS_TIMES {
            self.lost_at.push(sent);
        }
        if resent.begins {
            self.note_loss_point(resent, sent);
        }
    }

    /// Something is missing after `passed` bytes; `is_first`: and nothing was before.
    pub(super) fn note_hole(&mut self, at: Stamp, passed: u64, is_first: bool) {
        if is_first || self.hole_at.is_none() {
            self.hole_at = Some(at);
        }
        self.push_loss_point(LossPoint {
            at,
            passed,
            again: None,
            flight: 0,
            told: false,
        });
    }

    /// What seemed to be missing had only been overtaken.
    pub(super) fn forget_hole(&mut self) {
        if self.loss_points.last().is_some_and(|point| point.again.is_none()) {
            self.loss_points.pop();
        }
    }

    fn note_loss_point(&mut self, resent: &Resent, sent: Stamp) {
        let Resent { flight, told, .. } = *resent;
        let again = Some(resent.again);
        if resent.filled {
            let hole = self.hole_at;
            let point = self.loss_points.iter_mut().rev().find(|point| Some(point.at) == hole);
            if let Some(point) = point.filter(|point| point.again.is_none()) {
                (point.again, point.flight, point.told) = (again, flight, told);
            }
        } else if told {
            self.push_loss_point(LossPoint {
                at: sent,
                passed: resent.bytes.saturating_sub(flight.into()),
                again,
                flight,
                told,
            });
        }
    }

    fn push_loss_point(&mut self, point: LossPoint) {
        if self.loss_points.len() < limits::MAX_LOSS_POINTS {
            self.loss_points.push(point);
        }
    }

    /// RFC 3522: an acknowledgment of a segment sent again that echoes an older time stamp was caused by its first copy.
    pub(super) fn take_echo(&mut self, segment: &Segment) {
        let Some((_, sent)) = self.echo_due.filter(|(end, _)| segment.ack.is_at_least(*end)) else {
            return;
        };
        self.echo_due = None;
        let echo = segment.options.timestamps.map(|(_, tsecr)| Seq(tsecr));
        let is_early = echo.is_some_and(|echo| echo.is_before(Seq(sent)));
        self.early_echoes = self.early_echoes.saturating_add(is_early.into());
    }
}

pack_fields!(LossPoint { at passed again flight told });
