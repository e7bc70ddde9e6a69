//! One TCP segment as it was heard: header fields, options and what its payload begins with. No addresses but the key.

use super::walk::{Net, Origin};
use super::{Heard, Options, Part, Why, hello};
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
    /// The header's length cannot be true: below five words, or beyond the end of the segment.
    pub bad_offset: bool,
    /// The header's length is below five words.
    pub short_offset: bool,
    /// Its last bytes that Wireshark takes for a frame check sequence, and so for no part of it.
    pub as_fcs: u8,
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

    /// Payload bytes as Wireshark counts them; `None` where the header reaches beyond the end. Too short a header it believes.
    #[must_use]
    pub fn length_in_wireshark(&self) -> Option<u32> {
        let is_whole = !self.bad_offset || self.short_offset;
        self.length.checked_sub(self.as_fcs.into()).filter(|_| is_whole)
    }
}

/// RFC 9293 3.1. Ports, numbers and flags (14 bytes) are enough; all beyond is taken as far as it was captured.
pub(super) fn read(origin: Origin, path: u32, net: &Net, part: Part<'_>) -> Heard {
    if let Some((head, rest)) = part.bytes().split_first_chunk::<20>() {
        return Heard::Segment(read_head(origin, path, net, head, rest, part.wire()));
    }
    match zero_filled(part) {
        Ok(head) => Heard::Segment(Segment {
            header_cut: true,
            ..read_head(origin, path, net, &head, &[], part.wire())
        }),
        Err(why) => Heard::Skipped(why),
    }
}

/// A segment of `wire` bytes by its fixed header and the `rest` of it, as far as captured.
#[expect(
    clippy::inline_always,
    reason = "so that a segment is made where it stays, and is not copied from step to step"
)]
#[inline(always)]
pub(super) fn read_head(origin: Origin, path: u32, net: &Net, head: &[u8; 20], rest: &[u8], wire: usize) -> Segment {
    let (key, dir) = net.pair.key(
        u16::from_be_bytes([head[0], head[1]]),
        u16::from_be_bytes([head[2], head[3]]),
    );
    let header_length = usize::from(head[12] >> 4) * 4;
    let (options, payload) = if header_length == 20 {
        (Options::default(), rest)
    } else {
        let length = header_length.saturating_sub(20).min(rest.len());
        let (all, payload) = rest.split_at_checked(length).unwrap_or_default();
        (Options::read(all, header_length, wire), payload)
    };
    let (kind, name) = if payload.is_empty() {
        (PayloadKind::None, None)
    } else {
        hello::read(payload)
    };
    Segment {
        packet: origin.packet,
        stamp: origin.stamp,
        key,
        dir,
        flags: Flags(u16::from_be_bytes([head[12] & 1, head[13]])),
        seq: Seq(u32::from_be_bytes([head[4], head[5], head[6], head[7]])),
        ack: Seq(u32::from_be_bytes([head[8], head[9], head[10], head[11]])),
        window: u16::from_be_bytes([head[14], head[15]]),
        checksum: u16::from_be_bytes([head[16], head[17]]),
        // Wireshark takes an impossible data offset (below five words) as it stands; so does this.
        length: wire.saturating_sub(header_length) as u32,
        options,
        ttl: net.ttl,
        ip_id: net.ip_id,
        interface: origin.interface,
        path,
        header_cut: rest.len() + 20 < header_length.max(20),
        bad_offset: header_length < 20 || header_length > wire,
        short_offset: header_length < 20,
        as_fcs: 0,
        kind,
        name,
    }
}

/// A header cut after its flags, the rest zero.
#[cold]
fn zero_filled(part: Part<'_>) -> Result<[u8; 20], Why> {
    part.array::<14>(0)?;
    let mut head = [0; 20];
    head.iter_mut().zip(part.bytes()).for_each(|(to, from)| *to = *from);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples;

    fn read_changed(change: impl FnOnce(&mut Vec<u8>)) -> Heard {
        let mut packet = samples::packet_v4();
        change(&mut packet);
        samples::heard(228, &packet)
    }

    fn segment_changed(change: impl FnOnce(&mut Vec<u8>)) -> Segment {
        match read_changed(change) {
            Heard::Segment(segment) => segment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_nine_flags_are_read() {
        let segment = segment_changed(|packet| packet[32..34].copy_from_slice(&[0x8f, 0xff]));
        assert_eq!(segment.flags.0, 0x1ff);
    }

    #[test]
    fn a_syn_and_a_fin_take_a_number_each() {
        let segment = segment_changed(|packet| packet[33] = 0x03);
        assert_eq!(segment.end().0, 1000 + 5 + 2);
    }

    #[test]
    fn a_header_offset_below_five_words_is_taken_as_it_stands() {
        let segment = segment_changed(|packet| packet[32] = 0x30);
        assert_eq!((segment.length, segment.options.damaged), (37 - 12, true));
        assert_eq!(segment.length_in_wireshark(), Some(37 - 12));
    }

    #[test]
    fn a_header_longer_than_the_segment_has_no_payload() {
        let segment = segment_changed(|packet| packet[32] = 0xf0);
        assert_eq!(
            (segment.length, segment.options.damaged, segment.header_cut),
            (0, true, true)
        );
    }

    #[test]
    fn a_packet_that_ends_inside_the_header_is_damaged() {
        let segment = segment_changed(|packet| packet[3] = 20 + 16);
        assert_eq!(
            (segment.length, segment.options.damaged, segment.header_cut),
            (0, true, true)
        );
        let heard = read_changed(|packet| packet[3] = 20 + 13);
        assert!(matches!(heard, Heard::Skipped(Why::Malformed)), "{heard:?}");
    }

    #[test]
    fn the_payload_is_measured_on_the_wire_and_judged_as_captured() {
        let packet = samples::packet_v4();
        let record = samples::record(228, 53, packet.len());
        let Heard::Segment(segment) = crate::wire::decode(&record, &packet[..53]) else {
            panic!()
        };
        assert_eq!(
            (segment.length, segment.kind, segment.header_cut),
            (5, PayloadKind::Other, false)
        );
    }
}
