//! One long download through a policer, a queue or a bad line, by a sender that reacts as TCP does: what loss looks like.

use super::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Payload of a segment.
pub const MSS: u32 = 1448;
const SECOND: f64 = 1e9;

/// What stands between the two ends. Rates in bytes a second, sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Path {
    /// A token bucket: what finds no token is dropped at once.
    Policer { rate: f64, burst: f64 },
    /// Each segment gets lost with this probability.
    Random { loss: f64 },
    /// A link of this rate behind a buffer; what finds it full is dropped.
    Queue { rate: f64, buffer: f64 },
    /// The same, with segments dropped by chance besides.
    BadQueue { rate: f64, buffer: f64, loss: f64 },
}

/// How the sender goes on after a loss, and grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    Cubic,
}

/// One download.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub path: Path,
    pub control: Control,
    /// Seconds there and back.
    pub rtt: f64,
    /// Segments in all.
    pub segments: u32,
    /// The program writes no more than so many bytes a second.
    pub pace: Option<f64>,
    /// The receiver's window, in segments.
    pub window: f64,
    /// Captured at the sender, or at the receiver.
    pub at_sender: bool,
}

/// What the path may be like: the first two are policers.
pub const KINDS: [&str; 8] = [
    "policer",
    "deep policer",
    "random loss",
    "random loss, paced",
    "random loss, small window",
    "queue",
    "short queue",
    "queue and random loss",
];

/// One download over a path of this kind; the same for the same seed.
#[must_use]
pub fn plan(kind: usize, seed: u64) -> Plan {
    let mut random = Random::new(seed.wrapping_mul(977) + kind as u64);
    let rtt = random.skewed(8, 200) as f64 / 1000.0;
    let rate = random.skewed(60, 6000) as f64 * 1000.0;
    let bdp = rate * rtt;
    let mut part = |low: u64, high: u64| random.between(low, high) as f64 / 100.0;
    let loss = part(50, 300) / 100.0;
    let path = match kind {
        0 => Path::Policer {
            rate,
            burst: (rate * part(2, 20)).max(6.0 * 1500.0),
        },
        1 => Path::Policer {
            rate,
            burst: (rate * part(20, 100)).max(6.0 * 1500.0),
        },
        2..=4 => Path::Random { loss },
        5 => Path::Queue {
            rate,
            buffer: (bdp * part(60, 400)).max(6.0 * 1500.0),
        },
        6 => Path::Queue {
            rate,
            buffer: (bdp * part(5, 60)).max(4.0 * 1500.0),
        },
        _ => Path::BadQueue {
            rate,
            buffer: (bdp * part(20, 300)).max(6.0 * 1500.0),
            loss: loss / 3.0,
        },
    };
    let pace = (kind == 3).then_some(rate / 3.0);
    let window = if kind == 4 {
        (bdp / f64::from(MSS)).clamp(4.0, 60.0)
    } else {
        4000.0
    };
    let control = if random.chance(500) {
        Control::Reno
    } else {
        Control::Cubic
    };
    Plan {
        path,
        control,
        rtt,
        segments: random.between(1500, 12_000) as u32,
        pace,
        window,
        at_sender: random.chance(500),
    }
}

/// What passed the capture point: at (ns), from the server, segment or acknowledged up to, and the SACK block.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    pub at: u64,
    pub from_server: bool,
    pub segment: u32,
    pub sack: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Data(u32),
    Ack(u32, u32),
    Timer(u32),
    Write,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unsent,
    Flying,
    There,
    Lost,
}

/// Both ends and what is between them.
struct Sim {
    plan: Plan,
    random: Random,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    passed: Vec<Passed>,
    // Path.
    tokens: f64,
    filled_at: u64,
    free_at: u64,
    wire_at: u64,
    arrived_at: u64,
    // Sender.
    state: Vec<State>,
    sent_at: Vec<u64>,
    low: u32,
    next: u32,
    flying: u32,
    recover: u32,
    window: f64,
    threshold: f64,
    peak: f64,
    epoch: Option<u64>,
    /// The send time of the newest segment known to have arrived.
    newest: u64,
    srtt: f64,
    timer: u32,
    backoff: u32,
    // Receiver.
    got: Vec<bool>,
    cumulative: u32,
}

