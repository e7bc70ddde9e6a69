//! What goes before a connection: names asked for, and neighbours. Packets made here, read by the whole program.

use crate::common::capture::{Capture, Packet};
use crate::common::outcome::read;
use crate::common::story::{incidents, summaries};
use whodropped::analyzer::Analysis;
use whodropped::incident::Incident;
use whodropped::report::{FlowReport, FlowRow, Head, Reporter, Tail};

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const RESOLVER: [u8; 4] = [10, 0, 0, 53];
const OK: u8 = 0;
const FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// A capture told message by message; times in milliseconds.
struct Told(Capture);

impl Told {
    fn new() -> Self {
        Self(Capture::ethernet())
    }

    fn frame(&mut self, ms: u64, kind: u16, payload: &[u8]) -> &mut Self {
        let mut bytes = vec![2; 12];
        bytes.extend(kind.to_be_bytes());
        bytes.extend(payload);
        self.0.packets.push(Packet {
            micros: 1_700_000_000_000_000 + ms * 1000,
            original: bytes.len() as u32,
            bytes,
        });
        self
    }

    fn ip(&mut self, ms: u64, protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> &mut Self {
        let mut packet = vec![0x45, 0];
        packet.extend((payload.len() as u16 + 20).to_be_bytes());
        packet.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
        packet.extend(from);
        packet.extend(to);
        packet.extend(payload);
        self.frame(ms, 0x0800, &packet)
    }

    /// A question for `name`, of the client.
    fn asks(&mut self, ms: u64, id: u16, name: &str, kind: u16) -> &mut Self {
        let message = message(id, [1, 0], name, kind, &[]);
        self.ip(ms, 17, CLIENT, RESOLVER, &udp(40_000 + id, 53, &message))
    }

    /// The resolver's answer with this code and these flags; with an address if there is no error.
    fn answers(&mut self, ms: u64, id: u16, name: &str, kind: u16, code: u8) -> &mut Self {
        let address: &[u8] = if code == OK && kind == 1 { &[10, 9, 9, 9] } else { &[] };
        let message = message(id, [0x81, 0x80 | code], name, kind, address);
        self.ip(ms, 17, RESOLVER, CLIENT, &udp(53, 40_000 + id, &message))
    }

    fn arp(&mut self, ms: u64, operation: u8, sender: [u8; 4], target: [u8; 4]) -> &mut Self {
        let mut packet = vec![0, 1, 8, 0, 6, 4, 0, operation, 2, 2, 2, 2, 2, 2];
        packet.extend(sender);
        packet.extend([0; 6]);
        packet.extend(target);
        self.frame(ms, 0x0806, &packet)
    }

    /// A SYN to 10.9.9.9:443.
    fn syn(&mut self, ms: u64, from: [u8; 4]) -> &mut Self {
        let mut segment = vec![0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x02];
        segment.extend([0xff, 0xff, 0, 0, 0, 0]);
        self.ip(ms, 6, from, [10, 9, 9, 9], &segment)
    }

    /// The capture goes on until then.
    fn until(&mut self, ms: u64) -> &mut Self {
        self.ip(ms, 17, [10, 0, 0, 77], [10, 0, 0, 78], &udp(1, 2, &[0; 4]))
    }

    fn incidents(&self) -> Vec<Incident> {
        incidents(&read(&self.0.pcap()))
    }
}

/// The rows of all flows.
fn flows(analysis: &Analysis) -> Vec<FlowRow> {
    let mut rows = Rows::default();
    analysis
        .report(&|_, _| true, &mut [&mut rows])
        .expect("memory takes everything");
    rows.0
}

#[derive(Default)]
struct Rows(Vec<FlowRow>);

impl Reporter for Rows {
    fn head(&mut self, _: &Head<'_>) -> std::io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> std::io::Result<()> {
        self.0.push(flow.row.clone());
        Ok(())
    }

