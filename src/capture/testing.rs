//! What the tests of this room share: captures made by hand, and readers that deliver in awkward pieces.

use std::io::{self, Read};

use super::{Batch, CaptureError, CaptureInfo, open_reader};
use crate::base::Stamp;

/// A packet taken out of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) stamp: Stamp,
    pub(super) original: u32,
    pub(super) interface: u16,
    pub(super) link: u16,
    pub(super) bytes: Vec<u8>,
}

/// All that reading gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) packets: Vec<Seen>,
    pub(super) info: CaptureInfo,
}

impl Outcome {
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.packets.iter().map(|packet| packet.number).collect()
    }
}

pub(super) fn read_all(bytes: &[u8]) -> Result<Outcome, CaptureError> {
    read_from(Box::new(io::Cursor::new(bytes.to_vec())), Some(bytes.len() as u64))
}

/// Reads as from a pipe that delivers `piece` bytes at a time.
pub(super) fn read_in_pieces(bytes: &[u8], piece: usize) -> Result<Outcome, CaptureError> {
    let reader = Pieces {
        bytes: bytes.to_vec(),
        at: 0,
        piece,
    };
    read_from(Box::new(reader), None)
}

pub(super) fn read_from(reader: Box<dyn Read + Send>, size: Option<u64>) -> Result<Outcome, CaptureError> {
    let mut source = open_reader("test", reader, size)?;
    let mut packets = Vec::new();
    while let Some(batch) = source.next_batch()? {
        assert!(!batch.records.is_empty());
        packets.extend(seen(batch));
    }
    assert!(source.next_batch()?.is_none());
    let info = source.info().clone();
    assert_eq!(info.packets, packets.len() as u64);
    Ok(Outcome { packets, info })
}

/// Numbers without pattern, the same in every run.
pub(super) fn noise(dice: &mut u32) -> usize {
    *dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*dice >> 8) as usize
}

/// The packets of a batch.
pub(super) fn seen(batch: Batch<'_>) -> impl Iterator<Item = Seen> {
    batch.records.iter().map(move |record| {
        assert_eq!(batch.bytes(record).len(), record.captured as usize);
        Seen {
            number: record.number,
            stamp: record.stamp,
            original: record.original,
            interface: record.interface,
            link: record.link.0,
            bytes: batch.bytes(record).to_vec(),
        }
    })
}

struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(into.len()).min(self.piece);
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) big: bool,
}

impl Writer {
    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    /// A classic pcap file header.
    pub(super) fn pcap_header(self, magic: u32, minor: u16, network: u32) -> Vec<u8> {
        let mut out = self.u32(magic).to_vec();
        out.extend([self.u16(2), self.u16(minor)].concat());
        out.extend([self.u32(0), self.u32(0), self.u32(65_535), self.u32(network)].concat());
        out
    }

    /// A classic record; `extra` stands between its header and its bytes.
    pub(super) fn record(self, stamp: (u32, u32), lengths: (u32, u32), extra: &[u8], bytes: &[u8]) -> Vec<u8> {
        let words = [stamp.0, stamp.1, lengths.0, lengths.1].map(|word| self.u32(word));
        [&words.concat(), extra, bytes].concat()
    }

    /// A pcapng block.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let len = self.u32((12 + body.len().next_multiple_of(4)) as u32);
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        [&self.u32(kind)[..], &len, body, &padding, &len].concat()
    }

    pub(super) fn section(self) -> Vec<u8> {
        let body = [
            &self.u32(0x1a2b_3c4d)[..],
            &self.u16(1),
            &self.u16(0),
            &self.u64(u64::MAX),
        ]
        .concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = [&self.u16(link)[..], &[0, 0], &self.u32(snaplen)].concat();
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(super) fn options(self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (code, value) in options {
            out.extend([self.u16(*code), self.u16(value.len() as u16)].concat());
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    /// An enhanced packet block.
    pub(super) fn packet(self, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
        let len = bytes.len() as u32;
        let words = [interface, (ticks >> 32) as u32, ticks as u32, len, len].map(|word| self.u32(word));
        self.block(6, &[&words.concat(), bytes].concat())
    }
}
