//! A RST, where it came, and what came after it.

use super::Sighting;
use crate::base::{Dir, Span};
use crate::flow::pack::{pack_fields, pack_words};

/// Where in the flow's life a RST came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetStage {
    /// Before any SYN-ACK.
    Syn,
    /// After a SYN-ACK, before completion.
    Handshake,
    /// Established, no payload in either direction.
    BeforeData,
    /// The client had sent payload, the server none.
    AfterRequest,
    /// The server had sent payload.
    MidTransfer,
    /// After a FIN of its own sender.
    AfterOwnFin,
    /// After a FIN of the other side.
    AfterPeerFin,
    /// After FINs of both.
    AfterBothFins,
}

impl ResetStage {
    const ALL: [Self; 8] = [
        Self::Syn,
        Self::Handshake,
        Self::BeforeData,
        Self::AfterRequest,
        Self::MidTransfer,
        Self::AfterOwnFin,
        Self::AfterPeerFin,
        Self::AfterBothFins,
    ];
}

/// The first valid RST, with everything that tells who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The packet.
    pub at: Sighting,
    /// In whose name it was sent.
    pub from: Dir,
    /// Where in the flow's life.
    pub stage: ResetStage,
    /// With the ACK flag: an application's abort or a closed port; without: a kernel that has no such connection, or a device.
    pub has_ack: bool,
    /// It carries timestamps.
    pub has_timestamps: bool,
    /// Window field, raw.
    pub window: u16,
    /// Payload bytes (some devices write their reason there).
    pub payload: u32,
    /// TTL or hop limit.
    pub ttl: u8,
    /// How far the TTL lies outside of what its sender used before in this flow.
    pub ttl_distance: u8,
    /// Its sender had been heard before in this flow.
    pub ttl_known: bool,
    /// IP identification is zero although the sender's others count.
    pub ip_id_odd: bool,
    /// IP identification continues the sender's numbering.
    pub ip_id_continues: bool,
    /// Since the other side's last packet: a reaction, if short.
    pub since_trigger: Option<Span>,
    /// The other side's last packet: what it may have reacted to.
    pub trigger: Option<Sighting>,
    /// Its sender had been silent for so long.
    pub sender_silent: Span,
    /// The flow had been idle for so long before the packets that it may have reacted to.
    pub idle_before: Span,
    /// Its sequence number is that of an acknowledgment which the other side had sent last (a kernel without a socket answers so).
    pub seq_is_triggers_ack: bool,
    /// Smallest round trip to its sender known before it.
    pub rtt: Option<Span>,
    /// Payload or FIN bytes of its sender that were outstanding.
    pub sender_unacked: u32,
    /// Payload bytes of the other side that were outstanding.
    pub peer_unacked: u32,
    /// The other side sent payload although it had acknowledged the FIN of the RST's sender: that payload was refused.
    pub refuses_late_data: bool,
    /// The flow's last payload before it was its sender's.
    pub sender_spoke_last: bool,
}

/// What came after the first valid RST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AfterReset {
    /// Segments other than RST from the side in whose name it was sent, too late to have been overtaken by it.
    pub sender_went_on: u32,
    /// The first of them.
    pub first: Option<Sighting>,
    /// The other side acknowledged what its "sender" sent after it: the RST ended nothing.
    pub survived: bool,
    /// RSTs from the same side with other sequence numbers, within a millisecond of each other or ahead of any reaction.
    pub guesses: u32,
    /// A RST in the other direction within a millisecond.
    pub both_ways: bool,
}

impl AfterReset {
    pub(super) const NONE: Self = Self {
        sender_went_on: 0,
        first: None,
        survived: false,
        guesses: 0,
        both_ways: false,
    };
}

pack_fields!(Reset { at from stage has_ack has_timestamps window payload ttl ttl_distance ttl_known ip_id_odd ip_id_continues since_trigger trigger sender_silent idle_before seq_is_triggers_ack rtt sender_unacked peer_unacked refuses_late_data sender_spoke_last });
pack_fields!(AfterReset { sender_went_on first survived guesses both_ways });
pack_words!(ResetStage, Self::ALL);
