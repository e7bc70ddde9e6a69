//! How two TCP stacks talk, as seen from a tap: handshake, data with growing windows, loss and its repair, the close.

use super::packet::{ACK, Client, FIN, Look, MILLI, PSH, Packet, Payload, RST, SECOND, SYN, Server, Side};
use super::random::Random;

/// One connection being planned.
pub struct Talk<'a> {
    pub random: &'a mut Random,
    pub packets: &'a mut Vec<Packet>,
    /// Where the plan has come to.
    pub now: u64,
    /// Side the tap to a side and back.
    pub trip: [u64; 2],
    pub mss: u16,
    /// Next sequence number of each side.
    pub next: [u32; 2],
    pub window: [u16; 2],
    congestion: [u64; 2],
    /// Time that a full segment takes on the slowest link.
    pub gap: u64,
}

impl<'a> Talk<'a> {
    pub fn new(random: &'a mut Random, packets: &'a mut Vec<Packet>, now: u64, trip: [u64; 2], mss: u16) -> Self {
        let next = [random.bits(), random.bits()];
        let gap = random.pick(&[12_000, 12_000, 30_000, 120_000]);
        Self {
            random,
            packets,
            now,
            trip,
            mss,
            next,
            window: [64_240, 65_160],
            congestion: [10, 10],
            gap,
        }
    }

    /// A segment at `at` with nothing unusual; moves nothing.
    fn plain(&self, at: u64, from: Side, flags: u8) -> Packet {
        Packet {
            at,
            seq: self.next[from as usize],
            ack: self.next[from.other() as usize],
            sack: (0, 0),
            length: 0,
            window: self.window[from as usize],
            flags,
            from,
            payload: Payload::Noise,
            look: Look::Ordinary,
        }
    }

    /// Sends at the present time what uses no sequence space: ACKs and RSTs.
    pub fn say(&mut self, from: Side, flags: u8) {
        let packet = self.plain(self.now, from, flags);
        self.packets.push(packet);
    }

    /// As [`Talk::say`], with something changed.
    pub fn say_as(&mut self, from: Side, flags: u8, change: impl FnOnce(&mut Packet)) {
        let mut packet = self.plain(self.now, from, flags);
        change(&mut packet);
        self.packets.push(packet);
    }

    pub fn wait(&mut self, time: u64) {
        self.now += time;
    }

    pub fn wait_between(&mut self, low: u64, high: u64) {
        self.now += self.random.between(low, high);
    }

    /// Time passes until the answer of `side` to what just passed the tap comes by.
    pub fn turn(&mut self, side: Side) {
        let trip = self.trip[side as usize];
        self.now += trip + self.random.below(trip / 16 + 1000);
    }

    pub fn syn(&mut self) {
        let isn = self.next[0];
        self.say_as(Client, SYN, |packet| packet.ack = isn);
    }

    pub fn syn_ack(&mut self) {
        let acked = self.next[0].wrapping_add(1);
        self.say_as(Server, SYN | ACK, |packet| packet.ack = acked);
    }

    /// Side here on both SYNs are counted as sent.
    pub fn open(&mut self) {
        self.next = self.next.map(|next| next.wrapping_add(1));
        self.window = [502, 509];
    }

    /// The three packets of a handshake.
    pub fn handshake(&mut self) {
        self.syn();
        self.turn(Server);
        self.syn_ack();
        self.turn(Client);
        self.open();
        self.say(Client, ACK);
        self.wait(20_000);
    }

    /// One segment of payload.
    pub fn send(&mut self, from: Side, length: u16, payload: Payload) {
        self.say_as(from, PSH | ACK, |packet| {
            packet.length = length;
            packet.payload = payload;
        });
        let next = &mut self.next[from as usize];
        *next = next.wrapping_add(u32::from(length));
    }

    /// The last `length` bytes of `from` again.
    pub fn send_again(&mut self, from: Side, length: u16, payload: Payload) {
        self.say_as(from, PSH | ACK, |packet| {
            packet.seq = packet.seq.wrapping_sub(u32::from(length));
            packet.length = length;
            packet.payload = payload;
        });
    }

    /// The last `length` bytes of `from` again and again, the timer doubling, without an answer.
    pub fn insist(&mut self, from: Side, length: u16, payload: Payload, times: u32) {
        let mut timer = 200 * MILLI + 2 * self.trip[1];
        for _ in 0..times {
            self.now += timer + self.random.below(4 * MILLI);
            timer *= 2;
            self.send_again(from, length, payload);
        }
    }