/// Plays it: what passed the capture point, in order.
pub fn play(plan: Plan, seed: u64) -> Vec<Passed> {
    let count = plan.segments as usize;
    let mut sim = Sim {
        plan,
        random: Random::new(seed),
        now: (plan.rtt * 2.0 * SECOND) as u64,
        events: BinaryHeap::new(),
        count: 0,
        passed: Vec::new(),
        tokens: f64::MAX,
        filled_at: 0,
        free_at: 0,
        wire_at: 0,
        arrived_at: 0,
        state: vec![State::Unsent; count],
        sent_at: vec![0; count],
        low: 0,
        next: 0,
        flying: 0,
        recover: 0,
        window: 10.0,
        threshold: f64::MAX,
        peak: 0.0,
        epoch: None,
        newest: 0,
        srtt: plan.rtt * SECOND,
        timer: 0,
        backoff: 0,
        got: vec![false; count],
        cumulative: 0,
    };
    sim.send();
    while let Some(Reverse((at, _, event))) = sim.events.pop() {
        sim.now = at;
        match event {
            Event::Data(segment) => sim.on_data(segment),
            Event::Ack(up_to, segment) => sim.on_ack(up_to, segment),
            Event::Timer(number) => sim.on_timer(number),
            Event::Write => sim.send(),
        }
        if sim.low == plan.segments || sim.passed.len() > count * 6 {
            break;
        }
    }
    sim.passed.sort_by_key(|passed| passed.at);
    sim.passed
}

