//! The short ways through the tracker, for what most packets are: in-order data, new acknowledgments and FINs of a
//! connection in which nothing is amiss. They do what [`Flow::track`] and all below it would do, and no more; whatever they
//! cannot be sure of goes the long way.

use super::facts::{SideFacts, SideTroubles, Sighting};
use super::{Flow, IDLE, Side, opening};
use crate::base::{Dir, Span};
use crate::wire::{Flags, Segment};

impl Flow {
    /// Takes in `segment` if the shortest way is enough; `false` leaves everything as it was. For connections that are
    /// established and not closing: whether one is needs to be asked only once.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    pub(super) fn on_steady(&mut self, segment: &Segment) -> bool {
        if !is_plain(segment, segment.flags) || !(self.is_steady || self.is_steady_now()) {
            return false;
        }
        self.is_steady = true;
        let Some(news) = self.news_of(segment, segment.length) else {
            return false;
        };
        self.on_next(segment, &news);
        self.zeek.on_steady(segment, segment.seq.plus(segment.length));
        true
    }

    /// Takes in `segment` if a short way is enough; `false` leaves everything as it was.
    #[inline(never)]
    pub(super) fn on_short(&mut self, segment: &Segment) -> bool {
        if is_plain(segment, Flags(segment.flags.0 & !Flags::FIN)) {
            self.on_calm(segment)
        } else {
            self.on_answer(segment)
        }
    }

    /// As [`Flow::on_short`], for segments in a row.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    pub(super) fn on_run(&mut self, segment: &Segment) -> bool {
        self.is_steady && self.on_steady(segment) || self.on_short(segment)
    }

    /// As [`Flow::on_steady`], and for the end of the handshake, for FINs and for what comes after them. For plain segments.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    fn on_calm(&mut self, segment: &Segment) -> bool {
        let is_fin = segment.flags.is_fin();
        if !(self.is_steady || self.is_calm || self.is_calm_now()) {
            return false;
        }
        let used = segment.length.wrapping_add(is_fin.into());
        let Some(news) = self.news_of(segment, used) else {
            return false;
        };
        self.is_steady = !is_fin && (self.is_steady || self.is_steady_if_calm());
        if !self.is_steady && !self.may_end(segment, &news) {
            return false;
        }
        self.is_calm = true;
        self.on_next(segment, &news);
        if self.is_steady {
            self.zeek.on_steady(segment, segment.seq.plus(segment.length));
        } else {
            self.on_end(segment, &news);
        }
        true
    }

    /// A segment of a calm connection that is not established, or is closing: is it as it should be? The end of a handshake
    /// is noted.
    fn may_end(&mut self, segment: &Segment, news: &News) -> bool {
        let has_closed = self.facts.sides[segment.dir.index()].fin.is_some();
        if news.used > 0 && has_closed {
            return false;
        }
        if self.facts.opening.completed.is_none() && opening::is_stale_answer(self, segment) {
            return false;
        }
        opening::on_segment(self, segment);
        true
    }

    /// What FINs bring, and segments after one.
    fn on_end(&mut self, segment: &Segment, news: &News) {
        let (own, peer) = pair(&mut self.sides, segment.dir);
        let (facts, peer_facts) = pair(&mut self.facts.sides, segment.dir);
        if news.is_new_ack {
            peer.sender.take_end(segment.ack, news.at, peer_facts);
        }
        if segment.flags.is_fin() {
            own.sender.on_calm_fin();
            facts.fin = Some(news.at);
            facts.fins = facts.fins.saturating_add(1);
        }
        self.zeek.on_segment(segment, false);
    }

    /// What a plain segment brings, of which `used` numbers are its own; `None` where the long way must say.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    fn news_of(&self, segment: &Segment, used: u32) -> Option<News> {
        let last = self.facts.last.stamp;
        let silence = Span(segment.stamp.0.wrapping_sub(last.0));
        let (own, peer) = both(&self.sides, segment.dir);
        if segment.stamp < last || silence.0 as u64 >= IDLE.0 as u64 || !own.sender.is_next(segment) {
            return None;
        }
        Some(News {
            at: Sighting::from(segment),
            used,
            is_new_ack: peer.sender.is_calm_ack(segment, used)?,
        })
    }

    /// The next segment of its side, and whatever it acknowledges has been seen.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    fn on_next(&mut self, segment: &Segment, news: &News) {
        let (own, peer) = pair(&mut self.sides, segment.dir);
        let (facts, peer_facts) = pair(&mut self.facts.sides, segment.dir);
        self.copies[segment.dir.index()].remember(segment);
        own.on_next(segment, facts);
        facts.last = Some(news.at);
        if news.used > 0 {
            own.sender.on_calm_data(segment, news.used, facts);
        }
        if segment.length > 0 {
            facts.data_segments += 1;
            // What came first lies elsewhere in memory, and need not be looked at again.
            if facts.last_data.replace(news.at).is_none() {
                facts.first_data.get_or_insert(news.at);
            }
            self.last_speaker = Some(segment.dir);
        }
        if news.is_new_ack {
            peer.sender.on_calm_ack(segment.ack, news.at, peer_facts);
        }
        // It has numbers of its own, or acknowledges something new.
        self.facts.progress_after_icmp = true;
        self.note_time(segment);
        self.note_name(segment);
    }

    /// Time has gone on since the last packet, if only a little.
    #[inline]
    pub(super) fn note_time(&mut self, segment: &Segment) {
        let silence = Span(segment.stamp.0.wrapping_sub(self.facts.last.stamp.0));
        self.facts.max_silence = self.facts.max_silence.max(silence);
        self.facts.last = Sighting::new(self.facts.last.number().max(segment.packet), segment.stamp);
    }

    /// Established, both sides heard, nothing outstanding that an ordinary segment would settle.
    #[inline(never)]
    fn is_steady_now(&self) -> bool {
        self.is_steady_if_calm() && self.is_calm_now()
    }

    /// The same where both sides were heard, and nothing is amiss.
    fn is_steady_if_calm(&self) -> bool {
        let facts = &self.facts;
        let is_established = facts.opening.completed.is_some() || facts.is_mid_stream();
        is_established
            && self.zeek.is_steady(facts.last.stamp)
            && (0..2)
                .all(|side| facts.sides[side].fin.is_none() && self.zeek.is_at(side, self.sides[side].sender.next()))
    }

    /// It has to be looked at again, whether it is fit for a short way.
    pub(super) fn forget_pace(&mut self) {
        (self.is_steady, self.is_calm) = (false, false);
    }

    /// Both sides heard, and nothing amiss.
    fn is_calm_now(&self) -> bool {
        let facts = &self.facts;
        facts.reset.is_none()
            && !facts.only_odd_flags
            && self.conversation.stream.knows_both()
            && (0..2).all(|side| self.sides[side].sender.is_calm() && is_calm(&facts.sides[side]))
    }
}

