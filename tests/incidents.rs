//! Many connections: a planted trouble is one incident of the right kind, healthy traffic is none.

use crate::common::story::{Story, incidents, summaries};
use crate::common::{fixture, outcome};
use crate::generated::traffic::packet::{ACK, Client, Look, Payload, RST, Server};
use crate::generated::traffic::shapes::Shape;
use crate::generated::traffic::talk::Talk;
use crate::generated::traffic::verify::generate;
use std::fmt::Write as _;

pub const WEB: &str = "10.0.0.5:443";
pub const CLIENTS: [&str; 3] = ["192.168.1.20", "192.168.1.21", "192.168.7.9"];

/// Healthy connections of three clients to two ports, one every half second.
pub fn quiet(seed: u64, until: u32) -> Story {
    let mut story = Story::new(seed);
    for number in 0..until * 2 {
        let at = f64::from(number) / 2.0;
        story.healthy(at, CLIENTS[number as usize % 3], WEB);
        story.healthy(at + 0.2, CLIENTS[number as usize % 2], "10.0.0.5:22");
    }
    story
}

#[test]
fn a_service_that_is_dropped_since_a_moment_is_one_incident() {
    let mut story = quiet(1, 10);
    for number in 0..30_u32 {
        let at = 10.0 + f64::from(number) / 2.0;
        story.dropped(at, CLIENTS[number as usize % 3], WEB);
        story.healthy(at + 0.1, CLIENTS[0], "10.0.0.5:22");
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "service-down");
    assert_eq!(
        incident.summary,
        "Since 08:00:10 every connection to 10.0.0.5:443 is silently dropped: 30 of 30 from 3 clients; 20 before that worked."
    );
    assert_eq!(incident.contrast, ["Port 22 of 10.0.0.5 still answers."]);
    assert_eq!(
        (incident.failed, incident.attempts, incident.sources.count),
        (30, 30, 3)
    );
    assert_eq!(incident.cause, Some("syn-silent"));
    assert_eq!(incident.examples.len(), 2);
}

#[test]
fn an_outage_has_a_beginning_and_an_end() {
    let mut story = quiet(2, 10);
    for number in 0..12_u32 {
        story.refused(10.0 + f64::from(number) / 4.0, CLIENTS[number as usize % 3], WEB);
    }
    for number in 0..20_u32 {
        story.healthy(13.0 + f64::from(number), CLIENTS[number as usize % 3], WEB);
    }
    let incident = story.incident();
    assert_eq!(
        incident.summary,
        "From 08:00:10 to 08:00:12 every connection to 10.0.0.5:443 is refused with a RST: \
         12 of 12 from 3 clients; 20 before and 20 after that worked."
    );
}

#[test]
fn a_few_failures_among_many_successes_are_no_incident() {
    let mut story = quiet(3, 60);
    story.refused(7.0, CLIENTS[0], WEB);
    story.dropped(33.0, CLIENTS[1], WEB);
    story.refused(51.0, CLIENTS[2], WEB);
    story.until(80.0);
    assert_eq!(summaries(&story.incidents()), [""; 0]);
}

