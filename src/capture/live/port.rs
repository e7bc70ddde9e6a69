//! One interface: opened through libpcap, read by a thread of its own.

use super::devices::{plain, refusal};
use super::{Device, Drops, Packets, Refusal, Settings};
use crate::base::Stamp;
use crate::base::limits::{BATCH_RECORDS, READ_BLOCK};
use crate::capture::LinkType;
use pcap::{Active, Capture, Error};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What libpcap is told to wait for more packets before it hands on the first; never 0, which is for ever on macOS.
const TIMEOUT_MS: i32 = 20;
/// Where nothing has come, one looks again so soon, and then less and less soon. libpcap itself would wait without end
/// for a first packet on some systems, and a silence must be told.
const PAUSES: [Duration; 2] = [Duration::from_micros(500), Duration::from_millis(10)];
/// Drop counters are asked for so often.
const COUNT_EVERY: Duration = Duration::from_millis(250);

/// Linux stamps in nanoseconds with every libpcap since 1.5; elsewhere the crate cannot tell what was granted.
const NANOS: bool = cfg!(target_os = "linux");
/// Decimals of its stamps.
pub(super) const DIGITS: u8 = if NANOS { 9 } else { 6 };

/// What an interface's thread has to say.
#[derive(Debug)]
pub(super) enum Said {
    /// Packets, perhaps none; up to `until` nothing is still to come.
    Packets {
        index: u16,
        packets: Packets,
        until: Stamp,
        drops: Option<Drops>,
    },
    /// It ended, by itself if there is a sentence.
    End { index: u16, why: Option<String> },
}

/// An interface that is open.
pub(super) struct Port {
    pub(super) name: String,
    pub(super) link: LinkType,
    pub(super) addresses: Vec<IpAddr>,
    capture: Capture<Active>,
    counted: Counted,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Port")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Port {
    /// Opens interface `name`, one of those `known`.
    pub(super) fn open(name: &str, known: &[Device], settings: &Settings) -> Result<Self, Refusal> {
        let refused = |error: Error| refusal(name, &error);
        let inactive = Capture::from_device(name)
            .map_err(refused)?
            .snaplen(i32::try_from(settings.snaplen).unwrap_or(i32::MAX))
            .promisc(settings.promiscuous)
            .immediate_mode(true)
            .timeout(TIMEOUT_MS)
            .buffer_size(i32::try_from(settings.buffer).unwrap_or(i32::MAX));
        // Elsewhere the crate has it not (Windows), or does not tell what was granted.
        #[cfg(target_os = "linux")]
        let inactive = inactive.precision(pcap::Precision::Nano);
        let mut capture = inactive.open().map_err(refused)?;
        let texts = [true, false].map(|vlans| settings.wanted.text(vlans));
        let mut compiled = Ok(());
        for text in texts.iter().flatten() {
            compiled = capture.filter(text, true);
            if compiled.is_ok() {
                break;
            }
        }
        let compiled = compiled.map_err(|error| match &settings.wanted.filter {
            Some(filter) => format!("--filter '{filter}' on {name}: {}", plain(&error)),
            None => format!("cannot filter on {name}: {}", plain(&error)),
        });
        compiled.map_err(Refusal::Wrong)?;
        let link = link_type(capture.get_datalink().0);
        let capture = capture.setnonblock().map_err(refused)?;
        Ok(Self {
            name: name.to_owned(),
            link,
            addresses: addresses_of(name, known),
            capture,
            counted: Counted::default(),
        })
    }

    /// Captures until `stop` is set or the interface ends.
    pub(super) fn run(mut self, index: u16, say: &SyncSender<Said>, stop: &AtomicBool) {
        let why = self.capture_until(index, say, stop).err();
        // Nobody listens any more: the capture is over.
        let _ = say.send(Said::End { index, why });
    }

