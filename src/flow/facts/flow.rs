//! Everything one flow showed: its two sides, its handshake, its end.

use super::{AfterReset, IcmpFact, Repeats, Reset, SideFacts, Sighting};
use crate::base::{Dir, FlowKey, Rare, Span, Usual};
use crate::flow::pack::pack_fields;
use crate::flow::talk::Talk;
use crate::flow::{ConnState, History};
use std::ops::Deref;

/// The three-way handshake as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct OpeningFacts {
    /// The client's SYNs, copies not counted.
    pub syn: Repeats,
    /// The server's SYN-ACKs that acknowledge the SYN (or whose SYN was not captured), copies not counted.
    pub syn_ack: Repeats,
    /// The segment that completed it: the client's first that acknowledges the server's SYN.
    pub completed: Option<Sighting>,
    /// From the last SYN to the completing ACK.
    pub rtt: Option<Span>,
    /// From the last SYN to the SYN-ACK.
    pub server_rtt: Option<Span>,
    /// What a plain handshake does not show; read as if it stood here.
    pub(in crate::flow) troubles: Rare<OpeningTroubles>,
}

/// What only a handshake shows that took more than its three packets, or not all of which were captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningTroubles {
    /// SYN-ACKs that came after the client's ACK had been seen.
    pub syn_acks_after_ack: u32,
    /// The client's SYN repeated after a SYN-ACK had been seen.
    pub syns_after_syn_ack: u32,
    /// A segment that proves it completed although SYN or SYN-ACK was not captured.
    pub inferred: Option<Sighting>,
    /// A bare ACK (or SYN-ACK) of something that the SYN did not send (RFC 9293 3.5.1, old connection at the peer).
    pub stale_answer: Option<Sighting>,
    /// The SYN carried ECN flags, and the last one did not.
    pub ecn_given_up: bool,
    /// The SYN carried a fast open cookie or data, and the last one did not.
    pub fast_open_given_up: bool,
    /// Linked by 4-tuple and ISN to the flow before, which ended in RST: the same attempt, tried again.
    pub repeats_attempt: bool,
}

impl Usual for OpeningTroubles {
    const USUAL: &'static Self = &Self {
        syn_acks_after_ack: 0,
        syns_after_syn_ack: 0,
        inferred: None,
        stale_answer: None,
        ecn_given_up: false,
        fast_open_given_up: false,
        repeats_attempt: false,
    };
}

impl Deref for OpeningFacts {
    type Target = OpeningTroubles;

    fn deref(&self) -> &OpeningTroubles {
        &self.troubles
    }
}

impl OpeningFacts {
    pub(in crate::flow) const BLANK: Self = Self {
        syn: Repeats::NONE,
        syn_ack: Repeats::NONE,
        completed: None,
        rtt: None,
        server_rtt: None,
        troubles: Rare::USUAL,
    };

    /// A segment proves it completed.
    pub(in crate::flow) fn infer(&mut self, at: Sighting) {
        self.troubles.make_mut().inferred.get_or_insert(at);
    }
}

/// Everything one flow showed. What most segments change stands together.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct FlowFacts {
    /// Last packet.
    pub last: Sighting,
    /// Longest time without a packet.
    pub max_silence: Span,
    /// What an undisturbed flow does not show; read as if it stood here.
    pub(in crate::flow) troubles: Rare<FlowTroubles>,
    /// New data or acknowledgments passed after the last ICMP error.
    pub progress_after_icmp: bool,
    /// Only packets with impossible flags (none, FIN+PSH+URG, SYN+FIN …).
    pub only_odd_flags: bool,
    /// Headers were cut by the snaplen.
    pub header_cut: bool,
    /// A limit was reached in this flow; details were given up.
    pub limited: bool,
    /// Direction in which the client sends.
    pub client: Dir,
    /// A SYN or SYN-ACK says so.
    pub roles_seen: bool,
    /// Zeek's state of the connection, in the first of its records.
    pub conn_state: ConnState,
    /// Whom Zeek takes for the originator; nobody where it would have written more than one record.
    pub originator: Option<Dir>,
    /// What each side sent, by [`Dir::index`].
    pub sides: [SideFacts; 2],
    /// What the first payload bytes say, where they say anything.
    pub talk: Option<Box<Talk>>,
    /// The handshake.
    pub opening: OpeningFacts,
    /// Name that the client asked for.
    pub name: Option<Box<str>>,
    /// First packet.
    pub first: Sighting,
    /// Packet that started the stream which Wireshark counts this flow to.
    pub stream_start: u64,
    /// Zeek's history, in the first of its records.
    pub history: History,
    /// The 4-tuple.
    pub key: FlowKey,
    /// Interface of the first packet.
    pub interface: u16,
    /// Capture (index) of the first packet.
    pub capture: u16,
}

/// What only a flow shows that was reset, rejected or replaced.
#[derive(Clone, Debug)]
pub struct FlowTroubles {
    /// The first valid RST.
    pub reset: Option<Reset>,
    /// RSTs that no receiver would have accepted, and the first of them.
    pub invalid_resets: Repeats,
    /// What came after the RST.
    pub after_reset: AfterReset,
    /// The first ICMP error that can end a connection.
    pub icmp: Option<IcmpFact>,
    /// Such errors.
    pub icmp_errors: u32,
    /// The first "fragmentation needed" or "packet too big".
    pub too_big: Option<IcmpFact>,
    /// A new SYN took the ports while this flow was open.
    pub superseded: Option<Sighting>,
}

impl Usual for FlowTroubles {
    const USUAL: &'static Self = &Self {
        reset: None,
        invalid_resets: Repeats::NONE,
        after_reset: AfterReset::NONE,
        icmp: None,
        icmp_errors: 0,
        too_big: None,
        superseded: None,
    };
}

impl Deref for FlowFacts {
    type Target = FlowTroubles;

    fn deref(&self) -> &FlowTroubles {
        &self.troubles
    }
}

impl FlowFacts {
    /// The client's side.
    #[must_use]
    pub fn client(&self) -> &SideFacts {
        &self.sides[self.client.index()]
    }

    /// The server's side.
    #[must_use]
    pub fn server(&self) -> &SideFacts {
        &self.sides[self.client.flip().index()]
    }

    /// The handshake completed, as seen or as inferred, or lies before the capture.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.opening.completed.is_some() || self.opening.inferred.is_some() || self.is_mid_stream()
    }

    /// No SYN and no SYN-ACK was captured.
    #[must_use]
    pub fn is_mid_stream(&self) -> bool {
        self.opening.syn.count == 0 && self.opening.syn_ack.count == 0 && self.opening.stale_answer.is_none()
    }
}

pack_fields!(FlowFacts { key client roles_seen interface capture first last stream_start sides opening progress_after_icmp only_odd_flags max_silence header_cut limited name talk conn_state originator history troubles });
pack_fields!(FlowTroubles { reset invalid_resets after_reset icmp icmp_errors too_big superseded });
