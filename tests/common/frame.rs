//! Frames changed in place: the addresses and sequence numbers of TCP segments, and of those quoted in ICMP errors.

use super::capture::Capture;

/// Where things stand in a frame's bytes.
#[derive(Clone, Copy, Debug)]
struct Packet {
    /// Start of the IP header.
    ip: usize,
    v6: bool,
    /// Start of what it carries.
    payload: usize,
    protocol: u8,
}

/// A TCP segment in a frame, alone or quoted.
#[derive(Clone, Debug)]
pub struct Segment {
    ip: Packet,
    /// It stands in an ICMP error.
    pub quoted: bool,
}

impl Packet {
    fn read(bytes: &[u8], ip: usize) -> Option<Self> {
        match bytes.get(ip)? >> 4 {
            4 => Some(Self {
                ip,
                v6: false,
                payload: ip + usize::from(bytes[ip] & 15) * 4,
                protocol: *bytes.get(ip + 9)?,
            }),
            6 => Some(Self {
                ip,
                v6: true,
                payload: ip + 40,
                protocol: *bytes.get(ip + 6)?,
            }),
            _ => None,
        }
    }

    /// Places of its two addresses, and their length.
    fn addresses(&self) -> ([usize; 2], usize) {
        if self.v6 {
            ([self.ip + 8, self.ip + 24], 16)
        } else {
            ([self.ip + 12, self.ip + 16], 4)
        }
    }

    /// The packet quoted in this ICMP error.
    fn quote(&self, bytes: &[u8]) -> Option<Self> {
        let kind = *bytes.get(self.payload)?;
        let is_error = match self.protocol {
            1 => matches!(kind, 3 | 11 | 12),
            58 => (1..=4).contains(&kind),
            _ => false,
        };
        if is_error {
            Self::read(bytes, self.payload + 8)
        } else {
            None
        }
    }
}

/// The IP packet of a frame of this link type (Ethernet, Linux cooked v2), if it carries one.
fn packet_of(link: u32, bytes: &[u8]) -> Option<Packet> {
    let (kind, start) = match link {
        1 => (12, 14),
        276 => (0, 20),
        _ => panic!("link type {link} in a fixture"),
    };
    match bytes.get(kind..kind + 2)? {
        [8, 0] | [0x86, 0xdd] => Packet::read(bytes, start),
        _ => None,
    }
}

/// The TCP segment that a frame carries or quotes.
pub fn segment_of(link: u32, bytes: &[u8]) -> Option<Segment> {
    let packet = packet_of(link, bytes)?;
    let (ip, quoted) = match packet.quote(bytes) {
        Some(quote) => (quote, true),
        None => (packet, false),
    };
    (ip.protocol == 6 && bytes.len() >= ip.payload + 8).then_some(Segment { ip, quoted })
}

impl Segment {
    /// Address and port of its sender and of its receiver.
    pub fn ends(&self, bytes: &[u8]) -> [Vec<u8>; 2] {
        let (places, length) = self.ip.addresses();
        let port = |at: usize| &bytes[self.ip.payload + at..self.ip.payload + at + 2];
        [
            [&bytes[places[0]..places[0] + length], port(0)].concat(),
            [&bytes[places[1]..places[1] + length], port(2)].concat(),
        ]
    }

    /// Its sequence number.
    pub fn seq(&self, bytes: &[u8]) -> u32 {
        word(bytes, self.ip.payload + 4)
    }

    /// Adds `more` to the numbers of what its sender sends, or to those with which it acknowledges the other side.
    fn add(&self, bytes: &mut [u8], of_sender: bool, more: u32) {
        let at = self.ip.payload;
        if of_sender {
            set(bytes, at + 4, self.seq(bytes).wrapping_add(more));
            return;
        }
        if bytes.get(at + 13).is_none_or(|flags| flags & 0x10 == 0) {
            return;
        }
        set(bytes, at + 8, word(bytes, at + 8).wrapping_add(more));
        for edge in sack_edges(bytes, at) {
            set(bytes, edge, word(bytes, edge).wrapping_add(more));
        }
    }
}

/// Places of the numbers in a SACK option (RFC 2018).
fn sack_edges(bytes: &[u8], tcp: usize) -> Vec<usize> {
    let end = (tcp + usize::from(bytes[tcp + 12] >> 4) * 4).min(bytes.len());
    let (mut at, mut edges) = (tcp + 20, Vec::new());
    while at + 1 < end {
        match bytes[at] {
            0 => break,
            1 => at += 1,
            kind => {
                let length = usize::from(bytes[at + 1]);
                if kind == 5 {
                    edges.extend((at + 2..at + length).step_by(4).filter(|edge| edge + 4 <= end));
                }
                at += length.max(2);
            }
        }
    }
    edges
}

/// Adds `more` to every sequence number of one side of every connection: the side with the lower (or higher) address.
pub fn shift_sequence(capture: &mut Capture, lower: bool, more: u32) {
    let link = capture.link;
    for packet in &mut capture.packets {
        if let Some(segment) = segment_of(link, &packet.bytes) {
            let [sender, receiver] = segment.ends(&packet.bytes);
            segment.add(&mut packet.bytes, (sender < receiver) == lower, more);
        }
    }
}

/// Gives all hosts addresses of their own: those of recording number `number`.
pub fn readdress(capture: &mut Capture, number: usize) {
    let link = capture.link;
    for packet in &mut capture.packets {
        let Some(outer) = packet_of(link, &packet.bytes) else {
            continue;
        };
        let quote = outer.quote(&packet.bytes);
        for ip in [Some(outer), quote].into_iter().flatten() {
            let ([source, target], _) = ip.addresses();
            for place in [source, target] {
                // Fixtures use 10.x, 192.x and fd07::; the first bytes tell nothing that the others do not.
                if let Some(start) = packet.bytes.get_mut(place..place + 2) {
                    start[0] = if ip.v6 { 0x20 } else { 20 } + (number / 256) as u8;
                    start[1] ^= (number % 256) as u8;
                }
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}
