//! Watching while packets come: a flow is judged when its verdict is due, told once, reported when it is over, and then
//! forgotten, so that memory follows what is open.

mod around;
mod due;
mod ended;
mod peek;
mod told;

use super::Analyzer;
use crate::base::{Dir, Endpoint, FlowKey, Span, Stamp, limits};
use crate::capture::CaptureInfo;
use crate::case::{Case, Context};
use crate::flow::mark::Marked;
use crate::flow::table::Table;
use crate::report::{FlowReport, MarkRow};
use due::{Due, due};
use ended::Ended;
pub use peek::Peek;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
pub use told::Counts;
use told::{Told, judge_and_tell};

/// A flow with new packets is looked at so soon, if there are few.
const LOOK: Span = Span::from_millis(250);
/// So many flows are looked at in one tick at most; the others are later in turn.
const MOST_LOOKS: usize = 4000;

/// Entries that the queue may have besides one or two a flow.
const QUEUED: usize = 65_536;

/// Who hears what happens; `false` where a flow is of no interest.
pub type Selected<'a> = &'a dyn Fn(Endpoint, Endpoint) -> bool;
/// Takes what happens.
pub type Tell<'a> = &'a mut dyn FnMut(Event<'_>) -> io::Result<()>;

/// Something to tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// No verdict yet, but what it looks like, in words.
    Waiting(&'a FlowReport<'a>, String),
    /// A connection failed or is degraded; `true` if something else was told of it before.
    Verdict(&'a FlowReport<'a>, bool),
    /// A connection of which trouble was told has recovered.
    Recovered(&'a FlowReport<'a>),
    /// A connection is over, or the watching is: its final row.
    Ended(&'a FlowReport<'a>),
    /// A packet with marks.
    Mark(&'a MarkRow),
}

/// All flows that are watched.
#[derive(Debug)]
pub struct Watch {
    /// By shard and number.
    shards: Vec<Vec<Option<Watched>>>,
    /// When to look at which flow; outdated entries are passed over.
    queue: BinaryHeap<Reverse<(Stamp, u8, u32)>>,
    context: Context,
    counts: Counts,
    ended: Ended,
    watched: usize,
    forgotten: u64,
    refused: u64,
    copies: u64,
    now: Stamp,
    /// Flows watched at once, over all shards.
    most: usize,
}

/// What is known of a flow besides its facts.
#[derive(Clone, Copy, Debug)]
struct Watched {
    key: FlowKey,
    /// Its number in the report; 0 if it is not selected.
    flow: u64,
    /// When it is looked at next.
    next: Stamp,
    touched: Stamp,
    /// The context knows it.
    counted: bool,
    noted: bool,
    told: Option<Told>,
    times: u8,
}

impl Watch {
    /// Watches what `analyzer` is fed from now on.
    #[must_use]
    pub fn new(analyzer: &mut Analyzer) -> Self {
        analyzer.shards.iter_mut().for_each(Table::watch);
        Self {
            shards: vec![Vec::new(); analyzer.shards.len()],
            queue: BinaryHeap::new(),
            context: Context::default(),
            counts: Counts::default(),
            ended: Ended::default(),
            watched: 0,
            forgotten: 0,
            refused: 0,
            copies: 0,
            now: Stamp::default(),
            most: limits::MAX_LIVE_FLOWS,
        }
    }

    /// Connections so far, and how many of them are in trouble.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Flows watched at present.
    #[must_use]
    pub fn open(&self) -> usize {
        self.watched
    }

    /// Looks at what is due at `now`, up to which nothing is still to come.
    ///
    /// # Errors
    /// What `tell` reports.
    pub fn tick(
        &mut self,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        now: Stamp,
        selected: Selected<'_>,
        tell: Tell<'_>,
    ) -> io::Result<()> {
        self.now = now;
        self.take_context(analyzer, info);
        let marked: Vec<_> = analyzer.shards.iter_mut().map(Table::take_marked).collect();
        self.take_news(analyzer, selected);
        for (shard, marked) in marked.iter().enumerate() {
            marked.iter().try_for_each(|mark| self.mark(shard, mark, tell))?;
        }
        for _ in 0..MOST_LOOKS {
            let Some(&Reverse((at, shard, number))) = self.queue.peek() else {
                break;
            };
            if at > now {
                break;
            }
            self.queue.pop();
            if self.watched(shard, number).is_some_and(|watched| watched.next == at) {
                self.look(analyzer, info, (shard, number), false, tell)?;
            }
        }
        self.sweep_queue();
        for shard in 0..self.shards.len() {
            if analyzer.shards[shard].used() > self.most / limits::SHARDS / 10 * 9 {
                self.forget_quiet(shard, analyzer, info, tell)?;
            }
        }
        Ok(())
    }

    /// Every look at a flow leaves an entry for the next one; those that something else came before are dropped in time.
    fn sweep_queue(&mut self) {
        if self.queue.len() > 2 * self.watched + QUEUED {
            let next = self
                .all()
                .map(|(watched, shard, number)| Reverse((watched.next, shard, number)));
            self.queue = next.filter(|Reverse((at, ..))| *at < Stamp(i64::MAX)).collect();
        }
    }

    /// The watching is over: all that is still open gets its row, in order.
    ///
    /// # Errors
    /// What `tell` reports.
    pub fn finish(&mut self, analyzer: &mut Analyzer, info: &CaptureInfo, tell: Tell<'_>) -> io::Result<()> {
        self.take_context(analyzer, info);
        let mut open: Vec<(u64, u8, u32)> = self
            .all()
            .map(|(watched, shard, number)| (watched.flow, shard, number))
            .collect();
        open.sort_unstable();
        // Each may be the one that tells what the others could have shown.
        for &(_, shard, number) in &open {
            self.count_in_context(analyzer, (shard, number));
        }
        open.iter()
            .try_for_each(|&(_, shard, number)| self.look(analyzer, info, (shard, number), true, tell))
    }

    fn take_news(&mut self, analyzer: &mut Analyzer, selected: Selected<'_>) {
        let (mut started, mut touched) = (Vec::new(), Vec::new());
        for (shard, table) in analyzer.shards.iter_mut().enumerate() {
            let news = table.take_news();
            let shard = shard as u8;
            started.extend(
                news.started
                    .into_iter()
                    .map(|(packet, number, key)| (packet, (shard, number), key)),
            );
            touched.extend(news.touched.into_iter().map(|number| (shard, number)));
            let (refused, copies) = table.take_counts();
            self.refused += refused;
            self.copies += copies;
        }
        started.sort_unstable_by_key(|&(packet, ..)| packet);
        for (_, place, key) in started {
            self.start(place, key, selected);
        }
        let (now, soon) = (self.now, self.now + self.soon());
        for place in touched {
            let Some(watched) = self.place(place).and_then(Option::as_mut) else {
                continue;
            };
            watched.touched = now;
            if watched.next > soon {
                self.look_at(place, soon);
            }
        }
    }

    fn start(&mut self, place: (u8, u32), key: FlowKey, selected: Selected<'_>) {
        let wanted = selected(key.sender(Dir::Up), key.sender(Dir::Down));
        self.counts.flows += u64::from(wanted);
        let watched = Watched {
            key,
            flow: if wanted { self.counts.flows } else { 0 },
            next: Stamp(i64::MAX),
            touched: self.now,
            counted: false,
            noted: false,
            told: None,
            times: 0,
        };
        let places = &mut self.shards[usize::from(place.0)];
        if places.len() <= place.1 as usize {
            places.resize(place.1 as usize + 1, None);
        }
        self.watched += usize::from(places[place.1 as usize].is_none());
        places[place.1 as usize] = Some(watched);
        self.look_at(place, self.now + self.soon());
    }

    fn place(&mut self, (shard, number): (u8, u32)) -> Option<&mut Option<Watched>> {
        self.shards.get_mut(usize::from(shard))?.get_mut(number as usize)
    }

    /// With many flows, each waits longer for its turn.
    fn soon(&self) -> Span {
        LOOK.times_tenths(10 + (self.watched / 200) as i64)
    }

    fn look_at(&mut self, (shard, number): (u8, u32), next: Stamp) {
        let place = self
            .shards
            .get_mut(usize::from(shard))
            .and_then(|places| places.get_mut(number as usize));
        if let Some(watched) = place.and_then(Option::as_mut) {
            watched.next = next;
            if next < Stamp(i64::MAX) {
                self.queue.push(Reverse((next, shard, number)));
            }
        }
    }

    fn watched(&self, shard: u8, number: u32) -> Option<Watched> {
        *self.shards.get(usize::from(shard))?.get(number as usize)?
    }

    fn all(&self) -> impl Iterator<Item = (Watched, u8, u32)> {
        let in_shard = |(shard, places): (usize, &Vec<Option<Watched>>)| {
            let one = move |(number, place): (usize, &Option<Watched>)| Some(((*place)?, shard as u8, number as u32));
            places.iter().enumerate().filter_map(one).collect::<Vec<_>>()
        };
        self.shards.iter().enumerate().flat_map(in_shard)
    }

    /// Judges one flow and tells what is new; `last`: nothing more will be known of it.
    fn look(
        &mut self,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        place: (u8, u32),
        last: bool,
        tell: Tell<'_>,
    ) -> io::Result<()> {
        let Some(mut watched) = self.watched(place.0, place.1) else {
            return Ok(());
        };
        let table = &mut analyzer.shards[usize::from(place.0)];
        let Some(facts) = table.snapshot(place.1, watched.key) else {
            self.drop_watched(place);
            return Ok(());
        };
        if !last && due::is_settling(&facts, self.now) {
            self.look_at(place, self.now + due::SETTLE);
            return Ok(());
        }
        if !watched.counted && due::is_telling(&facts, self.now) {
            watched.counted = true;
            self.context.on_flow(&facts);
        }
        let case = Case::new(&facts, &self.context);
        let next = due(&case, self.now);
        let is_over = last || next == Due::Over;
        if watched.flow > 0 {
            let kept = (&mut self.counts, &mut self.ended);
            judge_and_tell(&case, info, &mut watched, kept, is_over, tell)?;
        }
        if is_over {
            if !watched.counted {
                self.context.on_flow(&facts);
            }
            table.retire(place.1, watched.key);
            self.drop_watched(place);
            return Ok(());
        }
        self.shards[usize::from(place.0)][place.1 as usize] = Some(watched);
        let next = match next {
            Due::At(at) => at.max(self.now + LOOK),
            Due::Asleep | Due::Over => Stamp(i64::MAX),
        };
        self.look_at(place, next);
        Ok(())
    }

    fn count_in_context(&mut self, analyzer: &Analyzer, (shard, number): (u8, u32)) {
        let place = self.shards[usize::from(shard)]
            .get_mut(number as usize)
            .and_then(Option::as_mut);
        let Some(watched) = place.filter(|watched| !watched.counted) else {
            return;
        };
        watched.counted = true;
        if let Some(facts) = analyzer.shards[usize::from(shard)].snapshot(number, watched.key) {
            self.context.on_flow(&facts);
        }
    }

    fn drop_watched(&mut self, (shard, number): (u8, u32)) {
        let place = self
            .shards
            .get_mut(usize::from(shard))
            .and_then(|places| places.get_mut(number as usize));
        if place.and_then(Option::take).is_some() {
            self.watched -= 1;
        }
    }

    /// There is little room left: the tenth part of a shard's flows that has been quiet for longest is reported and forgotten.
    fn forget_quiet(
        &mut self,
        shard: usize,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        tell: Tell<'_>,
    ) -> io::Result<()> {
        let table = &analyzer.shards[shard];
        let places = self.shards[shard].iter().zip(0_u32..);
        let mut quiet: Vec<(Stamp, u32)> = places
            .filter_map(|(place, number)| {
                Some((
                    place.as_ref()?.touched.max(table.heard(number).unwrap_or_default()),
                    number,
                ))
            })
            .collect();
        let most = quiet.len().div_ceil(10);
        if most < quiet.len() {
            quiet.select_nth_unstable(most);
            quiet.truncate(most);
        }
        self.forgotten += quiet.len() as u64;
        quiet
            .iter()
            .try_for_each(|&(_, number)| self.look(analyzer, info, (shard as u8, number), true, tell))
    }

    fn mark(&self, shard: usize, mark: &Marked, tell: Tell<'_>) -> io::Result<()> {
        let Some(watched) = self.watched(shard as u8, mark.flow).filter(|watched| watched.flow > 0) else {
            return Ok(());
        };
        tell(Event::Mark(&MarkRow {
            packet: mark.packet,
            flow: watched.flow,
            tcp_stream: None,
            stamp: mark.stamp,
            stamp_digits: 9,
            source: watched.key.sender(mark.dir),
            target: watched.key.sender(mark.dir.flip()),
            marks: mark.marks,
        }))
    }
}

#[cfg(test)]
mod day;
#[cfg(test)]
mod tests;
