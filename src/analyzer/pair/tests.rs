//! Tests of what two threads share, one thread at a time.

use super::*;
use crate::base::limits::BATCH_RECORDS;
use crate::capture::open;
use std::io::Write;

/// A pcap of so many blocks that each end in damage: whoever looks behind it reads the next block.
fn damaged(blocks: usize) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    let record = [words(&[1000, 0, 54, 54]), vec![7; 54]].concat();
    for block in 1..=blocks {
        while bytes.len() + record.len() + 64 <= block * READ_BLOCK {
            bytes.extend(&record);
        }
        bytes.resize(block * READ_BLOCK, 0xff);
    }
    bytes
}

#[test]
fn a_portion_stays_small_where_damage_is_met_at_the_end_of_each_block() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&damaged(40)).unwrap();
    let whole = {
        let mut source = open(file.path()).unwrap();
        let mut count = 0;
        while let Some(batch) = source.next_batch().unwrap() {
            count += batch.records.len();
        }
        count
    };
    assert!(whole > 100_000, "{whole}");
    let mut source = open(file.path()).unwrap();
    let ahead = source.ahead().unwrap();
    let mut front = Front::default();
    let mut desk = Desk {
        source: source.as_mut(),
        front: &mut front,
        goes_on: &mut |_, _| true,
        is_alone: false,
    };
    let (mut count, mut most, mut stretch) = (0, 0, Stretch::default());
    for number in 0.. {
        let mut work = Work::default();
        ahead.read(number, &mut stretch);
        let more = desk.decode(&mut stretch, &mut work).unwrap();
        count += work.count();
        most = most.max(work.count());
        if !more {
            break;
        }
    }
    assert_eq!(count, whole);
    assert!(most < MOST + BATCH_RECORDS, "{most}");
}

/// What `does` is done with a pair that reads so many blocks and wants at most so many marks. Gives the records decoded.
fn with_pair(blocks: usize, most_marked: usize, does: impl FnOnce(&Pair<'_>)) -> u64 {
    let marking = Marking {
        is_wanted: true,
        most: most_marked,
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(&damaged(blocks)).unwrap();
    let mut source = open(file.path()).unwrap();
    let (ahead, mut front) = (source.ahead().unwrap(), Front::default());
    let desk = Desk {
        source: source.as_mut(),
        front: &mut front,
        goes_on: &mut |_, _| true,
        is_alone: false,
    };
    does(&Pair::new(desk, ahead, &mut [], &marking, Vec::new()));
    front.records()
}

/// Marks in the tables after each portion, in each half: they are counted where both halves have tracked as much.
#[test]
fn marks_are_given_up_where_both_halves_together_have_too_many() {
    with_pair(1, 10, |pair| {
        let mut state = pair.state();
        for _ in 0..3 {
            state.portions.push_back(Portion {
                work: Arc::default(),
                halves: 2,
                marked: 0,
            });
        }
        // One half is two portions ahead of the other.
        for marked in [3, 9] {
            state.on_tracked(0, marked);
            assert!(state.wants_marks && state.left == 0);
        }
        state.on_tracked(1, 7);
        assert!(state.wants_marks && state.left == 1);
        state.on_tracked(1, 7);
        assert!(!state.wants_marks && state.left == 2);
        assert_eq!(state.spare.len(), 2);
    });
}

/// The one read it while the other found the end, or was told to stop.
#[test]
fn what_was_read_ahead_of_the_end_is_not_decoded() {
    for has_ended in [false, true] {
        let records = with_pair(2, 0, |pair| {
            pair.state().taken = 1;
            pair.state().has_ended = has_ended;
            pair.read(0, &mut Stretch::default());
            assert_eq!(pair.state().decoded, 1);
        });
        assert_eq!(records == 0, has_ended);
    }
}
