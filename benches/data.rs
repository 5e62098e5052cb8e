//! Data preparation on the CPU: resampling, loudness, synthesis, and whole clips from drawing to 16 kHz segments.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weaklabel::config::Config;
use weaklabel::data::audio::{integrated_loudness, resample};
use weaklabel::data::scenes::{Dataset, Soundbank, Subset, builtin};

/// Throughput is in milliseconds of audio per second; a thousandth of it is the factor over real time.
fn benchmark(criterion: &mut Criterion) {
    let clip = builtin::background(Subset::Train, 0)[..441_000].to_vec();
    let mut ten_seconds = criterion.benchmark_group("10 s at 44.1 kHz");
    ten_seconds.throughput(Throughput::Elements(10_000)).sample_size(20);
    ten_seconds.bench_function("resample to 16 kHz", |b| b.iter(|| resample(black_box(&clip), 44_100, 16_000)));
    ten_seconds.bench_function("loudness", |b| b.iter(|| integrated_loudness(black_box(&clip), 44_100, 0.5, -70.0)));
    let dataset = Dataset::draw(Soundbank::builtin(), &Config::default()).expect("the default dataset can be drawn");
    let mut index = 0;
    ten_seconds.bench_function("draw, mix, resample, cut to 1 s", |b| {
        b.iter(|| {
            index = (index + 1) % dataset.len(Subset::Train);
            dataset.segment(Subset::Train, index, 1.0)
        });
    });
    ten_seconds.finish();
    criterion.bench_function("synthesise an event", |b| {
        b.iter(|| {
            index += 1;
            builtin::event(Subset::Train, index % 10, index / 10 % 40)
        });
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
