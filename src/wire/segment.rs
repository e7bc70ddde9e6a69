//! One TCP segment as it was heard: header fields, options and what its payload begins with. No addresses but the key.

use crate::base::{Dir, FlowKey, Seq, Stamp};

/// TCP control bits (RFC 9293 3.1), low byte in header order, AE/NS in bit 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u16 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u16 = 0x02;
    /// Reset the connection.
    pub const RST: u16 = 0x04;
    /// Push.
    pub const PSH: u16 = 0x08;
    /// The acknowledgment field means something.
    pub const ACK: u16 = 0x10;
    /// The urgent pointer means something.
    pub const URG: u16 = 0x20;
    /// ECN echo.
    pub const ECE: u16 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u16 = 0x80;

    /// All of `bits` are set.
    #[must_use]
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }

    /// At least one of `bits` is set.
    #[must_use]
    pub fn any(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    /// SYN without ACK.
    #[must_use]
    pub fn is_syn(self) -> bool {
        self.has(Self::SYN) && !self.any(Self::ACK)
    }

    /// SYN with ACK.
    #[must_use]
    pub fn is_syn_ack(self) -> bool {
        self.has(Self::SYN | Self::ACK)
    }

    /// RST.
    #[must_use]
    pub fn is_rst(self) -> bool {
        self.has(Self::RST)
    }

    /// FIN.
    #[must_use]
    pub fn is_fin(self) -> bool {
        self.has(Self::FIN)
    }

    /// ACK.
    #[must_use]
    pub fn is_ack(self) -> bool {
        self.has(Self::ACK)
    }
}

/// The TCP options that matter to a judgement, as far as they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift (RFC 7323 2), as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// TSval and TSecr (RFC 7323 3).
    pub timestamps: Option<(u32, u32)>,
    /// First SACK block, left and right edge.
    pub sack: Option<(Seq, Seq)>,
    /// Second SACK block.
    pub second_sack: Option<(Seq, Seq)>,
    /// A TCP Fast Open cookie (RFC 7413) is present and not empty.
    pub fast_open_cookie: bool,
    /// Multipath TCP (kind 30) is present.
    pub multipath: bool,
    /// The options were cut by the capture, or contradict themselves.
    pub damaged: bool,
}

/// What a payload begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// No payload, or none captured.
    #[default]
    None,
    /// TLS handshake record with a `ClientHello`.
    TlsClientHello,
    /// TLS handshake record with a `ServerHello` (or a later handshake message).
    TlsServerHello,
    /// TLS alert record in clear text.
    TlsAlert,
    /// TLS application data (or `ChangeCipherSpec`): the handshake is past its first flight.
    TlsData,
    /// An HTTP/1 request line.
    HttpRequest,
    /// An HTTP/1 status line.
    HttpResponse,
    /// Anything else.
    Other,
}

/// A TCP segment, decoded. Everything a tracker may know about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Packet number in the recording.
    pub packet: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// The flow's 4-tuple.
    pub key: FlowKey,
    /// Which way in it.
    pub dir: Dir,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: Seq,
    /// The acknowledgment field, whether or not the ACK flag is set.
    pub ack: Seq,
    /// The window field, raw and unscaled.
    pub window: u16,
    /// The checksum field, as captured: part of what tells a duplicate from a retransmission.
    pub checksum: u16,
    /// Payload bytes on the wire, by the IP header.
    pub length: u32,
    /// TCP options.
    pub options: Options,
    /// TTL or hop limit of the innermost IP header.
    pub ttl: u8,
    /// IP identification; `None` for IPv6.
    pub ip_id: Option<u16>,
    /// Interface index.
    pub interface: u16,
    /// Hash of the VLAN tags and tunnel identifiers around the innermost IP header; 0 for none. The same in both directions
    /// (tunnel end points are not in it, only network identifiers such as VLAN id, VNI, GRE key).
    pub path: u32,
    /// The captured bytes end inside the TCP header (after the flags) or before: fields beyond are zero.
    pub header_cut: bool,
    /// What the payload begins with.
    pub kind: PayloadKind,
    /// TLS server name or HTTP host, lower case, if the payload states one.
    pub name: Option<Box<str>>,
}

impl Segment {
    /// Sequence number after this segment: payload plus one for SYN and one for FIN (RFC 9293 3.4, SEG.LEN).
    #[must_use]
    pub fn end(&self) -> Seq {
        let phantom = u32::from(self.flags.any(Flags::SYN)) + u32::from(self.flags.any(Flags::FIN));
        self.seq.plus(self.length.wrapping_add(phantom))
    }
}
