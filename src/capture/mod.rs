//! Bytes to records: opens any source of packets and lends it out in batches.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(
    test,
    expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a test that goes wrong shall fail loudly"
    )
)]

pub mod health;
mod ahead;
mod blocks;
mod bytes;
mod describe;
mod filter;
mod inflate;
mod libpcap;
pub mod live;
mod open;
mod pcap;
mod pcap_layout;
mod pcapng;
mod pool;
mod reader;
mod records;
mod snoop;
mod stream;
#[cfg(test)]
mod testing;
mod ticks;
mod window;
pub mod write;

pub use ahead::{Ahead, Stretch};
pub use filter::Filter;
pub use health::{CaptureInfo, Health, Interface};
pub use open::{ReadAhead, open, open_reader};

use crate::base::Stamp;

/// Link-layer type as in the capture file (LINKTYPE_ values of the tcpdump.org registry: 1 Ethernet, 113 cooked v1 …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured packet: where it stands and what the capture says about it. Its bytes are in the batch that lends it.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// 1-based position in its file, as Wireshark's `frame.number`.
    pub number: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// Start of the captured bytes in [`Batch::data`].
    pub start: u32,
    /// Bytes captured.
    pub captured: u32,
    /// Bytes on the wire; never less than `captured` after reading.
    pub original: u32,
    /// Index into [`CaptureInfo::interfaces`]; always 0 for classic pcap.
    pub interface: u16,
    /// Link type of that interface.
    pub link: LinkType,
}

/// A run of records, lent by the source until the next call.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The bytes that the records point into.
    pub data: &'a [u8],
    /// In file order.
    pub records: &'a [Record],
}

impl<'a> Batch<'a> {
    /// The captured bytes of `record`; empty if the record is not of this batch.
    #[must_use]
    pub fn bytes(&self, record: &Record) -> &'a [u8] {
        self.get(record).unwrap_or_default()
    }

    /// As [`Batch::bytes`]; `None` if the record is not of this batch.
    #[must_use]
    #[inline]
    pub(crate) fn get(&self, record: &Record) -> Option<&'a [u8]> {
        let start = record.start as usize;
        self.data.get(start..start + record.captured as usize)
    }
}

/// Where packets come from.
pub trait Source: Send {
    /// The next records, or `None` at the end. A live source lends an empty batch as a tick.
    ///
    /// # Errors
    /// Only where nothing further can be read; a cut file is no error but ends the capture with [`Health::cut`] set.
    fn next_batch(&mut self) -> Result<Option<Batch<'_>>, CaptureError>;

    /// For whoever reads ahead of this source, from here on; nothing where it is no plain file, or has ended.
    fn ahead(&self) -> Option<Ahead> {
        None
    }

    /// As [`Source::next_batch`], from a stretch that was read ahead; `None` when the next is wanted.
    ///
    /// # Errors
    /// The same.
    fn next_of(&mut self, stretch: &mut Stretch) -> Result<Option<Batch<'_>>, CaptureError> {
        let _ = stretch;
        self.next_batch()
    }

    /// What is known of the capture so far: format, interfaces, damage, drops. Complete after the last batch.
    fn info(&self) -> &CaptureInfo;

    /// Bytes of the input consumed so far (compressed bytes, where it is compressed), for progress.
    fn consumed(&self) -> u64;
}

/// Why a capture cannot be read (any further). Each prints as one sentence with the place and what to try.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The bytes at the start are of no known capture format.
    #[error("{0}")]
    NotACapture(String),
    /// The format is broken at a byte offset in a way that leaves no next record to find.
    #[error("byte {offset}: {what}")]
    Broken {
        /// Offset in the (decompressed) stream.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
}
