//! The shapes of traffic: which kinds, how many, how fast, and the loop that lets them happen at the same time.

use super::kinds::{AT_END, Kind, MIXED, SHORT, Size};
use super::packet::{Line, MILLI, Packet, SECOND};
use super::random::Random;
use super::talk::Talk;
use super::truth;
use super::writer::Writer;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub kinds: &'static [(Kind, u32)],
    /// Connections while the traffic is on.
    pub flows: u64,
    /// For so long.
    pub active: u64,
    /// Then the capture goes on, so that it can be said what failed.
    pub tail: u64,
    pub size: Size,
    /// Connections that are still busy at the end.
    pub at_end: u64,
    /// Connections all along, so that the capture never falls silent.
    pub background: u64,
    pub seed: u64,
}

impl Shape {
    /// About 700 bytes a packet.
    pub fn mixed(scale: f64, seed: u64) -> Self {
        Self {
            kinds: MIXED,
            flows: scaled(45_000, scale),
            active: 240 * SECOND,
            tail: 110 * SECOND,
            size: Size::Usual,
            at_end: scaled(600, scale),
            background: 20,
            seed,
        }
    }

    /// A million connections of ten small packets.
    pub fn many(scale: f64, seed: u64) -> Self {
        Self {
            kinds: SHORT,
            flows: scaled(1_000_000, scale),
            active: 400 * SECOND,
            tail: 30 * SECOND,
            size: Size::Small,
            at_end: scaled(2000, scale),
            background: 20,
            seed,
        }
    }

    /// Five million SYNs from spoofed sources; the server answers a few. Real clients go on.
    pub fn flood(scale: f64, seed: u64) -> Self {
        Self {
            kinds: &[(Kind::SingleSyn, 990), (Kind::SpoofedAnswered, 9), (Kind::Healthy, 1)],
            flows: scaled(5_000_000, scale),
            active: 60 * SECOND,
            tail: 20 * SECOND,
            size: Size::Small,
            at_end: 0,
            background: 20,
            seed,
        }
    }

    /// A dozen downloads of a hundred megabytes.
    pub fn elephants(scale: f64, seed: u64) -> Self {
        Self {
            kinds: &[(Kind::Healthy, 1)],
            flows: 12,
            active: 2 * SECOND,
            tail: 60 * SECOND,
            size: Size::Huge(scaled(100_000_000, scale)),
            at_end: 0,
            background: 1,
            seed,
        }
    }
}

pub fn scaled(number: u64, scale: f64) -> u64 {
    ((number as f64 * scale) as u64).max(1)
}

struct Server {
    ip: IpAddr,
    ttl: u8,
    trip: u64,
    timestamps: bool,
}

/// A connection under way.
struct Live {
    line: Line,
    packets: Vec<Packet>,
    place: usize,
}

/// The world: its hosts, and what is under way between them.
struct World {
    shape: Shape,
    random: Random,
    servers: Vec<Server>,
    live: Vec<Live>,
    free: Vec<u32>,
    queue: BinaryHeap<Reverse<(u64, u32)>>,
    /// Connections begun: no 4-tuple occurs twice.
    begun: u64,
    total: u32,
    end: u64,
}

const CLIENTS: u64 = 3000;
const SERVERS: u64 = 300;

/// Writes the traffic of `shape` to `capture`, and the truth about it to `truth`.
///
/// # Errors
/// What the outputs report.
pub fn write<W: Write>(shape: Shape, capture: &mut Writer<W>, truth: &mut dyn Write) -> io::Result<()> {
    writeln!(truth, "{}", truth::HEADER)?;
    let mut world = World::new(shape);
    for _ in 0..shape.background {
        let at = world.random.below(SECOND);
        world.begin(Kind::KeptAlive, at, truth)?;
    }
    for number in 0..shape.flows {
        let step = shape.active / shape.flows;
        let at = SECOND + number * step + world.random.below(step.max(1));
        world.run_until(at, capture)?;
        let kind = world.kind(shape.kinds);
        world.begin(kind, at, truth)?;
    }
    for number in 0..shape.at_end {
        let at = world.end - 2 * SECOND + number * (SECOND / 2) / shape.at_end;
        world.run_until(at, capture)?;
        let kind = world.kind(AT_END);
        world.begin(kind, at, truth)?;
    }
    // A last sign of life, exactly at the end.
    let end = world.end;
    world.begin(Kind::LateOpen, end - SECOND, truth)?;
    world.run_until(end, capture)
}