#[test]
fn a_dead_host_is_one_incident_whatever_the_port() {
    let mut story = quiet(4, 20);
    for number in 0..12_u32 {
        let server = format!("10.0.0.77:{}", [22, 80, 443, 8080][number as usize % 4]);
        story.dropped(f64::from(number), CLIENTS[0], &server);
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(
        (incident.meta.id, &*incident.service),
        ("service-down", "10.0.0.77 (4 ports)")
    );
}

#[test]
fn a_scan_swallows_its_failures() {
    let mut story = quiet(6, 10);
    for port in 1..=40_u32 {
        let server = format!("10.0.0.5:{}", 1000 + port);
        if port % 3 == 0 {
            story.dropped(3.0 + f64::from(port) / 100.0, "10.66.0.1", &server);
        } else {
            story.refused(3.0 + f64::from(port) / 100.0, "10.66.0.1", &server);
        }
    }
    story.until(30.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "port-scan");
    assert!(
        incident
            .summary
            .starts_with("10.66.0.1 tried 40 ports of 10.0.0.5 at 08:00:03, 40 attempts: a scan."),
        "{}",
        incident.summary
    );
}

#[test]
fn a_client_that_needs_a_few_ports_is_no_scanner() {
    let mut story = quiet(7, 10);
    for number in 0..24_u32 {
        let server = format!("10.0.0.5:{}", 1000 + number % 4);
        story.refused(3.0 + f64::from(number) / 4.0, CLIENTS[0], &server);
    }
    assert_eq!(story.incident().meta.id, "service-down");
}

#[test]
fn a_flood_of_syns_is_one_incident() {
    let generated = generate(Shape::flood(0.002, 8));
    let found = incidents(&outcome::read(&generated.capture));
    assert_eq!(found.len(), 1, "{:#?}", summaries(&found));
    assert_eq!(found[0].meta.id, "syn-flood");
    assert!(
        found[0].failed > 9000 && found[0].sources.count > 9000,
        "{:?}",
        summaries(&found)
    );
}

#[test]
fn one_client_that_is_banned_is_said_to_be_the_only_one() {
    let mut story = quiet(9, 30);
    for number in 0..10_u32 {
        story.dropped(5.0 + f64::from(number), "10.4.0.7", WEB);
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "source-blocked");
    assert_eq!(
        incident.summary,
        "Only 10.4.0.7 cannot use 10.0.0.5:443: all 10 of its connections were silently dropped \
         from 08:00:05 to 08:00:14, while others worked."
    );
}

#[test]
fn one_client_among_many_that_fail_is_not_the_only_one() {
    let mut story = quiet(10, 5);
    for number in 0..12_u32 {
        story.dropped(5.0 + f64::from(number), CLIENTS[number as usize % 3], WEB);
    }
    story.until(60.0);
    assert_eq!(story.incident().meta.id, "service-down");
}

#[test]
fn one_name_that_is_reset_is_said_to_be_the_only_one() {
    let mut story = Story::new(11);
    for number in 0..40_u32 {
        story.name = number % 4;
        let is_blocked = story.name == 2;
        story.flow(f64::from(number) / 3.0, CLIENTS[number as usize % 3], WEB, |talk| {
            hello(talk, is_blocked);
        });
    }
    story.until(40.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "name-blocked", "{}", incident.summary);
    assert_eq!(incident.failed, 10);
    assert!(
        incident.contrast[0].starts_with("Other names worked: "),
        "{:?}",
        incident.contrast
    );
}

/// A TLS hello that a device resets, or that is answered.
fn hello(talk: &mut Talk<'_>, is_blocked: bool) {
    talk.handshake();
    talk.send(Client, 517, Payload::ClientHello);
    if is_blocked {
        talk.wait(talk.trip[1] / 5);
        talk.say_as(Server, RST, |packet| {
            packet.look = Look::Device;
            packet.window = 0;
        });
        return;
    }
    talk.turn(Server);
    talk.send(Server, 1000, Payload::ServerHello);
    talk.turn(Client);
    talk.send(Client, 200, Payload::TlsData);
    talk.turn(Server);
    talk.send(Server, 1000, Payload::TlsData);
    talk.turn(Client);
    talk.say(Client, ACK);
    talk.close(Client);
}

#[test]
fn a_limit_of_new_connections_a_second_is_found() {
    let mut story = Story::new(12);
    for second in 0..30_u32 {
        let number = if second % 3 == 0 { 25 } else { 6 };
        for place in 0..number {
            let at = f64::from(second) + f64::from(place) / 30.0;
            let client = CLIENTS[place as usize % 3];
            if place < 10 {
                story.healthy(at, client, WEB);
            } else {
                story.dropped(at, client, WEB);
            }
        }
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "rate-limit", "{}", incident.summary);
    assert!(
        incident
            .summary
            .starts_with("About 10 new connections a second to 10.0.0.5:443 get through"),
        "{}",
        incident.summary
    );
}

#[test]
fn failures_by_chance_are_no_limit() {
    let mut story = Story::new(13);
    for second in 0..30_u32 {
        let number = if second % 3 == 0 { 25 } else { 6 };
        for place in 0..number {
            let at = f64::from(second) + f64::from(place) / 30.0;
            if story.random.chance(400) {
                story.dropped(at, CLIENTS[place as usize % 3], WEB);
            } else {
                story.healthy(at, CLIENTS[place as usize % 3], WEB);
            }
        }
    }
    story.until(60.0);
    assert_eq!(story.incident().meta.id, "service-failing");
}

#[test]
fn healthy_traffic_has_no_incident() {
    for capture in fixture::all()
        .iter()
        .filter(|capture| capture.folder.starts_with("healthy"))
    {
        let found = incidents(&outcome::read(&capture.bytes()));
        assert_eq!(summaries(&found), [""; 0], "{}", capture.name());
    }
    let quiet = quiet(5, 120);
    assert_eq!(summaries(&quiet.incidents()), [""; 0]);
    // Here a few of a hundred fail, each in its own way somewhere else.
    for seed in 0..4 {
        let generated = generate(Shape::many(0.002, seed));
        assert_eq!(
            summaries(&incidents(&outcome::read(&generated.capture))),
            [""; 0],
            "seed {seed}"
        );
    }
}

/// What is an incident in the laboratory: nearly nothing, for its situations are few connections each.
#[test]
fn each_incident_of_the_laboratory_is_where_it_belongs() {
    let mut table = String::new();
    for capture in fixture::all() {
        for incident in incidents(&outcome::read(&capture.bytes())) {
            let _ = writeln!(table, "{}: {}: {}", capture.name(), incident.meta.id, incident.summary);
            for sentence in &incident.contrast {
                let _ = writeln!(table, "    {sentence}");
            }
        }
    }
    // The laboratory's clock is no part of it.
    insta::assert_snapshot!(without_times(&table));
}

/// `23:57:11` as `hh:mm:ss`.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        let is_time = word.matches(':').count() == 2 && word.starts_with(|first: char| first.is_ascii_digit());
        if is_time && word.len() >= 8 {
            out.push_str("hh:mm:ss");
            out.push_str(&word[8..]);
        } else {
            out.push_str(word);
        }
    }
    out
}
