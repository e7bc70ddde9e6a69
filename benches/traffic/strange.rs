//! Traffic that no network makes by itself, but somebody could: it must not cost more than any other.

use super::packet::{ACK, Client, FIN, Line, Look, PSH, Packet, Payload, SYN, Server, Side};
use super::random::Random;
use super::truth;
use super::writer::Writer;
use std::io::{self, Write};
use std::net::Ipv4Addr;

/// What is strange about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strange {
    /// One flow, all segments out of order.
    Disorder,
    /// One flow, one segment again and again.
    Duplicates,
    /// One flow with holes, and acknowledgments with random SACK blocks.
    Sack,
    /// One 4-tuple used again and again.
    Reuse,
    /// All client ports of one pair of hosts, all open at once.
    Ports,
    /// So many connections abreast, which take turns; when they are over, as many more.
    Abreast(u64),
}

impl Strange {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disorder" => Self::Disorder,
            "duplicates" => Self::Duplicates,
            "sack" => Self::Sack,
            "reuse" => Self::Reuse,
            "ports" => Self::Ports,
            _ => return name.strip_prefix("abreast-")?.parse().ok().map(Self::Abreast),
        })
    }
}

/// A packet at every tick.
struct Scene<'a, W: Write> {
    line: Line,
    at: u64,
    tick: u64,
    capture: &'a mut Writer<W>,
}

impl<W: Write> Scene<'_, W> {
    fn packet(
        &mut self,
        from: Side,
        flags: u8,
        (seq, ack): (u32, u32),
        length: u16,
        sack: (u32, u32),
    ) -> io::Result<()> {
        self.at += self.tick;
        let packet = Packet {
            at: self.at,
            seq,
            ack,
            sack,
            length,
            window: 60_000,
            flags,
            from,
            payload: Payload::Noise,
            look: Look::Ordinary,
        };
        self.capture.packet(&mut self.line, &packet)
    }

    /// Handshake of a connection whose sides begin at `isns`.
    fn open(&mut self, isns: (u32, u32)) -> io::Result<()> {
        self.packet(Client, SYN, (isns.0, 0), 0, (0, 0))?;
        self.packet(Server, SYN | ACK, (isns.1, isns.0.wrapping_add(1)), 0, (0, 0))?;
        self.packet(Client, ACK, (isns.0.wrapping_add(1), isns.1.wrapping_add(1)), 0, (0, 0))
    }

    fn close(&mut self, nexts: (u32, u32)) -> io::Result<()> {
        let (client, server) = nexts;
        self.packet(Client, FIN | ACK, (client, server), 0, (0, 0))?;
        self.packet(Server, FIN | ACK, (server, client.wrapping_add(1)), 0, (0, 0))?;
        self.packet(Client, ACK, (client.wrapping_add(1), server.wrapping_add(1)), 0, (0, 0))
    }
}

/// Writes `count` packets or connections of it.
///
/// # Errors
/// What the outputs report.
pub fn write<W: Write>(
    what: Strange,
    count: u64,
    seed: u64,
    capture: &mut Writer<W>,
    truth: &mut dyn Write,
) -> io::Result<()> {
    writeln!(truth, "{}", truth::HEADER)?;
    let mut random = Random::new(seed);
    let line = Line {
        ips: [Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(198, 51, 100, 1).into()],
        ports: [40_000, 443],
        ttls: [64, 57],
        scales: [7, 7],
        mss: 1460,
        timestamps: true,
        ids: [1, 1],
        clocks: [1, 1],
        heard: [0; 2],
        last: [(0, 0, 0); 2],
        name: 1,
    };
    let mut scene = Scene {
        line,
        at: 0,
        tick: 10_000,
        capture,
    };
    match what {
        Strange::Ports => return ports(&mut scene, count, truth),
        Strange::Abreast(number) => return abreast(&mut scene, count, number.clamp(1, count), truth),
        Strange::Reuse => reuse(&mut scene, count, &mut random)?,
        Strange::Disorder | Strange::Duplicates | Strange::Sack => {
            scene.open((999, 4999))?;
            one_flow(what, &mut scene, count, &mut random)?;
        }
    }
    writeln!(
        truth,
        "10.0.0.1,40000,198.51.100.1,443,completed|retransmitted,,,,{what:?}"
    )
}

const LENGTH: u32 = 100;