impl World {
    fn new(shape: Shape) -> Self {
        let mut random = Random::new(shape.seed);
        let servers = (0..SERVERS)
            .map(|number| {
                let hops = random.between(4, 18) as u8;
                let windows = random.chance(200);
                Server {
                    ip: if random.chance(200) {
                        Ipv6Addr::from(0x2001_0db8_00aa_0000_0000_0000_0000_0000_u128 + u128::from(number)).into()
                    } else {
                        Ipv4Addr::from(0xc633_6400 + number as u32).into()
                    },
                    ttl: if windows { 128 - hops } else { 64 - hops },
                    trip: random.skewed(3 * MILLI, 120 * MILLI),
                    timestamps: !windows,
                }
            })
            .collect();
        Self {
            end: shape.active + shape.tail,
            total: shape.kinds.iter().map(|(_, weight)| weight).sum(),
            shape,
            random,
            servers,
            live: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            begun: 0,
        }
    }

    fn kind(&mut self, kinds: &[(Kind, u32)]) -> Kind {
        let total = if kinds.len() == self.shape.kinds.len() {
            self.total
        } else {
            1000
        };
        let mut place = self.random.below(u64::from(total)) as u32;
        for &(kind, weight) in kinds {
            if place < weight {
                return kind;
            }
            place -= weight;
        }
        kinds[0].0
    }

    fn begin(&mut self, kind: Kind, at: u64, truth: &mut dyn Write) -> io::Result<()> {
        let is_spoofed = matches!(kind, Kind::SingleSyn | Kind::SpoofedAnswered);
        let number = self.begun;
        self.begun += 1;
        // A flood is aimed at one server.
        let aim = if is_spoofed { 7 } else { self.random.below(SERVERS) };
        let server = &self.servers[aim as usize];
        let linux = !is_spoofed && number % CLIENTS % 3 != 0;
        let client: IpAddr = match (is_spoofed, server.ip) {
            // Every number once, in no order: multiplication by an odd number is a permutation.
            (true, IpAddr::V4(_)) => Ipv4Addr::from((number as u32 | 1 << 31).wrapping_mul(0x9e37_79b1)).into(),
            (true, IpAddr::V6(_)) => {
                Ipv6Addr::from(0x2a00_u128 << 112 | u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).into()
            }
            (false, IpAddr::V4(_)) => Ipv4Addr::from(0x0a00_0100 + (number % CLIENTS) as u32).into(),
            (false, IpAddr::V6(_)) => {
                Ipv6Addr::from(0x2001_0db8_0001_0000_0000_0000_0000_0000_u128 + u128::from(number % CLIENTS)).into()
            }
        };
        let mss = match (client, linux) {
            (IpAddr::V4(_), _) => 1460,
            (IpAddr::V6(_), _) => 1440,
        };
        let timestamps = linux && server.timestamps;
        let line = Line {
            ips: [client, server.ip],
            ports: [
                if is_spoofed {
                    self.random.between(1024, 65_535) as u16
                } else {
                    (32_768 + number / CLIENTS % 28_232) as u16
                },
                self.random.pick(&[443, 443, 443, 80, 8080, 5432]),
            ],
            ttls: [if linux || is_spoofed { 64 } else { 128 }, server.ttl],
            scales: [if linux { 7 } else { 8 }, if server.timestamps { 7 } else { 8 }],
            mss,
            timestamps,
            ids: [self.random.bits() as u16, self.random.bits() as u16],
            clocks: [self.random.bits(), self.random.bits()],
            heard: [0; 2],
            last: [(0, 0, 0); 2],
            name: (aim * 4 + number % 4) as u32,
        };
        let trip = [self.random.between(40, 300) * 1000, server.trip];
        let slot = self.free.pop().unwrap_or_else(|| {
            self.live.push(Live {
                line: line.clone(),
                packets: Vec::new(),
                place: 0,
            });
            self.live.len() as u32 - 1
        });
        let live = &mut self.live[slot as usize];
        live.line = line;
        live.place = 0;
        let room = if timestamps { mss - 12 } else { mss };
        let mut talk = Talk::new(&mut self.random, &mut live.packets, at, trip, room);
        let answer = kind.plan(&mut talk, self.shape.size, linux, self.end);
        talk.sort();
        if let Some(first) = live.packets.first() {
            self.queue.push(Reverse((first.at, slot)));
        }
        answer.write(&live.line, truth)
    }

    /// Lets everything happen that is due before `time`.
    fn run_until<W: Write>(&mut self, time: u64, capture: &mut Writer<W>) -> io::Result<()> {
        while let Some(&Reverse((at, slot))) = self.queue.peek() {
            if at > time {
                break;
            }
            self.queue.pop();
            let next = self.queue.peek().map_or(time, |&Reverse((at, _))| at.min(time));
            let live = &mut self.live[slot as usize];
            // Without the queue as long as nobody else is due.
            while let Some(packet) = live.packets.get(live.place)
                && packet.at <= next
            {
                capture.packet(&mut live.line, packet)?;
                live.place += 1;
            }
            if let Some(packet) = live.packets.get(live.place) {
                self.queue.push(Reverse((packet.at, slot)));
            } else {
                live.packets.clear();
                live.packets.shrink_to(4096);
                self.free.push(slot);
            }
        }
        Ok(())
    }
}
