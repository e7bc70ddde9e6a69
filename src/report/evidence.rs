//! `--evidence`: a pcapng with just the packets of the flows that failed, each flow named where it begins.
//!
//! The interfaces keep their link types, resolutions, drops and ends (`isb_endtime`), so that reading it again leads to the
//! same verdicts: how long nobody answered is part of the proof.

use super::Head;
use crate::base::Stamp;
use crate::capture::Interface;
use std::io::{self, Write};

/// Writes pcapng.
#[derive(Debug)]
pub struct Evidence<W: Write> {
    out: W,
    interfaces: Vec<Interface>,
    /// For each capture, the number of each of its interfaces.
    numbers: Vec<Vec<u32>>,
}

impl<W: Write> Evidence<W> {
    /// To `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            interfaces: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// What was captured on. Pieces of one recording share their interfaces.
    ///
    /// # Errors
    /// What the output reports.
    pub fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        for capture in head.captures {
            let mut numbers = Vec::new();
            for (place, interface) in capture.info.interfaces.iter().enumerate() {
                numbers.push(self.number(place, interface));
            }
            self.numbers.push(numbers);
        }
        self.section()
    }

    fn number(&mut self, place: usize, interface: &Interface) -> u32 {
        let like = |one: &Interface| one.link == interface.link && one.stamp_digits == interface.stamp_digits;
        if let Some(known) = self.interfaces.get_mut(place).filter(|known| like(known)) {
            known.last = known.last.max(interface.last);
            known.dropped = match (known.dropped, interface.dropped) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
            return place as u32;
        }
        self.interfaces.push(interface.clone());
        self.interfaces.len() as u32 - 1
    }

    /// Section header and interface descriptions (draft-ietf-opsawg-pcapng 4.1, 4.2).
    fn section(&mut self) -> io::Result<()> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend(u64::MAX.to_le_bytes());
        option(
            &mut body,
            4,
            concat!("whodropped ", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        end_of_options(&mut body);
        self.block(0x0a0d_0d0a, &body)?;
        for interface in self.interfaces.clone() {
            let mut body = Vec::new();
            body.extend(interface.link.0.to_le_bytes());
            body.extend([0, 0]);
            body.extend(interface.snaplen.to_le_bytes());
            if let Some(name) = &interface.name {
                option(&mut body, 2, name.as_bytes());
            }
            option(&mut body, 9, &[interface.stamp_digits.min(9)]);
            if interface.fcs_bytes > 0 {
                option(&mut body, 13, &[interface.fcs_bytes * 8]);
            }
            end_of_options(&mut body);
            self.block(1, &body)?;
        }
        Ok(())
    }

    /// One packet, captured in the `capture`th capture.
    ///
    /// # Errors
    /// What the output reports.
    pub fn packet(&mut self, capture: usize, packet: &Packet<'_>) -> io::Result<()> {
        let numbers = self.numbers.get(capture);
        let Some(&number) = numbers.and_then(|numbers| numbers.get(usize::from(packet.interface))) else {
            return Ok(());
        };
        let mut body = Vec::with_capacity(packet.bytes.len() + 64);
        body.extend(number.to_le_bytes());
        body.extend(self.ticks(number, packet.stamp));
        body.extend((packet.bytes.len() as u32).to_le_bytes());
        body.extend(packet.original.to_le_bytes());
        body.extend(packet.bytes);
        pad(&mut body);
        if let Some(comment) = packet.comment {
            option(&mut body, 1, comment.as_bytes());
            end_of_options(&mut body);
        }
        self.block(6, &body)
    }

    /// The high and the low half of a time stamp, in the interface's own units.
    fn ticks(&self, interface: u32, stamp: Stamp) -> [u8; 8] {
        let digits = self
            .interfaces
            .get(interface as usize)
            .map_or(9, |interface| interface.stamp_digits.min(9));
        let ticks = (stamp.0.max(0) / 10_i64.pow(9 - u32::from(digits))) as u64;
        let (high, low) = (((ticks >> 32) as u32).to_le_bytes(), (ticks as u32).to_le_bytes());
        [high[0], high[1], high[2], high[3], low[0], low[1], low[2], low[3]]
    }

    /// When each interface was last heard, and what it lost; gives the output back (interface statistics, 4.6).
    ///
    /// # Errors
    /// What the output reports.
    pub fn finish(mut self) -> io::Result<W> {
        for (number, interface) in self.interfaces.clone().iter().enumerate() {
            let Some(last) = interface.last else { continue };
            let ticks = self.ticks(number as u32, last);
            let mut body = Vec::new();
            body.extend((number as u32).to_le_bytes());
            body.extend(ticks);
            option(&mut body, 3, &ticks);
            if let Some(dropped) = interface.dropped {
                option(&mut body, 5, &dropped.to_le_bytes());
            }
            end_of_options(&mut body);
            self.block(5, &body)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let length = (body.len() as u32 + 12).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&length)?;
        self.out.write_all(body)?;
        self.out.write_all(&length)
    }
}

/// A packet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Interface of its capture.
    pub interface: u16,
    /// Capture time.
    pub stamp: Stamp,
    /// Bytes on the wire.
    pub original: u32,
    /// Bytes captured.
    pub bytes: &'a [u8],
    /// Said of it.
    pub comment: Option<&'a str>,
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
