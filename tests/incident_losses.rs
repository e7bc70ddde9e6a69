//! Losses over many connections: in one direction only, or above the same rate; and their near misses.

use crate::common::outcome;
use crate::common::story::{Story, incidents, summaries};
use crate::generated::traffic::packet::{ACK, Client, MILLI, Payload, Server, Side};
use crate::generated::traffic::talk::Talk;
use crate::generated::traffic::transfer::{Plan, pcap, pcap_of, plan};
use crate::incidents::CLIENTS;

/// A segment, sometimes lost behind the capture point and sent again, and its acknowledgment.
fn segment(talk: &mut Talk<'_>, from: Side, is_lossy: bool) {
    talk.send(from, 1200, Payload::Noise);
    if is_lossy && talk.random.chance(120) {
        talk.wait(260 * MILLI);
        talk.send_again(from, 1200, Payload::Noise);
    }
    talk.turn(from.other());
    talk.say(from.other(), ACK);
}

/// Connections that talk in turns: so many in all, with losses of the client's data and of the server's; or only the client
/// has much to say.
fn talks(flows: u32, lossy: [bool; 2], is_upload: bool) -> Story {
    talks_to("10.0.0.5:443", flows, lossy, is_upload)
}

fn talks_to(server: &str, flows: u32, lossy: [bool; 2], is_upload: bool) -> Story {
    let mut story = Story::new(60);
    for number in 0..flows {
        story.flow(f64::from(number) * 3.1, CLIENTS[0], server, |talk| {
            talk.handshake();
            for turn in 0..50 {
                segment(talk, Client, lossy[0]);
                if !is_upload || turn == 49 {
                    segment(talk, Server, lossy[1]);
                }
            }
            talk.close(Client);
        });
    }
    // Another host of the same service has no such trouble.
    for number in 0..10 {
        story.healthy(f64::from(number), CLIENTS[1], "10.0.0.5:443");
    }
    story.until(90.0);
    story
}

#[test]
fn loss_in_one_direction_is_one_incident_that_says_which_and_where() {
    let incident = talks(8, [true, false], false).incident();
    assert_eq!(incident.meta.id, "one-way-loss", "{}", incident.summary);
    let expected = "Data from 192.168.1.20 to 10.0.0.5 gets lost, between this capture point and 10.0.0.5: ";
    assert!(incident.summary.starts_with(expected), "{}", incident.summary);
    assert!(incident.summary.contains(" of 8 connections "), "{}", incident.summary);
    let other = "The other way, from 10.0.0.5 to 192.168.1.20, none of 400 segments were lost.";
    assert_eq!(incident.contrast, [other]);
    assert!(incident.commands.iter().all(|command| !command.linux.contains('{')));
    let back = talks(8, [false, true], false).incident();
    let expected = "Data from 10.0.0.5 to 192.168.1.20 gets lost, between this capture point and 192.168.1.20: ";
    assert!(back.summary.starts_with(expected), "{}", back.summary);
}

#[test]
fn loss_in_both_directions_in_few_connections_or_with_nothing_to_compare_is_no_matter_of_direction() {
    for (name, story) in [
        ("both", talks(8, [true, true], false)),
        ("few", talks(2, [true, false], false)),
        ("upload", talks(8, [true, false], true)),
        ("none", talks(8, [false, false], false)),
        ("within a host", talks_to("192.168.1.20:443", 8, [true, false], false)),
    ] {
        let found = story.incidents();
        let is_one_way = found.iter().any(|incident| incident.meta.id == "one-way-loss");
        assert!(!is_one_way, "{name}: {:?}", summaries(&found));
    }
}

/// Downloads that are found to be cut off above a rate.
fn policed(count: usize) -> Vec<(Plan, u64)> {
    let all = (0..).map(|seed| (plan(0, seed), seed));
    let is_found = |(plan, seed): &(Plan, u64)| {
        let flows = outcome::judged(&pcap(*plan, *seed));
        flows[0]
            .findings
            .iter()
            .any(|finding| finding.meta.id == "rate-policed")
    };
    all.filter(is_found).take(count).collect()
}

#[test]
fn several_connections_cut_off_above_a_rate_are_one_incident() {
    let plans = policed(4);
    let found = incidents(&outcome::read(&pcap_of(&plans)));
    let kinds: Vec<&str> = found.iter().map(|incident| incident.meta.id).collect();
    assert_eq!(kinds, ["throughput-policed"], "{:?}", summaries(&found));
    assert!(
        found[0]
            .summary
            .starts_with("4 connections to 10.9.0.2:443 are cut off each above "),
        "{}",
        found[0].summary
    );
    let few = incidents(&outcome::read(&pcap_of(&plans[..2])));
    assert!(
        few.iter().all(|incident| incident.meta.id != "throughput-policed"),
        "{:?}",
        summaries(&few)
    );
}
