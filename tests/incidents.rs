//! Many connections: a planted trouble is one incident of the right kind, healthy traffic is none.

use crate::common::story::{Story, incidents, summaries};
use crate::common::{fixture, outcome};
use crate::generated::traffic::shapes::Shape;
use crate::generated::traffic::verify::generate;

const WEB: &str = "10.0.0.5:443";
const CLIENTS: [&str; 3] = ["192.168.1.20", "192.168.1.21", "192.168.7.9"];

/// Healthy connections of three clients to two ports, one every half second.
fn quiet(seed: u64, until: u32) -> Story {
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
