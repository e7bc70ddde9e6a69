//! pcapng: sections of blocks, each section with a byte order and interfaces of its own.

use super::blocks::{self, Packet, order_of_section};
use super::bytes::Order;
use super::health::Tally;
use super::reader::{Format, Stop};
use super::records::Records;
use super::ticks::Ticks;
use super::window::{Fit, Window};
use super::{CaptureError, CaptureInfo, Interface, LinkType, Record};
use crate::base::limits::{MAX_BLOCK, MAX_INTERFACES, MAX_NAMES, MAX_RECORD};
use crate::base::{Span, Stamp};

/// Bytes of a block around its body: type, length, and the length again.
const FRAME: usize = 12;

/// Longest block that the search after damage believes in: the largest packet and ample options.
const MAX_FOUND: usize = MAX_RECORD + (64 << 10);

/// An interface of the current section.
#[derive(Clone, Copy, Debug)]
struct Port {
    /// Its place in [`CaptureInfo::interfaces`].
    index: u16,
    link: LinkType,
    snaplen: u32,
    ticks: Ticks,
    previous: Option<Stamp>,
}

/// The state of reading a pcapng file.
pub(super) struct PcapNg {
    order: Order,
    ports: Vec<Port>,
    /// The section is of a version that nobody knows; its blocks are passed over.
    foreign: bool,
    number: u64,
    /// Length of the stream, where it is known.
    size: Option<u64>,
    /// Where a block stands that is too long to keep, and how much of it is still to come.
    passing: Option<(u64, u64)>,
}

/// A block that is all in memory.
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    /// Bytes from its start to the next block.
    len: usize,
}

enum Found<'a> {
    Block(Block<'a>),
    Starved,
    TooLong(u64),
    Damaged(String),
}

/// A capture that saw nothing for so long after its last packet rather has a wrong clock, or a wrong unit, for its end; what
/// was never answered must not look waited for.
const LONGEST_QUIET: Span = Span::from_secs(24 * 3600);

impl PcapNg {
    pub(super) fn new(size: Option<u64>) -> Self {
        Self {
            size,
            order: Order::Little,
            ports: Vec::new(),
            foreign: false,
            number: 0,
            passing: None,
        }
    }