/// What a segment brings that follows its side's last.
struct News {
    at: Sighting,
    /// Sequence numbers that it uses.
    used: u32,
    is_new_ack: bool,
}

/// The sender's of a pair, and its peer's.
#[inline]
pub(super) fn pair<T>([up, down]: &mut [T; 2], dir: Dir) -> (&mut T, &mut T) {
    match dir {
        Dir::Up => (up, down),
        Dir::Down => (down, up),
    }
}

/// The same to be read.
#[inline]
fn both<T>([up, down]: &[T; 2], dir: Dir) -> (&T, &T) {
    match dir {
        Dir::Up => (up, down),
        Dir::Down => (down, up),
    }
}

/// An ordinary ACK by these flags, with payload or without, that carries nothing to take note of.
#[inline]
fn is_plain(segment: &Segment, flags: Flags) -> bool {
    flags.0 & !Flags::PSH == Flags::ACK
        && segment.window > 0
        && segment.options.sack.is_none()
        && !segment.header_cut
        && !segment.bad_offset
}

/// Nothing of this side is repeated or waited for.
fn is_calm(side: &SideFacts) -> bool {
    side.first.is_some() && (side.troubles.is_usual() || is_settled(side))
}

/// Nothing of what was amiss is still going on.
fn is_settled(side: &SideTroubles) -> bool {
    !side.window_is_zero
        && side.window_closed.is_none()
        && side.unanswered_keep_alives.count == 0
        && side.resends.count == 0
        && side.deaf_resends.count == 0
        && side.smallest_resent == 0
        && !side.sacked_beyond
        && side.echo_due.is_none()
        && !side.recovery.is_open()
}

