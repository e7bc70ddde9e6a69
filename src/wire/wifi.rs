//! IEEE 802.11 data frames, and the headers that capture tools put before them.

use super::walk::{Layer, Step};
use super::{Part, Why};

/// IEEE 802.11-2020 9.3.2: a data frame, to LLC. Management and control frames carry no IP.
pub(super) fn read(part: Part<'_>) -> Result<Step<'_>, Why> {
    read_padded(part, false)
}

fn read_padded(part: Part<'_>, padded: bool) -> Result<Step<'_>, Why> {
    let [control, flags] = part.array(0)?;
    let has_data = control & 0x0c == 0x08 && control & 0x40 == 0;
    if !has_data {
        return Err(Why::NotIp);
    }
    if flags & 0x40 != 0 {
        return Err(Why::Encrypted);
    }
    if part.u16(22)? & 0x0f00 != 0 {
        return Err(Why::FragmentIncomplete); // A later fragment of an MSDU (the number is the low nibble of byte 22).
    }
    let four_addresses = flags & 0x03 == 0x03;
    let mut length = if four_addresses { 30 } else { 24 };
    let mut aggregate = false;
    if control & 0x80 != 0 {
        aggregate = part.u8(length)? & 0x80 != 0;
        length += if flags & 0x80 == 0 { 2 } else { 6 }; // +HTC
    }
    if padded {
        length = usize::next_multiple_of(length, 4);
    }
    let body = part.skip(length)?;
    if aggregate {
        // 9.3.2.2.2: the first subframe has its own two addresses and a length.
        let subframe = body.u16(12)?;
        return Ok(Step::Into(Layer::Llc, body.skip(14)?.take(subframe.into())));
    }
    Ok(Step::Into(Layer::Llc, body))
}

/// radiotap.org: version, pad, length (little-endian), presence words, fields. Only the flags field matters: it tells of
/// padding between the 802.11 header and its body.
pub(super) fn read_radiotap(part: Part<'_>) -> Result<Step<'_>, Why> {
    let [version, _, low, high] = part.array(0)?;
    let length = u16::from_le_bytes([low, high]);
    if version != 0 || length < 8 {
        return Err(Why::Malformed);
    }
    let present = part.u32(4)?.swap_bytes();
    let mut fields = 8;
    let mut word = present;
    while word >> 31 == 1 && fields < usize::from(length) {
        word = part.u32(fields)?.swap_bytes();
        fields += 4;
    }
    if present & 1 == 1 {
        fields = usize::next_multiple_of(fields, 8) + 8; // TSFT
    }
    let padded = present & 2 == 2 && part.u8(fields)? & 0x20 != 0;
    read_padded(part.skip(length.into())?, padded)
}

/// Prism: message code and length in either byte order. Drivers also put AVS under this link type.
pub(super) fn read_prism(part: Part<'_>) -> Result<Step<'_>, Why> {
    if part.u32(0)? & 0xffff_f000 == 0x8021_1000 {
        return read_avs(part);
    }
    let length = part.u32(4)?;
    skip_to_wifi(part, length.min(length.swap_bytes()))
}

/// AVS: version and length in network order.
pub(super) fn read_avs(part: Part<'_>) -> Result<Step<'_>, Why> {
    skip_to_wifi(part, part.u32(4)?)
}

fn skip_to_wifi(part: Part<'_>, length: u32) -> Result<Step<'_>, Why> {
    if length < 8 {
        return Err(Why::Malformed);
    }
    Ok(Step::Into(Layer::Wifi, part.skip(length as usize)?))
}

#[cfg(test)]
mod tests {
    use crate::wire::{Heard, Why, samples};

    #[test]
    fn every_wifi_header_is_looked_through() {
        samples::assert_all_are_heard(&samples::wifis());
    }

    #[test]
    fn protected_and_management_frames_are_told_apart() {
        let rest = "0000 aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000 aaaa03 000000 0800";
        let read = |control: &str| {
            samples::heard(
                105,
                &samples::before(&format!("{control} {rest}"), &samples::packet_v4()),
            )
        };
        assert!(matches!(read("0841"), Heard::Skipped(Why::Encrypted)));
        assert!(matches!(read("8000"), Heard::Skipped(Why::NotIp)), "beacon");
        assert!(matches!(read("4801"), Heard::Skipped(Why::NotIp)), "null data");
    }
}
