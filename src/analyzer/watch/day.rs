//! A day of traffic, played in seconds: whatever comes, memory follows what is open.

use super::*;
use crate::script::{EPOCH, Script, What};
use crate::wire::{IcmpError, Segment};
use std::net::Ipv4Addr;

const DAY: i64 = 86_400;
/// Every so many seconds a connection is opened that stays open.
const STAYS: u32 = 600;

/// What comes, one of these a second, from a client of its own.
const STORIES: [&str; 6] = [
    // Worked.
    "0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1\n+.001 > P. 1:101(100) ack 1\n+.001 < P. 1:901(900) ack 101\n+.001 > F. 101:101(0) ack 901\n+.001 < F. 901:901(0) ack 102\n+.001 > . 102:102(0) ack 902",
    // Refused.
    "0 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1",
    // Silently dropped.
    "0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)",
    // A request that is answered with a reset.
    "0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1\n+.001 > P. 1:101(100) ack 1\n+.001 < R. 1:1(0) ack 101",
    // One packet of something old.
    "0 > . 1:1(0) ack 1",
    // A flow whose end is late: its last packets come when it is forgotten.
    "0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > R 1:1(0)\n+30 < F. 1:1(0) ack 1",
];

/// The client's `number`th neighbour sends it at `since` plus its own time.
pub(super) fn moved(segment: &Segment, number: u32, since: Stamp) -> Segment {
    let ends = [segment.key.sender(segment.dir), segment.key.sender(segment.dir.flip())];
    let is_client = |end: &Endpoint| end.port != ends.iter().map(|end| end.port).min().unwrap_or_default();
    let ends = ends.map(|end| Endpoint {
        ip: if is_client(&end) {
            Ipv4Addr::from(0x0b00_0000 + number).into()
        } else {
            end.ip
        },
        port: end.port,
    });
    let (key, dir) = FlowKey::between(ends[0], ends[1]).expect("both IPv4");
    Segment {
        key,
        dir,
        stamp: since + (segment.stamp - EPOCH),
        ..segment.clone()
    }
}

struct Day {
    analyzer: Analyzer,
    watch: Watch,
    info: CaptureInfo,
    /// Packets that are still to come, by time.
    coming: BinaryHeap<Reverse<(Stamp, u32, usize, usize)>>,
    stories: Vec<Vec<Segment>>,
    error: IcmpError,
    packets: u64,
    rows: u64,
}

impl Day {
    fn new() -> Self {
        let mut analyzer = Analyzer::new(1).unwrap();
        let mut watch = Watch::new(&mut analyzer);
        analyzer.want_marks();
        watch.now = EPOCH;
        let stays = STORIES[0].lines().take(3).collect::<Vec<_>>().join("\n");
        let stories = STORIES.iter().copied().chain([&*stays]);
        let segments = |text: &str| Script::parse(text).unwrap().segments().cloned().collect();
        let stories = stories.map(segments).collect();
        let error = Script::parse("0 > S 0:0(0)\n+.03 < icmp host-unreachable from 10.0.0.254").unwrap();
        let error = error.events.into_iter().find_map(|event| match event.what {
            What::Icmp(error) => Some(error),
            _ => None,
        });
        Self {
            analyzer,
            watch,
            info: crate::report::sample::info("eth0"),
            coming: BinaryHeap::new(),
            stories,
            error: error.unwrap(),
            packets: 0,
            rows: 0,
        }
    }

