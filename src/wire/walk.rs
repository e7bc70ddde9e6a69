//! The way from the outermost header to the innermost: one step per header, never recursive, bounded by the packet.

use super::{
    DnsMessage, Fragment, Heard, Neighbor, Part, Places, Why, ether, icmp, inside, ip, link, segment, tunnel, wifi,
};
use crate::base::{Dir, FlowKey, Stamp, limits};
use crate::capture::{LinkType, Record};
use std::net::IpAddr;

/// What every result says about the record it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Number of the record.
    pub(super) packet: u64,
    /// Capture time.
    pub(super) stamp: Stamp,
    /// Interface index.
    pub(super) interface: u16,
}

impl From<&Record> for Origin {
    fn from(record: &Record) -> Self {
        Self {
            packet: record.number,
            stamp: record.stamp,
            interface: record.interface,
        }
    }
}

/// Source and target of an IP header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

impl Pair {
    /// The two addresses; `None` where they are of different families.
    pub(super) fn between(source: IpAddr, target: IpAddr) -> Option<Self> {
        match (source, target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => Some(Self::V4(source.octets(), target.octets())),
            (IpAddr::V6(source), IpAddr::V6(target)) => Some(Self::V6(source.octets(), target.octets())),
            _ => None,
        }
    }

    /// Where the packet comes from.
    pub(super) fn source(&self) -> IpAddr {
        match *self {
            Self::V4(source, _) => source.into(),
            Self::V6(source, _) => source.into(),
        }
    }

    /// Where it goes.
    pub(super) fn target(&self) -> IpAddr {
        match *self {
            Self::V4(_, target) => target.into(),
            Self::V6(_, target) => target.into(),
        }
    }

    /// The flow between these two and two ports.
    #[inline(always)]
    pub(super) fn key(&self, source_port: u16, target_port: u16) -> (FlowKey, Dir) {
        match *self {
            Self::V4(source, target) => FlowKey::v4(source, target, source_port, target_port),
            Self::V6(source, target) => FlowKey::v6(source, target, source_port, target_port),
        }
    }
}

/// What an IP header says to the layers above it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Net {
    pub(super) pair: Pair,
    /// TTL or hop limit.
    pub(super) ttl: u8,
    /// IP identification; `None` for IPv6.
    pub(super) ip_id: Option<u16>,
}

/// A kind of header to be read next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    /// Whatever a capture of this link type begins with.
    Link(LinkType),
    /// Ethernet: two addresses and a type or length.
    Ethernet,
    /// What follows a type-or-length field of this value.
    EtherType(u16),
    /// IEEE 802.2 logical link control.
    Llc,
    /// A stack of MPLS labels.
    Mpls,
    /// PPP from its protocol field on, or with address and control before it.
    Ppp,
    /// Cisco HDLC.
    Hdlc,
    /// IEEE 802.11.
    Wifi,
    /// IPv4 or IPv6, by the first four bits.
    Ip,
    /// What an IP header of that protocol or next-header number carries.
    Protocol(u8, Net),
}

/// Where reading one header led. Small, as it is handed on at every header; the large results are made at the very end.
pub(super) enum Step<'a> {
    /// Another header, and the bytes from there on.
    Into(Layer, Part<'a>),
    /// A fragment: the end, until the reassembler has the others.
    Fragment(Fragment),
    /// A question or answer.
    Dns(Box<DnsMessage>),
    /// A host looks for another, or answers.
    Neighbor(Neighbor),
    /// A host was heard, without TCP.
    Other(Option<IpAddr>),
}

/// What was learned on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) origin: Origin,
    /// As [`super::Segment::path`].
    pub(super) path: u32,
    /// Encapsulations so far.
    depth: usize,
    /// Source of the outermost IP header.
    source: Option<IpAddr>,
    /// A tunnel was assumed by its UDP port alone, and no IP header inside has confirmed it yet.
    guessed: bool,
    /// Where Wireshark sees a frame check sequence begin, as an offset in the record.
    fcs: Option<usize>,
}

/// Length of an Ethernet frame check sequence (IEEE 802.3 3.2.9).
const FCS: usize = 4;

