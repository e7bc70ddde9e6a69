//! Records to pcapng: a section, its interfaces, packets with nanoseconds, and at the end what was dropped until when.

use super::{Interface, LinkType};
use crate::base::Stamp;
use std::io::{self, Write};
use std::net::IpAddr;

/// `if_tsresol`: nanoseconds.
const NANOS: u8 = 9;

/// Writes one pcapng section.
#[derive(Debug)]
pub struct PcapNgWriter<W: Write> {
    out: W,
    written: u64,
    block: Vec<u8>,
}

impl<W: Write> PcapNgWriter<W> {
    /// Begins a section that has these interfaces, in this order.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn new(out: W, interfaces: &[Interface]) -> io::Result<Self> {
        let mut writer = Self {
            out,
            written: 0,
            block: Vec::new(),
        };
        writer.section()?;
        for interface in interfaces {
            writer.interface(interface)?;
        }
        Ok(writer)
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    fn section(&mut self) -> io::Result<()> {
        self.begin(0x0a0d_0d0a);
        self.put(&0x1a2b_3c4d_u32.to_le_bytes());
        // Version 1.0, and a length that is not known.
        self.put(&[1, 0, 0, 0]);
        self.put(&u64::MAX.to_le_bytes());
        self.option(4, concat!("whodropped ", env!("CARGO_PKG_VERSION")).as_bytes());
        self.end_options();
        self.end()
    }

    /// Describes one more interface; packets name it by its place.
    ///
    /// # Errors
    /// What the output reports.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<()> {
        let LinkType(link) = interface.link;
        self.begin(1);
        self.put(&link.to_le_bytes());
        self.put(&[0, 0]);
        self.put(&interface.snaplen.to_le_bytes());
        if let Some(name) = &interface.name {
            self.option(2, name.as_bytes());
        }
        for address in &interface.addresses {
            // The mask is not known: the address alone is meant.
            match address {
                IpAddr::V4(ip) => self.option(4, &[ip.octets(), [255; 4]].concat()),
                IpAddr::V6(ip) => self.option(5, &[&ip.octets()[..], &[128]].concat()),
            }
        }
        self.option(9, &[NANOS]);
        if interface.fcs_bytes > 0 {
            self.option(13, &[interface.fcs_bytes.saturating_mul(8)]);
        }
        self.end_options();
        self.end()
    }

    /// One packet of interface `interface`, of `original` bytes on the wire.
    ///
    /// # Errors
    /// What the output reports.
    pub fn packet(&mut self, interface: u16, stamp: Stamp, original: u32, bytes: &[u8]) -> io::Result<()> {
        self.begin(6);
        self.put(&u32::from(interface).to_le_bytes());
        self.stamp(stamp);
        self.put(&(bytes.len() as u32).to_le_bytes());
        self.put(&original.to_le_bytes());
        self.put(bytes);
        self.pad();
        self.end()
    }

    /// What is known of an interface at the end: when that was, and what was dropped.
    ///
    /// # Errors
    /// What the output reports.
    pub fn statistics(&mut self, index: u16, interface: &Interface) -> io::Result<()> {
        let last = interface.last.unwrap_or_default();
        self.begin(5);
        self.put(&u32::from(index).to_le_bytes());
        self.stamp(last);
        let ticks = ticks(last);
        self.option(3, &[ticks[0], ticks[1]].concat());
        self.option(4, &interface.packets.to_le_bytes());
        if let Some(dropped) = interface.dropped {
            self.option(7, &dropped.to_le_bytes());
        }
        self.end_options();
        self.end()
    }

    /// Hands on what is buffered below.
    ///
    /// # Errors
    /// What the output reports.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn stamp(&mut self, stamp: Stamp) {
        for half in ticks(stamp) {
            self.put(&half);
        }
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put(value);
        self.pad();
    }

    fn end_options(&mut self) {
        self.put(&[0; 4]);
    }

    /// Fills in the length, in front and behind.
    fn end(&mut self) -> io::Result<()> {
        let length = (self.block.len() as u32 + 4).to_le_bytes();
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&length);
        }
        self.put(&length);
        self.written += self.block.len() as u64;
        self.out.write_all(&self.block)
    }
}

