//! ICMP and `ICMPv6` errors, and the TCP header that they quote.

use super::segment::Flags;
use super::walk::{Net, Pair, Walk};
use super::{Heard, Part};
use crate::base::{Dir, FlowKey, Seq, Stamp};
use etherparse::{IpNumber, Ipv6ExtensionsSlice};
use std::net::IpAddr;

/// An ICMP error about a TCP segment. `key` and `dir` are those of the quoted segment, not of the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Packet number of the error.
    pub packet: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// Who sent the error: the device that refused or could not deliver.
    pub from: IpAddr,
    /// TTL or hop limit with which the error arrived.
    pub ttl: u8,
    /// Is it `ICMPv6`?
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Next-hop MTU of "fragmentation needed" and "packet too big"; 0 where not stated.
    pub mtu: u32,
    /// Flow of the quoted segment.
    pub key: FlowKey,
    /// Direction of the quoted segment.
    pub dir: Dir,
    /// Sequence number of the quoted segment.
    pub seq: Seq,
    /// Its acknowledgment field; 0 where the quote is too short.
    pub ack: Seq,
    /// Its control bits; none where the quote is too short.
    pub flags: Flags,
    /// Bytes of the quoted TCP header that were captured (8 in the classic form, 20 and more in most).
    pub quoted: u16,
    /// Interface index.
    pub interface: u16,
    /// As [`crate::wire::Segment::path`].
    pub path: u32,
}

/// RFC 792, RFC 4443. An error that quotes a TCP segment with its ports and sequence number; all else is a host heard.
pub(super) fn read(walk: &Walk, v6: bool, net: &Net, part: Part<'_>) -> Heard {
    let Some((head, quoted)) = part.bytes().split_first_chunk::<8>() else {
        return walk.heard_other();
    };
    let (kind, code) = (head[0], head[1]);
    if let (true, 135 | 136, Some(target)) = (v6, kind, quoted.first_chunk::<16>()) {
        return read_neighbor(walk, net.pair.source(), kind, (*target).into());
    }
    let is_error = if v6 {
        (1..=4).contains(&kind)
    } else {
        matches!(kind, 3 | 11 | 12)
    };
    let Some(quote) = read_quote(quoted).filter(|_| is_error) else {
        return walk.heard_other();
    };
    let mtu = match (v6, kind, code) {
        (false, 3, 4) => u16::from_be_bytes([head[6], head[7]]).into(), // RFC 1191 4
        (true, 2, _) => u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        _ => 0,
    };
    Heard::IcmpError(IcmpError {
        packet: walk.origin.packet,
        stamp: walk.origin.stamp,
        from: net.pair.source(),
        ttl: net.ttl,
        v6,
        kind,
        code,
        mtu,
        key: quote.key,
        dir: quote.dir,
        seq: quote.seq,
        ack: quote.ack,
        flags: quote.flags,
        quoted: quote.length,
        interface: walk.origin.interface,
        path: walk.path,
    })
}

/// RFC 4861 4.3 and 4.4: a solicitation asks for its target, an advertisement says that the target is there. One without a
/// source only checks that nobody has the address (RFC 4862 5.4).
fn read_neighbor(walk: &Walk, source: IpAddr, kind: u8, target: IpAddr) -> Heard {
    match kind {
        135 if source.is_unspecified() => walk.heard_other(),
        135 => Heard::Neighbor(walk.neighbor(source, Some(target))),
        _ => Heard::Neighbor(walk.neighbor(target, None)),
    }
}

/// What a quote says of the segment that caused the error.
struct Quote {
    key: FlowKey,
    dir: Dir,
    seq: Seq,
    ack: Seq,
    flags: Flags,
    length: u16,
}