/// Kinds of network identifiers that are mixed into the path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tag {
    Vlan = 1,
    Vni = 2,
    Gre = 3,
    Service = 4,
}

impl Walk {
    pub(super) fn new(origin: Origin, path: u32) -> Self {
        Self {
            origin,
            path,
            depth: 0,
            source: None,
            guessed: false,
            fcs: None,
        }
    }

    /// Wireshark takes the end of this `frame` for its check sequence, whether or not it was captured.
    pub(super) fn on_fcs(&mut self, frame: Part<'_>) {
        self.fcs = (frame.start() + frame.wire()).checked_sub(FCS);
    }

    /// Was there a frame check sequence?
    #[cfg(test)]
    pub(super) fn has_fcs(&self) -> bool {
        self.fcs.is_some()
    }

    /// The TCP segment in `part`: the end of the way.
    fn read_segment(&self, net: &Net, part: Part<'_>) -> Heard {
        let mut heard = segment::read(self.origin, self.path, net, part);
        if let (Heard::Segment(segment), Some(fcs)) = (&mut heard, self.fcs) {
            segment.as_fcs = (part.start() + part.wire()).saturating_sub(fcs).min(FCS) as u8;
        }
        heard
    }

    /// Reads header after header until one gives the answer.
    pub(super) fn run(&mut self, layer: Layer, part: Part<'_>) -> Heard {
        match self.find_tcp(layer, part) {
            Ok((net, part)) => self.read_segment(&net, part),
            Err(heard) => heard,
        }
    }

