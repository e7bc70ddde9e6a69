//! IPv4 and IPv6 headers and extension headers: addresses, lengths and what comes next.

use super::walk::{Layer, Net, Pair, Step, Walk};
use super::{Fragment, Part, Why};

/// IPv4 or IPv6 by the version field.
pub(super) fn read<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    match part.u8(0)? >> 4 {
        4 => read_v4(walk, part),
        6 => read_v6(walk, part),
        _ => Err(Why::Malformed),
    }
}

/// RFC 791 3.1.
fn read_v4<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let head = part.array::<20>(0)?;
    let header_length = usize::from(head[0] & 0x0f) * 4;
    let total = match u16::from_be_bytes([head[2], head[3]]) {
        0 => part.wire(), // Filled in by the network card after the capture (segmentation offload).
        total => usize::from(total),
    };
    if header_length < 20 || total < header_length {
        return Err(Why::Malformed);
    }
    let target = match header_length {
        20 => None,
        length => part.bytes().get(20..length).and_then(find_last_stop),
    };
    let net = Net {
        pair: Pair::V4(
            [head[12], head[13], head[14], head[15]],
            target.unwrap_or([head[16], head[17], head[18], head[19]]),
        ),
        ttl: head[8],
        ip_id: Some(u16::from_be_bytes([head[4], head[5]])),
    };
    walk.on_ip(net.pair.source());
    let payload = part.take(total).skip(header_length)?;
    let place = u16::from_be_bytes([head[6], head[7]]);
    let (offset, more) = ((place & 0x1fff) << 3, place & 0x2000 != 0);
    if offset != 0 || more {
        let identification = u16::from_be_bytes([head[4], head[5]]).into();
        return Ok(fragment(walk, &net, identification, head[9], (offset, more), payload));
    }
    Ok(Step::Into(Layer::Protocol(head[9], net), payload))
}

/// The end of a source route that is not used up (RFC 791 3.1, options 131 and 137): until then the header's target is
/// only the next waypoint.
fn find_last_stop(mut options: &[u8]) -> Option<[u8; 4]> {
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            [0, ..] => return None,
            [kind, length, ..] => {
                let option = options.get(..usize::from((*length).max(2)))?;
                if let (131 | 137, [_, _, pointer, route @ ..]) = (*kind, option) {
                    return route.last_chunk().copied().filter(|_| pointer < length);
                }
                options = options.get(option.len()..)?;
            }
            _ => return None,
        }
    }
}

/// RFC 8200 3.
fn read_v6<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let head = part.array::<40>(0)?;
    let source = part.array::<16>(8)?;
    let target = part.array::<16>(24)?;
    let net = Net {
        pair: Pair::V6(source, target),
        ttl: head[7],
        ip_id: None,
    };
    walk.on_ip(net.pair.source());
    let payload = part.skip(40)?;
    let payload = match u16::from_be_bytes([head[4], head[5]]) {
        0 => payload, // A jumbogram (RFC 2675) or segmentation offload: the frame is the only measure.
        length => payload.take(length.into()),
    };
    Ok(Step::Into(Layer::Protocol(head[6], net), payload))
}

/// An extension header (RFC 8200 4; AH: RFC 4302, which IPv4 knows too), `kind` being its protocol number.
pub(super) fn read_extension<'a>(walk: &Walk, kind: u8, mut net: Net, part: Part<'a>) -> Result<Step<'a>, Why> {
    let [following, units] = part.array(0)?;
    let length = match kind {
        44 => return read_fragment_header(walk, following, &net, part),
        51 => (usize::from(units) + 2) * 4,
        _ => (usize::from(units) + 1) * 8,
    };
    match kind {
        43 => set_final_target(&mut net, part)?,
        60 => set_home_address(&mut net, part.take(length)),
        _ => {}
    }
    Ok(Step::Into(Layer::Protocol(following, net), part.skip(length)?))
}

/// On its way through a source route the packet's target is the next waypoint. A connection's other end is the last one:
/// RFC 5095 (type 0, obsolete), RFC 6275 6.4 (type 2, home address), RFC 8754 (type 4, last segment first).
fn set_final_target(net: &mut Net, part: Part<'_>) -> Result<(), Why> {
    let [_, units, kind, left] = part.array(0)?;
    let last = match kind {
        _ if left == 0 || units < 2 => return Ok(()),
        0 => usize::from(units) * 8 - 8,
        2 | 4 => 8,
        _ => return Ok(()),
    };
    if let Pair::V6(_, target) = &mut net.pair {
        *target = part.array(last)?;
    }
    Ok(())
}

