//! Incidents and what only looks like them: each pattern beside its near misses.

use crate::common::story::{Story, exchange, summaries};
use crate::generated::traffic::kinds::stale_peer;
use crate::generated::traffic::packet::{ACK, Client, MILLI, Payload, Server};
use crate::generated::traffic::talk::Talk;
use crate::incidents::{CLIENTS, quiet};

/// The kinds of incident in `story`.
fn kinds(story: &Story) -> Vec<&'static str> {
    let mut kinds: Vec<_> = story.incidents().iter().map(|each| each.meta.id).collect();
    kinds.sort_unstable();
    kinds
}

/// A large segment and a small one; none is acknowledged, or only the small one.
pub fn large_and_small(talk: &mut Talk<'_>, is_small_taken: bool, is_repaired: bool) {
    talk.handshake();
    talk.send(Client, 300, Payload::Noise);
    talk.turn(Server);
    talk.say(Server, ACK);
    let acked = talk.next[0];
    talk.send(Client, 1448, Payload::Noise);
    talk.send(Client, 100, Payload::Noise);
    let end = talk.next[0];
    if is_small_taken {
        talk.turn(Server);
        talk.say_as(Server, ACK, |packet| {
            packet.ack = acked;
            packet.sack = (acked.wrapping_add(1448), end);
        });
    }
    for timer in [250, 500, 1000, 2000, 4000] {
        talk.wait(timer * MILLI);
        talk.say_as(Client, ACK, |packet| {
            packet.seq = acked;
            packet.length = 1448;
        });
    }
    if is_repaired {
        talk.turn(Server);
        talk.say_as(Server, ACK, |packet| packet.ack = end);
        talk.turn(Client);
        talk.close(Client);
    }
}

#[test]
fn large_segments_are_to_blame_only_where_smaller_ones_get_through_and_they_never() {
    for (is_small_taken, is_repaired) in [(true, false), (false, false), (true, true)] {
        let mut story = quiet(40, 20);
        for number in 0..6_u32 {
            let client = CLIENTS[number as usize % 3];
            story.flow(f64::from(number), client, "10.0.0.9:443", |talk| {
                large_and_small(talk, is_small_taken, is_repaired);
            });
        }
        story.until(60.0);
        let is_hole = kinds(&story).contains(&"large-segments-lost");
        assert_eq!(
            is_hole,
            is_small_taken && !is_repaired,
            "{:?}",
            summaries(&story.incidents())
        );
    }
}

/// A connection that talks for so many seconds, and is then heard no more.
fn falls_silent(talk: &mut Talk<'_>, seconds: u64) {
    talk.handshake();
    for _ in 0..seconds {
        exchange(talk, 300);
        talk.wait(950 * MILLI);
    }
    talk.send(Client, 300, Payload::Noise);
    talk.insist(Client, 300, Payload::Noise, 5);
}

#[test]
fn stalls_at_different_moments_are_no_outage_of_the_path() {
    let mut story = quiet(41, 20);
    for number in 0..9_u32 {
        let server = format!("10.0.{}.8:5432", number % 4);
        // Each lasts for as long as the others, and began at another moment.
        story.flow(f64::from(number) * 7.0, CLIENTS[number as usize % 3], &server, |talk| {
            falls_silent(talk, 5);
        });
    }
    story.until(120.0);
    assert!(
        !kinds(&story).contains(&"path-outage"),
        "{:?}",
        summaries(&story.incidents())
    );
}

#[test]
fn connections_that_begin_together_and_stall_together_say_nothing_of_the_path() {
    let mut story = quiet(42, 20);
    for number in 0..9_u32 {
        let server = format!("10.0.{}.8:5432", number % 4);
        story.flow(
            f64::from(number) * 0.05,
            CLIENTS[number as usize % 3],
            &server,
            |talk| falls_silent(talk, 5),
        );
    }
    story.until(90.0);
    assert!(
        !kinds(&story).contains(&"path-outage"),
        "{:?}",
        summaries(&story.incidents())
    );
}

#[test]
fn two_connections_that_stall_at_one_moment_are_too_few_for_an_outage() {
    let mut story = quiet(43, 20);
    for number in 0..2_u32 {
        let server = format!("10.0.{number}.8:5432");
        story.flow(f64::from(number) * 3.0, CLIENTS[0], &server, |talk| {
            falls_silent(talk, 30 - u64::from(number) * 3);
        });
    }
    story.until(90.0);
    assert_eq!(kinds(&story), [""; 0]);
}

/// SYNs of many sources to one service, `rate` a second, each sent `times`.
fn many_sources(number: u32, rate: f64, times: usize) -> Story {
    let mut story = quiet(44, 10);
    for source in 0..number {
        let client = format!("198.51.{}.{}", 100 + source / 200, 1 + source % 200);
        let at = 3.0 + f64::from(source) / rate;
        story.flow(at, &client, "10.0.0.5:443", |talk| {
            talk.at_each(&[0.0, 1.0, 2.02, 3.05][..times], Talk::syn);
        });
    }
    story.until(140.0);
    story
}