    /// The block at the start of `rest`.
    fn find<'a>(&self, rest: &'a [u8]) -> Found<'a> {
        let Some(kind) = self.order.u32(rest, 0) else {
            return Found::Starved;
        };
        let mut order = self.order;
        if kind == blocks::SECTION {
            match order_of_section(rest) {
                Some(announced) => order = announced,
                None if rest.len() < FRAME => return Found::Starved,
                None => return Found::Damaged("a section header without byte-order magic".to_owned()),
            }
        }
        let Some(stated) = order.u32(rest, 4) else {
            return Found::Starved;
        };
        // Some writers state the length without the padding; Wireshark rounds it up as well.
        let len = (stated as usize).next_multiple_of(4);
        if len < FRAME || (len > MAX_FOUND && blocks::is_packet(kind)) {
            return Found::Damaged(format!("a block of type {kind:#x} that claims {stated} bytes"));
        }
        if len > MAX_BLOCK {
            return Found::TooLong(len as u64);
        }
        let Some(block) = rest.get(..len) else {
            return Found::Starved;
        };
        let again = order.u32(block, len - 4);
        if again != Some(stated) && again != Some(len as u32) {
            let again = again.unwrap_or(0);
            return Found::Damaged(format!(
                "a block that claims {stated} bytes in front and {again} behind"
            ));
        }
        let body = block.get(8..len - 4).unwrap_or_default();
        Found::Block(Block { kind, body, len })
    }

    fn on_block(&mut self, block: &Block<'_>, at: usize, offset: u64, records: &mut Records, info: &mut CaptureInfo) {
        let body = block.body;
        match block.kind {
            blocks::SECTION => self.on_section(body, offset, info),
            _ if self.foreign => {}
            blocks::ENHANCED | blocks::PACKET => {
                let packet = blocks::read_packet(self.order, block.kind, body);
                self.on_packet(packet, body, at, offset, records, info);
            }
            blocks::SIMPLE => {
                let snaplen = self.ports.first().map_or(0, |port| port.snaplen);
                let packet = blocks::read_simple(self.order, body, snaplen);
                self.on_packet(packet, body, at, offset, records, info);
            }
            blocks::INTERFACE => self.on_interface(body, offset, info),
            blocks::STATISTICS => self.on_statistics(body, offset, info),
            blocks::NAMES => {
                let room = MAX_NAMES.saturating_sub(info.names.len());
                info.names.extend(blocks::read_names(self.order, body).take(room));
            }
            kind => self.number += u64::from(blocks::takes_a_number(kind)),
        }
    }

    fn on_section(&mut self, body: &[u8], offset: u64, info: &mut CaptureInfo) {
        // `find` has seen the byte-order magic; the body starts with it.
        if Order::Big.u32(body, 0) == Some(0x1a2b_3c4d) {
            self.order = Order::Big;
        } else {
            self.order = Order::Little;
        }
        self.ports.clear();
        let major = self.order.u16(body, 4);
        self.foreign = major != Some(1);
        if self.foreign {
            let major = major.unwrap_or(0);
            info.health
                .skip(offset, || format!("a section of unknown version {major}"));
        }
    }

    fn on_interface(&mut self, body: &[u8], offset: u64, info: &mut CaptureInfo) {
        let Some(found) = blocks::read_interface(self.order, body) else {
            info.health
                .skip(offset, || "an interface description that is too short".to_owned());
            return;
        };
        if self.ports.len() >= MAX_INTERFACES || info.interfaces.len() >= usize::from(u16::MAX) {
            info.health
                .skip(offset, || "one interface more than are told apart".to_owned());
            return;
        }
        self.ports.push(Port {
            index: info.interfaces.len() as u16,
            link: found.link,
            snaplen: found.snaplen,
            ticks: found.ticks,
            previous: None,
        });
        info.interfaces.push(Interface {
            name: found.name,
            fcs_bytes: found.fcs_bytes,
            addresses: found.addresses,
            ..Interface::new(found.link, found.snaplen, found.ticks.digits())
        });
    }

    fn on_statistics(&self, body: &[u8], offset: u64, info: &mut CaptureInfo) {
        let Some(said) = blocks::read_statistics(self.order, body) else {
            return;
        };
        let Some(port) = self.ports.get(said.interface as usize) else {
            return;
        };
        let end = said.end.map(|ticks| port.ticks.stamp(ticks));
        let packets_end = info.span.map_or(end.unwrap_or_default(), |(_, last)| last);
        let end = end.filter(|end| *end - packets_end <= LONGEST_QUIET);
        if said.end.is_some() && end.is_none() {
            info.health.skip(offset, || {
                "a capture that claims to have ended more than a day after its last packet".to_owned()
            });
        }
        if let Some(interface) = info.interfaces.get_mut(usize::from(port.index)) {
            // The counters count from the start of the capture, so the last block tells all.
            interface.dropped = said.dropped.or(interface.dropped);
            interface.last = interface.last.max(end);
        }
    }

    fn on_packet(
        &mut self,
        packet: Option<Packet>,
        body: &[u8],
        at: usize,
        offset: u64,
        records: &mut Records,
        info: &mut CaptureInfo,
    ) {
        self.number += 1;
        let room = |packet: &Packet| body.len().saturating_sub(packet.start).min(MAX_RECORD);
        let Some(packet) = packet.filter(|packet| packet.captured as usize <= room(packet)) else {
            info.health.skip(offset, || "a packet longer than its block".to_owned());
            return;
        };
        let Some(port) = port_of(&mut self.ports, packet.interface) else {
            let interface = packet.interface;
            info.health.skip(offset, || {
                format!("a packet of interface {interface}, which is not described")
            });
            return;
        };
        let stamp = packet.ticks.map(|ticks| port.ticks.stamp(ticks));
        let original = packet.original.max(packet.captured);
        let mut tally = Tally::after(port.previous);
        tally.count(stamp, packet.captured, original);
        tally.add_to(info, port.index);
        port.previous = tally.previous();
        if let Some(drops) = packet.drops {
            // Here each packet tells what was lost since the one before.
            if let Some(interface) = info.interfaces.get_mut(usize::from(port.index)) {
                interface.dropped = Some(interface.dropped.unwrap_or(0).saturating_add(u64::from(drops)));
            }
        }
        records.push(Record {
            number: self.number,
            stamp: stamp.or(port.previous).unwrap_or_default(),
            start: (at + 8 + packet.start) as u32,
            captured: packet.captured,
            original,
            interface: port.index,
            link: port.link,
        });
    }

    /// Passes over as much of a block that is too long to keep as is in memory; `false` if more is to come.
    fn pass(&mut self, window: &mut Window) -> bool {
        let Some((offset, left)) = self.passing else {
            return true;
        };
        let now = left.min(window.rest().len() as u64);
        window.take(now as usize);
        self.passing = (now < left).then_some((offset, left - now));
        self.passing.is_none()
    }

    /// A block at the start of `rest` that a search after damage may go on with; `None` if it needs more bytes to say.
    fn is_good(&self, rest: &[u8]) -> Option<bool> {
        let kind = self.order.u32(rest, 0)?;
        if !blocks::is_known(kind) {
            return Some(false);
        }
        let order = match kind {
            blocks::SECTION if rest.len() < FRAME => return None,
            blocks::SECTION => order_of_section(rest),
            _ => Some(self.order),
        };
        let Some(order) = order else { return Some(false) };
        let len = order.u32(rest, 4)? as usize;
        if !(FRAME..=MAX_FOUND).contains(&len) || len % 4 != 0 {
            return Some(false);
        }
        Some(order.u32(rest, len - 4)? as usize == len)
    }
}

