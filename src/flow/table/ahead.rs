//! A few segments are looked up before the first of them is taken in: most flows lie in far memory, and the processor
//! waits for all of them at once.

use super::Table;
use crate::base::Dir;
use crate::flow::mark::Marked;
use crate::flow::newest::{AsOf, Found};
use crate::flow::stream::Effect;
use crate::wire::Segment;
use std::hint::black_box;

/// Segments that are looked up at once: about as many as a core waits for side by side.
const AT_ONCE: usize = 16;

/// What was found for the next few segments, and as of when.
#[derive(Debug, Default)]
pub struct Ahead<'s> {
    spots: [Spot<'s>; AT_ONCE],
    count: usize,
    as_of: AsOf,
}

/// A segment, if that is what was heard, and the newest flow of its 4-tuple.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot<'s> {
    /// Nothing where something else was heard.
    pub segment: Option<&'s Segment>,
    found: Found,
    /// It is of the same 4-tuple as the one before.
    is_same: bool,
    /// So it is, and its payload does not matter.
    goes_on: bool,
}

impl<'s> Ahead<'s> {
    /// Segments that are looked up at once.
    pub const AT_ONCE: usize = AT_ONCE;

    /// Looks up the flows of at most [`Ahead::AT_ONCE`] segments; with each of them, whether its payload matters. Most are
    /// of the same flow as the one before.
    pub fn look(&mut self, table: &Table, segments: impl ExactSizeIterator<Item = (Option<&'s Segment>, bool)>) {
        self.as_of = table.newest.as_of_now();
        self.count = segments.len();
        let (mut before, is_far) = (Spot::default(), table.newest.is_far());
        for (spot, (segment, has_payload)) in self.spots.iter_mut().zip(segments) {
            before = before.next(segment, has_payload);
            if let Some(segment) = segment.filter(|_| !before.is_same) {
                let home = table.newest.home(&segment.key);
                before.found = if is_far {
                    home
                } else {
                    table.newest.look(&segment.key, home)
                };
            }
            *spot = before;
        }
        if is_far {
            self.look_far(table);
        }
        let found = self.spots().iter().filter(|spot| !spot.is_same);
        let found = found.filter_map(|spot| Some((spot.found.number?, spot.segment?.dir)));
        black_box(found.fold(0, |all, (newest, dir)| all ^ table.touch_flow(newest, dir)));
    }

    /// The same where it is known where each search begins, in a table so large that each of these lies far away: they are
    /// touched in a loop so short that the processor has all of them under way before it waits for the first.
    #[inline(never)]
    fn look_far(&mut self, table: &Table) {
        let spots = self.spots().iter();
        let homes = spots.filter_map(|spot| Some(table.newest.touch(&spot.segment?.key, spot.found)));
        black_box(homes.fold(0, |all, word| all ^ word));
        let mut found = Found::default();
        for spot in self.spots.iter_mut().take(self.count) {
            if let Some(segment) = spot.segment.filter(|_| !spot.is_same) {
                found = table.newest.look(&segment.key, spot.found);
            }
            spot.found = found;
        }
    }

    /// What was looked up, in order.
    #[must_use]
    pub fn spots(&self) -> &[Spot<'s>] {
        self.spots.get(..self.count).unwrap_or_default()
    }
}

impl<'s> Spot<'s> {
    /// The one behind it, for which the same was found where its 4-tuple is the same.
    #[inline]
    fn next(&self, segment: Option<&'s Segment>, has_payload: bool) -> Self {
        let both = self.segment.zip(segment);
        let is_same = both.is_some_and(|(one, other)| one.key == other.key);
        Self {
            segment,
            found: self.found,
            is_same,
            goes_on: is_same && !has_payload,
        }
    }
}

impl Table {
    /// As [`Table::on_segment`], for the segment that was looked up at `spot`.
    #[inline]
    pub fn on_next(&mut self, ahead: &Ahead<'_>, spot: Spot<'_>, segment: &Segment, capture: u16) {
        match self.listener.filter(|_| spot.is_same) {
            Some(number) => self.on_segment_of(Found::known(number), segment, capture),
            None if self.newest.holds(&segment.key, spot.found, ahead.as_of) => {
                self.on_segment_of(spot.found, segment, capture);
            }
            None => self.on_segment(segment, capture),
        }
    }

