//! Tests of the way to a report on several threads.

use super::super::Analysis;
use super::super::deal::Tally;
use super::super::marks::Ledger;
use super::*;
use crate::base::{Endpoint, FlowKey};
use crate::flow::table::Table;
use crate::report::{FindingsCsv, FlowReport, FlowsCsv, Head, Json, Only, Reporter, Tail, Totals};
use crate::script::Script;
use crate::wire::Segment;

/// Flows of three shards: SYNs that nobody answers, and SYNs that are refused.
const FLOWS: u16 = 1500;

fn analysis(threads: usize) -> Analysis {
    let script = Script::parse("0 > S 0:0(0)\n+.1 < R. 0:0(0) ack 1").unwrap();
    let mut tables = [Table::default(), Table::default(), Table::default()];
    let mut packet = 0;
    for number in 0..FLOWS {
        let packets = if number % 3 == 0 { 1 } else { 2 };
        for segment in script.segments().take(packets) {
            let ends = [segment.dir, segment.dir.flip()].map(|dir| segment.key.sender(dir));
            let [from, to] = ends.map(|mut end| {
                end.port = if end.port < 1024 { end.port } else { 2000 + number };
                end
            });
            let (key, dir) = FlowKey::between(from, to).unwrap();
            packet += 1;
            let segment = Segment {
                packet,
                key,
                dir,
                ..segment.clone()
            };
            tables[usize::from(number * 7 % 3)].on_segment(&segment, 0);
        }
    }
    let pool = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let marks = Ledger::new(std::iter::empty(), 0);
    Analysis::new(
        pool,
        Vec::new(),
        tables.map(Table::finish).into(),
        marks,
        Tally::default(),
        false,
    )
}

/// Is told of one flow after the other.
#[derive(Default)]
struct Listener(Vec<(u64, String)>);

impl Reporter for Listener {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.0.push((flow.row.flow, flow.row.summary.clone()));
        Ok(())
    }

    fn end(&mut self, tail: &Tail) -> io::Result<()> {
        self.0.push((tail.flows, String::new()));
        Ok(())
    }
}

fn written(threads: usize, selected: &(dyn Fn(Endpoint, Endpoint) -> bool + Sync), listens: bool) -> Vec<String> {
    let (mut flows, mut findings, mut objects) = (Vec::new(), Vec::new(), Vec::new());
    let (mut totals, mut listener) = (Totals::default(), Listener::default());
    let mut csv = FlowsCsv::new(&mut flows, Only::All);
    let mut failed = FindingsCsv::new(&mut findings, Only::Failed);
    let mut json = Json::new(&mut objects, Only::Failed);
    let mut reporters: Vec<&mut dyn Reporter> = vec![&mut totals, &mut csv];
    if listens {
        reporters.extend([&mut failed as &mut dyn Reporter, &mut json, &mut listener]);
    }
    analysis(threads).report(selected, &mut reporters).unwrap();
    drop((csv, failed, json));
    let texts = [flows, findings, objects].map(|bytes| String::from_utf8(bytes).unwrap());
    let mut all = vec![format!("{totals:?}"), format!("{:?}", listener.0)];
    all.extend(texts);
    all
}

#[test]
fn several_threads_say_the_same_as_one() {
    type Selected = fn(Endpoint, Endpoint) -> bool;
    let every: Selected = |_, _| true;
    let some: Selected = |client, server| (client.port + server.port) % 5 < 2;
    let none: Selected = |_, _| false;
    for (selected, flows) in [(every, FLOWS), (some, FLOWS / 5 * 2), (none, 0)] {
        for listens in [false, true] {
            let alone = written(1, &selected, listens);
            assert_eq!(alone[2].lines().count(), 1 + usize::from(flows));
            for threads in [2, 5] {
                assert!(
                    written(threads, &selected, listens) == alone,
                    "{flows} flows, {threads} threads"
                );
            }
        }
    }
}

/// Its drafts, or it itself, come to an end in the middle.
#[derive(Clone, Copy)]
struct Breaks {
    panics: bool,
}

impl Draft for Breaks {
    fn flow(&mut self, flow: &FlowReport<'_>) {
        assert!(!self.panics || flow.row.flow < 700, "on purpose");
    }

    fn end(&mut self, _: &mut Sheet) {}
}

impl Reporter for Breaks {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, _: &FlowReport<'_>) -> io::Result<()> {
        Ok(())
    }

    fn draft(&self) -> Option<Box<dyn Draft>> {
        Some(Box::new(*self))
    }

    fn take(&mut self, _: &mut Sheet) -> io::Result<()> {
        if self.panics {
            Ok(())
        } else {
            Err(io::Error::other("full"))
        }
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_what_will_not_come() {
    let analysis = analysis(3);
    let error = analysis.report(&|_, _| true, &mut [&mut Breaks { panics: false }]);
    assert_eq!(error.unwrap_err().to_string(), "full");
    let panics = std::panic::AssertUnwindSafe(|| analysis.report(&|_, _| true, &mut [&mut Breaks { panics: true }]));
    assert!(std::panic::catch_unwind(panics).is_err());
}

#[test]
fn a_clerk_keeps_its_desks_but_for_those_too_many() {
    let analysis = analysis(1);
    let desks = Desks::new(analysis.order(), 2);
    let mut state = desks.state();
    for clerk in [0, 1, 1, 1] {
        let desk = Desk {
            clerk,
            ..Desk::default()
        };
        state.spare[clerk].push(desk);
    }
    let had = [0, 0, 0, 1].map(|clerk| state.spare_of(clerk).map(|desk| desk.clerk));
    assert_eq!(had, [Some(0), Some(1), None, Some(1)]);
}