impl Sim {
    fn at(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((at, self.count, event)));
    }

    fn half(&self) -> u64 {
        (self.plan.rtt / 2.0 * SECOND) as u64
    }

    fn pass(&mut self, at: u64, from_server: bool, segment: u32, sack: Option<(u32, u32)>) {
        self.passed.push(Passed {
            at,
            from_server,
            segment,
            sack,
        });
    }

    /// Sends what the window allows: what was lost first.
    fn send(&mut self) {
        let limit = self.window.min(self.plan.window).max(1.0) as u32;
        let mut lost = self.low;
        while self.flying < limit {
            while lost < self.next && self.state[lost as usize] != State::Lost {
                lost += 1;
            }
            if lost < self.next {
                self.transmit(lost);
            } else if self.next < self.plan.segments && self.next < self.low + self.plan.window as u32 {
                if let Some(pace) = self.plan.pace {
                    let written = (self.now as f64 / SECOND * pace / f64::from(MSS)) as u32;
                    if self.next >= written {
                        let due = f64::from(self.next + 1) * f64::from(MSS) / pace * SECOND;
                        self.at(due as u64 + 1000, Event::Write);
                        break;
                    }
                }
                self.next += 1;
                self.transmit(self.next - 1);
            } else {
                break;
            }
        }
    }

    fn transmit(&mut self, segment: u32) {
        self.state[segment as usize] = State::Flying;
        self.sent_at[segment as usize] = self.now;
        self.flying += 1;
        // Back to back at a gigabit.
        let at = self.now.max(self.wire_at + 12_000);
        self.wire_at = at;
        if self.plan.at_sender {
            self.pass(at, true, segment, None);
        }
        if let Some(through) = self.through(at) {
            let jitter = self.random.below((self.plan.rtt * 0.01 * SECOND) as u64 + 1);
            // In order.
            self.arrived_at = (through + self.half() + jitter).max(self.arrived_at + 1000);
            let arrival = self.arrived_at;
            self.at(arrival, Event::Data(segment));
        }
        self.arm();
    }

    /// When the segment that comes at `at` leaves the path's element, if it does.
    fn through(&mut self, at: u64) -> Option<u64> {
        let size = f64::from(MSS + 52);
        let chance = |random: &mut Random, loss: f64| (random.below(1 << 30) as f64) < loss * f64::from(1 << 30);
        match self.plan.path {
            Path::Policer { rate, burst } => {
                let since = at.saturating_sub(self.filled_at) as f64 / SECOND;
                self.tokens = (self.tokens + rate * since).min(burst);
                self.filled_at = at;
                let has = self.tokens >= size;
                if has {
                    self.tokens -= size;
                }
                has.then_some(at)
            }
            Path::Random { loss } => (!chance(&mut self.random, loss)).then_some(at),
            Path::Queue { rate, buffer } => self.queue(at, rate, buffer),
            Path::BadQueue { rate, buffer, loss } => {
                let through = self.queue(at, rate, buffer);
                through.filter(|_| !chance(&mut self.random, loss))
            }
        }
    }

    fn queue(&mut self, at: u64, rate: f64, buffer: f64) -> Option<u64> {
        let size = f64::from(MSS + 52);
        let waiting = self.free_at.saturating_sub(at) as f64 / SECOND * rate;
        if waiting + size > buffer {
            return None;
        }
        self.free_at = self.free_at.max(at) + (size / rate * SECOND) as u64;
        Some(self.free_at)
    }

    fn on_data(&mut self, segment: u32) {
        self.got[segment as usize] = true;
        while self.got.get(self.cumulative as usize) == Some(&true) {
            self.cumulative += 1;
        }
        let sack = (segment > self.cumulative).then_some((segment, segment + 1));
        if !self.plan.at_sender {
            self.pass(self.now, true, segment, None);
            self.pass(self.now + 20_000, false, self.cumulative, sack);
        }
        let arrival = self.now + 20_000 + self.half();
        if self.plan.at_sender {
            self.pass(arrival, false, self.cumulative, sack);
        }
        self.at(arrival, Event::Ack(self.cumulative, segment));
    }

    fn on_ack(&mut self, up_to: u32, segment: u32) {
        let mut news = 0;
        for each in (self.low..up_to).chain([segment]) {
            if self.state[each as usize] != State::There {
                self.flying -= u32::from(self.state[each as usize] == State::Flying);
                self.state[each as usize] = State::There;
                news += 1;
            }
        }
        if news == 0 {
            return;
        }
        self.low = self.low.max(up_to);
        let sent = self.sent_at[segment as usize];
        self.newest = self.newest.max(sent);
        let sample = (self.now - sent) as f64;
        self.srtt = self.srtt * 0.875 + sample * 0.125;
        self.backoff = 0;
        let is_new = self.find_lost() && self.low >= self.recover;
        if is_new {
            self.on_loss();
        } else if self.low >= self.recover {
            self.grow(f64::from(news));
        }
        self.arm();
        self.send();
    }

    /// What was sent well before something that has arrived is lost (RFC 8985).
    fn find_lost(&mut self) -> bool {
        let mut any = false;
        let before = self.newest.saturating_sub((self.srtt / 8.0) as u64);
        for each in self.low..self.next {
            let at = each as usize;
            if self.state[at] == State::Flying && self.sent_at[at] < before {
                self.state[at] = State::Lost;
                self.flying -= 1;
                any = true;
            }
        }
        any
    }

    fn on_loss(&mut self) {
        self.recover = self.next;
        self.peak = self.window;
        self.epoch = None;
        let factor = if self.plan.control == Control::Reno { 0.5 } else { 0.7 };
        self.window = (self.window * factor).max(2.0);
        self.threshold = self.window;
    }

    fn grow(&mut self, news: f64) {
        // What the program does not use does not grow.
        if f64::from(self.flying) + news + 1.0 < self.window {
            return;
        }
        if self.window < self.threshold {
            self.window += news;
            return;
        }
        let reno = self.window + news / self.window;
        if self.plan.control == Control::Reno {
            self.window = reno;
            return;
        }
        let epoch = *self.epoch.get_or_insert(self.now);
        let since = (self.now - epoch) as f64 / SECOND + self.srtt / SECOND;
        let turn = (self.peak * 0.3 / 0.4).cbrt();
        let target = 0.4 * (since - turn).powi(3) + self.peak;
        let cubic = self.window + ((target - self.window) / self.window * news).clamp(0.0, news / 2.0);
        self.window = cubic.max(self.window + news * 0.53 / self.window);
    }

    fn arm(&mut self) {
        self.timer += 1;
        let timeout = (self.srtt * 1.5).max(0.2 * SECOND) * f64::from(1_u32 << self.backoff.min(6));
        self.at(self.now + timeout as u64, Event::Timer(self.timer));
    }

    fn on_timer(&mut self, number: u32) {
        if number != self.timer || self.flying == 0 {
            return;
        }
        for each in self.low..self.next {
            if self.state[each as usize] == State::Flying {
                self.state[each as usize] = State::Lost;
            }
        }
        self.flying = 0;
        self.backoff += 1;
        self.threshold = (self.window / 2.0).max(2.0);
        self.peak = self.window;
        self.epoch = None;
        self.window = 1.0;
        self.recover = self.next;
        self.send();
    }
}