    /// Takes in those of these that are of the last segment's flow, as long as no payload matters and they go a short way,
    /// and the one behind them. Says how many.
    #[inline]
    pub fn go_on(&mut self, spots: &[Spot<'_>], capture: u16) -> usize {
        match spots.first() {
            Some(spot) if spot.goes_on && self.news.is_none() => self.go_on_with(spots, capture),
            _ => 0,
        }
    }

    /// The same where there is at least one of that flow.
    #[inline(never)]
    fn go_on_with(&mut self, spots: &[Spot<'_>], capture: u16) -> usize {
        let Some(number) = self.listener else { return 0 };
        let Some(flow) = self.store.opened(number) else {
            return 0;
        };
        let mut state = self.marking.as_mut().map(|marking| marking.state_of(number));
        let (mut count, mut odd) = (0, None);
        while let Some(Spot {
            segment: Some(segment),
            goes_on: true,
            ..
        }) = spots.get(count)
        {
            count += 1;
            if flow.path() != segment.path || !flow.on_run(segment) {
                odd = Some(segment);
                break;
            }
            if let Some(state) = &mut state {
                let (marks, start) = (state.on_segment(segment, Effect::None), flow.conversation.stream.start);
                self.marked.extend(Marked::of(segment, number, start, marks));
            }
        }
        let (last, is_over) = (flow.facts().last.stamp, flow.is_over());
        self.store.on_time(last);
        if is_over {
            self.store.on_over(number);
        }
        if let Some(odd) = odd {
            self.store.on_time(odd.stamp);
            self.listener = None;
            self.on_any(number, odd, capture);
        }
        count
    }

    /// Someone watches, or wants marks.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.news.is_some() || self.marking.is_some()
    }

    /// Looks at what the next segment of flow `number` will need.
    #[inline]
    fn touch_flow(&self, number: u32, dir: Dir) -> u32 {
        let state = self.marking.as_ref().map_or(0, |marking| marking.touch(number));
        self.store.touch(number, dir) ^ state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    /// A connection, and so many segments of data behind its request.
    fn talk(data: usize) -> Vec<Segment> {
        let begin = "0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1\n+.01 > P. 1:9(8) ack 1\n+.01 < . 1:1(0) ack 9";
        let data = (0..data).map(|number| format!("+.01 < . {}:{}(100) ack 9", 1 + 100 * number, 101 + 100 * number));
        let text = [begin.to_owned()]
            .into_iter()
            .chain(data)
            .collect::<Vec<_>>()
            .join("\n");
        let segments = Script::parse(&text).expect("a script");
        segments.segments().cloned().collect()
    }

    /// How many of `data` are taken in with its first, where the payload of the one at `payload` matters.
    fn gone_on(before: &[Segment], data: &[Segment], payload: Option<usize>) -> usize {
        let mut table = Table::default();
        for segment in before {
            table.on_segment(segment, 0);
        }
        let mut ahead = Ahead::default();
        let coming = data.iter().enumerate();
        ahead.look(&table, coming.map(|(at, segment)| (Some(segment), payload == Some(at))));
        let (first, behind) = ahead.spots().split_first().expect("one");
        table.on_next(&ahead, *first, &data[0], 0);
        table.go_on(behind, 0)
    }

    #[test]
    fn what_goes_on_is_of_the_same_flow_and_has_no_payload_that_matters() {
        let mut all = talk(12);
        let (before, data) = all.split_at_mut(7);
        assert_eq!(gone_on(before, data, None), data.len() - 1);
        for payload in 1..data.len() {
            assert_eq!(gone_on(before, data, Some(payload)), payload - 1);
        }
        // The same addresses and ports in another VLAN: whose it is has to be looked at, so that it comes last.
        for other in 1..data.len() {
            data[other].path = 7;
            assert_eq!(gone_on(before, data, None), other);
            data[other].path = before[0].path;
        }
        data[3].key = crate::base::FlowKey::V4([10, 9, 9, 9], [10, 9, 9, 10], 1, 2);
        assert_eq!(gone_on(before, data, None), 2);
    }

    /// In a small table, and in one so large that it is looked at in another way: flows that are there, in rows and alone, and
    /// others.
    #[test]
    fn each_finds_the_flow_of_its_own_4_tuple() {
        let all = talk(0);
        let of = |number: u32| {
            let ip = std::net::Ipv4Addr::from(0x0a00_0000 + number).octets();
            let key = crate::base::FlowKey::v4(ip, [192, 0, 2, 1], 40_000, 443).0;
            Segment { key, ..all[0].clone() }
        };
        for (flows, is_far) in [(100, false), (20_000, true)] {
            let mut table = Table::default();
            (0..flows).for_each(|number| table.on_segment(&of(number), 0));
            assert_eq!(table.newest.is_far(), is_far);
            for start in 0..1_000 {
                let wanted = |place: u32| (start * 23 + place / 3 * 7) % (flows + 50);
                let some: Vec<Segment> = (0..AT_ONCE as u32).map(|place| of(wanted(place))).collect();
                let mut ahead = Ahead::default();
                // What is no segment stands between them.
                let heard = some.iter().enumerate();
                ahead.look(
                    &table,
                    heard.map(|(at, one)| (Some(one).filter(|_| at % 5 != 4), false)),
                );
                for (spot, place) in ahead.spots().iter().zip(0..).filter(|(spot, _)| spot.segment.is_some()) {
                    let number = wanted(place);
                    assert_eq!(
                        spot.found.number,
                        Some(number).filter(|_| number < flows),
                        "{start}, {place}"
                    );
                    assert!(table.newest.holds(&some[place as usize].key, spot.found, ahead.as_of));
                }
            }
        }
    }

    /// What marks say, and how many segments were taken in with others.
    fn marked(segments: &[Segment], ahead: bool) -> (String, usize) {
        let mut table = Table::default();
        table.want_marks(true);
        let mut gone_on = 0;
        for some in segments.chunks(AT_ONCE) {
            if !ahead {
                for segment in some {
                    table.on_segment(segment, 0);
                }
                continue;
            }
            let mut ahead = Ahead::default();
            ahead.look(&table, some.iter().map(|segment| (Some(segment), false)));
            let mut at = 0;
            while let Some(spot) = ahead.spots().get(at) {
                table.on_next(&ahead, *spot, &some[at], 0);
                at += 1;
                let count = table.go_on(&ahead.spots()[at..], 0);
                (at, gone_on) = (at + count, gone_on + count);
            }
        }
        (format!("{:?}", table.finish().marked), gone_on)
    }

    #[test]
    fn marks_are_the_same_where_flows_go_on() {
        let (all, mut state) = (talk(60), 1_u64);
        let mut draw = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % most
        };
        let (mut found, mut gone_on) = (0, 0);
        for _ in 0..200 {
            // Some are lost, some come twice or late.
            let mut segments: Vec<Segment> = Vec::new();
            for segment in &all {
                let copies = [0, 1, 1, 1, 1, 1, 1, 2][draw(8) as usize];
                segments.extend(std::iter::repeat_n(segment.clone(), copies));
                if let (Some(last), 0) = (segments.len().checked_sub(1), draw(8)) {
                    segments.swap(last, last.saturating_sub(1 + draw(3) as usize));
                }
            }
            let stamps = all[0].stamp;
            for (place, segment) in (1_u64..).zip(&mut segments) {
                segment.packet = place;
                segment.stamp = stamps + crate::base::Span::from_millis(10 * place as i64);
            }
            let (one, _) = marked(&segments, false);
            let (other, together) = marked(&segments, true);
            assert_eq!(one, other);
            found += one.matches("Marked").count();
            gone_on += together;
        }
        assert!(found > 2_000 && gone_on > 2_000, "{found} marks, {gone_on} gone on");
    }
}
