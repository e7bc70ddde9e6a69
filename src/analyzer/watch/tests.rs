//! The watch, driven by scripts instead of a clock.

use super::*;
use crate::script::{EPOCH, Script, What};

/// A watch, fed by hand.
struct Night {
    analyzer: Analyzer,
    watch: Watch,
    info: CaptureInfo,
    said: Vec<String>,
    rows: Vec<(u64, String)>,
    packets: u64,
}

impl Night {
    fn new() -> Self {
        let mut analyzer = Analyzer::new(1).unwrap();
        let mut watch = Watch::new(&mut analyzer);
        watch.now = EPOCH;
        let info = crate::report::sample::info("eth0");
        Self {
            analyzer,
            watch,
            info,
            said: Vec::new(),
            rows: Vec::new(),
            packets: 0,
        }
    }

    fn play(&mut self, text: &str) {
        for event in Script::parse(text).unwrap().events {
            let mut segment = match event.what {
                What::Segment(segment) => segment,
                other => panic!("{other:?}"),
            };
            self.until(segment.stamp);
            self.packets += 1;
            segment.packet = self.packets;
            self.analyzer.shards[0].on_segment(&segment, 0);
        }
    }

    /// Time passes, a tick every 100 ms.
    fn until(&mut self, end: Stamp) {
        while self.watch.now + Span::from_millis(100) <= end {
            let now = self.watch.now + Span::from_millis(100);
            let (said, rows) = (&mut self.said, &mut self.rows);
            let tell: Tell<'_> = &mut |event| {
                keep(&event, now, said, rows);
                Ok(())
            };
            self.watch
                .tick(&mut self.analyzer, &self.info, now, &|_, _| true, tell)
                .unwrap();
        }
    }

    fn seconds(&mut self, seconds: i64) {
        self.until(self.watch.now + Span::from_secs(seconds));
    }
}

fn keep(event: &Event<'_>, now: Stamp, said: &mut Vec<String>, rows: &mut Vec<(u64, String)>) {
    let at = (now - EPOCH).0 / 100_000_000;
    let (at, tenths) = (at / 10, at % 10);
    match event {
        Event::Waiting(_, text) => said.push(format!("{at}.{tenths} {text}")),
        Event::Verdict(report, again) => {
            let again = if *again { " again" } else { "" };
            said.push(format!(
                "{at}.{tenths}{again} {} {}",
                report.row.status,
                report.row.cause.unwrap_or("-")
            ));
        }
        Event::Recovered(report) => said.push(format!("{at}.{tenths} recovered {}", report.row.handshake)),
        Event::Ended(report) => rows.push((report.row.flow, report.row.handshake.to_string())),
        Event::Mark(_) => {}
    }
}

#[test]
fn a_refusal_is_told_within_a_second_and_its_row_follows() {
    let mut night = Night::new();
    night.play("0 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1");
    night.seconds(1);
    assert_eq!(night.said, ["0.4 failed refused-by-rst"]);
    night.seconds(5);
    assert_eq!(night.rows, [(1, "rst".to_owned())]);
    assert_eq!((night.watch.open(), night.watch.counts().failed), (0, 1));
}

#[test]
fn silence_is_noted_at_the_third_syn_and_told_when_the_client_has_stopped() {
    let mut night = Night::new();
    night.info.interfaces[0].addresses.push(client());
    night.play("0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)");
    night.seconds(20);
    // The last interval was 2 s: 2.2 times that after the third SYN, at 3 s.
    assert_eq!(
        night.said,
        [
            "3.3 still waiting: 3 SYNs unanswered for 3.3 s",
            "7.5 failed syn-silent"
        ]
    );
    night.seconds(40);
    assert_eq!(night.rows, [(1, "silently-dropped".to_owned())]);
}

#[test]
fn a_lone_syn_is_told_when_a_second_one_is_overdue() {
    let mut night = Night::new();
    night.info.interfaces[0].addresses.push(client());
    night.play("0 > S 0:0(0)");
    night.seconds(10);
    assert_eq!(night.said, ["6.7 failed syn-silent"]);
}

#[test]
fn a_slow_answer_is_a_note_and_no_failure() {
    let mut night = Night::new();
    night.play(
        "0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1\n+.001 > P. 1:101(100) ack 1\n+.001 < . 1:1(0) ack 101",
    );
    night.seconds(8);
    assert_eq!(
        night.said,
        ["3.1 still waiting: the request was acknowledged and not answered for 3.1 s"]
    );
    night.play("10 < P. 1:101(100) ack 101\n+.001 > . 101:101(0) ack 101");
    night.seconds(60);
    assert_eq!((night.said.len(), night.rows.len()), (1, 0));
}