#[test]
fn only_very_many_lone_syns_in_little_time_are_a_flood() {
    assert!(kinds(&many_sources(300, 50.0, 1)).contains(&"syn-flood"));
    // Real clients ask again; a few dozen are no flood; nor are they where they come one after the other.
    for (number, rate, times) in [(300, 50.0, 4), (60, 50.0, 1), (300, 3.0, 1)] {
        let story = many_sources(number, rate, times);
        assert!(
            !kinds(&story).contains(&"syn-flood"),
            "{:?}",
            summaries(&story.incidents())
        );
    }
}

#[test]
fn ports_that_come_round_too_soon_are_one_incident() {
    let mut story = quiet(45, 60);
    for number in 0..12_u32 {
        story.flow(f64::from(number) * 9.0, CLIENTS[0], "10.0.0.9:5432", |talk| {
            stale_peer(talk);
        });
        for each in 0..3 {
            story.healthy(f64::from(number) * 9.0 + f64::from(each), CLIENTS[0], "10.0.0.9:5432");
        }
    }
    story.until(140.0);
    let incident = story.incident();
    assert_eq!(incident.meta.id, "ports-exhausted", "{}", incident.summary);
    assert!(
        incident
            .summary
            .contains("32768 to 60999, Linux' default range: 28,232 ports"),
        "{}",
        incident.summary
    );
    let ids: Vec<_> = incident.commands.iter().map(|command| command.id).collect();
    assert_eq!(ids, ["D55", "D28"]);
}

#[test]
fn windows_range_is_known_by_its_ports() {
    let mut story = quiet(46, 60);
    for number in 0..8_u16 {
        story.port = Some(50_000 + number * 700);
        story.flow(f64::from(number) * 12.0, CLIENTS[0], "10.0.0.9:5432", |talk| {
            stale_peer(talk);
        });
    }
    story.until(140.0);
    let incident = story.incident();
    assert!(
        incident.summary.contains("Windows' dynamic range: 16,384 ports"),
        "{}",
        incident.summary
    );
}

#[test]
fn old_connections_met_at_one_moment_or_by_many_clients_are_no_lack_of_ports() {
    let mut restarted = quiet(47, 20);
    let mut many = quiet(48, 20);
    for number in 0..9_u32 {
        restarted.flow(5.0 + f64::from(number) / 4.0, CLIENTS[0], "10.0.0.9:5432", |talk| {
            stale_peer(talk);
        });
        let client = format!("192.168.3.{}", number + 1);
        many.flow(f64::from(number) * 12.0, &client, "10.0.0.9:5432", |talk| {
            stale_peer(talk);
        });
    }
    for mut story in [restarted, many] {
        story.until(140.0);
        assert!(
            !kinds(&story).contains(&"ports-exhausted"),
            "{:?}",
            summaries(&story.incidents())
        );
    }
}

/// Five attempts of one client at a host that stay unanswered, or are refused; what the host itself opens toward it.
fn one_way(is_refused: bool, back: Option<f64>, is_reached: bool) -> Story {
    let mut story = quiet(49, 20);
    for number in 0..5_u32 {
        let at = 5.0 + f64::from(number) * 2.0;
        if is_refused {
            story.refused(at, CLIENTS[0], "10.0.0.40:443");
        } else {
            story.dropped(at, CLIENTS[0], "10.0.0.40:443");
        }
        if is_reached {
            story.healthy(at + 0.5, CLIENTS[0], "10.0.0.40:22");
        }
    }
    if let Some(at) = back {
        for number in 0..4_u32 {
            story.healthy(at + f64::from(number), "10.0.0.40", "192.168.1.20:8443");
        }
    }
    story.until(60.0);
    story
}

#[test]
fn a_rule_for_one_direction_is_one_incident() {
    let incident = one_way(false, Some(7.0), false).incident();
    assert_eq!(incident.meta.id, "one-direction", "{}", incident.summary);
    assert!(
        incident
            .summary
            .starts_with("No connection from 192.168.1.20 to 10.0.0.40 gets through, all 5 were silently dropped"),
        "{}",
        incident.summary
    );
    assert_eq!(incident.contrast, ["10.0.0.40 reached 192.168.1.20:8443."]);
}

#[test]
fn without_the_other_direction_at_the_same_time_nothing_is_said_of_it() {
    // Refused: nothing listens. Not the other way, or only before. Another port of the host answers.
    for story in [
        one_way(true, Some(7.0), false),
        one_way(false, None, false),
        one_way(false, Some(0.5), false),
        one_way(false, Some(7.0), true),
    ] {
        assert_eq!(kinds(&story), ["service-down"], "{:?}", summaries(&story.incidents()));
    }
}
