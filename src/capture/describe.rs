//! What bytes that are no capture look like, so that the error can say what to do.

use std::fmt::Write;

/// Continues a sentence that begins with a file's name: what its first bytes `head` look like, and what to try.
pub(super) fn describe(head: &[u8]) -> String {
    if head.is_empty() {
        return "is empty: nothing was captured, or the capturing program has not written anything yet".to_owned();
    }
    if let Some((what, advice)) = known(head) {
        return format!("is {what}, not a capture that can be read; {advice}");
    }
    if let Some(line) = text_line(head) {
        return format!(
            "is text, not a capture: it begins with \"{line}\"; give the file that tcpdump -w or Wireshark wrote, not what they printed"
        );
    }
    let mut hex = String::new();
    for byte in head.iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(hex, " {byte:02x}");
    }
    format!(
        "is not a capture: it begins with the bytes{hex}, which no known capture format does; pcap and pcapng can be read, and Wireshark's editcap converts other formats"
    )
}

const EDITCAP: &str = "convert it with Wireshark's: editcap -F pcapng IN OUT";
const UNPACK: &str = "unpack it and give the capture inside";

fn known(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let starts: [(&[u8], &str, &str); 20] = [
        (b"PK\x03\x04", "a zip archive", UNPACK),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
        (b"Rar!", "a RAR archive", UNPACK),
        (
            b"BZh",
            "compressed with bzip2",
            "pipe it: bzip2 -dc FILE | whodropped analyze -",
        ),
        (
            b"\x02\x21\x4c\x18",
            "compressed with the legacy form of lz4",
            "pipe it: lz4 -dc FILE | whodropped analyze -",
        ),
        (
            b"LZIP",
            "compressed with lzip",
            "pipe it: lzip -dc FILE | whodropped analyze -",
        ),
        (
            b"\x1f\x9d",
            "compressed with compress",
            "pipe it: gzip -dc FILE | whodropped analyze -",
        ),
        (
            b"snoop\0\0\0",
            "a snoop file of an unknown version or link type",
            EDITCAP,
        ),
        (b"btsnoop\0", "a Bluetooth capture", "it holds no TCP"),
        (b"RTSS", "a Network Monitor 1 capture", EDITCAP),
        (b"GMBU", "a Network Monitor 2 capture", EDITCAP),
        (b"TRSNIFF data", "a Sniffer capture", EDITCAP),
        (b"XCP\0", "a NetXRay or Windows Sniffer capture", EDITCAP),
        (b"\x7fver", "a Peek capture (EtherPeek, OmniPeek)", EDITCAP),
        (b"\x7fELF", "a program", "give the capture instead"),
        (b"MZ", "a Windows program", "give the capture instead"),
        (b"%PDF", "a PDF document", "give the capture instead"),
        (b"SQLite format 3\0", "a database", "give the capture instead"),
        (
            b"\x0a\x0d\x0d\x0a",
            "a pcapng file with a damaged first block",
            "copy it again from where it came",
        ),
        (
            b"version https://git-lfs",
            "a Git LFS pointer",
            "fetch the file itself with: git lfs pull",
        ),
    ];
    let start = starts.into_iter().find(|(magic, ..)| head.starts_with(magic));
    if let Some((_, what, advice)) = start {
        return Some((what, advice));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", UNPACK));
    }
    // Behind a trace log's buffer header stands a system trace header of version 2 with 32-bit or 64-bit fields.
    if matches!(head.get(72..76), Some([2, 0, 1 | 2, 0xc0])) {
        return Some(("a Windows event trace (ETL)", "convert it with: pktmon etl2pcap FILE"));
    }
    is_erf(head).then_some(("probably an ERF capture (Endace DAG)", EDITCAP))
}

/// ERF has no magic: a record type of its list, then a length with room for the header, and a wire length that fits it.
fn is_erf(head: &[u8]) -> bool {
    let Some(&[.., kind, _, high, low, _, _, wire_high, wire_low]) = head.first_chunk::<16>() else {
        return false;
    };
    let record = usize::from(u16::from_be_bytes([high, low]));
    let wire = usize::from(u16::from_be_bytes([wire_high, wire_low]));
    (1..=48).contains(&(kind & 0x7f)) && (17..=9216).contains(&record) && (1..=record).contains(&wire)
}

/// The beginning of the first line, if the bytes are text.
fn text_line(head: &[u8]) -> Option<String> {
    let mut text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The look may end in the middle of a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    text = text.trim_start_matches('\u{feff}').trim_start().lines().next()?;
    Some(text.chars().filter(|c| !c.is_control()).take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn says_what_it_is_and_what_to_try() {
        let mut trace = vec![0; 100];
        trace[72..76].copy_from_slice(&[2, 0, 2, 0xc0]);
        let mut archive = vec![0; 300];
        archive[257..262].copy_from_slice(b"ustar");
        let erf = [1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0, 96, 0, 0, 0, 74];
        for (head, words) in [
            (&b""[..], &["is empty"][..]),
            (b"12:00:01 IP a > b", &["text", "\"12:00:01 IP a > b\"", "tcpdump -w"]),
            ("\u{feff}Größe\n".as_bytes(), &["text", "\"Größe\""]),
            (b"PK\x03\x04rest", &["zip", "unpack"]),
            (b"BZh91AY", &["bzip2 -dc"]),
            (&trace, &["pktmon etl2pcap"]),
            (&archive, &["tar archive"]),
            (&erf, &["ERF", "editcap"]),
            (&[0xff, 0xfe, 0, 1], &["ff fe 00 01", "no known capture format"]),
        ] {
            let sentence = describe(head);
            for word in words {
                assert!(sentence.contains(word), "{word} is missing in: {sentence}");
            }
        }
    }

    #[test]
    fn control_bytes_never_reach_the_sentence() {
        let sentence = describe(b"\x1b[31mred");
        assert!(!sentence.contains('\x1b') && sentence.contains("1b 5b"), "{sentence}");
    }
}
