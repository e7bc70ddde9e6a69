//! What one flow showed: plain values, filled by the tracker, read by findings and verdicts. No opinions in here.

use super::loss::LossPoint;
use super::pack::{Pack, Packer, Unpacker, pack_fields};
use super::recovery::{Losses, Recovery};
use super::rtt::Rtts;
use crate::base::{Rare, Seq, Span, Stamp, Usual};
use crate::wire::PayloadKind;
use std::ops::Deref;

mod flow;
mod icmp;
mod repeats;
mod reset;
mod sighting;

pub use flow::{FlowFacts, FlowTroubles, OpeningFacts, OpeningTroubles};
pub use icmp::{IcmpFact, IcmpMeaning};
pub use repeats::Repeats;
pub use reset::{AfterReset, Reset, ResetStage};
pub use sighting::Sighting;

/// The payload kinds that one side was seen to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    pub(super) fn add(&mut self, kind: PayloadKind) {
        self.0 |= 1 << kind as u16;
    }

    /// Was `kind` among them?
    #[must_use]
    pub fn has(self, kind: PayloadKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}

/// Time to live (hop limit) of one sender's packets, resets and copies not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ttl {
    /// Of its first packet; 0 before that.
    pub first: u8,
    /// Smallest.
    pub min: u8,
    /// Largest.
    pub max: u8,
}

impl Ttl {
    /// Values up to this are set by hand: traceroute, routing protocols.
    const BY_HAND: u8 = 32;
    /// Paths of one system differ by so many hops.
    const PATHS: u8 = 2;

    /// The value that `ttl` started with, if it is one of the usual.
    fn start(ttl: u8) -> u8 {
        [64, 128].into_iter().find(|start| ttl <= *start).unwrap_or(255)
    }

    /// `other` started with another value than one of these: another system, or another kind of packet.
    #[must_use]
    pub fn has_other_start(&self, other: u8) -> bool {
        self.has_other(other, |_, _| true)
    }

    /// It came another way, too: certainly another system.
    #[must_use]
    pub fn has_other_system(&self, other: u8) -> bool {
        let hops = |ttl: u8| Self::start(ttl) - ttl;
        self.has_other(other, |own, other| hops(own).abs_diff(hops(other)) > Self::PATHS)
    }

    fn has_other(self, other: u8, is_far: impl Fn(u8, u8) -> bool) -> bool {
        let is_foreign =
            |own: &u8| *own > Self::BY_HAND && Self::start(*own) != Self::start(other) && is_far(*own, other);
        other > Self::BY_HAND && self.first != 0 && [self.min, self.max].iter().any(is_foreign)
    }

    pub(crate) fn on(&mut self, ttl: u8) {
        // Both at once.
        if u16::from_le_bytes([self.min, self.max]) == u16::from(ttl) * 0x0101 {
            return;
        }
        if self.first == 0 {
            *self = Self {
                first: ttl,
                min: ttl,
                max: ttl,
            };
        }
        self.min = self.min.min(ttl);
        self.max = self.max.max(ttl);
    }

    /// How far `ttl` lies outside of what this sender used; 0 inside, and 0 while nothing is known.
    #[must_use]
    pub fn distance(&self, ttl: u8) -> u8 {
        if self.first == 0 {
            0
        } else {
            self.min.saturating_sub(ttl).max(ttl.saturating_sub(self.max))
        }
    }
}

/// How one sender numbers its IP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpIds {
    /// Of the last packet that was neither SYN-ACK nor RST.
    pub last: Option<u16>,
    /// How often two packets in a row differed.
    pub changes: u32,
}

impl IpIds {
    pub(super) fn on(&mut self, id: Option<u16>) {
        if let Some(id) = id {
            self.changes += u32::from(self.last.is_some_and(|last| last != id));
            self.last = Some(id);
        }
    }
}

