//! The way to a report on several threads: runs of flows are judged, then drafted, then told of in order. Whoever has time
//! takes the step that is next; only telling is for the thread that has the reporters.

use super::lone::Slot;
use super::order::{Order, Place};
use super::tell::{Judge, RUN, Teller};
use crate::report::{Draft, Sheet};
use rayon::ThreadPool;
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Runs on their way at once: enough that nobody waits for one that takes longer than most. About 50 kB each.
const MOST: usize = 16;

/// Desks that a clerk has for itself, although another needs one.
const MOST_SPARE: usize = 2;

/// A run of flows on its way.
#[derive(Debug, Default)]
struct Desk {
    /// Number of the clerk that judges with it: what rows hold is given back by the thread that took it, or it would wait for
    /// the other's part of the heap.
    clerk: usize,
    places: Vec<Place>,
    /// Their judgements, but for lone SYNs.
    slots: Vec<Slot>,
    /// How many of them the report is about, and how many there are before them.
    flows: u64,
    before: u64,
    /// What each draft made of them.
    sheets: Vec<Sheet>,
}

/// How far a run is.
#[derive(Debug)]
enum Step {
    /// Somebody has it.
    Taken,
    Judged(Desk),
    /// The flows before it are counted, too.
    Numbered(Desk),
    Drafted(Desk),
}

/// What is next for somebody. With its number where it comes back.
#[derive(Debug)]
enum Task {
    Judge(usize, Desk),
    Draft(usize, Desk),
    Tell(Desk),
}

/// All runs.
struct Desks<'a> {
    state: Mutex<State<'a>>,
    /// There may be something to do again.
    changed: Condvar,
}

struct State<'a> {
    order: Order<'a>,
    /// Runs on their way, in order.
    line: VecDeque<Step>,
    /// Runs that have left.
    told: usize,
    /// Runs that are numbered, those that have left among them, and their flows.
    numbered: usize,
    flows: u64,
    /// By clerk.
    spare: Vec<Vec<Desk>>,
    /// No flow is left that is not on its way.
    is_last: bool,
    /// Nobody goes on: there is an error, or a thread has panicked.
    is_over: bool,
    /// Threads that wait for something to do.
    waiting: usize,
}

/// What a thread drafts with.
struct Clerk {
    /// Number 0 tells, too.
    number: usize,
    /// For lone SYNs.
    lone: Slot,
    drafts: Vec<Box<dyn Draft>>,
}

impl Judge<'_> {
    /// Judges and tells of all flows on the threads of `pool`.
    pub(super) fn side_by_side(self, pool: &ThreadPool, teller: &mut Teller<'_, '_, '_>) -> io::Result<()> {
        let desks = Desks::new(self.analysis.order(), pool.current_num_threads());
        let mut mine = Clerk::new(0, teller);
        let others: Vec<Clerk> = (1..pool.current_num_threads())
            .map(|number| Clerk::new(number, teller))
            .collect();
        pool.in_place_scope(|scope| {
            for mut clerk in others {
                let desks = &desks;
                scope.spawn(move |_| desks.work(self, &mut clerk));
            }
            desks.work_and_tell(self, &mut mine, teller)
        })
    }
}

