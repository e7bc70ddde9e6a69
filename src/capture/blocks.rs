//! What stands inside pcapng blocks: pure functions from a block's body to what it says.

use std::net::IpAddr;

use super::LinkType;
use super::bytes::Order;
use super::ticks::Ticks;

/// Block types of the pcapng specification (draft-ietf-opsawg-pcapng), and two that were never standardised.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
pub(super) const PACKET: u32 = 2;
pub(super) const SIMPLE: u32 = 3;
pub(super) const NAMES: u32 = 4;
pub(super) const STATISTICS: u32 = 5;
pub(super) const ENHANCED: u32 = 6;
const JOURNAL: u32 = 9;
const SECRETS: u32 = 10;
const CUSTOM: [u32; 2] = [0xbad, 0x4000_0bad];
/// Sysdig's event blocks, versions 1, 2 and 2 large, plain and with flags.
const EVENTS: [u32; 5] = [0x204, 0x216, 0x217, 0x221, 0x222];

/// The block takes a frame number in Wireshark although it holds no packet.
pub(super) fn takes_a_number(kind: u32) -> bool {
    kind == JOURNAL || CUSTOM.contains(&kind) || EVENTS.contains(&kind)
}

/// The block holds a packet.
pub(super) fn is_packet(kind: u32) -> bool {
    matches!(kind, ENHANCED | PACKET | SIMPLE)
}

/// A type that the search after damage trusts.
pub(super) fn is_known(kind: u32) -> bool {
    (INTERFACE..=ENHANCED).contains(&kind) || kind == SECTION || kind == SECRETS || takes_a_number(kind)
}

/// The byte order that a section header block starting at `block` announces.
pub(super) fn order_of_section(block: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(block, 8) == Some(0x1a2b_3c4d))
}

/// What a packet block of any kind says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) interface: u32,
    /// Ticks of the interface's clock; a simple packet block has none.
    pub(super) ticks: Option<u64>,
    pub(super) captured: u32,
    pub(super) original: u32,
    /// Start of the bytes in the body.
    pub(super) start: usize,
    /// Packets lost since the one before, where the block tells.
    pub(super) drops: Option<u16>,
}

/// Reads the fixed fields of an enhanced (6) or obsolete (2) packet block.
pub(super) fn read_packet(order: Order, kind: u32, body: &[u8]) -> Option<Packet> {
    let (interface, drops) = if kind == ENHANCED {
        (order.u32(body, 0)?, None)
    } else {
        // The value 0xffff means that the number of drops is not known.
        let drops = order.u16(body, 2).filter(|&drops| drops != 0xffff);
        (u32::from(order.u16(body, 0)?), drops)
    };
    let ticks = u64::from(order.u32(body, 4)?) << 32 | u64::from(order.u32(body, 8)?);
    Some(Packet {
        interface,
        ticks: Some(ticks),
        captured: order.u32(body, 12)?,
        original: order.u32(body, 16)?,
        start: 20,
        drops,
    })
}

/// Reads a simple packet block: no captured length, so it follows from the others.
pub(super) fn read_simple(order: Order, body: &[u8], snaplen: u32) -> Option<Packet> {
    let original = order.u32(body, 0)?;
    let limit = if snaplen == 0 { u32::MAX } else { snaplen };
    let room = body.len().saturating_sub(4) as u32;
    Some(Packet {
        interface: 0,
        ticks: None,
        captured: original.min(limit).min(room),
        original,
        start: 4,
        drops: None,
    })
}

/// What an interface description block says.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    pub(super) name: Option<String>,
    pub(super) ticks: Ticks,
    pub(super) fcs_bytes: u8,
    pub(super) addresses: Vec<IpAddr>,
}

