//! A capture in memory: classic pcap read into packets, and packets written as pcap, pcapng and compressed files.

use std::io::Write;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Microseconds since 1970.
    pub micros: u64,
    /// Length on the wire.
    pub original: u32,
    /// What was captured of it.
    pub bytes: Vec<u8>,
}

/// A capture of one interface.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Link type.
    pub link: u32,
    /// Snap length.
    pub snaplen: u32,
    /// In order.
    pub packets: Vec<Packet>,
    /// The beginning of a record that was cut.
    pub rest: Vec<u8>,
}

impl Capture {
    /// An empty capture on Ethernet.
    pub fn ethernet() -> Self {
        Self {
            link: 1,
            snaplen: 262_144,
            packets: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Reads what tcpdump wrote here: little-endian, in microseconds.
    pub fn read(file: &[u8]) -> Self {
        assert_eq!(word(file, 0), 0xa1b2_c3d4, "a little-endian pcap in microseconds");
        let mut capture = Self {
            link: word(file, 20),
            snaplen: word(file, 16),
            ..Self::ethernet()
        };
        let mut rest = &file[24..];
        while let Some(packet) = take_record(&mut rest) {
            capture.packets.push(packet);
        }
        capture.rest = rest.to_vec();
        capture
    }

    /// The same with these packets only, whole to its end.
    pub fn with(&self, packets: &[Packet]) -> Self {
        Self {
            packets: packets.to_vec(),
            rest: Vec::new(),
            ..self.clone()
        }
    }

    /// As classic pcap.
    pub fn pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        words(&mut file, &[0xa1b2_c3d4, 0x0004_0002, 0, 0, self.snaplen, self.link]);
        for packet in &self.packets {
            let (seconds, micros) = (packet.micros / 1_000_000, packet.micros % 1_000_000);
            words(
                &mut file,
                &[
                    seconds as u32,
                    micros as u32,
                    packet.bytes.len() as u32,
                    packet.original,
                ],
            );
            file.extend_from_slice(&packet.bytes);
        }
        file.extend_from_slice(&self.rest);
        file
    }

    /// As pcapng, with one interface. A cut record becomes a cut block.
    pub fn pcapng(&self) -> Vec<u8> {
        let mut file = pcapng_head();
        pcapng_interface(&mut file, self);
        for packet in &self.packets {
            pcapng_packet(&mut file, 0, packet);
        }
        if !self.rest.is_empty() {
            words(&mut file, &[6, 96, 0, 0, 0]);
        }
        file
    }
}

/// Several captures as one pcapng, an interface each, one after the other.
pub fn merged(captures: &[Capture]) -> Vec<u8> {
    let mut file = pcapng_head();
    for capture in captures {
        pcapng_interface(&mut file, capture);
    }
    for (interface, capture) in captures.iter().enumerate() {
        for packet in &capture.packets {
            pcapng_packet(&mut file, interface as u32, packet);
        }
    }
    file
}

fn pcapng_head() -> Vec<u8> {
    let mut file = Vec::new();
    words(&mut file, &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    file
}

fn pcapng_interface(file: &mut Vec<u8>, capture: &Capture) {
    words(file, &[1, 20, capture.link, capture.snaplen, 20]);
}

fn pcapng_packet(file: &mut Vec<u8>, interface: u32, packet: &Packet) {
    let captured = packet.bytes.len() as u32;
    let length = 32 + captured.next_multiple_of(4);
    let (high, low) = ((packet.micros >> 32) as u32, packet.micros as u32);
    words(file, &[6, length, interface, high, low, captured, packet.original]);
    file.extend_from_slice(&packet.bytes);
    file.resize(file.len().next_multiple_of(4), 0);
    words(file, &[length]);
}

/// A way to pack a file.
pub type Pack = fn(&[u8]) -> Vec<u8>;

/// Every compression that is read.
pub const PACKS: [(&str, Pack); 4] = [("gz", gzip), ("zst", zstd), ("lz4", lz4), ("xz", xz)];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes everything")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
    out.write_all(bytes).expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).expect("the options are good");
    out.write_all(bytes).expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

fn take_record(rest: &mut &[u8]) -> Option<Packet> {
    if rest.len() < 16 {
        return None;
    }
    let bytes = rest.get(16..16 + word(rest, 8) as usize)?.to_vec();
    let packet = Packet {
        micros: u64::from(word(rest, 0)) * 1_000_000 + u64::from(word(rest, 4)),
        original: word(rest, 12),
        bytes,
    };
    *rest = &rest[16 + packet.bytes.len()..];
    Some(packet)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn words(file: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        file.extend_from_slice(&word.to_le_bytes());
    }
}
