//! The captures read a second time, for the packets of a few flows.

use super::front::is_wanted;
use crate::base::{FlowKey, Map};
use crate::capture::{Batch, CaptureInfo, Filter, Record};
use crate::report::FlowRow;
use crate::wire::{Heard, Reassembled, Reassembler, decode};

/// The packets of one flow: those of its 4-tuple from its first to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    flow: u64,
    first: u64,
    last: u64,
    /// The last packet of it and of all that begin before.
    reach: u64,
}

/// Flows whose packets are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In order of their first packets.
    by_key: Map<FlowKey, Vec<Stretch>>,
}

impl Wanted {
    /// The flow of this row, too.
    pub fn add(&mut self, row: &FlowRow) {
        if let Some((key, _)) = FlowKey::between(row.client, row.server) {
            let one = Stretch {
                flow: row.flow,
                first: row.first_packet,
                last: row.last_packet,
                reach: 0,
            };
            put_in(self.by_key.entry(key).or_default(), one);
        }
    }

    /// The last packet of these flows; 0 without any.
    #[must_use]
    pub fn last(&self) -> u64 {
        let stretches = self.by_key.values().flatten();
        stretches.map(|stretch| stretch.last).max().unwrap_or_default()
    }

    /// Nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The flow that a packet of `key` belongs to. ICMP errors may come after its last segment.
    fn flow_of(&self, key: &FlowKey, packet: u64, is_error: bool) -> Option<u64> {
        let stretches = self.by_key.get(key)?;
        // Ports may be used again a million times.
        let before = stretches.get(..stretches.partition_point(|one| one.first <= packet))?;
        let found = before.get(before.partition_point(|one| one.reach < packet));
        let found = found.or_else(|| before.last().filter(|_| is_error));
        found.map(|one| one.flow)
    }
}

/// Puts `one` behind those that begin before it, or with it.
fn put_in(stretches: &mut Vec<Stretch>, one: Stretch) {
    let place = stretches.partition_point(|other| other.first <= one.first);
    stretches.insert(place, one);
    let mut reach = place.checked_sub(1).map_or(0, |before| stretches[before].reach);
    for each in &mut stretches[place..] {
        reach = reach.max(each.last);
        each.reach = reach;
    }
}

/// A packet of a wanted flow.
#[derive(Debug)]
pub struct Found<'a> {
    /// Number of the flow in the report.
    pub flow: u64,
    /// Number in the recording.
    pub packet: u64,
    /// Place of its capture among all.
    pub capture: usize,
    /// Its record.
    pub record: &'a Record,
    /// Its captured bytes.
    pub bytes: &'a [u8],
    /// What it says.
    pub heard: &'a Heard,
}

/// Reads captures again, in the order of the first time, and hands out the packets of the flows that are wanted.
#[derive(Debug, Default)]
pub struct Again {
    wanted: Wanted,
    filter: Option<(String, Vec<Filter>)>,
    reassembler: Reassembler,
    packets_before: u64,
    last_number: u64,
    capture: usize,
}

impl Again {
    /// For the packets of these flows; `filter` as the first time.
    #[must_use]
    pub fn new(wanted: Wanted, filter: Option<String>) -> Self {
        Self {
            wanted,
            filter: filter.map(|text| (text, Vec::new())),
            ..Self::default()
        }
    }

    /// Takes in the next records.
    ///
    /// # Errors
    /// One sentence, from the filter or from `sink`.
    pub fn feed(
        &mut self,
        batch: Batch<'_>,
        sink: &mut dyn FnMut(&Found<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        for record in batch.records {
            self.last_number = record.number;
            let bytes = batch.bytes(record);
            if !self.lets_through(record, bytes)? {
                continue;
            }
            let packet = record.number + self.packets_before;
            let mut heard = decode(
                &Record {
                    number: packet,
                    ..*record
                },
                bytes,
            );
            if let Heard::Fragment(fragment) = &heard {
                match self.reassembler.on_fragment(fragment, bytes) {
                    Reassembled::Complete(whole) => heard = whole,
                    Reassembled::Waiting | Reassembled::Dropped => continue,
                }
            }
            let flow = match &heard {
                Heard::Segment(segment) => self.wanted.flow_of(&segment.key, packet, false),
                Heard::IcmpError(error) => self.wanted.flow_of(&error.key, packet, true),
                _ => None,
            };
            if let Some(flow) = flow {
                sink(&Found {
                    flow,
                    packet,
                    capture: self.capture,
                    record,
                    bytes,
                    heard: &heard,
                })?;
            }
        }
        Ok(())
    }

    fn lets_through(&mut self, record: &Record, bytes: &[u8]) -> Result<bool, String> {
        let Some((text, filters)) = &mut self.filter else {
            return Ok(true);
        };
        if filters.iter().all(|filter| filter.link() != record.link) {
            filters.push(Filter::compile(record.link, text)?);
        }
        Ok(is_wanted(filters, record, bytes))
    }

    /// Number of the last record so far, in the recording.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets_before + self.last_number
    }

    /// The current capture is at its end.
    pub fn end_capture(&mut self, info: &CaptureInfo) {
        self.packets_before += info.packets.max(self.last_number);
        self.last_number = 0;
        self.capture += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_belongs_to_the_first_flow_around_it() {
        // Some overlap (the same ports in two VLANs), some do not; in whatever order they come.
        let flows = [
            (1, 5),
            (3, 30),
            (8, 9),
            (20, 25),
            (40, 50),
            (45, 47),
            (45, 60),
            (70, 70),
        ];
        let key = FlowKey::between(end(1), end(2)).unwrap().0;
        for turn in 0..flows.len() {
            let mut wanted = Wanted::default();
            let mut numbered: Vec<_> = (1..).zip(flows).collect();
            numbered.rotate_left(turn);
            for (flow, (first, last)) in numbered {
                put_in(
                    wanted.by_key.entry(key).or_default(),
                    Stretch {
                        flow,
                        first,
                        last,
                        reach: 0,
                    },
                );
            }
            for packet in 0..80 {
                let all = || (1_u64..).zip(flows);
                let inside = all().find(|(_, (first, last))| *first <= packet && packet <= *last);
                let before = all().filter(|(_, (first, _))| *first <= packet).last();
                assert_eq!(
                    wanted.flow_of(&key, packet, false),
                    inside.map(|(flow, _)| flow),
                    "{packet}"
                );
                if turn == 0 {
                    let error = inside.or(before);
                    assert_eq!(
                        wanted.flow_of(&key, packet, true),
                        error.map(|(flow, _)| flow),
                        "{packet}"
                    );
                }
            }
        }
    }

    fn end(last: u8) -> crate::base::Endpoint {
        crate::base::Endpoint {
            ip: [10, 0, 0, last].into(),
            port: 80,
        }
    }
}