    fn end(&mut self, _: &Tail) -> std::io::Result<()> {
        Ok(())
    }
}

fn udp(source: u16, target: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = source.to_be_bytes().to_vec();
    datagram.extend(target.to_be_bytes());
    datagram.extend((payload.len() as u16 + 8).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

fn message(id: u16, flags: [u8; 2], name: &str, kind: u16, address: &[u8]) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend(flags);
    message.extend([0, 1, 0, u8::from(!address.is_empty()), 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    if !address.is_empty() {
        message.extend([0xc0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60, 0, address.len() as u8]);
        message.extend(address);
    }
    message
}

#[test]
fn look_ups_without_an_answer_are_one_incident() {
    let mut told = Told::new();
    for number in 0..5 {
        let at = number * 10_000;
        told.asks(at, 7, "db.internal", 1).asks(at + 5000, 7, "db.internal", 1);
    }
    told.until(60_000);
    let found = told.incidents();
    assert_eq!(
        found[0].summary,
        "10 look-ups of db.internal got no answer from 10.0.0.53, from 22:13:20 to 22:14:05."
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].meta.id, "dns-unanswered");
    assert!(found[0].next.contains("dig @10.0.0.53 db.internal"));
}

#[test]
fn a_question_shortly_before_the_end_is_nothing() {
    let mut told = Told::new();
    told.asks(0, 7, "db.internal", 1)
        .asks(5000, 7, "db.internal", 1)
        .until(8000);
    assert_eq!(summaries(&told.incidents()), Vec::<String>::new());
}

#[test]
fn errors_of_a_name_server_are_its_own() {
    let mut told = Told::new();
    for number in 0..3 {
        told.asks(number * 1000, 7, "db.internal", 1);
        told.answers(number * 1000 + 20, 7, "db.internal", 1, FAILURE);
    }
    told.until(60_000);
    let found = told.incidents();
    assert_eq!(found[0].meta.id, "dns-error");
    assert!(
        found[0].summary.contains("server failure (SERVFAIL)"),
        "{}",
        found[0].summary
    );
}

#[test]
fn no_such_name_is_an_incident_unless_another_name_or_type_has_an_address() {
    let mut told = Told::new();
    told.asks(0, 7, "typo.example.org", 1)
        .answers(20, 7, "typo.example.org", 1, NO_SUCH_NAME)
        .until(60_000);
    let found = told.incidents();
    assert_eq!(found[0].meta.id, "dns-no-such-name");
    let mut told = Told::new();
    told.asks(0, 1, "a.example.org", 1).asks(0, 2, "a.example.org", 28);
    told.answers(20, 2, "a.example.org", 28, NO_SUCH_NAME)
        .answers(21, 1, "a.example.org", 1, OK);
    told.asks(100, 3, "db.one.example", 1)
        .answers(120, 3, "db.one.example", 1, NO_SUCH_NAME);
    told.asks(130, 4, "db.two.example", 1)
        .answers(150, 4, "db.two.example", 1, OK)
        .until(60_000);
    assert_eq!(summaries(&told.incidents()), Vec::<String>::new());
}

#[test]
fn an_answer_after_a_retry_is_slow() {
    let mut told = Told::new();
    told.asks(0, 7, "a.example.org", 1).asks(5000, 7, "a.example.org", 1);
    told.answers(5020, 7, "a.example.org", 1, OK).until(60_000);
    let found = told.incidents();
    assert_eq!(found[0].meta.id, "dns-slow");
    assert!(found[0].summary.contains("only after 5.0 s"), "{}", found[0].summary);
}

#[test]
fn a_connection_is_called_by_the_name_that_its_client_had_looked_up_before_it() {
    let mut told = Told::new();
    told.syn(0, CLIENT);
    told.asks(1000, 7, "a.example.org", 1)
        .answers(1020, 7, "a.example.org", 1, OK);
    told.syn(1030, [10, 0, 0, 2]).syn(70_000, CLIENT).until(100_000);
    // The first SYN was sent before anybody had asked; the third is the first one's retry.
    let rows = flows(&read(&told.0.pcap()));
    let names: Vec<_> = rows.iter().map(|row| row.name.as_deref()).collect();
    assert_eq!(names, [None, Some("a.example.org")]);
}

#[test]
fn a_neighbour_that_nobody_is_explains_a_connection_without_a_syn() {
    let mut told = Told::new();
    for number in 0..6 {
        told.arp(number * 1000, 1, CLIENT, [10, 0, 0, 9]);
    }
    told.arp(500, 1, CLIENT, [10, 0, 0, 10])
        .arp(501, 2, [10, 0, 0, 10], CLIENT);
    told.until(60_000);
    let found = told.incidents();
    assert_eq!(found.len(), 1, "{:?}", summaries(&found));
    assert_eq!(found[0].meta.id, "neighbor-silent");
    assert!(
        found[0]
            .summary
            .starts_with("No answer to ARP for 10.0.0.9, asked 6 times by 10.0.0.1 in 5.0 s")
    );
}

#[test]
fn a_host_that_asks_for_everybody_is_one_note() {
    let mut told = Told::new();
    for wanted in 100..120 {
        for number in 0..3 {
            told.arp(number * 1000, 1, CLIENT, [10, 0, 0, wanted]);
        }
    }
    told.0.packets.sort_by_key(|packet| packet.micros);
    told.until(60_000);
    let found = told.incidents();
    assert_eq!(found.len(), 1, "{:?}", summaries(&found));
    assert!(
        found[0]
            .summary
            .starts_with("10.0.0.1 asked the link for 20 addresses that nobody has")
    );
}