    fn capture_until(&mut self, index: u16, say: &SyncSender<Said>, stop: &AtomicBool) -> Result<(), String> {
        let mut counted: Option<Instant> = None;
        let (mut last, mut pause) = (false, PAUSES[0]);
        loop {
            // What the kernel holds when the end is asked for was captured, and is read.
            last = last || stop.load(Ordering::Relaxed);
            let until = now();
            let (packets, link) = (Packets::default(), self.link);
            let packets = self.read(packets, index, link)?;
            let is_time = last || counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
            let drops = if is_time { self.count() } else { None };
            if is_time {
                counted = Some(Instant::now());
            }
            let is_end = last && packets.records.is_empty();
            let said = Said::Packets {
                index,
                packets,
                until,
                drops,
            };
            let is_quiet = is_quiet(&said);
            if say.send(said).is_err() || is_end {
                return Ok(());
            }
            pause = if is_quiet {
                (pause * 2).min(PAUSES[1])
            } else {
                PAUSES[0]
            };
            if is_quiet {
                std::thread::sleep(pause);
            }
        }
    }

    /// What is there now.
    fn read(&mut self, mut packets: Packets, index: u16, link: LinkType) -> Result<Packets, String> {
        let mut most = BATCH_RECORDS;
        loop {
            let take = |packet: pcap::Packet<'_>| {
                packets.push(stamp_of(packet.header), packet.data, packet.header.len, index, link);
            };
            // Small helpings, because the bytes of one batch are bounded too.
            let count = match self.capture.dispatch(Some(most.min(256)), take) {
                Ok(count) => count,
                Err(Error::TimeoutExpired | Error::NoMorePackets) => 0,
                Err(error) => return Err(self.lost(&error)),
            };
            most = most.saturating_sub(count);
            if count < 256 || most == 0 || packets.data.len() >= READ_BLOCK {
                return Ok(packets);
            }
        }
    }

    fn lost(&self, error: &Error) -> String {
        format!("{} cannot be captured on any longer: {}", self.name, plain(error))
    }

    fn count(&mut self) -> Option<Drops> {
        let stat = self.capture.stats().ok()?;
        let [received, kernel, interface] = self.counted.add([stat.received, stat.dropped, stat.if_dropped]);
        Some(Drops {
            received,
            kernel,
            interface,
        })
    }
}

/// libpcap counts in 32 bits: at 100,000 packets a second half a day.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    before: [u32; 3],
    sums: [u64; 3],
}

impl Counted {
    /// The sums, from counters as they stand now. A counter that steps back (its interface is gone) adds nothing.
    fn add(&mut self, now: [u32; 3]) -> [u64; 3] {
        for ((sum, before), now) in self.sums.iter_mut().zip(&mut self.before).zip(now) {
            let more = now.wrapping_sub(*before);
            *sum += if more < 1 << 31 { u64::from(more) } else { 0 };
            *before = now;
        }
        self.sums
    }
}

fn is_quiet(said: &Said) -> bool {
    matches!(said, Said::Packets { packets, .. } if packets.records.is_empty())
}

fn stamp_of(header: &pcap::PacketHeader) -> Stamp {
    let unit = if NANOS { 1 } else { 1000 };
    #[cfg_attr(
        all(not(windows), target_pointer_width = "64"),
        expect(
            clippy::useless_conversion,
            reason = "the fields are narrower on Windows and 32-bit systems"
        )
    )]
    Stamp::new(i64::from(header.ts.tv_sec), i64::from(header.ts.tv_usec) * unit)
}

/// The clock that the kernel stamps packets with.
fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp::new(since.as_secs() as i64, since.subsec_nanos().into())
}

/// The number that files use for libpcap's DLT_: they differ for raw IP.
fn link_type(handle: i32) -> LinkType {
    match handle {
        12 | 14 => LinkType(101),
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

/// The addresses of an interface; `any` has those of all.
fn addresses_of(name: &str, known: &[Device]) -> Vec<IpAddr> {
    let is_mine = |device: &&Device| name == "any" || device.name == name;
    known
        .iter()
        .filter(is_mine)
        .flat_map(|device| device.addresses.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_behind_their_32_bits() {
        let mut counted = Counted::default();
        assert_eq!(counted.add([2_000_000_000, 3, 0]), [2_000_000_000, 3, 0]);
        assert_eq!(counted.add([4_000_000_000, 3, 0]), [4_000_000_000, 3, 0]);
        assert_eq!(counted.add([5, 3, 0]), [u64::from(u32::MAX) + 6, 3, 0]);
        assert_eq!(
            counted.add([5, 1, u32::MAX]),
            [u64::from(u32::MAX) + 6, 3, 0],
            "a step back is none"
        );
        assert_eq!(counted.add([6, 4, 2]), [u64::from(u32::MAX) + 7, 6, 3]);
    }
}
