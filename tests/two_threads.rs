//! Two threads on one plain file, which both of them read: they say what one says.

use crate::common::command::Folder;
use crate::common::outcome::{csv_beside_json, json, marks_of};
use crate::generated::traffic::shapes::Shape;
use crate::generated::traffic::verify::generate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use whodropped::analyzer::{Analysis, Analyzer, FeedError};
use whodropped::capture;

/// Reads `path` as long as `goes_on`, which is told how often it was asked.
fn read(
    path: &Path,
    threads: usize,
    set: impl FnOnce(&mut Analyzer),
    goes_on: impl Fn(u64) -> bool + Sync,
) -> Result<(u64, Analysis), FeedError> {
    let mut analyzer = Analyzer::new(threads).expect("threads are given");
    set(&mut analyzer);
    let mut source = capture::open(path)?;
    let mut asked = 0;
    analyzer.feed_from(source.as_mut(), &mut |_, _| {
        asked += 1;
        goes_on(asked)
    })?;
    let records = analyzer.records();
    analyzer.end_capture(source.info());
    Ok((records, analyzer.finish(false)))
}

fn told(analysis: &Analysis) -> [String; 2] {
    [csv_beside_json(analysis), json(analysis)]
}

#[test]
fn they_say_what_one_says() {
    let folder = Folder::new("two-threads");
    for (name, shape) in [
        ("mixed", Shape::mixed(0.02, 11)),
        ("many", Shape::many(0.003, 12)),
        ("flood", Shape::flood(0.002, 13)),
    ] {
        let path = folder.file(name, &generate(shape).capture);
        let said = |threads, set: fn(&mut Analyzer)| {
            let (records, analysis) = read(path.as_ref(), threads, set, |_| true).expect("a capture");
            (records, told(&analysis))
        };
        let sets: [fn(&mut Analyzer); 3] = [
            |_| (),
            // Under wine there is no Npcap.
            |analyzer| {
                if cfg!(unix) {
                    analyzer.set_filter("tcp and not port 443".to_owned());
                }
            },
            |analyzer| {
                analyzer.set_open_flows(2);
                analyzer.set_packed_room(1);
            },
        ];
        for (number, set) in sets.into_iter().enumerate() {
            let one = said(1, set);
            assert!(one.0 > 8_000, "{name}: {} records", one.0);
            // Who does what is another thing each time.
            for _ in 0..3 {
                assert!(said(2, set) == one, "{name}, {number}");
            }
        }
    }
}

#[test]
fn they_mark_what_one_marks_up_to_any_limit() {
    let folder = Folder::new("two-threads-marks");
    let path = folder.file("mixed", &generate(Shape::mixed(0.02, 14)).capture);
    let marked = |threads, most| {
        let set = |analyzer: &mut Analyzer| {
            analyzer.want_marks();
            analyzer.set_most_marked(most);
        };
        let (_, analysis) = read(path.as_ref(), threads, set, |_| true).expect("a capture");
        (marks_of(&analysis), told(&analysis))
    };
    let all = marked(1, usize::MAX).0.len();
    assert!(all > 1_000, "{all}");
    for most in [usize::MAX, all, all - 1, all / 2, 100, 1, 0] {
        assert!(marked(2, most) == marked(1, most), "{most} of {all}");
    }
}

#[test]
fn they_stop_where_one_stops() {
    let folder = Folder::new("two-threads-stop");
    let path = folder.file("mixed", &generate(Shape::mixed(0.01, 15)).capture);
    for most in [1, 2, 7, 20] {
        let [one, two] = [1, 2].map(|threads| {
            let (records, analysis) = read(path.as_ref(), threads, |_| (), |asked| asked < most).expect("a capture");
            (records, told(&analysis))
        });
        assert!(one == two, "after {most}: {} and {} records", one.0, two.0);
    }
}

#[test]
fn an_error_or_a_panic_of_one_ends_both() {
    let folder = Folder::new("two-threads-end");
    let path = folder.file("mixed", &generate(Shape::mixed(0.01, 16)).capture);
    let filter = |analyzer: &mut Analyzer| analyzer.set_filter("no such word".to_owned());
    assert!(matches!(
        read(path.as_ref(), 2, filter, |_| true),
        Err(FeedError::Filter(_))
    ));
    let panicking = |asked| {
        assert!(asked < 9, "on purpose");
        true
    };
    let read = || read(path.as_ref(), 2, |_| (), panicking).map(drop);
    assert!(catch_unwind(AssertUnwindSafe(read)).is_err());
}

#[test]
fn they_read_what_is_hardly_a_capture() {
    let folder = Folder::new("two-threads-small");
    let whole = generate(Shape::mixed(0.002, 17)).capture;
    for length in [24, 30, 40, 1000, 256 << 10, (256 << 10) + 1, (512 << 10) + 24] {
        let path = folder.file("small", &whole[..length]);
        let [one, two] = [1, 2].map(|threads| {
            let (records, analysis) = read(path.as_ref(), threads, |_| (), |_| true).expect("a capture");
            (records, told(&analysis))
        });
        assert!(one == two, "{length} bytes");
    }
}
