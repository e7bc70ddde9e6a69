//! Troubles of paths and of moments: large segments, silences, one address family, restarts, outages, rhythms.

use crate::common::story::{Story, exchange, summaries};
use crate::generated::traffic::packet::{ACK, Client, Look, MILLI, Payload, RST, SECOND, Server};
use crate::generated::traffic::talk::Talk;
use crate::incident_near::large_and_small;
use crate::incidents::{CLIENTS, WEB, quiet};

#[test]
fn a_path_that_swallows_large_segments_is_one_incident() {
    let mut story = quiet(14, 20);
    for number in 0..6_u32 {
        let client = CLIENTS[number as usize % 3];
        story.flow(f64::from(number), client, "10.0.0.9:443", |talk| {
            large_and_small(talk, true, false);
        });
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "large-segments-lost", "{}", incident.summary);
    assert!(
        incident.summary.contains("segments of 1,448 bytes and more are lost"),
        "{}",
        incident.summary
    );
}

/// A connection that is silent for so many seconds, and then goes on, is reset, or hears nothing any more.
fn silent(talk: &mut Talk<'_>, silence: u64, limit: u64, resets: bool) {
    talk.handshake();
    exchange(talk, 300);
    talk.wait(silence * SECOND);
    talk.send(Client, 300, Payload::Noise);
    if silence < limit {
        talk.turn(Server);
        talk.send(Server, 300, Payload::Noise);
        talk.turn(Client);
        talk.say(Client, ACK);
        talk.close(Client);
    } else if resets {
        talk.turn(Server);
        let acked = talk.next[0];
        talk.say_as(Server, RST, |packet| {
            packet.look = Look::NoSocket;
            packet.window = 0;
            packet.ack = acked;
        });
    } else {
        talk.insist(Client, 300, Payload::Noise, 5);
    }
}

#[test]
fn an_idle_timeout_is_estimated_and_compared_with_known_defaults() {
    for resets in [true, false] {
        let mut story = quiet(15, 20);
        for (number, silence) in [20, 90, 180, 330, 355, 400, 351, 900, 600, 340, 30, 352]
            .into_iter()
            .enumerate()
        {
            story.flow(number as f64 * 7.0, CLIENTS[number % 3], "10.0.0.8:5432", |talk| {
                silent(talk, silence, 350, resets);
            });
        }
        story.until(1200.0);
        let incident = story.incident();
        assert_eq!(incident.meta.id, "idle-timeout", "{}", incident.summary);
        assert!(
            incident.summary.contains("between 340 s (survived) and 351 s"),
            "{}",
            incident.summary
        );
        assert!(
            incident.summary.contains("network load balancer"),
            "{}",
            incident.summary
        );
    }
}

#[test]
fn resets_that_do_not_wait_for_a_silence_are_no_idle_timeout() {
    let mut story = Story::new(16);
    for (number, silence) in [20, 90, 180, 330, 355, 400, 351, 900, 600, 340, 30, 352]
        .into_iter()
        .enumerate()
    {
        let limit = if number % 2 == 0 { 0 } else { 1000 };
        story.flow(number as f64 * 7.0, CLIENTS[number % 3], "10.0.0.8:5432", |talk| {
            silent(talk, silence, limit, true);
        });
    }
    story.until(1200.0);
    let found = story.incidents();
    assert!(
        found.iter().all(|each| each.meta.id != "idle-timeout"),
        "{:#?}",
        summaries(&found)
    );
}

#[test]
fn only_ipv6_fails_and_the_client_goes_on_with_ipv4() {
    let mut story = quiet(17, 30);
    for number in 0..8_u32 {
        let at = 2.0 + f64::from(number) * 3.0;
        story.flow(at, "2001:db8::20", "[2001:db8:5::5]:443", |talk| {
            talk.at_each(&[0.0, 1.0], Talk::syn);
        });
        story.healthy(at + 0.3, CLIENTS[0], "10.0.0.6:443");
    }
    story.until(60.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "family-broken", "{}", incident.summary);
    assert!(
        incident.summary.starts_with("IPv6 does not work: 8 of 8 connections"),
        "{}",
        incident.summary
    );
}

#[test]
fn the_loser_of_a_race_between_the_families_is_no_failure() {
    let mut story = Story::new(18);
    for number in 0..8_u32 {
        let at = 2.0 + f64::from(number) * 3.0;
        story.flow(at, "2001:db8::20", "[2001:db8:5::5]:443", |talk| {
            talk.syn();
            talk.wait(400 * MILLI);
            talk.syn_ack();
            talk.turn(Client);
            talk.open();
            talk.abort(Client);
        });
        story.healthy(at + 0.3, CLIENTS[0], "10.0.0.6:443");
    }
    story.until(60.0);
    assert_eq!(summaries(&story.incidents()), [""; 0]);
}

