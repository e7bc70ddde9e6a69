//! Classic pcap: a file header and records one behind the other.

use super::bytes::Order;
use super::health::Tally;
use super::pcap_layout::{Chain, Lengths, Layout};
use super::reader::{Format, Stop};
use super::window::Window;
use super::{CaptureError, CaptureInfo, Interface, Record};
use crate::base::Stamp;
use crate::base::limits::{BATCH_RECORDS, MAX_RECORD};

/// Records that must stand one behind the other before reading goes on after damage.
const PROOF: usize = 3;

/// The state of reading a classic pcap file, behind its file header.
pub(super) struct Pcap {
    layout: Layout,
    settled: bool,
    number: u64,
    previous: Option<Stamp>,
}

impl Pcap {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            settled: false,
            number: 0,
            previous: None,
        }
    }

    /// The one interface of a classic pcap file.
    pub(super) fn interface(layout: &Layout) -> Interface {
        let digits = if layout.nanos_per_tick == 1 { 9 } else { 6 };
        Interface {
            fcs_bytes: layout.fcs_bytes,
            ..Interface::new(layout.link, layout.snaplen, digits)
        }
    }

    /// The loop that everything waits for; one copy per byte order, and nothing in it that a record does not need.
    fn run<const BIG: bool>(&mut self, data: &[u8], at: &mut usize, records: &mut Vec<Record>, tally: &mut Tally) -> Stop {
        let Layout {
            record_header,
            nanos_per_tick,
            lengths,
            link,
            ..
        } = self.layout;
        while records.len() < BATCH_RECORDS {
            let Some(header) = data.get(*at..).and_then(|rest| rest.first_chunk::<16>()) else {
                return Stop::Starved;
            };
            let [seconds, ticks, mut captured, mut original] = words::<BIG>(header);
            if lengths == Lengths::Swapped || (lengths == Lengths::Unknown && captured > original) {
                std::mem::swap(&mut captured, &mut original);
            }
            if captured as usize > MAX_RECORD {
                return Stop::Damaged(format!("a record that claims {captured} captured bytes"));
            }
            let start = *at + record_header;
            if data.len() < start + captured as usize {
                return Stop::Starved;
            }
            // Cannot overflow: 2^32 seconds and 2^32 microseconds stay below 2^62 nanoseconds.
            let stamp = Stamp(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * nanos_per_tick);
            original = original.max(captured);
            tally.count(Some(stamp), captured, original);
            self.number += 1;
            records.push(Record {
                number: self.number,
                stamp,
                start: start as u32,
                captured,
                original,
                interface: 0,
                link,
            });
            *at = start + captured as usize;
        }
        Stop::Full
    }
}

/// The four numbers of a record header.
#[inline]
fn words<const BIG: bool>(header: &[u8; 16]) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *header;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(|word| {
        if BIG {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    })
}

impl Format for Pcap {
    fn walk(&mut self, window: &mut Window, records: &mut Vec<Record>, info: &mut CaptureInfo) -> Stop {
        if !self.settled {
            self.settled = self.layout.settle(window.rest(), window.ended());
            if !self.settled {
                return Stop::Starved;
            }
        }
        let mut tally = Tally::after(self.previous);
        let from = window.start();
        let mut at = from;
        let stop = match self.layout.order {
            Order::Little => self.run::<false>(window.data(), &mut at, records, &mut tally),
            Order::Big => self.run::<true>(window.data(), &mut at, records, &mut tally),
        };
        window.take(at - from);
        self.previous = tally.previous();
        tally.add_to(info, 0);
        stop
    }

    fn recover(&mut self, window: &mut Window, _: &CaptureInfo, what: String) -> Result<bool, CaptureError> {
        let Some(previous) = self.previous else {
            return Err(CaptureError::Broken {
                offset: window.offset(),
                what: format!("the first record is {what}, so this is no pcap file that can be read"),
            });
        };
        let near = previous.0.div_euclid(1_000_000_000) as u32;
        window.take(1);
        loop {
            let (rest, ended) = (window.rest(), window.ended());
            let place = (0..rest.len()).find_map(|at| match self.layout.chain(rest, at, near, ended, PROOF) {
                Chain::No => None,
                verdict => Some((at, verdict)),
            });
            match place {
                Some((at, Chain::Yes)) => {
                    window.take(at);
                    return Ok(true);
                }
                Some((at, _)) => window.take(at),
                None => window.take(rest.len()),
            }
            if !window.fill()? && window.rest().is_empty() {
                return Ok(false);
            }
        }
    }
}