impl Side {
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a tenth of it"
    )]
    #[inline(always)]
    fn on_next(&mut self, segment: &Segment, facts: &mut SideFacts) {
        self.receiver.on_steady(segment);
        facts.packets += 1;
        facts.ttl.on(segment.ttl);
        facts.timestamps |= segment.options.timestamps.is_some();
        facts.ip_ids.on(segment.ip_id);
        facts.kinds.add(segment.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FlowKey, Map, Rare};
    use crate::capture;
    use crate::flow::stream::{Effect, Stream};
    use crate::flow::table::{self, Conversation};
    use crate::wire::{Heard, decode};
    use std::path::Path;

    fn flow_of(segment: &Segment) -> Flow {
        let conversation = Conversation {
            stream: Stream::new(segment.packet),
            others: Rare::default(),
        };
        let mut flow = Flow::BLANK;
        flow.start(segment, 0, conversation);
        flow
    }

    /// Every flow twice: only the long way, and a short way where one is enough. Says how often the two were.
    fn compare(segments: &[Segment]) -> [usize; 4] {
        let mut flows: Map<FlowKey, (Flow, Flow)> = Map::default();
        let mut short_ones = [0; 4];
        for segment in segments {
            let (long, both) = flows
                .entry(segment.key)
                .or_insert_with(|| (flow_of(segment), flow_of(segment)));
            let on_header = |flow: &mut Flow| table::on_header(&mut flow.conversation.stream, segment);
            let is_first = both.facts.sides.iter().all(|side| side.packets == 0);
            let ways: [&dyn Fn(&mut Flow) -> bool; 4] = [
                &|flow| is_first && flow.on_first_syn(segment) && on_header(flow) == Effect::None,
                // Every other one of those is left to the way that takes them, too.
                &|flow| segment.packet % 2 == 0 && flow.on_steady(segment),
                &|flow| !segment.flags.any(Flags::SYN) && flow.on_short(segment),
                &|flow| flow.on_short(segment),
            ];
            let way = ways.iter().position(|way| way(both));
            let effect = on_header(long);
            let is_copy = long.on_segment(segment);
            if let Some(way) = way {
                short_ones[way] += 1;
                assert_eq!((is_copy, effect), (false, Effect::None));
            } else {
                on_header(both);
                assert_eq!(is_copy, both.on_segment(segment));
            }
            let pace = (both.is_steady, both.is_calm);
            both.forget_pace();
            if format!("{long:?}") != format!("{both:?}") {
                let (long, both) = (format!("{long:#?}"), format!("{both:#?}"));
                let other = long.lines().zip(both.lines()).find(|(one, other)| one != other);
                panic!("packet {} of {:?}: {other:?}", segment.packet, segment.key);
            }
            (both.is_steady, both.is_calm) = pace;
        }
        short_ones
    }

    /// All segments of each fixture.
    fn fixtures() -> impl Iterator<Item = Vec<Segment>> {
        let situations = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap();
        let files = situations
            .flatten()
            .flat_map(|situation| std::fs::read_dir(situation.path()).into_iter().flatten().flatten());
        let captures = files.filter(|file| file.path().extension().is_some_and(|end| end == "pcap"));
        captures.map(|file| {
            let mut source = capture::open(&file.path()).unwrap();
            let mut segments = Vec::new();
            while let Some(batch) = source.next_batch().unwrap() {
                for record in batch.records {
                    if let Heard::Segment(segment) = decode(record, batch.bytes(record)) {
                        segments.push(segment);
                    }
                }
            }
            segments
        })
    }

    /// The same capture with one in eight lost, one in sixteen twice, one in sixteen in another's place.
    fn damaged(mut segments: Vec<Segment>, seed: u64) -> Vec<Segment> {
        let mut state = seed;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % 16
        };
        segments.retain(|_| random() > 1);
        for place in 1..segments.len() {
            match random() {
                0 => segments.swap(place - 1, place),
                1 => segments[place - 1] = segments[place].clone(),
                _ => {}
            }
        }
        segments
    }

    #[test]
    fn the_short_ways_do_what_the_long_way_does() {
        let mut all = [0; 4];
        for segments in fixtures() {
            let found = compare(&segments);
            (0..4).for_each(|way| all[way] += found[way]);
        }
        assert!(
            all[0] > 100 && all[1] > 1_000 && all[2] > 300 && all[3] > 100,
            "{all:?}"
        );
    }

    #[test]
    fn so_they_do_where_packets_are_lost_or_come_twice_or_too_early() {
        for (seed, segments) in (1..).zip(fixtures().filter(|segments| segments.len() < 2_000)) {
            compare(&damaged(segments.clone(), seed));
            compare(&damaged(segments, seed << 32));
        }
    }

    #[test]
    fn so_they_do_where_wireshark_takes_the_last_bytes_for_a_check_sequence() {
        for mut segments in fixtures().filter(|segments| segments.len() < 500) {
            for segment in &mut segments {
                segment.as_fcs = 4;
            }
            compare(&segments);
        }
    }
}
