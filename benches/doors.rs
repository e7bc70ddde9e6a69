//! Each door by itself, on traffic of three shapes: bytes to records, records to segments, segments to flows, and all of it.
//! Throughput is counted in packets.
#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]

#[path = "traffic/mod.rs"]
#[expect(dead_code, reason = "the generator's program uses the rest")]
mod traffic;

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use std::hint::black_box;
use std::io::{self, Cursor};
use std::time::Duration;
use traffic::shapes::{self, Shape};
use traffic::writer::Writer;
use whodropped::analyzer::Analyzer;
use whodropped::capture::{Batch, Record, Source, open_reader};
use whodropped::flow::table::Table;
use whodropped::report::{FlowsCsv, Only, Reporter};
use whodropped::wire::{Heard, Segment, decode};

/// One capture in memory.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    packets: u64,
}

/// A few megabytes of each.
fn samples() -> Vec<Sample> {
    [
        ("mixed", Shape::mixed(0.02, 1)),
        ("many", Shape::many(0.01, 1)),
        ("flood", Shape::flood(0.02, 1)),
    ]
    .into_iter()
    .map(|(name, shape)| {
        let mut writer = Writer::new(Vec::new()).expect("memory");
        shapes::write(shape, &mut writer, &mut io::sink()).expect("memory");
        let packets = writer.packets;
        let bytes = writer.finish().expect("memory");
        Sample { name, bytes, packets }
    })
    .collect()
}

fn open(bytes: &[u8]) -> Box<dyn Source> {
    open_reader("sample", Box::new(Cursor::new(bytes.to_vec())), None).expect("generated")
}

/// All records, and the bytes that they point into, as one batch each.
fn batches(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<Record>)> {
    let mut source = open(bytes);
    let mut batches = Vec::new();
    while let Some(batch) = source.next_batch().expect("generated") {
        batches.push((batch.data.to_vec(), batch.records.to_vec()));
    }
    batches
}

fn heard(batches: &[(Vec<u8>, Vec<Record>)]) -> impl Iterator<Item = Heard> {
    batches.iter().flat_map(|(data, records)| {
        let batch = Batch { data, records };
        records.iter().map(move |record| decode(record, batch.bytes(record)))
    })
}

fn read(group: &mut BenchmarkGroup<'_, WallTime>, sample: &Sample) {
    group.bench_function(sample.name, |bencher| {
        bencher.iter_batched_ref(
            || open(&sample.bytes),
            |source| {
                let mut records = 0;
                while let Some(batch) = source.next_batch().expect("generated") {
                    records += batch.records.len();
                }
                records
            },
            BatchSize::LargeInput,
        );
    });
}

fn decode_all(group: &mut BenchmarkGroup<'_, WallTime>, sample: &Sample) {
    let batches = batches(&sample.bytes);
    group.bench_function(sample.name, |bencher| {
        bencher.iter(|| heard(&batches).for_each(|heard| drop(black_box(heard))));
    });
}

fn track(group: &mut BenchmarkGroup<'_, WallTime>, sample: &Sample) {
    let segments: Vec<Segment> = heard(&batches(&sample.bytes))
        .filter_map(|heard| match heard {
            Heard::Segment(segment) => Some(segment),
            _ => None,
        })
        .collect();
    group.bench_function(sample.name, |bencher| {
        bencher.iter_batched_ref(
            Table::default,
            |table| segments.iter().for_each(|segment| table.on_segment(segment, 0)),
            BatchSize::PerIteration,
        );
    });
}

fn whole(group: &mut BenchmarkGroup<'_, WallTime>, sample: &Sample) {
    group.bench_function(sample.name, |bencher| {
        bencher.iter_batched(
            || open(&sample.bytes),
            |mut source| {
                let mut analyzer = Analyzer::new(1).expect("one thread");
                while let Some(batch) = source.next_batch().expect("generated") {
                    analyzer.feed(batch).expect("no filter, no error");
                }
                analyzer.end_capture(source.info());
                let mut csv = FlowsCsv::new(io::sink(), Only::All);
                let mut reporters: Vec<&mut dyn Reporter> = vec![&mut csv];
                analyzer
                    .finish(false)
                    .report(&|_, _| true, &mut reporters)
                    .expect("a sink");
            },
            BatchSize::LargeInput,
        );
    });
}

type Door = fn(&mut BenchmarkGroup<'_, WallTime>, &Sample);

fn doors(criterion: &mut Criterion) {
    let samples = samples();
    let doors: [(&str, Door); 4] = [
        ("read", read),
        ("decode", decode_all),
        ("track", track),
        ("whole", whole),
    ];
    for (name, door) in doors {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).measurement_time(Duration::from_secs(3));
        for sample in &samples {
            group.throughput(Throughput::Elements(sample.packets));
            door(&mut group, sample);
        }
        group.finish();
    }
}

criterion_group!(benches, doors);
criterion_main!(benches);
