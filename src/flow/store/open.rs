//! Flows in use. Each stays where it is made, in blocks that never move, and its place is used again when it was packed.

use crate::flow::Flow;

/// Flows of a block.
const BLOCK: usize = 32;

/// Flows in use, by place.
#[derive(Debug, Default)]
pub(super) struct OpenFlows {
    /// Full, but for the last.
    blocks: Vec<Vec<Flow>>,
    /// Whose place it is; nobody's where the flow that is left there is over.
    numbers: Vec<Option<u32>>,
    free: Vec<u32>,
}

impl OpenFlows {
    /// Places so far.
    pub(super) fn places(&self) -> usize {
        self.numbers.len()
    }

    /// Flows in use.
    pub(super) fn used(&self) -> usize {
        self.numbers.len() - self.free.len()
    }

    /// A place for flow `number`, and what was left there: a blank flow at first.
    pub(super) fn take(&mut self, number: u32) -> (u32, &mut Flow) {
        let place = if let Some(place) = self.free.pop() {
            self.numbers[place as usize] = Some(number);
            place
        } else {
            self.numbers.push(Some(number));
            if self.blocks.last().is_none_or(|last| last.len() == BLOCK) {
                self.blocks.push(Vec::with_capacity(BLOCK));
            }
            self.blocks[self.numbers.len().div_ceil(BLOCK) - 1].push(Flow::BLANK);
            self.numbers.len() as u32 - 1
        };
        let block = &mut self.blocks[place as usize / BLOCK];
        (place, &mut block[place as usize % BLOCK])
    }

    /// The same with a blank flow there.
    pub(super) fn take_blank(&mut self, number: u32) -> (u32, &mut Flow) {
        let is_new = self.free.is_empty();
        let (place, flow) = self.take(number);
        if !is_new {
            *flow = Flow::BLANK;
        }
        (place, flow)
    }

    /// The flow at `place` is needed no longer, but left there.
    pub(super) fn free(&mut self, place: u32) {
        if self
            .numbers
            .get_mut(place as usize)
            .is_some_and(|number| number.take().is_some())
        {
            self.free.push(place);
        }
    }

    /// Moves flows from the last places to free ones, and gives the rest of the memory back. Says of each that was moved its
    /// number and its new place.
    pub(super) fn close_up(&mut self, mut moved: impl FnMut(u32, u32)) {
        let used = self.used();
        self.free.sort_unstable_by(|one, other| other.cmp(one));
        for from in used as u32..self.places() as u32 {
            let Some(number) = self.number(from) else { continue };
            let flow = self.get_mut(from).map(|flow| std::mem::replace(flow, Flow::BLANK));
            // As many of the first places are free as of the last are not.
            let to = self.free.pop();
            if let Some((flow, (to, room))) = flow.zip(to.and_then(|to| Some((to, self.get_mut(to)?)))) {
                *room = flow;
                self.numbers[to as usize] = Some(number);
                moved(number, to);
            }
        }
        self.free.clear();
        self.numbers.truncate(used);
        self.blocks.truncate(used.div_ceil(BLOCK));
        if let Some(last) = self.blocks.last_mut() {
            last.truncate(used - (used - 1) / BLOCK * BLOCK);
        }
    }

    /// Whose place it is.
    pub(super) fn number(&self, place: u32) -> Option<u32> {
        *self.numbers.get(place as usize)?
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&Flow> {
        self.blocks.get(place as usize / BLOCK)?.get(place as usize % BLOCK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Flow> {
        self.blocks
            .get_mut(place as usize / BLOCK)?
            .get_mut(place as usize % BLOCK)
    }

    /// The flows in use, with their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Flow)> {
        let numbered = self.blocks.iter().flatten().zip(&self.numbers);
        (0_u32..)
            .zip(numbered)
            .filter_map(|(place, (flow, number))| number.map(|_| (place, flow)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_up_keeps_every_flow_and_no_more() {
        let mut open = OpenFlows::default();
        let mut places: Vec<u32> = (0..150)
            .map(|number| {
                let (place, flow) = open.take_blank(number);
                flow.path = number;
                place
            })
            .collect();
        let stays = |number: u32| number % 3 == 0 || number > 140;
        for number in (0..150).filter(|&number| !stays(number)) {
            open.free(places[number as usize]);
            open.free(places[number as usize]);
        }
        let used = open.used();
        assert_eq!(used, (0..150).filter(|&number| stays(number)).count());
        open.close_up(|number, place| places[number as usize] = place);
        assert_eq!((open.used(), open.places(), open.iter().count()), (used, used, used));
        for number in (0..150).filter(|&number| stays(number)) {
            let place = places[number as usize];
            assert_eq!(
                (open.number(place), open.get(place).unwrap().path),
                (Some(number), number)
            );
        }
        // As good as new.
        let (place, _) = open.take_blank(200);
        assert_eq!((place as usize, open.used()), (used, used + 1));
        (0..=used as u32).for_each(|place| open.free(place));
        open.close_up(|_, _| panic!("there is none"));
        assert_eq!((open.used(), open.places(), open.blocks.len()), (0, 0, 0));
        assert_eq!(open.take_blank(7).0, 0);
    }
}