/// Nanoseconds since 1970, the upper half first; before 1970 there is no number for it.
fn ticks(stamp: Stamp) -> [[u8; 4]; 2] {
    let ticks = stamp.0.max(0) as u64;
    [((ticks >> 32) as u32).to_le_bytes(), (ticks as u32).to_le_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::open_reader;

    fn interface(name: &str, link: u16) -> Interface {
        Interface {
            name: Some(name.to_owned()),
            addresses: vec!["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            last: Some(Stamp(9_000_000_005)),
            dropped: Some(7),
            packets: 2,
            ..Interface::new(LinkType(link), 512, 9)
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let interfaces = [interface("eth0", 1), interface("tun0", 101)];
        let mut writer = PcapNgWriter::new(Vec::new(), &interfaces).unwrap();
        writer
            .packet(0, Stamp(1_700_000_000_123_456_789), 1500, b"odd")
            .unwrap();
        writer.packet(1, Stamp(1_700_000_000_123_456_790), 4, b"even").unwrap();
        for (index, interface) in interfaces.iter().enumerate() {
            writer.statistics(index as u16, interface).unwrap();
        }
        assert_eq!(writer.written(), writer.out.len() as u64);
        let bytes = writer.into_inner();
        let mut source = open_reader("x", Box::new(io::Cursor::new(bytes)), None).unwrap();
        let batch = source.next_batch().unwrap().unwrap();
        let read: Vec<_> = batch
            .records
            .iter()
            .map(|record| (record.stamp.0, record.original, batch.bytes(record).to_vec()))
            .collect();
        assert_eq!(
            read,
            [
                (1_700_000_000_123_456_789, 1500, b"odd".to_vec()),
                (1_700_000_000_123_456_790, 4, b"even".to_vec())
            ]
        );
        while source.next_batch().unwrap().is_some() {}
        for (read, written) in source.info().interfaces.iter().zip(&interfaces) {
            assert_eq!(
                (&read.name, read.link, read.snaplen),
                (&written.name, written.link, 512)
            );
            assert_eq!(
                (&read.addresses, read.dropped, read.stamp_digits),
                (&written.addresses, Some(7), 9)
            );
        }
    }

    #[test]
    fn the_end_of_the_capture_is_kept_although_no_packet_tells_it() {
        let end = Interface {
            last: Some(Stamp(1_700_000_009_000_000_000)),
            ..interface("eth0", 1)
        };
        let mut writer = PcapNgWriter::new(Vec::new(), std::slice::from_ref(&end)).unwrap();
        writer.packet(0, Stamp(1_700_000_000_000_000_000), 3, b"abc").unwrap();
        writer.statistics(0, &end).unwrap();
        let mut source = open_reader("x", Box::new(io::Cursor::new(writer.into_inner())), None).unwrap();
        while source.next_batch().unwrap().is_some() {}
        assert_eq!(source.info().interfaces[0].last, end.last);
    }

    #[test]
    fn an_end_days_after_the_last_packet_is_not_believed() {
        const LAST: i64 = 1_700_000_000_000_000_000;
        let read = |end: i64| {
            let end = Interface {
                last: Some(Stamp(end)),
                ..interface("eth0", 1)
            };
            let mut writer = PcapNgWriter::new(Vec::new(), std::slice::from_ref(&end)).unwrap();
            writer.packet(0, Stamp(LAST), 3, b"abc").unwrap();
            writer.statistics(0, &end).unwrap();
            let mut source = open_reader("x", Box::new(io::Cursor::new(writer.into_inner())), None).unwrap();
            while source.next_batch().unwrap().is_some() {}
            let info = source.info();
            (info.interfaces[0].last.unwrap().0 - LAST, info.health.skipped)
        };
        let hours = |count: i64| LAST + count * 3_600_000_000_000;
        assert_eq!(read(hours(23)), (hours(23) - LAST, 0));
        for hostile in [hours(25), hours(24 * 365 * 100), i64::MAX] {
            assert_eq!(read(hostile), (0, 1), "the file is said to be damaged there");
        }
        // An end before the last packet says nothing.
        assert_eq!(read(hours(-25)), (0, 0));
    }
}