impl<'a> Desks<'a> {
    fn new(order: Order<'a>, clerks: usize) -> Self {
        let state = State {
            order,
            line: VecDeque::with_capacity(MOST),
            told: 0,
            numbered: 0,
            flows: 0,
            spare: (0..clerks).map(|_| Vec::new()).collect(),
            is_last: false,
            is_over: false,
            waiting: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Does what comes until nothing is left.
    fn work(&self, judge: Judge<'_>, clerk: &mut Clerk) {
        let _end = End(self);
        while let Some(task) = self.next(clerk.number) {
            self.go_on(task, judge, clerk);
        }
    }

    /// The same, and tells.
    fn work_and_tell(&self, judge: Judge<'_>, clerk: &mut Clerk, teller: &mut Teller<'_, '_, '_>) -> io::Result<()> {
        let _end = End(self);
        while let Some(task) = self.next(clerk.number) {
            if let Some(mut desk) = self.go_on(task, judge, clerk) {
                desk.tell(judge, &mut clerk.lone, teller)?;
                let clerk = desk.clerk;
                self.state().spare[clerk].push(desk);
            }
        }
        Ok(())
    }

    /// Does a task; gives it back if it is to be told of.
    fn go_on(&self, task: Task, judge: Judge<'_>, clerk: &mut Clerk) -> Option<Desk> {
        match task {
            Task::Judge(number, mut desk) => {
                desk.judge(judge);
                self.put(number, Step::Judged(desk));
            }
            Task::Draft(number, mut desk) => {
                desk.draft(judge, clerk);
                self.put(number, Step::Drafted(desk));
            }
            Task::Tell(desk) => return Some(desk),
        }
        None
    }

    /// Waits for a task. Nothing when all is done, or over.
    fn next(&self, clerk: usize) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.is_over {
                return None;
            }
            if let Some(task) = state.next(clerk) {
                if matches!(task, Task::Tell(_)) {
                    // There is room for another.
                    self.wake(&state);
                }
                return Some(task);
            }
            if state.is_last && state.line.is_empty() {
                return None;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// Puts a run back.
    fn put(&self, number: usize, step: Step) {
        let mut state = self.state();
        state.put(number, step);
        self.wake(&state);
    }

    /// Those who wait look again: there may be something to do.
    fn wake(&self, state: &State<'_>) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Nobody panics while it is locked.
    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody stops: with an error or a panic, everybody has to.
struct End<'d, 'a>(&'d Desks<'a>);

impl Drop for End<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over |= !(state.is_last && state.line.is_empty());
        self.0.wake(&state);
    }
}

impl State<'_> {
    fn next(&mut self, clerk: usize) -> Option<Task> {
        if clerk == 0 && matches!(self.line.front(), Some(Step::Drafted(_))) {
            return self.leave().map(Task::Tell);
        }
        let is_numbered = |step: &Step| matches!(step, Step::Numbered(_));
        if let Some(place) = self.line.iter().position(is_numbered) {
            if let Step::Numbered(desk) = std::mem::replace(&mut self.line[place], Step::Taken) {
                return Some(Task::Draft(self.told + place, desk));
            }
        }
        if self.is_last || self.line.len() >= MOST {
            return None;
        }
        let mut desk = self.spare_of(clerk).unwrap_or_default();
        desk.clerk = clerk;
        desk.fill(&mut self.order);
        if desk.places.is_empty() {
            self.is_last = true;
            return None;
        }
        self.line.push_back(Step::Taken);
        Some(Task::Judge(self.told + self.line.len() - 1, desk))
    }

    /// One that this clerk had before, or one of those that another has too many of.
    fn spare_of(&mut self, clerk: usize) -> Option<Desk> {
        let own = self.spare[clerk].pop();
        own.or_else(|| {
            let most = self.spare.iter_mut().max_by_key(|spare| spare.len());
            most.filter(|spare| spare.len() > MOST_SPARE)?.pop()
        })
    }

    /// The first of the line.
    fn leave(&mut self) -> Option<Desk> {
        match self.line.pop_front()? {
            Step::Drafted(desk) | Step::Judged(desk) | Step::Numbered(desk) => {
                self.told += 1;
                Some(desk)
            }
            Step::Taken => None,
        }
    }

    /// A run is back; perhaps now there is a number for it and for those behind it.
    fn put(&mut self, number: usize, step: Step) {
        self.line[number - self.told] = step;
        while let Some(step @ Step::Judged(_)) = self.line.get_mut(self.numbered - self.told) {
            if let Step::Judged(mut desk) = std::mem::replace(step, Step::Taken) {
                desk.before = self.flows;
                self.flows += desk.flows;
                *step = Step::Numbered(desk);
            }
            self.numbered += 1;
        }
    }
}

impl Desk {
    /// The next run of flows.
    fn fill(&mut self, order: &mut Order<'_>) {
        self.places.clear();
        self.places.extend(order.take(RUN));
        self.slots.resize_with(self.places.len(), Slot::default);
    }

    fn judge(&mut self, judge: Judge<'_>) {
        self.flows = 0;
        for (&place, slot) in self.places.iter().zip(&mut self.slots) {
            let is_wanted = if judge.is_lone(place) {
                judge.wants_lone(place)
            } else {
                judge.judge(place, slot);
                slot.judged().is_some()
            };
            self.flows += u64::from(is_wanted);
        }
    }

    /// Lone SYNs are judged now, as [`Judge::tell`] does it.
    fn draft(&mut self, judge: Judge<'_>, clerk: &mut Clerk) {
        let Clerk { lone, drafts, .. } = clerk;
        if drafts.is_empty() {
            return;
        }
        let mut flow = self.before;
        for (&place, slot) in self.places.iter().zip(&mut self.slots) {
            let slot = if judge.is_lone(place) {
                judge.judge(place, lone);
                &mut *lone
            } else {
                slot
            };
            let kind = slot.kind();
            let Some(judged) = slot.judged() else { continue };
            flow += 1;
            judged.row.flow = flow;
            let report = judged.report(kind);
            for draft in drafts.iter_mut() {
                draft.flow(&report);
            }
        }
        self.sheets.resize_with(drafts.len(), Sheet::default);
        let sheets = drafts.iter_mut().zip(&mut self.sheets);
        sheets.for_each(|(draft, sheet)| draft.end(sheet));
    }

    fn tell(&mut self, judge: Judge<'_>, lone: &mut Slot, teller: &mut Teller<'_, '_, '_>) -> io::Result<()> {
        if teller.has_listeners() {
            judge.tell(&self.places, &mut self.slots, lone, teller)?;
        } else {
            teller.skip(self.flows);
        }
        teller.take(&mut self.sheets)
    }
}

impl Clerk {
    fn new(number: usize, teller: &mut Teller<'_, '_, '_>) -> Self {
        Self {
            number,
            lone: Slot::default(),
            drafts: teller.drafts(),
        }
    }
}

#[cfg(test)]
mod tests;
