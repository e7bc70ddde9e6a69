//! One TCP segment as it was heard: header fields, options and what its payload begins with. No addresses but the key.

use super::walk::{Net, Origin};
use super::{Heard, Options, Part, Place, Places, Why, hello};
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
    /// An HTTP/1 status line with 500 or more.
    HttpError,
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
    /// To be filled.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            packet: 0,
            stamp: Stamp(0),
            key: FlowKey::V4([0; 4], [0; 4], 0, 0),
            dir: Dir::Up,
            flags: Flags(0),
            seq: Seq(0),
            ack: Seq(0),
            window: 0,
            checksum: 0,
            length: 0,
            options: Options::default(),
            ttl: 0,
            ip_id: None,
            interface: 0,
            path: 0,
            header_cut: false,
            bad_offset: false,
            short_offset: false,
            as_fcs: 0,
            kind: PayloadKind::None,
            name: None,
        }
    }

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
    let mut segment = Segment::blank();
    let length = part.wire();
    if let Some((head, rest)) = part.bytes().split_first_chunk::<20>() {
        read_into(&mut segment, || origin, path, net, &Tcp { head, rest, length });
        return Heard::Segment(segment);
    }
    match zero_filled(part) {
        Ok(head) => {
            let tcp = Tcp {
                head: &head,
                rest: &[],
                length,
            };
            read_into(&mut segment, || origin, path, net, &tcp);
            segment.header_cut = true;
            Heard::Segment(segment)
        }
        Err(why) => Heard::Skipped(why),
    }
}

/// The bytes of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp<'a> {
    /// The fixed part of its header.
    pub(super) head: &'a [u8; 20],
    /// What follows, as far as captured.
    pub(super) rest: &'a [u8],
    /// How long it was on the wire, all in all.
    pub(super) length: usize,
}

/// Reads a segment into the `place` for its flow, of which nothing stays. Gives it and its payload, as far as captured.
#[expect(
    clippy::inline_always,
    reason = "so that a segment is made where it stays, and is not copied from step to step"
)]
#[inline(always)]
pub(super) fn read_into<'a, P: Places>(
    places: P,
    origin: impl FnOnce() -> Origin,
    path: u32,
    net: &Net,
    tcp: &Tcp<'a>,
) -> (P::Place, &'a [u8]) {
    let Tcp { head, rest, length } = *tcp;
    let (key, dir) = net.pair.key(
        u16::from_be_bytes([head[0], head[1]]),
        u16::from_be_bytes([head[2], head[3]]),
    );
    let mut place = places.place(&key);
    let segment = place.segment();
    let origin = origin();
    segment.packet = origin.packet;
    segment.stamp = origin.stamp;
    segment.key = key;
    segment.dir = dir;
    let offset_and_flags = u16::from_be_bytes([head[12], head[13]]);
    segment.flags = Flags(offset_and_flags & 0x1ff);
    segment.seq = Seq(u32::from_be_bytes([head[4], head[5], head[6], head[7]]));
    segment.ack = Seq(u32::from_be_bytes([head[8], head[9], head[10], head[11]]));
    segment.window = u16::from_be_bytes([head[14], head[15]]);
    segment.checksum = u16::from_be_bytes([head[16], head[17]]);
    segment.ttl = net.ttl;
    segment.ip_id = net.ip_id;
    segment.interface = origin.interface;
    segment.path = path;
    segment.as_fcs = 0;
    let header_length = usize::from(offset_and_flags >> 12) * 4;
    // Wireshark takes an impossible data offset (below five words) as it stands; so does this.
    segment.length = length.saturating_sub(header_length) as u32;
    segment.header_cut = false;
    segment.bad_offset = false;
    segment.short_offset = false;
    let payload = if header_length == 20 {
        segment.options = Options::default();
        rest
    } else if let Some((options, payload)) = Options::find_usual(header_length, rest) {
        segment.options = options;
        payload
    } else {
        read_options(segment, header_length, rest, length)
    };
    segment.kind = hello::kind_of(payload);
    // Most have none, and had none.
    if hello::may_have_name(segment.kind) || segment.name.is_some() {
        segment.name = hello::name_in(segment.kind, payload);
    }
    (place, payload)
}

/// The options of a header that claims `header_length` bytes, and the payload behind it.
#[inline(never)]
fn read_options<'a>(segment: &mut Segment, header_length: usize, rest: &'a [u8], length: usize) -> &'a [u8] {
    segment.header_cut = rest.len() + 20 < header_length;
    segment.bad_offset = header_length < 20 || header_length > length;
    segment.short_offset = header_length < 20;
    let end = header_length.saturating_sub(20).min(rest.len());
    let (all, payload) = rest.split_at_checked(end).unwrap_or_default();
    segment.options.read(all, header_length, length);
    payload
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