/// As a capture: raw IPv4, headers only, a download from 10.9.0.2:443 to 10.9.0.1.
#[must_use]
pub fn pcap(plan: Plan, seed: u64) -> Vec<u8> {
    pcap_of(&[(plan, seed)])
}

/// The same of several, one after the other.
#[must_use]
pub fn pcap_of(plans: &[(Plan, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 101] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    let (mut start, mut port) = (0, 50_000);
    for (plan, seed) in plans {
        start += one(&mut out, *plan, *seed, start, port) + 1_000_000_000;
        port += 1;
    }
    out
}

/// One download; says how long it took.
fn one(out: &mut Vec<u8>, plan: Plan, seed: u64, start: u64, port: u16) -> u64 {
    let rtt = (plan.rtt * SECOND) as u64;
    // The handshake's halves as the capture point sees them.
    let (there, back) = if plan.at_sender { (0, rtt) } else { (rtt, 0) };
    let mut last = 0;
    let mut frame =
        |at: u64, from_server: bool, flags: u8, seq: u32, ack: u32, length: u32, sack: Option<(u32, u32)>| {
            push(out, (start + at, port), from_server, flags, seq, ack, length, sack);
            last = at;
        };
    frame(0, false, 2, 0, 0, 0, None);
    frame(there + 30_000, true, 18, 0, 1, 0, None);
    frame(there + back + 60_000, false, 16, 1, 1, 0, None);
    frame(there + back + 61_000, false, 24, 1, 1, 200, None);
    let bytes = |segment: u32| 1 + segment * MSS;
    for passed in play(plan, seed) {
        if passed.from_server {
            frame(passed.at, true, 16, bytes(passed.segment), 201, MSS, None);
        } else {
            let sack = passed.sack.map(|(from, to)| (bytes(from), bytes(to)));
            frame(passed.at, false, 16, 201, bytes(passed.segment), 0, sack);
        }
    }
    last
}

#[expect(clippy::too_many_arguments, reason = "the fields of a header")]
fn push(
    out: &mut Vec<u8>,
    (at, port): (u64, u16),
    from_server: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    length: u32,
    sack: Option<(u32, u32)>,
) {
    let options: Vec<u8> = match (flags & 2 != 0, sack) {
        (true, _) => vec![2, 4, 5, 180, 4, 2, 1, 3, 3, 10, 1, 1],
        (_, Some((from, to))) => [&[1, 1, 5, 10][..], &from.to_be_bytes(), &to.to_be_bytes()].concat(),
        _ => Vec::new(),
    };
    let header = 40 + options.len() as u32;
    let at = 1_700_000_000_000_000_000 + at;
    let ([client, server], ports) = ([[10, 9, 0, 1], [10, 9, 0, 2]], [port, 443]);
    for word in [
        (at / 1_000_000_000) as u32,
        (at % 1_000_000_000) as u32,
        header,
        header + length,
    ] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&[0x45, 0]);
    out.extend_from_slice(&((header + length) as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
    let (from, to) = if from_server { (1, 0) } else { (0, 1) };
    out.extend_from_slice(&[client, server][from]);
    out.extend_from_slice(&[client, server][to]);
    out.extend_from_slice(&ports[from].to_be_bytes());
    out.extend_from_slice(&ports[to].to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&ack.to_be_bytes());
    out.extend_from_slice(&[((20 + options.len()) as u8 / 4) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend_from_slice(&options);
}