/// The quoted IP header and the first bytes of TCP, at least eight (RFC 792; RFC 1812 4.3.2.3 asks for more).
/// Lengths are not checked: routers are known to quote headers they have already changed.
fn read_quote(bytes: &[u8]) -> Option<Quote> {
    let (pair, tcp) = match bytes.first()? >> 4 {
        4 => read_quoted_v4(bytes)?,
        6 => read_quoted_v6(bytes)?,
        _ => return None,
    };
    let [a, b, c, d, seq @ ..] = tcp.first_chunk::<8>()?;
    let (key, dir) = pair.key(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    let header_length = tcp.get(12).map_or(20, |offset| usize::from(offset >> 4) * 4);
    Some(Quote {
        key,
        dir,
        seq: Seq(u32::from_be_bytes(*seq)),
        ack: Seq(tcp
            .get(8..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |ack| u32::from_be_bytes(*ack))),
        flags: Flags(
            tcp.get(12..)
                .and_then(|rest| rest.first_chunk())
                .map_or(0, |bits| u16::from_be_bytes(*bits) & 0x1ff),
        ),
        length: tcp.len().min(header_length.max(8)) as u16,
    })
}

fn read_quoted_v4(bytes: &[u8]) -> Option<(Pair, &[u8])> {
    let head = bytes.first_chunk::<20>()?;
    let header_length = usize::from(head[0] & 0x0f) * 4;
    let offset = u16::from_be_bytes([head[6], head[7]]) & 0x1fff;
    if head[9] != IpNumber::TCP.0 || offset != 0 || header_length < 20 {
        return None;
    }
    let pair = Pair::V4(
        [head[12], head[13], head[14], head[15]],
        [head[16], head[17], head[18], head[19]],
    );
    Some((
        pair,
        within(bytes, u16::from_be_bytes([head[2], head[3]]).into()).get(header_length..)?,
    ))
}

fn read_quoted_v6(bytes: &[u8]) -> Option<(Pair, &[u8])> {
    let head = bytes.first_chunk::<40>()?;
    let pair = Pair::V6(*bytes.get(8..)?.first_chunk()?, *bytes.get(24..)?.first_chunk()?);
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    let payload = within(bytes, if length == 0 { 0 } else { length + 40 }).get(40..)?;
    let (extensions, next, tcp, _) = Ipv6ExtensionsSlice::from_slice_lax(IpNumber(head[6]), payload);
    if next != IpNumber::TCP || extensions.is_fragmenting_payload() {
        return None;
    }
    Some((pair, tcp))
}

/// `bytes` up to the quoted packet's own end, which padding and ICMP extensions (RFC 4884) may follow; 0 is no statement.
fn within(bytes: &[u8], total: usize) -> &[u8] {
    bytes.get(..total).filter(|_| total != 0).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples;

    fn error_v4(header: &str, quote: &[u8]) -> Heard {
        samples::heard(228, &samples::outer_v4(1, header, quote))
    }

    fn error(heard: Heard) -> IcmpError {
        match heard {
            Heard::IcmpError(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_classic_quote_of_eight_bytes_is_enough() {
        let error = error(error_v4("030a 0000 00000000", &samples::packet_v4()[..28]));
        assert_eq!(error.from, IpAddr::from([192, 0, 2, 1]));
        assert_eq!((error.v6, error.kind, error.code, error.mtu), (false, 3, 10, 0));
        assert_eq!(
            (error.seq, error.quoted, error.ttl, error.packet),
            (Seq(1000), 8, 64, 7)
        );
        assert_eq!(error.key.sender(error.dir).to_string(), "10.0.0.1:40000");
        assert!(matches!(
            error_v4("030a 0000 00000000", &samples::packet_v4()[..27]),
            Heard::Other { .. }
        ));
    }

    #[test]
    fn fragmentation_needed_states_the_next_mtu() {
        let error = error(error_v4("0304 0000 0000 0578", &samples::packet_v4()));
        assert_eq!((error.mtu, error.quoted), (1400, 32));
    }

    #[test]
    fn padding_and_extensions_after_the_quote_are_no_part_of_it() {
        let mut quote = samples::packet_v4()[..28].to_vec();
        quote[3] = 28;
        quote.extend([0; 100]);
        assert_eq!(error(error_v4("0b00 0000 00200000", &quote)).quoted, 8);
    }

    #[test]
    fn a_quoted_ipv4_header_may_have_options() {
        let mut quote = samples::packet_v4();
        quote[0] = 0x46;
        quote.splice(20..20, [1, 1, 1, 0]);
        assert_eq!(error(error_v4("0b00 0000 00000000", &quote)).seq, Seq(1000));
    }

    #[test]
    fn ipv6_errors_are_read_through_extension_headers() {
        let mut quote = samples::packet_v6();
        quote[6] = 60;
        quote[5] += 8;
        quote.splice(40..40, [6, 0, 1, 4, 0, 0, 0, 0]);
        let packet = samples::outer_v6(58, "0200 0000 00000500", &quote);
        let error = error(samples::heard(229, &packet));
        assert_eq!((error.v6, error.kind, error.mtu, error.seq), (true, 2, 1280, Seq(1000)));
        assert_eq!(error.key.sender(error.dir).to_string(), "[2001:db8::1]:40000");
    }

    #[test]
    fn what_quotes_no_segment_is_a_host_heard() {
        let mut later = samples::packet_v4();
        later[7] = 5;
        let mut datagram = samples::packet_v4();
        datagram[9] = 17;
        for quote in [later, datagram, vec![], vec![0x45], vec![0x60; 45]] {
            assert!(matches!(error_v4("0300 0000 00000000", &quote), Heard::Other { .. }));
        }
        for header in ["0800 0000 00010001", "0400 0000 00000000", "0501 0000 0a000001"] {
            assert!(matches!(
                error_v4(header, &samples::packet_v4()),
                Heard::Other { source: Some(_) }
            ));
        }
        let solicitation = samples::outer_v6(58, "8700 0000 00000000", &samples::packet_v6());
        let Heard::Neighbor(neighbor) = samples::heard(229, &solicitation) else {
            panic!()
        };
        assert!(neighbor.wanted.is_some());
        let advertisement = samples::outer_v6(58, "8800 0000 00000000", &samples::packet_v6());
        let heard = samples::heard(229, &advertisement);
        assert!(matches!(heard, Heard::Neighbor(neighbor) if neighbor.wanted.is_none()));
    }

    #[test]
    fn cuts_and_mutations_of_errors_are_survived() {
        let v4 = samples::outer_v4(1, "0304 0000 00000578", &samples::packet_v4());
        let v6 = samples::outer_v6(58, "0200 0000 00000500", &samples::packet_v6());
        for packet in [v4, v6] {
            for at in 0..packet.len() {
                let _ = samples::heard(101, &packet[..at]);
                for value in [0, 4, 44, 51, 0xff] {
                    let mut packet = packet.clone();
                    packet[at] = value;
                    let _ = samples::heard(101, &packet);
                }
            }
        }
    }
}
