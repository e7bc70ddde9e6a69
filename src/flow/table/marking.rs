//! Where marks are wanted: Wireshark's own state of every 4-tuple, and what it says of each segment.

use super::Table;
use crate::flow::mark::Marked;
use crate::flow::stream::Effect;
use crate::flow::wireshark::Wireshark;
use crate::wire::Segment;

/// Wireshark's state of every 4-tuple, found by its newest flow. Wireshark knows no VLANs. A 4-tuple that there was no room for
/// begins anew.
#[derive(Debug, Default)]
pub(super) struct Marking {
    states: Vec<Wireshark>,
    /// States of 4-tuples that were forgotten.
    free: Vec<u32>,
    /// The place of each newest flow's state; of any other flow, anything.
    places: Vec<u32>,
}

/// The place of a state that is not there yet.
const NOWHERE: u32 = u32::MAX;

impl Marking {
    /// Flow `number` is the newest of its 4-tuple now, and before it was flow `before`.
    pub(super) fn on_newest(&mut self, number: u32, before: Option<u32>) {
        let place = before.map_or(NOWHERE, |before| self.place_of(before));
        let number = number as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, NOWHERE);
        }
        self.places[number] = place;
    }

    /// The 4-tuple whose newest flow is `number` is forgotten.
    pub(super) fn on_forgotten(&mut self, number: u32) {
        let place = self.place_of(number);
        if place != NOWHERE {
            self.places[number as usize] = NOWHERE;
            self.free.push(place);
        }
    }

    fn place_of(&self, number: u32) -> u32 {
        self.places.get(number as usize).copied().unwrap_or(NOWHERE)
    }

    /// The state of the 4-tuple whose newest flow is `number`.
    pub(super) fn state_of(&mut self, number: u32) -> &mut Wireshark {
        let mut place = self.place_of(number);
        if place == NOWHERE {
            place = self.free.pop().unwrap_or(self.states.len() as u32);
            self.on_newest(number, None);
            self.places[number as usize] = place;
            if self.states.len() <= place as usize {
                self.states.push(Wireshark::default());
            }
            self.states[place as usize] = Wireshark::default();
        }
        &mut self.states[place as usize]
    }

    /// Looks at the state of the 4-tuple whose newest flow is `number`.
    pub(super) fn touch(&self, number: u32) -> u32 {
        let state = self.states.get(self.place_of(number) as usize);
        state.map_or(0, Wireshark::touch)
    }

    /// States that are there.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.states.len() - self.free.len()
    }
}

impl Table {
    /// From now on, marks are wanted or not.
    pub fn want_marks(&mut self, wanted: bool) {
        self.marking = wanted.then(Marking::default);
    }

    /// Marked packets so far.
    #[must_use]
    pub fn marked(&self) -> usize {
        self.marked.len()
    }

    /// Packets with marks since the last call.
    pub fn take_marked(&mut self) -> Vec<Marked> {
        std::mem::take(&mut self.marked)
    }

    /// A segment of flow `number`, the newest of its 4-tuple, had this `effect` on its stream.
    #[inline]
    pub(super) fn mark(&mut self, segment: &Segment, effect: Effect, number: u32, stream_start: u64) {
        if self.marking.is_some() {
            self.find_marks(segment, effect, number, stream_start);
        }
    }

    #[inline(never)]
    fn find_marks(&mut self, segment: &Segment, effect: Effect, number: u32, stream_start: u64) {
        let Some(marking) = &mut self.marking else { return };
        let marks = marking.state_of(number).on_segment(segment, effect);
        self.marked.extend(Marked::of(segment, number, stream_start, marks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::finished::Finished;
    use crate::flow::mark::Mark;
    use crate::script::Script;

    fn state(marking: &mut Marking, number: u32) -> String {
        format!("{:?}", marking.state_of(number))
    }

    #[test]
    fn a_state_follows_its_4_tuple_and_no_other_gets_it() {
        let script = Script::parse("0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1").unwrap();
        let fresh = format!("{:?}", Wireshark::default());
        let mut marking = Marking::default();
        marking.on_newest(4, None);
        for segment in script.segments() {
            marking.state_of(4).on_segment(segment, Effect::None);
        }
        let told = state(&mut marking, 4);
        assert!(told != fresh && marking.len() == 1);
        // Another connection on the same ports; one on others meanwhile.
        marking.on_newest(7, Some(4));
        marking.on_newest(5, None);
        assert_eq!(
            (state(&mut marking, 7), state(&mut marking, 5)),
            (told.clone(), fresh.clone())
        );
        // The number of the connection before comes again, for other ports.
        marking.on_newest(4, None);
        assert_eq!((state(&mut marking, 4), state(&mut marking, 7)), (fresh.clone(), told));
        // The number comes again.
        marking.on_forgotten(7);
        marking.on_newest(7, None);
        assert_eq!(marking.len(), 2);
        assert_eq!((state(&mut marking, 7), marking.len()), (fresh, 3));
    }

    #[test]
    fn what_is_retired_leaves_no_state() {
        let script = Script::parse("0 > S 0:0(0)").unwrap();
        let syn = script.segments().next().unwrap();
        let mut table = Table::default();
        table.watch();
        table.want_marks(true);
        for _ in 0..3 {
            table.on_segment(syn, 0);
            assert_eq!(table.marking.as_ref().map(Marking::len), Some(1));
            for (_, number, key) in table.take_news().started {
                table.retire(number, key);
            }
            assert_eq!(table.marking.as_ref().map(Marking::len), Some(0));
        }
    }

    fn marks_of(finished: &Finished) -> Vec<(u64, Vec<&'static str>)> {
        let marked = finished.marked.iter();
        marked
            .map(|marked| (marked.packet, marked.marks.iter().map(Mark::word).collect()))
            .collect()
    }

    /// Wireshark knows no VLANs: what it remembers of a 4-tuple goes on through connections in either.
    #[test]
    fn connections_that_take_turns_have_one_state() {
        let script = Script::parse(
            "0 > S 0:0(0) path 1\n+.1 < S. 0:0(0) ack 1 path 1\n+0 > . 1:1(0) ack 1 path 1\n\
             +.1 > S 5000:5000(0) path 2\n+.1 < S. 9000:9000(0) ack 5001 path 2\n+0 > . 5001:5001(0) ack 9001 path 2\n\
             +.1 > P. 1:9(8) ack 1 path 1\n+.1 > P. 5001:5009(8) ack 9001 path 2\n+.5 > P. 5001:5009(8) ack 9001 path 2",
        )
        .unwrap();
        let mut table = Table::default();
        table.want_marks(true);
        script.segments().for_each(|segment| table.on_segment(segment, 0));
        let marking = table.marking.as_ref().unwrap();
        assert_eq!((marking.len(), table.store.len()), (1, 2));
        let mut single = Wireshark::default();
        let mut stream = None;
        let expected: Vec<_> = script
            .segments()
            .filter_map(|segment| {
                let stream = stream.get_or_insert_with(|| crate::flow::stream::Stream::new(segment.packet));
                let effect = super::super::on_header(stream, segment);
                let marks = single.on_segment(segment, effect);
                (!marks.is_empty()).then(|| (segment.packet, marks.iter().map(Mark::word).collect()))
            })
            .collect();
        assert!(expected.len() > 2, "{expected:?}");
        assert_eq!(marks_of(&table.finish()), expected);
    }
}