    /// `bytes` of payload in bursts that grow, with acknowledgments for every second segment, and loss in so many of
    /// ten thousand segments.
    pub fn transfer(&mut self, from: Side, bytes: u64, payload: Payload, loss: u64) {
        let mut left = bytes;
        let mut payload = payload;
        while left > 0 {
            let window = &mut self.window[from.other() as usize];
            *window = (*window + 40).min(2900);
            left = self.burst(from, left, payload, loss);
            payload = Payload::Noise;
        }
    }

    fn burst(&mut self, from: Side, mut left: u64, mut payload: Payload, loss: u64) -> u64 {
        let side = from as usize;
        let (to_ack, to_next) = (self.trip[from.other() as usize], self.trip[side]);
        let segments = self.congestion[side].min(left.div_ceil(u64::from(self.mss)));
        let lost = (self.random.below(10_000) < loss * segments).then(|| self.random.below(segments));
        // A near sender's packets are lost behind the tap.
        let passes = to_next < to_ack || self.random.chance(50);
        let mut hole = None;
        let (mut pending, mut duplicates, mut third, mut at) = (0, 0, None, self.now);
        for place in 0..segments {
            let length = left.min(u64::from(self.mss)) as u16;
            left -= u64::from(length);
            let mut packet = self.plain(at, from, if place + 1 == segments { PSH | ACK } else { ACK });
            packet.length = length;
            packet.payload = payload;
            payload = Payload::Noise;
            self.next[side] = packet.seq.wrapping_add(u32::from(length));
            let mut answer = self.plain(at + to_ack, from.other(), ACK);
            if lost == Some(place) {
                if passes {
                    self.packets.push(packet);
                }
                hole = Some(packet);
            } else {
                self.packets.push(packet);
                pending += 1;
                if let Some(hole) = hole {
                    answer.ack = hole.seq;
                    answer.sack = (hole.seq.wrapping_add(u32::from(hole.length)), self.next[side]);
                    duplicates += 1;
                    if duplicates == 3 {
                        third = Some(answer.at);
                    }
                }
                if pending == 2 || hole.is_some() || place + 1 == segments {
                    self.packets.push(answer);
                    pending = 0;
                }
            }
            at += self.gap * u64::from(length) / u64::from(self.mss) + 1_000;
        }
        self.now = at + to_ack + to_next;
        match hole {
            Some(hole) => self.repair(&hole, third, pending > 0),
            None => self.congestion[side] = (self.congestion[side] * 2).min(64),
        }
        left
    }

    /// The lost segment is sent again: after three duplicate acknowledgments, or by its timer.
    fn repair(&mut self, hole: &Packet, third: Option<u64>, ack_pending: bool) {
        let side = hole.from as usize;
        let (to_ack, to_next) = (self.trip[hole.from.other() as usize], self.trip[side]);
        if ack_pending {
            // The delayed acknowledgment of the segment before the lost last one.
            let mut answer = self.plain(hole.at + to_ack + 40 * MILLI, hole.from.other(), ACK);
            answer.ack = hole.seq;
            self.packets.push(answer);
        }
        let timer = self.now + 200 * MILLI + 2 * (to_ack + to_next);
        let again = third.map_or(timer, |third| {
            (third + to_next).max(self.now - to_ack - to_next + 10_000)
        });
        self.packets.push(Packet { at: again, ..*hole });
        let answer = self.plain(again + to_ack, hole.from.other(), ACK);
        self.packets.push(answer);
        self.now = again + to_ack + to_next;
        self.congestion[side] = (self.congestion[side] / 2).max(4);
    }

    pub fn fin(&mut self, from: Side) {
        self.say(from, FIN | ACK);
        self.next[from as usize] = self.next[from as usize].wrapping_add(1);
    }

    /// Both sides close, `first` first.
    pub fn close(&mut self, first: Side) {
        self.fin(first);
        self.turn(first.other());
        self.fin(first.other());
        self.turn(first);
        self.say(first, ACK);
    }

    /// An application aborts: RST with ACK and everything that its segments have.
    pub fn abort(&mut self, from: Side) {
        self.say(from, RST | ACK);
    }

    /// Repeated at these seconds after now.
    pub fn at_each(&mut self, seconds: &[f64], mut what: impl FnMut(&mut Self)) {
        let start = self.now;
        for &second in seconds {
            self.now = start + (second * SECOND as f64) as u64 + self.random.below(2 * MILLI);
            what(self);
        }
    }

    /// The plan in the order of time.
    pub fn sort(&mut self) {
        if !self.packets.is_sorted_by_key(|packet| packet.at) {
            self.packets.sort_by_key(|packet| packet.at);
        }
    }
}
