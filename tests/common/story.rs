//! Captures of many connections, told one by one: what each does, and what incidents are seen in all of them.

use crate::generated::traffic::packet::{ACK, Client, Line, MILLI, Packet, Payload, RST, SECOND, Server};
use crate::generated::traffic::random::Random;
use crate::generated::traffic::talk::Talk;
use crate::generated::traffic::writer::Writer;
use std::io;
use whodropped::analyzer::Analysis;
use whodropped::incident::Incident;
use whodropped::report::{FlowReport, Head, Reporter, Tail};

/// Many connections.
pub struct Story {
    pub random: Random,
    flows: Vec<(Line, Vec<Packet>)>,
    next_port: u16,
    /// Name that the next connections ask for.
    pub name: u32,
    /// Client port of the next connection, instead of the next free one.
    pub port: Option<u16>,
    /// Side the tap to each side and back, in nanoseconds.
    pub trip: [u64; 2],
}

fn seconds(at: f64) -> u64 {
    (at * SECOND as f64) as u64
}

impl Story {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            flows: Vec::new(),
            next_port: 32_768,
            name: 0,
            port: None,
            trip: [100_000, 20 * MILLI],
        }
    }

    /// A connection that starts at second `at` and goes as planned.
    pub fn flow(&mut self, at: f64, client: &str, server: &str, plan: impl FnOnce(&mut Talk<'_>)) {
        let (ip, port) = server.rsplit_once(':').expect("an address and a port");
        let server = ip.trim_matches(['[', ']']).parse().expect("an address");
        let own = self.next_port;
        self.next_port = if own == 60_999 { 32_768 } else { own + 1 };
        let line = Line {
            ips: [client.parse().expect("an address"), server],
            ports: [self.port.take().unwrap_or(own), port.parse().expect("a port")],
            ttls: [64, 54],
            scales: [7, 7],
            mss: 1460,
            timestamps: true,
            ids: [self.random.bits() as u16, self.random.bits() as u16],
            clocks: [self.random.bits(), self.random.bits()],
            heard: [0; 2],
            last: [(0, 0, 0); 2],
            name: self.name,
        };
        let mut packets = Vec::new();
        let mut talk = Talk::new(&mut self.random, &mut packets, seconds(at), self.trip, 1448);
        plan(&mut talk);
        talk.sort();
        self.flows.push((line, packets));
    }

    /// A request, an answer, a proper close.
    pub fn healthy(&mut self, at: f64, client: &str, server: &str) {
        self.flow(at, client, server, healthy);
    }

    /// SYNs without an answer.
    pub fn dropped(&mut self, at: f64, client: &str, server: &str) {
        self.flow(at, client, server, |talk| {
            talk.at_each(&[0.0, 1.0, 2.02, 3.05, 4.1], Talk::syn);
        });
    }

    /// SYN and RST.
    pub fn refused(&mut self, at: f64, client: &str, server: &str) {
        self.flow(at, client, server, refused);
    }

    /// A last sign of life from elsewhere, at second `at`.
    pub fn until(&mut self, at: f64) {
        self.healthy(at, "10.99.0.1", "10.99.0.2:9");
    }

    /// All of it as a capture.
    pub fn capture(&self) -> Vec<u8> {
        let mut lines: Vec<Line> = self.flows.iter().map(|(line, _)| line.clone()).collect();
        let mut all: Vec<(u64, usize, &Packet)> = Vec::new();
        for (place, (_, packets)) in self.flows.iter().enumerate() {
            all.extend(packets.iter().map(|packet| (packet.at, place, packet)));
        }
        all.sort_by_key(|(at, place, _)| (*at, *place));
        let mut writer = Writer::new(Vec::new()).expect("memory");
        for (_, place, packet) in all {
            writer.packet(&mut lines[place], packet).expect("memory");
        }
        writer.finish().expect("memory")
    }

    /// The incidents seen in it.
    pub fn incidents(&self) -> Vec<Incident> {
        incidents(&super::outcome::read(&self.capture()))
    }

    /// The one incident seen in it.
    #[track_caller]
    pub fn incident(&self) -> Incident {
        let mut found = self.incidents();
        assert_eq!(found.len(), 1, "{:#?}", summaries(&found));
        found.remove(0)
    }
}

/// Their sentences.
pub fn summaries(found: &[Incident]) -> Vec<String> {
    found
        .iter()
        .map(|each| format!("{}: {} {:?}", each.meta.id, each.summary, each.contrast))
        .collect()
}

/// A request of 300 bytes, an answer of so many, and its acknowledgment.
pub fn exchange(talk: &mut Talk<'_>, answer: u16) {
    talk.send(Client, 300, Payload::Noise);
    talk.turn(Server);
    talk.send(Server, answer, Payload::Noise);
    talk.turn(Client);
    talk.say(Client, ACK);
}

/// A request, an answer, a proper close.
pub fn healthy(talk: &mut Talk<'_>) {
    talk.handshake();
    exchange(talk, 900);
    talk.wait(MILLI);
    talk.close(Client);
}

/// SYN and RST, as a closed port answers.
pub fn refused(talk: &mut Talk<'_>) {
    talk.syn();
    talk.turn(Server);
    let acked = talk.next[0].wrapping_add(1);
    talk.say_as(Server, RST | ACK, |packet| {
        packet.seq = 0;
        packet.ack = acked;
        packet.window = 0;
        packet.look = crate::generated::traffic::packet::Look::NoSocket;
    });
}

/// The incidents of an analysis.
pub fn incidents(analysis: &Analysis) -> Vec<Incident> {
    let mut keep = Keep::default();
    analysis
        .report(&|_, _| true, &mut [&mut keep])
        .expect("memory takes everything");
    keep.0
}

#[derive(Default)]
struct Keep(Vec<Incident>);

impl Reporter for Keep {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, _: &FlowReport<'_>) -> io::Result<()> {
        Ok(())
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        self.0.push(incident.clone());
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}