/// Reads an interface description block (1).
pub(super) fn read_interface(order: Order, body: &[u8]) -> Option<Description> {
    let mut found = Description {
        link: LinkType(order.u16(body, 0)?),
        snaplen: order.u32(body, 4)?,
        name: None,
        ticks: Ticks::default(),
        fcs_bytes: 0,
        addresses: Vec::new(),
    };
    for (code, value) in options(order, body, 8) {
        match (code, value) {
            (2, name) => found.name = Some(text(name)),
            // Both are followed by a mask or a prefix length.
            (4, &[a, b, c, d, ..]) => found.addresses.push([a, b, c, d].into()),
            (5, value) => found
                .addresses
                .extend(value.first_chunk::<16>().map(|ip| IpAddr::from(*ip))),
            (9, &[resolution]) => found.ticks.set_resolution(resolution),
            (13, &[bits]) => found.fcs_bytes = bits / 8,
            (14, value) => found.ticks.set_offset(order.u64(value, 0).unwrap_or(0) as i64),
            _ => {}
        }
    }
    Some(found)
}

/// What an interface statistics block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) interface: u32,
    /// Packets dropped so far by the interface and by the system.
    pub(super) dropped: Option<u64>,
    /// When the capture ended, in ticks.
    pub(super) end: Option<u64>,
}

/// Reads an interface statistics block (5).
pub(super) fn read_statistics(order: Order, body: &[u8]) -> Option<Statistics> {
    let interface = order.u32(body, 0)?;
    let dropped = options(order, body, 12)
        .filter(|&(code, _)| code == 5 || code == 7)
        .filter_map(|(_, value)| order.u64(value, 0))
        .reduce(u64::saturating_add);
    let end = options(order, body, 12).find(|&(code, _)| code == 3);
    let end = end.and_then(|(_, value)| Some(u64::from(order.u32(value, 0)?) << 32 | u64::from(order.u32(value, 4)?)));
    Some(Statistics {
        interface,
        dropped,
        end,
    })
}

/// The names in a name resolution block (4).
pub(super) fn read_names(order: Order, body: &[u8]) -> impl Iterator<Item = (IpAddr, String)> {
    options(order, body, 0)
        .filter_map(|(kind, value)| match kind {
            1 => value
                .split_first_chunk::<4>()
                .map(|(ip, names)| (IpAddr::from(*ip), names)),
            2 => value
                .split_first_chunk::<16>()
                .map(|(ip, names)| (IpAddr::from(*ip), names)),
            _ => None,
        })
        .flat_map(|(ip, names)| {
            names
                .split(|&byte| byte == 0)
                // A DNS name has at most 255 bytes; anything longer is none.
                .filter(|name| (1..=255).contains(&name.len()))
                .map(move |name| (ip, text(name)))
        })
}

/// Text up to its first NUL; what is not UTF-8 is shown as replacement characters.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// Code and value of each option (or name record, which have the same shape) from `at` on; ends where they do not fit.
fn options(order: Order, body: &[u8], mut at: usize) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let code = order.u16(body, at).filter(|&code| code != 0)?;
        let len = usize::from(order.u16(body, at + 2)?);
        let value = body.get(at + 4..at + 4 + len)?;
        at += 4 + len.next_multiple_of(4);
        Some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_lies_about_its_length_ends_the_options() {
        let body = [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 2, 0, 200, 0, b'x'];
        let found = read_interface(Order::Little, &body).unwrap();
        assert_eq!(found.ticks.digits(), 9);
        assert_eq!(found.name, None);
    }

    #[test]
    fn drops_of_interface_and_system_add_up() {
        let mut body = vec![0; 12];
        for (code, count) in [(4_u16, 1000_u64), (5, 3), (7, 4)] {
            body.extend(code.to_be_bytes());
            body.extend(8_u16.to_be_bytes());
            body.extend(count.to_be_bytes());
        }
        let dropped = |body| read_statistics(Order::Big, body).map(|said| said.dropped);
        assert_eq!(dropped(&body), Some(Some(7)));
        assert_eq!(dropped(&body[..24]), Some(None));
        assert_eq!(read_statistics(Order::Big, &body[..3]), None);
    }

    #[test]
    fn all_names_of_an_address_are_read() {
        let body = b"\x01\0\x0b\0\x0a\0\0\x01ab\0c.d\0\0\x02\0\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01x\0\0\0\0\0\0\0";
        let names: Vec<_> = read_names(Order::Little, body).collect();
        let of = |ip: &str, name: &str| (ip.parse::<IpAddr>().unwrap(), name.to_owned());
        assert_eq!(names, [of("10.0.0.1", "ab"), of("10.0.0.1", "c.d"), of("::1", "x")]);
    }
}