/// A host away from home names the address that its connections are from (RFC 6275 6.3, option 201).
fn set_home_address(net: &mut Net, part: Part<'_>) {
    let mut options = part.bytes().get(2..).unwrap_or_default();
    loop {
        match options {
            [0, rest @ ..] => options = rest,
            [kind, length, rest @ ..] => {
                let Some((value, after)) = rest.split_at_checked((*length).into()) else {
                    return;
                };
                if let (201, Ok(home), Pair::V6(source, _)) = (*kind, value.try_into(), &mut net.pair) {
                    *source = home;
                }
                options = after;
            }
            _ => return,
        }
    }
}

/// RFC 8200 4.5. A fragment that is the whole datagram ("atomic", RFC 6946) needs no reassembly.
fn read_fragment_header<'a>(walk: &Walk, following: u8, net: &Net, part: Part<'a>) -> Result<Step<'a>, Why> {
    let place = part.u16(2)?;
    let identification = part.u32(4)?;
    let payload = part.skip(8)?;
    let (offset, more) = (place & 0xfff8, place & 1 != 0);
    if offset == 0 && !more {
        return Ok(Step::Into(Layer::Protocol(following, *net), payload));
    }
    Ok(fragment(walk, net, identification, following, (offset, more), payload))
}

fn fragment<'a>(
    walk: &Walk,
    net: &Net,
    identification: u32,
    protocol: u8,
    (offset, more): (u16, bool),
    payload: Part<'a>,
) -> Step<'a> {
    Step::Fragment(Fragment {
        packet: walk.origin.packet,
        stamp: walk.origin.stamp,
        interface: walk.origin.interface,
        source: net.pair.source(),
        target: net.pair.target(),
        identification,
        protocol,
        offset,
        more,
        ttl: net.ttl,
        path: walk.path,
        start: payload.start() as u32,
        captured: payload.bytes().len() as u32,
        length: payload.wire() as u32,
    })
}

#[cfg(test)]
mod tests {
    use crate::wire::{Heard, Why, samples};

    #[test]
    fn every_shape_of_ip_header_is_read() {
        samples::assert_all_are_heard(&samples::packets());
    }

    #[test]
    fn the_last_stop_of_a_source_route_is_the_other_end() {
        let last = "20010db8000000000000000000000099";
        let other = "20010db8000000000000000000000055";
        for (name, route) in [
            ("type 0", format!("06 04 00 01 00000000 {other} {last}")),
            ("home address", format!("06 02 02 01 00000000 {last}")),
            ("segment routing", format!("06 04 04 01 01000000 {last} {other}")),
        ] {
            let segment = samples::segment(101, &samples::outer_v6(43, &route, &samples::tcp()));
            let target = segment.key.sender(segment.dir.flip());
            assert_eq!(target.to_string(), "[2001:db8::99]:80", "{name}");
        }
    }

    #[test]
    fn the_last_stop_of_an_ipv4_source_route_is_the_other_end() {
        let target = |pointer: u8| {
            let mut packet = samples::packet_v4();
            packet[0] = 0x48;
            packet[3] += 12;
            packet.splice(20..20, [1, 131, 11, pointer, 10, 0, 0, 8, 10, 0, 0, 9, 0]);
            packet.remove(32);
            let segment = samples::segment(228, &packet);
            segment.key.sender(segment.dir.flip()).to_string()
        };
        assert_eq!(target(4), "10.0.0.9:80");
        assert_eq!(target(12), "10.0.0.2:80", "used up");
    }

    #[test]
    fn impossible_headers_are_malformed() {
        for (at, value) in [(0, 0x44), (0, 0x4f), (3, 19)] {
            let mut packet = samples::packet_v4();
            packet.truncate(50);
            packet[at] = value;
            let heard = samples::heard(228, &packet);
            assert!(matches!(heard, Heard::Skipped(Why::Malformed)), "{at} {heard:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_frame_is_the_frame() {
        let mut packet = samples::packet_v4();
        packet[2] = 9;
        assert_eq!(samples::segment(228, &packet).length, 5);
    }

    #[test]
    fn other_protocols_are_a_host_heard_but_esp_and_ipcomp_may_hide_tcp() {
        let heard = |protocol| samples::heard(228, &samples::outer_v4(protocol, "", &[0; 30]));
        assert!(matches!(heard(89), Heard::Other { source: Some(_) }));
        assert!(matches!(heard(50), Heard::Skipped(Why::Encrypted)));
        assert!(matches!(heard(108), Heard::Skipped(Why::Compressed)));
    }

    #[test]
    fn a_fragment_says_where_its_payload_is() {
        let mut packet = samples::packet_v4();
        packet[6..8].copy_from_slice(&[0x20, 2]);
        let frame = samples::ethernet("0800", &packet);
        let Heard::Fragment(fragment) = samples::heard(1, &frame) else {
            panic!()
        };
        assert_eq!((fragment.start, fragment.captured, fragment.length), (34, 37, 37));
        assert_eq!((fragment.offset, fragment.more, fragment.protocol), (16, true, 6));
    }
}