/// One sender's side of a flow. Most segments change a few fields of their sender, and acknowledgments a few of the other
/// side: these stand together, so that they lie in few lines of memory.
#[repr(C)]
#[derive(Clone, Debug, PartialEq)]
pub struct SideFacts {
    /// Packets, copies included.
    pub packets: u64,
    /// Segments with payload, copies not counted.
    pub data_segments: u64,
    /// Payload bytes captured or proven by sequence numbers.
    pub bytes: u64,
    /// Its last packet that was no RST.
    pub last: Option<Sighting>,
    /// Its last segment with payload that was not sent before.
    pub last_data: Option<Sighting>,
    /// IP identification.
    pub ip_ids: IpIds,
    /// What its payloads began with.
    pub kinds: Kinds,
    /// TTLs.
    pub ttl: Ttl,
    /// It offered timestamps in its SYN or uses them.
    pub timestamps: bool,
    /// Window scale offered in SYN or SYN-ACK.
    pub window_scale: Option<u8>,
    /// What a healthy side does not show; read as if it stood here.
    pub(super) troubles: Rare<SideTroubles>,
    /// When the peer last acknowledged something new of this side.
    pub last_acked: Option<Sighting>,
    /// Smallest unambiguous time from a segment of this side to the peer's acknowledgment of it, at the capture point.
    pub min_rtt: Option<Span>,
    /// All such times.
    pub rtts: Rtts,
    /// Its first packet (copies not counted).
    pub first: Option<Sighting>,
    /// Its first segment with payload.
    pub first_data: Option<Sighting>,
    /// Its first FIN.
    pub fin: Option<Sighting>,
    /// The peer's first acknowledgment of that FIN.
    pub fin_acked: Option<Sighting>,
    /// How often the FIN was sent, copies not counted.
    pub fins: u32,
    /// Payload or FIN bytes sent and not acknowledged at the end.
    pub unacked: u32,
    /// Copies among the packets: the same packet captured again.
    pub copies: u64,
    /// SYNs without ACK, copies included.
    pub syns: u32,
    /// SYN-ACKs, copies included.
    pub syn_acks: u32,
    /// Its SYN's or SYN-ACK's sequence number.
    pub isn: Option<Seq>,
    /// Duplicate acknowledgments that this side sent.
    pub duplicate_acks: u32,
    /// Maximum segment size offered.
    pub mss: Option<u16>,
}

/// What only a side shows that lost, repeated, reset or stopped something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideTroubles {
    /// Segments whose bytes had passed the capture point before: lost behind it, or resent needlessly.
    pub resent: u32,
    /// Segments that filled a hole later than reordering explains: lost before the capture point.
    pub refilled: u32,
    /// Of `resent` and `refilled`: sent right after duplicate ACKs, before any time-out.
    pub fast: u32,
    /// Of `resent`: the peer had acknowledged these bytes already.
    pub spurious: u32,
    /// Segments that filled a hole so soon that only their order had changed.
    pub out_of_order: u32,
    /// Holes in this side's sequence numbers when a later segment passed.
    pub holes: u32,
    /// Bytes that the peer acknowledged and the capture never saw.
    pub missed_bytes: u64,
    /// Times that this side's window closed.
    pub zero_windows: u32,
    /// Keep-alives that this side sent.
    pub keep_alives: u32,
    /// The peer acknowledged exactly one byte more than was seen: a FIN that was not captured.
    pub unseen_fin: bool,
    /// Its first RST, valid or not.
    pub first_rst: Option<Sighting>,
    /// RSTs, copies not counted.
    pub rsts: u32,
    /// Segments sent again since the peer's last new acknowledgment.
    pub resends: Repeats,
    /// Segments sent again although the peer had acknowledged them, since this side's last new data: the
    /// acknowledgments do not reach it.
    pub deaf_resends: Repeats,
    /// Smallest payload among the segments resent since the last new acknowledgment.
    pub smallest_resent: u32,
    /// The peer acknowledged (by SACK) something sent after what it lacks.
    pub sacked_beyond: bool,
    /// Its last advertised window is zero.
    pub window_is_zero: bool,
    /// When its window closed for the last time, if it is still closed.
    pub window_closed: Option<Sighting>,
    /// Longest time that its window stayed closed.
    pub longest_zero_window: Span,
    /// Segments with new data, probes or keep-alives that it received while its window was closed.
    pub probes_received: u32,
    /// Keep-alives in a row that the peer has not answered.
    pub unanswered_keep_alives: Repeats,
    /// Losses of its data, and their repair.
    pub losses: Losses,
    /// Duplicate SACKs (RFC 2883) of its data: the peer had these bytes already when they came again.
    pub dsacks: u16,
    /// Segments sent again whose first copy had arrived: the acknowledgment echoes that one's time stamp (RFC 3522).
    pub early_echoes: u16,
    /// The end of a segment sent again, and its time stamp, until it is acknowledged.
    pub(super) echo_due: Option<(Seq, u32)>,
    /// When lost data had been sent, as far as that is known: the first loss after each acknowledgment of something new.
    pub lost_at: Vec<Stamp>,
    /// The losses that something told the sender of, or whose place was seen empty: the first [`crate::base::limits::MAX_LOSS_POINTS`].
    pub loss_points: Vec<LossPoint>,
    /// When the first of the parts that are missing now was jumped over.
    pub(super) hole_at: Option<Stamp>,
    /// A loss that is being repaired.
    pub(super) recovery: Recovery,
}

