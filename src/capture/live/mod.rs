//! Packets as they come: a thread per interface, put in order of time where there are several.

mod devices;
mod kernel;
mod merge;
mod port;

pub use devices::{Device, Refusal, devices};
pub use kernel::Wanted;

use super::health::Tally;
use super::{Batch, CaptureError, CaptureInfo, Interface, LinkType, Record, Source};
use crate::base::{Span, Stamp};
use merge::Merge;
use port::{Port, Said};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Batches that may wait for the analysis; beyond, packets wait in the kernel's buffer: some 70 MB.
const WAITING: usize = 256;
/// Packets of several processors may lie so much out of order.
const RACE: Span = Span::from_millis(1);
/// An empty batch is lent at least so often.
const TICK: Duration = Duration::from_millis(50);

/// How to capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Interfaces by name, at least one.
    pub names: Vec<String>,
    /// What the kernel lets through.
    pub wanted: Wanted,
    /// Bytes kept of each packet.
    pub snaplen: u32,
    /// See packets for others, too.
    pub promiscuous: bool,
    /// Bytes of the kernel's buffer, for each interface.
    pub buffer: u32,
}

/// What the interfaces dropped, and how many packets reached their filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Packets that passed the filter.
    pub received: u64,
    /// Of these, lost because the kernel's buffer was full.
    pub kernel: u64,
    /// Lost by the interface or its driver.
    pub interface: u64,
}

/// A capture that is running. Dropped, it ends.
#[derive(Debug)]
pub struct Live {
    info: CaptureInfo,
    said: Receiver<Said>,
    merge: Merge,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    drops: Vec<Drops>,
    running: usize,
    number: u64,
    previous: Vec<Option<Stamp>>,
    bytes: u64,
}

/// Interfaces that are open and not yet read from: between the two, privileges can be given up.
#[derive(Debug)]
pub struct Opened {
    ports: Vec<Port>,
    snaplen: u32,
}

/// Opens all interfaces.
///
/// # Errors
/// Which cannot be captured on, why, and what to do.
pub fn open(settings: &Settings) -> Result<Opened, Refusal> {
    let known = devices()?;
    let ports = settings
        .names
        .iter()
        .map(|name| Port::open(name, &known, settings))
        .collect::<Result<_, _>>()?;
    Ok(Opened {
        ports,
        snaplen: settings.snaplen,
    })
}

impl Opened {
    /// Begins to capture.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(self) -> std::io::Result<Live> {
        let (say, said) = mpsc::sync_channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let mut live = Live {
            info: self.info(),
            said,
            merge: Merge::new(self.ports.len()),
            threads: Vec::new(),
            stop: Arc::clone(&stop),
            drops: vec![Drops::default(); self.ports.len()],
            running: self.ports.len(),
            number: 0,
            previous: vec![None; self.ports.len()],
            bytes: 0,
        };
        for (index, port) in self.ports.into_iter().enumerate() {
            live.threads
                .push(spawn(port, index as u16, say.clone(), Arc::clone(&stop))?);
        }
        Ok(live)
    }

    /// What will be captured.
    #[must_use]
    pub fn info(&self) -> CaptureInfo {
        let interfaces = self.ports.iter().map(|port| Interface {
            name: Some(port.name.clone()),
            addresses: port.addresses.clone(),
            ..Interface::new(port.link, self.snaplen, port::DIGITS)
        });
        let names: Vec<_> = self.ports.iter().map(|port| port.name.as_str()).collect();
        CaptureInfo {
            name: names.join(", "),
            format: "live".to_owned(),
            interfaces: interfaces.collect(),
            ..CaptureInfo::default()
        }
    }
}

fn spawn(port: Port, index: u16, say: SyncSender<Said>, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("capture {index}"))
        .spawn(move || port.run(index, &say, &stop))
}

impl Live {
    /// What was dropped so far, by interface.
    #[must_use]
    pub fn drops(&self) -> &[Drops] {
        &self.drops
    }

    /// Up to this moment nothing is still to come from any interface.
    #[must_use]
    pub fn heard_until(&self) -> Stamp {
        self.merge.heard_until()
    }

    /// The batch that was lent last, and the capture it belongs to.
    #[must_use]
    pub fn lent(&self) -> (Batch<'_>, &CaptureInfo) {
        (self.merge.batch(), &self.info)
    }

    /// Asks the threads to end; what they have captured is still lent until `None` comes.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Packets {
                index,
                packets,
                until,
                drops,
            } => {
                let place = usize::from(index);
                if let (Some(sum), Some(drops)) = (self.drops.get_mut(place), drops) {
                    *sum = drops;
                }
                if let (Some(interface), Some(drops)) = (self.info.interfaces.get_mut(place), drops) {
                    interface.dropped = Some(drops.kernel.saturating_add(drops.interface));
                }
                if let Some(interface) = self.info.interfaces.get_mut(place) {
                    interface.last = interface.last.max(Some(until));
                }
                self.merge.add(index, packets, until);
            }
            Said::End { index, why } => {
                self.running = self.running.saturating_sub(1);
                self.merge.end(index);
                if let Some(interface) = self.info.interfaces.get_mut(usize::from(index)) {
                    interface.ended = why;
                }
            }
        }
    }

    fn count(&mut self) {
        for record in self.merge.records_mut() {
            self.number += 1;
            record.number = self.number;
            let place = usize::from(record.interface);
            let previous = self.previous.get(place).copied().flatten();
            let mut tally = Tally::after(previous);
            // Processors that deliver at the same time are no clock that steps back.
            let is_race = previous.is_some_and(|previous| record.stamp < previous && previous - record.stamp < RACE);
            let stamp = if is_race { previous } else { Some(record.stamp) };
            tally.count(stamp, record.captured, record.original);
            tally.add_to(&mut self.info, record.interface);
            if let Some(previous) = self.previous.get_mut(place) {
                *previous = stamp;
            }
            self.bytes += u64::from(record.captured);
        }
    }
}

impl Source for Live {
    fn next_batch(&mut self) -> Result<Option<Batch<'_>>, CaptureError> {
        if !self.merge.advance(self.running == 0) {
            match self.said.recv_timeout(TICK) {
                Ok(said) => self.hear(said),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if self.merge.is_empty() => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => self.running = 0,
            }
            self.merge.advance(self.running == 0);
        }
        self.count();
        Ok(Some(self.merge.batch()))
    }

    fn info(&self) -> &CaptureInfo {
        &self.info
    }

    fn consumed(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
        // A thread that waits for room in the queue must not wait for ever.
        while self.said.recv_timeout(Duration::from_secs(1)).is_ok() {}
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Captured packets of one interface.
#[derive(Debug, Default)]
struct Packets {
    data: Vec<u8>,
    records: Vec<Record>,
}

impl Packets {
    fn push(&mut self, stamp: Stamp, bytes: &[u8], original: u32, interface: u16, link: LinkType) {
        self.records.push(Record {
            number: 0,
            stamp,
            start: self.data.len() as u32,
            captured: bytes.len() as u32,
            original: original.max(bytes.len() as u32),
            interface,
            link,
        });
        self.data.extend_from_slice(bytes);
    }
}
