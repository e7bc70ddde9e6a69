//! Tests of the pieces that packed flows are kept in.

use super::*;

/// Holds so many bytes.
#[derive(Debug, Default)]
struct Memory {
    bytes: Vec<u8>,
    most: usize,
    is_broken: bool,
}

impl Shelf for Memory {
    fn put(&mut self, bytes: &[u8], at: u64) -> bool {
        let end = at as usize + bytes.len();
        if end > self.most {
            return false;
        }
        self.bytes.resize(end, 0);
        self.bytes[at as usize..].copy_from_slice(bytes);
        true
    }

    fn look(&self, to: &mut [u8], at: u64) -> Option<usize> {
        let bytes = &self.bytes[(at as usize).min(self.bytes.len())..];
        let count = bytes.len().min(to.len());
        to[..count].copy_from_slice(&bytes[..count]);
        (!self.is_broken).then_some(count)
    }
}

fn shelf(most: usize) -> Memory {
    Memory {
        most,
        ..Memory::default()
    }
}

fn flow(number: usize) -> Vec<u8> {
    vec![number as u8; number * 7 % 300]
}

fn filled(room: Option<usize>, shelf: Memory) -> (Chunks, Vec<u64>) {
    let mut chunks = Chunks::default();
    if let Some(room) = room {
        chunks.set_shelf(Box::new(shelf), room);
    }
    let places = (0..2000)
        .map(|number| chunks.keep(number as u32, &flow(number)).unwrap())
        .collect();
    (chunks, places)
}

/// Flows in memory, those that were taken out again included.
fn listed(chunks: &Chunks) -> usize {
    chunks.memory.iter().map(|piece| piece.flows.len()).sum()
}

#[test]
fn flows_come_back_from_memory_and_from_the_shelf() {
    const PLENTY: usize = 1 << 30;
    for (room, most) in [
        (None, 0),
        (Some(1), PLENTY),
        (Some(40_000), PLENTY),
        (Some(PLENTY), PLENTY),
        (Some(1), 0),
        (Some(1), 30_000),
    ] {
        let (mut chunks, mut places) = filled(room, shelf(most));
        assert_eq!(chunks.written > 0, room.is_some_and(|room| room <= 40_000) && most > 0);
        if let (Some(room @ 1..=40_000), PLENTY) = (room, most) {
            let most = room.max(1 << 12) + size_of::<Start>() * listed(&chunks);
            assert!(chunks.bytes() <= most, "{room}: {}", chunks.bytes());
        }
        for (number, at) in places.iter().enumerate().rev().chain(places.iter().enumerate()) {
            chunks.read(*at, |bytes| assert_eq!(bytes, flow(number))).unwrap();
        }
        // All but every third are taken out; the others may move.
        for (number, &at) in places.iter().enumerate().filter(|(number, _)| number % 3 > 0) {
            chunks.forget(at, flow(number).len());
        }
        let kept: Vec<(u32, u64)> = (0..).zip(places.iter().copied()).step_by(3).collect();
        chunks.sweep(kept.into_iter(), |number, at| places[number as usize] = at.unwrap());
        for (number, at) in places.iter().enumerate().step_by(3) {
            chunks.read(*at, |bytes| assert_eq!(bytes, flow(number))).unwrap();
        }
        assert!(chunks.garbage == 0 && chunks.lost() == 0);
        assert_eq!(chunks.listed, listed(&chunks));
    }
}

#[test]
fn the_oldest_piece_is_put_in_order_without_what_has_left() {
    let mut chunks = Chunks::default();
    chunks.set_shelf(Box::new(shelf(1 << 30)), 40_000);
    let mut places = std::collections::BTreeMap::new();
    for turn in 0..3_000_u32 {
        // Of every 64 flows the last comes first.
        let number = turn ^ 63;
        if chunks.is_full_for(&flow(number as usize)) {
            let mut flows = chunks.oldest();
            flows.retain(|(number, at)| places.get(number) == Some(at));
            flows.sort_unstable();
            let mut last = None;
            chunks.rewrite_oldest(&flows, |number, at| {
                assert!(last < Some((number, at)) && last.is_none_or(|(_, before)| before < at));
                last = Some((number, at));
                places.insert(number, at);
            });
        }
        places.insert(number, chunks.keep(number, &flow(number as usize)).unwrap());
        if number % 5 == 0 {
            chunks.forget(places[&number], flow(number as usize).len());
            places.remove(&number);
        }
    }
    assert_eq!(chunks.listed, listed(&chunks));
    assert!(chunks.written > 3 && chunks.garbage <= chunks.used && places.len() == 2_400);
    for (number, at) in places {
        chunks
            .read(at, |bytes| assert_eq!(bytes, flow(number as usize)))
            .unwrap();
    }
}

#[test]
fn what_cannot_be_read_is_counted() {
    let broken = Memory {
        is_broken: true,
        ..shelf(1 << 30)
    };
    let (chunks, places) = filled(Some(1), broken);
    assert!(chunks.read(places[900], |_| ()).is_none());
    assert_eq!(chunks.lost(), 1);
}

#[test]
fn a_flow_that_is_too_long_is_not_kept() {
    let mut chunks = Chunks::default();
    assert_eq!(chunks.keep(0, &vec![1; 1 << 16]), None);
    chunks.set_shelf(Box::new(shelf(0)), 1);
    assert_eq!(chunks.keep(0, &vec![1; 1 << 12]), None);
}