/// The interface that a packet block names; further ones than are told apart are read as the last of these.
fn port_of(ports: &mut [Port], interface: u32) -> Option<&mut Port> {
    let mut index = interface as usize;
    if ports.len() == MAX_INTERFACES {
        index = index.min(MAX_INTERFACES - 1);
    }
    ports.get_mut(index)
}

impl Format for PcapNg {
    fn walk(&mut self, window: &mut Window, records: &mut Records, info: &mut CaptureInfo) -> Stop {
        if !self.pass(window) {
            return Stop::Starved;
        }
        while !records.is_full() {
            let from = window.start();
            let at = self.take_run(window.data(), from, records, info);
            window.take(at - from);
            if records.is_full() {
                break;
            }
            let (at, offset) = (window.start(), window.offset());
            let len = match self.find(window.rest()) {
                Found::Block(block) => {
                    self.on_block(&block, at, offset, records, info);
                    block.len
                }
                Found::Starved => return Stop::Starved,
                Found::Damaged(what) => return Stop::Damaged(what),
                Found::TooLong(len) if self.size.is_some_and(|size| size < offset + len) => {
                    return Stop::Damaged(format!("a block that claims {len} bytes, more than there are"));
                }
                Found::TooLong(len) => {
                    self.passing = Some((offset, len));
                    if self.pass(window) {
                        continue;
                    }
                    return Stop::Starved;
                }
            };
            window.take(len);
        }
        Stop::Full
    }

    fn recover(&mut self, window: &mut Window, _: &str) -> Result<bool, CaptureError> {
        Ok(window.search(|rest, ended| match self.is_good(rest) {
            Some(true) => Fit::Yes,
            None if !ended => Fit::Unsure,
            // At the end of the stream what needs more bytes will not get them.
            _ => Fit::No,
        })?)
    }

    fn passing(&self) -> Option<u64> {
        self.passing.map(|(offset, _)| offset)
    }
}

#[path = "pcapng_run.rs"]
mod run;
#[cfg(test)]
#[path = "pcapng_tests.rs"]
mod tests;