    /// As [`Walk::run`], with a segment into a place for its flow, as [`super::decode_plain`] does it.
    #[expect(
        clippy::result_large_err,
        reason = "what is no segment is neither small nor an error"
    )]
    pub(super) fn run_into<'a, P: Places>(
        &mut self,
        layer: Layer,
        part: Part<'a>,
        places: P,
    ) -> Result<(P::Place, &'a [u8]), Heard> {
        let short = match layer {
            Layer::Link(LinkType(1)) => inside::find(part),
            _ => None,
        };
        let (net, part) = match short {
            Some(inside) => {
                self.path = inside.path;
                (inside.net, inside.segment)
            }
            None => self.find_tcp(layer, part)?,
        };
        let Some((head, rest)) = part.bytes().split_first_chunk::<20>().filter(|_| self.fcs.is_none()) else {
            return Err(self.read_segment(&net, part));
        };
        let length = part.wire();
        let tcp = segment::Tcp { head, rest, length };
        Ok(segment::read_into(places, || self.origin, self.path, &net, &tcp))
    }

    /// The TCP segment and what is below it, or what there is instead.
    #[expect(
        clippy::result_large_err,
        reason = "what is no segment is neither small nor an error"
    )]
    pub(super) fn find_tcp<'a>(&mut self, mut layer: Layer, mut part: Part<'a>) -> Result<(Net, Part<'a>), Heard> {
        loop {
            match layer {
                Layer::Protocol(6, net) => return Ok((net, part)),
                Layer::Protocol(protocol @ (1 | 58), net) => {
                    return Err(icmp::read(self, protocol == 58, &net, part));
                }
                _ => {}
            }
            let heard = match self.step(layer, part) {
                Ok(Step::Into(next, rest)) => {
                    (layer, part) = (next, rest);
                    continue;
                }
                Ok(Step::Fragment(fragment)) => Heard::Fragment(fragment),
                Ok(Step::Dns(message)) => Heard::Dns(message),
                Ok(Step::Neighbor(neighbor)) => Heard::Neighbor(neighbor),
                Ok(Step::Other(source)) => Heard::Other { source },
                Err(why) => self.failed(why),
            };
            return Err(heard);
        }
    }

    fn step<'a>(&mut self, layer: Layer, part: Part<'a>) -> Result<Step<'a>, Why> {
        match layer {
            Layer::Link(link) => link::read(self, link, part),
            Layer::Ethernet => ether::read(part),
            Layer::EtherType(kind) => ether::read_type(self, kind, part),
            Layer::Llc => ether::read_llc(part),
            Layer::Mpls => tunnel::read_mpls(part),
            Layer::Ppp => link::read_ppp(part),
            Layer::Hdlc => link::read_hdlc(part),
            Layer::Wifi => wifi::read(part),
            Layer::Ip => ip::read(self, part),
            Layer::Protocol(protocol, net) => self.read_protocol(protocol, net, part),
        }
    }

    /// Assigned Internet protocol numbers; IPv6 extension headers are protocols like any other here.
    fn read_protocol<'a>(&mut self, protocol: u8, net: Net, part: Part<'a>) -> Result<Step<'a>, Why> {
        match protocol {
            17 => tunnel::read_udp(self, &net, part),
            4 | 41 => self.enter(Layer::Ip, part),
            47 => tunnel::read_gre(self, part),
            97 => self.enter(Layer::Ethernet, part.skip(2)?), // EtherIP, RFC 3378
            137 => self.enter(Layer::Mpls, part),             // RFC 4023
            143 => self.enter(Layer::Ethernet, part),         // RFC 8986
            0 | 43 | 44 | 51 | 60 | 135 | 139 | 140 => ip::read_extension(self, protocol, net, part),
            50 => Err(Why::Encrypted),
            108 => Err(Why::Compressed), // IPComp, RFC 3173
            _ => Ok(self.other()),
        }
    }

    /// One encapsulation deeper.
    pub(super) fn enter<'a>(&mut self, layer: Layer, part: Part<'a>) -> Result<Step<'a>, Why> {
        self.depth += 1;
        if self.depth > limits::MAX_TUNNELS {
            return Err(Why::TooDeep);
        }
        Ok(Step::Into(layer, part))
    }

    /// One encapsulation deeper, on the word of a UDP port only.
    pub(super) fn enter_guessed<'a>(&mut self, layer: Layer, part: Part<'a>) -> Result<Step<'a>, Why> {
        self.guessed = true;
        self.enter(layer, part)
    }

    /// A plausible IP header was read.
    pub(super) fn on_ip(&mut self, source: IpAddr) {
        self.guessed = false;
        self.source.get_or_insert(source);
    }

    /// Mixes a network identifier into the path. Zero is no identifier: an untagged side must match a priority-tagged one.
    pub(super) fn tag(&mut self, tag: Tag, id: u32) {
        if id != 0 {
            self.path = mix(self.path, tag, id);
        }
    }

    /// A host was heard, without TCP.
    pub(super) fn other<'a>(&self) -> Step<'a> {
        Step::Other(self.source)
    }

    /// As [`Walk::other`], where the way ends.
    pub(super) fn heard_other(&self) -> Heard {
        Heard::Other { source: self.source }
    }

    /// A host looks for `wanted`, or says that it is there.
    pub(super) fn neighbor(&self, sender: IpAddr, wanted: Option<IpAddr>) -> Neighbor {
        Neighbor {
            packet: self.origin.packet,
            stamp: self.origin.stamp,
            interface: self.origin.interface,
            sender,
            wanted,
        }
    }

    fn failed(&self, why: Why) -> Heard {
        let unexpected = matches!(why, Why::Malformed | Why::CutShort | Why::FragmentIncomplete);
        if (self.guessed && unexpected) || (why == Why::NotIp && self.source.is_some()) {
            return self.heard_other();
        }
        Heard::Skipped(why)
    }
}

/// Order matters (a VLAN inside another is another path), and the result is never 0.
pub(super) fn mix(path: u32, tag: Tag, id: u32) -> u32 {
    let word = (u64::from(path) << 32 | u64::from(id)).wrapping_add((tag as u64) << 40);
    let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 29) >> 16) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_identifiers_and_their_kinds_apart() {
        let mut seen = std::collections::HashSet::new();
        for id in 1..4095 {
            assert!(seen.insert(mix(0, Tag::Vlan, id)));
        }
        assert_ne!(mix(0, Tag::Vlan, 7), mix(0, Tag::Vni, 7));
        assert_ne!(
            mix(mix(0, Tag::Vlan, 7), Tag::Vlan, 8),
            mix(mix(0, Tag::Vlan, 8), Tag::Vlan, 7)
        );
    }
}