fn one_flow<W: Write>(what: Strange, scene: &mut Scene<'_, W>, count: u64, random: &mut Random) -> io::Result<()> {
    const RUN: u32 = 500;
    for number in 0..count as u32 {
        match what {
            // Runs of segments, each run backwards.
            Strange::Disorder => {
                let place = number / RUN * RUN + (RUN - 1 - number % RUN);
                scene.packet(
                    Client,
                    PSH | ACK,
                    (1000_u32.wrapping_add(place.wrapping_mul(LENGTH)), 5000),
                    LENGTH as u16,
                    (0, 0),
                )?;
                if number % RUN == RUN - 1 {
                    let done = 1000_u32.wrapping_add((number + 1).wrapping_mul(LENGTH));
                    scene.packet(Server, ACK, (5000, done), 0, (0, 0))?;
                }
            }
            Strange::Duplicates => scene.packet(Client, PSH | ACK, (1000, 5000), LENGTH as u16, (0, 0))?,
            _ if number % 2 == 0 => {
                let place = random.below(u64::from(number) + 1) as u32;
                scene.packet(
                    Client,
                    PSH | ACK,
                    (1000 + 2 * LENGTH * place, 5000),
                    LENGTH as u16,
                    (0, 0),
                )?;
            }
            _ => {
                let left = 1100 + random.below(u64::from(number) * 200 + 1) as u32;
                scene.packet(
                    Server,
                    ACK,
                    (5000, 1000),
                    0,
                    (left, left + random.below(5000) as u32 + 1),
                )?;
            }
        }
    }
    Ok(())
}

fn reuse<W: Write>(scene: &mut Scene<'_, W>, count: u64, random: &mut Random) -> io::Result<()> {
    for _ in 0..count {
        let (client, server) = (random.bits(), random.bits());
        scene.open((client, server))?;
        scene.close((client.wrapping_add(1), server.wrapping_add(1)))?;
    }
    Ok(())
}

fn ports<W: Write>(scene: &mut Scene<'_, W>, count: u64, truth: &mut dyn Write) -> io::Result<()> {
    let ports = 1..=count.min(65_535) as u16;
    let port = |scene: &mut Scene<'_, W>, port: u16| scene.line.ports[0] = port;
    for number in ports.clone() {
        port(scene, number);
        scene.open((u32::from(number) * 7919, 77))?;
    }
    for number in ports {
        port(scene, number);
        scene.close((u32::from(number) * 7919 + 1, 78))?;
        writeln!(truth, "10.0.0.1,{number},198.51.100.1,443,completed,fin,ok,,ports")?;
    }
    Ok(())
}

/// Connections of twelve packets, in blocks of `number`. In a block, all take their turn before the first has its next, in
/// an order that has nothing to do with their addresses.
fn abreast<W: Write>(scene: &mut Scene<'_, W>, count: u64, number: u64, truth: &mut dyn Write) -> io::Result<()> {
    const STEPS: [(Side, u8, (u32, u32), u16); 12] = [
        (Client, SYN, (999, 0), 0),
        (Server, SYN | ACK, (4999, 1000), 0),
        (Client, ACK, (1000, 5000), 0),
        (Client, PSH | ACK, (1000, 5000), 100),
        (Server, ACK, (5000, 1100), 0),
        (Server, PSH | ACK, (5000, 1100), 100),
        (Client, ACK, (1100, 5100), 0),
        (Client, PSH | ACK, (1100, 5100), 100),
        (Server, PSH | ACK, (5100, 1200), 100),
        (Client, FIN | ACK, (1200, 5200), 0),
        (Server, FIN | ACK, (5200, 1201), 0),
        (Client, ACK, (1201, 5201), 0),
    ];
    // Prime, and larger than any number of connections: every one has its turn.
    const STRIDE: u64 = 2_147_483_647;
    scene.tick = 1_000;
    scene.line.timestamps = false;
    for block in 0..count / number {
        for (side, flags, numbers, length) in STEPS {
            for turn in 0..number {
                let place = block * number + turn * STRIDE % number;
                let host = Ipv4Addr::from(0x0a00_0000 + (place / 50_000) as u32);
                scene.line.ips[0] = host.into();
                scene.line.ports[0] = 10_000 + (place % 50_000) as u16;
                scene.packet(side, flags, numbers, length, (0, 0))?;
                if flags == SYN {
                    let port = scene.line.ports[0];
                    writeln!(truth, "{host},{port},198.51.100.1,443,completed,fin,ok,,abreast")?;
                }
            }
        }
    }
    Ok(())
}