impl Usual for SideTroubles {
    const USUAL: &'static Self = &Self {
        resent: 0,
        refilled: 0,
        fast: 0,
        spurious: 0,
        out_of_order: 0,
        holes: 0,
        missed_bytes: 0,
        zero_windows: 0,
        keep_alives: 0,
        unseen_fin: false,
        first_rst: None,
        rsts: 0,
        resends: Repeats::NONE,
        deaf_resends: Repeats::NONE,
        smallest_resent: 0,
        sacked_beyond: false,
        window_is_zero: false,
        window_closed: None,
        longest_zero_window: Span::ZERO,
        probes_received: 0,
        unanswered_keep_alives: Repeats::NONE,
        losses: Losses::NONE,
        dsacks: 0,
        early_echoes: 0,
        echo_due: None,
        lost_at: Vec::new(),
        loss_points: Vec::new(),
        hole_at: None,
        recovery: Recovery::NONE,
    };
}

impl Deref for SideFacts {
    type Target = SideTroubles;

    fn deref(&self) -> &SideTroubles {
        &self.troubles
    }
}

impl SideFacts {
    pub(super) const BLANK: Self = Self {
        packets: 0,
        copies: 0,
        syns: 0,
        syn_acks: 0,
        data_segments: 0,
        bytes: 0,
        duplicate_acks: 0,
        isn: None,
        first: None,
        last: None,
        first_data: None,
        last_data: None,
        fin: None,
        fin_acked: None,
        fins: 0,
        unacked: 0,
        last_acked: None,
        min_rtt: None,
        rtts: Rtts::NONE,
        ttl: Ttl {
            first: 0,
            min: 0,
            max: 0,
        },
        ip_ids: IpIds { last: None, changes: 0 },
        kinds: Kinds(0),
        timestamps: false,
        window_scale: None,
        mss: None,
        troubles: Rare::USUAL,
    };

    /// It has sent a FIN, captured or not.
    #[must_use]
    pub fn has_closed(&self) -> bool {
        self.fin.is_some() || self.unseen_fin
    }

    /// All segments sent again.
    #[must_use]
    pub fn retransmissions(&self) -> u32 {
        self.resent.saturating_add(self.refilled)
    }
}

pack_fields!(IpIds { last changes });
pack_fields!(SideFacts { packets copies syns syn_acks data_segments bytes duplicate_acks isn first last first_data last_data fin fin_acked fins unacked last_acked min_rtt rtts ttl ip_ids kinds timestamps window_scale mss troubles });
pack_fields!(SideTroubles { resent refilled fast spurious out_of_order holes missed_bytes zero_windows keep_alives unseen_fin first_rst rsts resends deaf_resends smallest_resent sacked_beyond window_is_zero window_closed longest_zero_window probes_received unanswered_keep_alives losses dsacks early_echoes echo_due lost_at loss_points hole_at recovery });
pack_fields!(OpeningFacts { syn syn_ack completed rtt server_rtt troubles });
pack_fields!(OpeningTroubles { syn_acks_after_ack syns_after_syn_ack inferred stale_answer ecn_given_up fast_open_given_up repeats_attempt });

/// All three are the same for most senders.
impl Pack for Ttl {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.first.pack(to);
        (self.min ^ self.first).pack(to);
        (self.max ^ self.first).pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let first = u8::unpack(from);
        Self {
            first,
            min: first ^ u8::unpack(from),
            max: first ^ u8::unpack(from),
        }
    }
}

impl Pack for Kinds {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.0.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(u16::unpack(from))
    }
}