    fn second(&mut self, second: u32) {
        let now = self.watch.now;
        let story = if second % STAYS == 0 {
            STORIES.len()
        } else {
            second as usize % STORIES.len()
        };
        self.coming.push(Reverse((now, second, story, 0)));
        self.others(second);
        let end = now + Span::from_secs(1);
        while let Some(&Reverse((at, number, story, place))) = self.coming.peek() {
            if at > end {
                break;
            }
            self.coming.pop();
            self.packets += 1;
            let since = EPOCH + Span::from_secs(number.into());
            let mut segment = moved(&self.stories[story][place], number, since);
            segment.packet = self.packets;
            self.analyzer.shards[number as usize % limits::SHARDS].on_segment(&segment, 0);
            if let Some(next) = self.stories[story].get(place + 1) {
                self.coming
                    .push(Reverse((since + (next.stamp - EPOCH), number, story, place + 1)));
            }
        }
        let rows = &mut self.rows;
        let tell: Tell<'_> = &mut |event| {
            *rows += u64::from(matches!(event, Event::Ended(_)));
            Ok(())
        };
        self.watch
            .tick(&mut self.analyzer, &self.info, end, &|_, _| true, tell)
            .unwrap();
    }

    /// Hosts that say something else, and ICMP errors about connections that were never seen.
    fn others(&mut self, second: u32) {
        for host in 0..8 {
            let ip = Ipv4Addr::from(0x6440_0000 + second * 8 + host);
            self.analyzer.front.dealer.tally.heard.insert(ip.into());
        }
        let ends = [(0x0c00_0000 + second, 50_000), (0x0a00_0001, 443)];
        let [a, b] = ends.map(|(ip, port)| Endpoint {
            ip: Ipv4Addr::from(ip).into(),
            port,
        });
        let (key, dir) = FlowKey::between(a, b).unwrap();
        self.packets += 1;
        let error = IcmpError {
            key,
            dir,
            packet: self.packets,
            stamp: self.watch.now,
            quoted: 20,
            ..self.error.clone()
        };
        self.analyzer.shards[0].on_icmp(&error);
    }
}

#[test]
fn a_day_costs_no_more_memory_than_its_second_hour() {
    let mut day = Day::new();
    let mut most = (0, 0, 0);
    for second in 0..DAY as u32 {
        day.second(second);
        let places: usize = day.watch.shards.iter().map(Vec::len).sum();
        let entries: usize = day.analyzer.shards.iter().map(Table::entries).sum();
        let now = (places, entries, day.watch.queue.len());
        if second < 7200 {
            most = (most.0.max(now.0), most.1.max(now.1), most.2.max(now.2));
            continue;
        }
        // What stays open is there; besides, ICMP errors about strangers are remembered up to a limit.
        let open = (second / STAYS) as usize + 1;
        let strangers = (second as usize).min(limits::MAX_HOSTS);
        assert!(now.0 <= most.0 + open, "{second} s: {now:?}, {most:?}");
        assert!(now.1 <= most.1 + 4 * open + strangers, "{second} s: {now:?}, {most:?}");
        assert!(now.2 <= most.2 + 2 * open + QUEUED, "{second} s: {now:?}, {most:?}");
        assert!(day.watch.context.hosts.len() <= limits::MAX_HOSTS * 5, "{second} s");
    }
    let open = day.watch.open() as u64;
    assert!((86_400 / 600..86_400 / 600 + 320).contains(&open), "{open}");
    // Each has its row but those that are open; late packets of what was forgotten make a row of their own.
    assert!(day.rows + open >= DAY as u64, "{} rows, {open} open", day.rows);
    assert_eq!(day.analyzer.shards.iter().map(Table::put_aside).sum::<usize>(), 0);
    assert_eq!((day.watch.forgotten, day.watch.refused), (0, 0));
}

#[test]
fn a_flow_that_is_forgotten_gives_back_what_it_had_put_aside() {
    let mut day = Day::new();
    let hello = Script::parse("0 > S 0:0(0)\n+.001 < S. 0:0(0) ack 1\n+.001 > . 1:1(0) ack 1\n+.001 > P. 1:101(100) ack 1 tls hello -\n+.001 < R. 1:1(0) ack 101").unwrap();
    let table = &mut day.analyzer.shards[0];
    // The beginning of a ClientHello of 500 bytes.
    let bytes = [&[22, 3, 1, 1, 0xf4, 1, 0, 1, 0xf0, 3, 3][..], &[0; 89]].concat();
    let mut most = 0;
    for (packet, segment) in (1..).zip(hello.segments()) {
        let segment = Segment {
            packet,
            ..segment.clone()
        };
        table.on_segment(&segment, 0);
        if segment.length == 100 {
            table.on_payload(&segment, &bytes);
        }
        most = most.max(table.put_aside());
    }
    assert!(most > 80, "it waits for the rest: {most}");
    for _ in 0..10 {
        let now = day.watch.now + Span::from_secs(1);
        day.watch
            .tick(&mut day.analyzer, &day.info, now, &|_, _| true, &mut |_| Ok(()))
            .unwrap();
    }
    assert_eq!((day.watch.open(), day.analyzer.shards[0].put_aside()), (0, 0));
}