#[test]
fn a_request_after_a_long_silence_is_waited_for_too() {
    let mut night = Night::new();
    night.play("0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1");
    night.play("20 > P. 1:101(100) ack 1\n+.001 < . 1:1(0) ack 101");
    night.seconds(8);
    assert_eq!(
        night.said,
        ["23.1 still waiting: the request was acknowledged and not answered for 3.1 s"]
    );
}

#[test]
fn an_interface_that_ended_proves_no_silence_after() {
    let mut night = Night::new();
    night.info.interfaces[0].addresses.push(client());
    night.play("0 > S 0:0(0)\n+1 > S 0:0(0)");
    night.info.interfaces[0].last = Some(night.watch.now);
    night.info.interfaces[0].ended = Some("eth0 went away".to_owned());
    night.seconds(400);
    assert!(night.said.is_empty(), "{:?}", night.said);
    assert_eq!(night.rows, [(1, "undetermined".to_owned())]);
}

#[test]
fn when_there_is_no_room_the_quietest_go_first_and_are_counted() {
    let mut night = Night::new();
    // Ten of one shard, at most; the first of them speaks all the time.
    night.watch.most = 10 * limits::SHARDS * 10 / 9;
    let hello = Script::parse("0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1").unwrap();
    let talk = Script::parse("1 > P. 1:2(1) ack 1").unwrap();
    let say = |night: &mut Night, script: &Script, host: u8, seq: u32| {
        for segment in script.segments() {
            let mut segment = day::moved(segment, u32::from(host), night.watch.now);
            night.packets += 1;
            segment.packet = night.packets;
            segment.seq = segment.seq.plus(seq);
            night.analyzer.shards[0].on_segment(&segment, 0);
        }
    };
    say(&mut night, &hello, 0, 0);
    for host in 1..30 {
        say(&mut night, &hello, host, 0);
        say(&mut night, &talk, 0, u32::from(host) - 1);
        night.seconds(1);
    }
    assert!(night.watch.open() <= 10, "{}", night.watch.open());
    assert!(!night.rows.iter().any(|(flow, _)| *flow == 1), "{:?}", night.rows);
    assert_eq!(night.rows.len() as u64, night.watch.forgotten);
    // Whoever is quietest is the oldest.
    let flows: Vec<u64> = night.rows.iter().map(|(flow, _)| *flow).collect();
    assert!(flows.is_sorted(), "{flows:?}");
}

#[test]
fn what_is_over_is_forgotten_and_its_place_used_again() {
    let mut night = Night::new();
    for round in 0..50 {
        let start = round * 10;
        night.play(&format!(
            "{start} > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1\n+.001 > F. 1:1(0) ack 1\n+.001 < F. 1:1(0) ack 2\n+.001 > . 2:2(0) ack 2"
        ));
    }
    night.seconds(10);
    assert_eq!(night.rows.len(), 50);
    assert_eq!(night.rows.last(), Some(&(50, "completed".to_owned())));
    assert!(night.said.is_empty(), "{:?}", night.said);
    let places: usize = night.watch.shards.iter().map(Vec::len).sum();
    assert_eq!((places, night.watch.open()), (1, 0), "one place was enough");
}

#[test]
fn an_open_connection_is_kept_however_quiet() {
    let mut night = Night::new();
    night.play("0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1");
    night.seconds(4000);
    night.play("5000 > F. 1:1(0) ack 1\n+.001 < F. 1:1(0) ack 2\n+.001 > . 2:2(0) ack 2");
    night.seconds(10);
    assert_eq!(night.rows, [(1, "completed".to_owned())]);
}

#[test]
fn what_ended_connections_have_in_common_is_told_at_the_end() {
    let mut night = Night::new();
    let refused = Script::parse("0 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1").unwrap();
    for host in 0..5 {
        for segment in refused.segments() {
            let mut segment = day::moved(segment, host, night.watch.now);
            night.packets += 1;
            segment.packet = night.packets;
            night.analyzer.shards[0].on_segment(&segment, 0);
        }
        night.seconds(2);
    }
    let (rows, tell): (_, Tell<'_>) = (night.rows.len() as u64, &mut |_| Ok(()));
    night.watch.finish(&mut night.analyzer, &night.info, tell).unwrap();
    let (incidents, tail) = night.watch.take_incidents(&mut night.analyzer, rows);
    let found: Vec<_> = incidents.iter().map(|each| (each.meta.id, each.failed)).collect();
    assert_eq!(found, [("service-down", 5)]);
    assert_eq!(incidents[0].sources.count, 5);
    assert!(tail.limits.is_empty() && tail.time.is_some());
    // They are told once.
    assert!(night.watch.take_incidents(&mut night.analyzer, rows).0.is_empty());
}

fn client() -> std::net::IpAddr {
    let script = Script::parse("0 > S 0:0(0)").unwrap();
    match &script.events[0].what {
        What::Segment(segment) => segment.key.sender(segment.dir).ip,
        other => panic!("{other:?}"),
    }
}