#[test]
fn connections_of_one_host_reset_at_one_moment_are_a_restart() {
    let mut story = quiet(19, 60);
    for number in 0..9_u32 {
        let server = ["10.0.0.8:5432", "10.0.0.8:6379"][number as usize % 2];
        let wait = 40_000 + u64::from(number) * 30 - u64::from(number) * 3000;
        story.flow(f64::from(number) * 3.0, CLIENTS[number as usize % 3], server, |talk| {
            talk.handshake();
            exchange(talk, 300);
            talk.wait(wait * MILLI);
            talk.abort(Server);
        });
    }
    story.until(80.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "peer-restarted", "{}", incident.summary);
    assert!(
        incident
            .summary
            .starts_with("At 08:00:40 9 connections to 10.0.0.8 were reset by the server within"),
        "{}",
        incident.summary
    );
}

#[test]
fn connections_of_many_hosts_that_stall_at_one_moment_are_an_outage_of_the_path() {
    let mut story = quiet(20, 20);
    for number in 0..9_u32 {
        let server = format!("10.0.{}.8:5432", number % 4);
        story.flow(f64::from(number) * 3.0, CLIENTS[number as usize % 3], &server, |talk| {
            talk.handshake();
            for _ in 0..(35 - u64::from(number) * 3) {
                exchange(talk, 300);
                talk.wait(950 * MILLI);
            }
            talk.send(Client, 300, Payload::Noise);
            talk.insist(Client, 300, Payload::Noise, 5);
        });
    }
    story.until(90.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "path-outage", "{}", incident.summary);
    assert!(
        incident.summary.contains("9 connections to 4 hosts were stalled"),
        "{}",
        incident.summary
    );
}

#[test]
fn connections_that_are_reset_each_at_its_own_time_did_not_break_together() {
    let mut story = quiet(21, 60);
    for number in 0..9_u32 {
        story.flow(
            f64::from(number) * 3.0,
            CLIENTS[number as usize % 3],
            "10.0.0.8:5432",
            |talk| {
                talk.handshake();
                talk.send(Client, 300, Payload::Noise);
                talk.turn(Server);
                talk.say(Server, ACK);
                talk.wait(400 * MILLI);
                talk.abort(Server);
            },
        );
    }
    assert_eq!(story.incident().meta.id, "service-down");
}

/// A connection that sends a segment every now and then, for a minute, and waits for each acknowledgment; what is sent
/// while `is_lost` is lost.
fn steady(talk: &mut Talk<'_>, mut is_lost: impl FnMut(f64) -> bool) {
    talk.handshake();
    while talk.now < 90 * SECOND {
        talk.send(Client, 500, Payload::Noise);
        let mut timer = 220 * MILLI;
        while is_lost(talk.now as f64 / SECOND as f64) {
            talk.wait(timer);
            timer *= 2;
            talk.send_again(Client, 500, Payload::Noise);
        }
        talk.turn(Server);
        talk.say(Server, ACK);
        talk.wait_between(5 * MILLI, 40 * MILLI);
    }
    talk.close(Client);
}

#[test]
fn a_link_that_fails_every_two_seconds_is_found() {
    let mut story = Story::new(22);
    for number in 0..4_u32 {
        story.flow(
            f64::from(number) / 3.0,
            CLIENTS[0],
            &format!("10.0.{number}.5:443"),
            |talk| {
                steady(talk, |at| at % 2.0 > 1.7);
            },
        );
    }
    let found = story.incidents();
    let rhythm = found.iter().find(|each| each.meta.id == "periodic-loss");
    let rhythm = rhythm.unwrap_or_else(|| panic!("{:#?}", summaries(&found)));
    assert!(rhythm.summary.contains("every 2.00 s for about"), "{}", rhythm.summary);
}

#[test]
fn losses_by_chance_are_no_rhythm() {
    for seed in 0..10 {
        let mut story = Story::new(30 + seed);
        let mut chance = crate::generated::traffic::random::Random::new(seed);
        for number in 0..4_u32 {
            story.flow(
                f64::from(number) / 3.0,
                CLIENTS[0],
                &format!("10.0.{number}.5:443"),
                |talk| {
                    steady(talk, |_| chance.chance(40));
                },
            );
        }
        let found = story.incidents();
        assert!(
            found.iter().all(|each| each.meta.id != "periodic-loss"),
            "{:#?}",
            summaries(&found)
        );
    }
}

#[test]
fn a_client_that_calls_a_dead_service_at_intervals_is_no_rhythm_of_the_network() {
    let mut story = Story::new(23);
    for number in 0..20_u32 {
        story.dropped(f64::from(number) * 10.0, CLIENTS[0], WEB);
    }
    story.until(260.0);
    assert_eq!(story.incident().meta.id, "service-down");
}
