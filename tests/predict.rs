//! Trained models on audio of any length: what an answer depends on, and what it does not.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use weaklabel::base::counter_rng::Key;
use weaklabel::config::{FeatureConfig, Method, ModelConfig, Normalise};
use weaklabel::data::audio::{Audio, AudioStream, write_wav16};
use weaklabel::data::features::{ChunkBatch, Chunking, Series, Statistics, extract, standardise};
use weaklabel::evaluate::{
    Embedder, Embedding, Examples, Models, Scorer, SegmentEmbedder, SegmentLabels, SegmentModel, Tagger, stream_values,
};
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::{mel, relative_error, spectrum, standardise as kernel};
use weaklabel::model::checkpoint::Description;
use weaklabel::model::{Architecture, Tiles, initial_parameters};

const CHUNK: usize = 3200;

fn gpu() -> Gpu {
    Gpu::open(&AdapterChoice::default()).unwrap()
}

/// Models as they are before training: a small network, and statistics near those of the noise below.
fn models(seeds: &[u64], normalise: Normalise) -> Vec<(Vec<f32>, Description)> {
    let features = FeatureConfig::default();
    let model = ModelConfig { filters: vec![8, 12], pools: vec![[4, 4], [5, 8]], ..ModelConfig::default() };
    let description = |seed| Description {
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        mean: (0..features.bands).map(|band| -2.0 + 0.05 * band as f64).collect(),
        std: (0..features.bands).map(|band| 0.5 + 0.01 * band as f64).collect(),
        features: features.clone(),
        model: model.clone(),
        method: Method::Triplets,
        normalise,
        seed,
        epoch: 0,
        thresholds: None,
    };
    let architecture = Architecture::new(&model, &features, 3);
    seeds.iter().map(|&seed| (initial_parameters(&architecture, seed), description(seed))).collect()
}

/// Noise that grows louder and softer, so that no two chunks are alike.
fn noise(name: &str, n: usize) -> Vec<f32> {
    let mut stream = Key::new(11).named(name).stream();
    let level = |i: usize| 0.05 + 0.04 * (i as f64 / 5000.0).sin();
    (0..n).map(|i| (level(i) * stream.normal()) as f32).collect()
}

fn bits(values: &[Vec<f32>]) -> Vec<Vec<u32>> {
    values.iter().map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

#[test]
fn chunks_hear_their_segment_beyond_their_own_ends() {
    let (gpu, config) = (gpu(), FeatureConfig::default());
    let statistics = Statistics { mean: vec![-1.5; config.bands], std: vec![0.7; config.bands] };
    let mut batch = ChunkBatch::new(&gpu, &config, 20, 4).unwrap();
    let mut recording = Recording::new("features");
    batch.push(&gpu, &mut recording, &config, &statistics).unwrap();
    let recording = recording.resolve(&gpu).unwrap();
    // From a fraction of a frame to several batches; the ends fall before, on and behind a frame.
    for n in [0, 1, 100, CHUNK, CHUNK + 159, 2 * CHUNK + 240, 9 * CHUNK + 80, 9 * CHUNK + 79] {
        let segment = noise("segment", n);
        let chunks: Vec<_> = Chunking { hop: 160, frames: 20 }.chunks(&segment).collect();
        let mut found = Vec::new();
        for part in chunks.chunks(4) {
            batch.fill(part);
            batch.upload(&gpu);
            gpu.replay(&recording, 0..1).unwrap();
            found.extend_from_slice(&gpu.read(&batch.features).unwrap()[..part.len() * 20 * config.bands]);
        }
        let log_mel = mel::oracle(&config, &spectrum::oracle(&config, &wide(&segment), chunks.len() * 20));
        let expected = kernel::oracle(&log_mel, &statistics.mean, &statistics.std, config.epsilon);
        let error = relative_error(&found, &expected);
        assert!(error < 1e-5, "{n} samples: {error:e}");
    }
}

#[test]
fn an_answer_does_not_depend_on_batches_or_on_company() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1, 2], Normalise::None)).unwrap();
    // The lengths leave batches half full and let segments begin in the middle of one.
    let segments: Vec<Vec<f32>> = [37 * CHUNK + 500, 1000, 5 * CHUNK, 300 * CHUNK, CHUNK]
        .into_iter()
        .enumerate()
        .map(|(i, n)| noise(&format!("segment {i}"), n))
        .collect();
    let segments: Vec<&[f32]> = segments.iter().map(Vec::as_slice).collect();
    let mut whole = Tagger::new(&gpu, &models, usize::MAX).unwrap();
    let together = whole.probabilities(&segments, &mut |_| {}).unwrap();
    assert!(together.iter().all(|values| values.len() == 3 * segments.len()));
    for most_chunks in [1, 7] {
        let mut tagger = Tagger::new(&gpu, &models, most_chunks).unwrap();
        let mut chunks = Vec::new();
        let found = tagger.probabilities(&segments, &mut |more| chunks.push(more)).unwrap();
        assert_eq!(bits(&found), bits(&together), "at most {most_chunks} chunks at a time");
        assert_eq!(chunks.iter().sum::<usize>(), 38 + 1 + 5 + 300 + 1);
        assert!(chunks.iter().all(|more| (1..=most_chunks).contains(more)), "{chunks:?}");
    }
    for (index, segment) in segments.iter().enumerate() {
        let alone = whole.probabilities(&[segment], &mut |_| {}).unwrap();
        let of_segment: Vec<Vec<f32>> = together.iter().map(|values| values[3 * index..][..3].to_vec()).collect();
        assert_eq!(bits(&alone), bits(&of_segment), "segment {index}");
    }
    let different = |values: &[Vec<f32>]| values[0] != values[1] && values[0][..3] != values[0][3..6];
    assert!(different(&together), "models and segments differ: {together:?}");
}

#[test]
fn a_member_of_several_answers_as_it_does_alone() {
    let gpu = gpu();
    let segment = noise("segment", 9 * CHUNK);
    let answer = |seeds: &[u64]| {
        let models = Models::new(&gpu, &Tiles::default(), &models(seeds, Normalise::Segment)).unwrap();
        let mut embedder = SegmentEmbedder::new(&gpu, &models, Embedding::ForDistances, usize::MAX).unwrap();
        bits(&embedder.embed(&[&segment], &mut |_| {}).unwrap())
    };
    let (all, one) = (answer(&[4, 5, 6]), answer(&[5]));
    assert_eq!(all[1], one[0]);
    assert_ne!(all[0], one[0]);
}

/// The way of evaluation: segments of one length through an example store.
#[test]
fn segments_as_training_cuts_them_get_what_evaluation_gives_them() {
    let gpu = gpu();
    for (seconds, normalise) in [(1.0, Normalise::None), (0.2, Normalise::Segment), (1.0, Normalise::Frame)] {
        let trained = models(&[1, 2], normalise);
        let description = &trained[0].1;
        let models = Models::new(&gpu, &Tiles::default(), &trained).unwrap();
        let n = (seconds * 16_000.0) as usize;
        let segments: Vec<Vec<f32>> = (0..6).map(|i| noise(&format!("clip {i}"), n)).collect();
        let slices: Vec<&[f32]> = segments.iter().map(Vec::as_slice).collect();

        let frames = description.features.frames(seconds);
        let audio = |i: usize| Ok((segments[i].clone(), ()));
        let (store, _) = extract(&gpu, &description.features, segments.len(), frames, &audio, &|_| {}).unwrap();
        let statistics = Statistics { mean: description.mean.clone(), std: description.std.clone() };
        standardise(&gpu, &store, &statistics, description.features.epsilon).unwrap();
        let examples = Examples::new(&gpu, store, vec![SegmentLabels::one(0, seconds); segments.len()], 3).unwrap();
        let scorer = Scorer::new(&gpu, &models.population, &examples, normalise, 0.5).unwrap();
        let expected = scorer.probabilities(&gpu).unwrap();
        let found = Tagger::new(&gpu, &models, usize::MAX).unwrap().probabilities(&slices, &mut |_| {}).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            let error = relative_error(found, &wide(expected));
            assert!(error < 1e-6, "probabilities, {seconds} s, {normalise:?}: {error:e}");
        }
        for embedding in [Embedding::ForDistances, Embedding::ForTagging] {
            let stored = Embedder::new(&gpu, &models.population, &examples, normalise, embedding).unwrap();
            stored.queue(&gpu).unwrap();
            let expected = gpu.read(&stored.embeddings).unwrap();
            let mut embedder = SegmentEmbedder::new(&gpu, &models, embedding, usize::MAX).unwrap();
            let found = embedder.embed(&slices, &mut |_| {}).unwrap().concat();
            let error = relative_error(&found, &wide(&expected));
            assert!(error < 1e-6, "{embedding:?}, {seconds} s, {normalise:?}: {error:e}");
            let length = found[..embedder.dimensions()].iter().map(|x| x * x).sum::<f32>().sqrt();
            let scaled = normalise == Normalise::Segment && embedding == Embedding::ForDistances;
            assert_eq!((length - 1.0).abs() < 1e-5, scaled, "{embedding:?}, {normalise:?}: length {length}");
        }
    }
}

#[test]
fn the_length_of_the_audio_takes_no_memory_on_the_gpu() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1], Normalise::Segment)).unwrap();
    let mut embedder = SegmentEmbedder::new(&gpu, &models, Embedding::ForDistances, usize::MAX).unwrap();
    let mut tagger = Tagger::new(&gpu, &models, usize::MAX).unwrap();
    let before = (gpu.buffers_made(), gpu.peak_bytes());
    // Ten minutes in one piece; and one minute in five times as many pieces as a batch has room for chunks on any
    // device.
    let (long, short) = (noise("long", 600 * 16_000), noise("short", CHUNK));
    let many = vec![&short[..]; 10_240];
    for segments in [&[&long[..]][..], &many] {
        let embeddings = embedder.embed(segments, &mut |_| {}).unwrap();
        assert_eq!(embeddings[0].len(), segments.len() * embedder.dimensions());
        assert!(embeddings[0].iter().all(|x| x.is_finite()));
        tagger.probabilities(segments, &mut |_| {}).unwrap();
    }
    assert_eq!((gpu.buffers_made(), gpu.peak_bytes()), before);
}

#[test]
fn the_mean_over_many_chunks_stays_exact() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1], Normalise::None)).unwrap();
    let mut embedder = SegmentEmbedder::new(&gpu, &models, Embedding::ForTagging, usize::MAX).unwrap();
    // A sound that repeats with every chunk: all chunks but the first and the last are the same.
    let period = noise("period", CHUNK);
    let mut embed = |chunks: usize| embedder.embed(&[&period.repeat(chunks)], &mut |_| {}).unwrap().swap_remove(0);
    let (three, four, many) = (embed(3), embed(4), embed(4000));
    for (i, x) in many.iter().enumerate() {
        let (three, four) = (3.0 * f64::from(three[i]), 4.0 * f64::from(four[i]));
        let expected = (four + 3996.0 * (four - three)) / 4000.0;
        assert!((f64::from(*x) - expected).abs() < 4e-6, "coordinate {i}: {x}, expected {expected}");
    }
}

#[test]
fn samples_beyond_single_precision_are_not_hidden() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1], Normalise::None)).unwrap();
    let mut tagger = Tagger::new(&gpu, &models, usize::MAX).unwrap();
    let (loud, fine) = (vec![1e30; 2 * CHUNK], noise("fine", CHUNK));
    let found = tagger.probabilities(&[&fine, &loud, &fine], &mut |_| {}).unwrap().swap_remove(0);
    assert!(found[3..6].iter().any(|p| !p.is_finite()), "{found:?}");
    assert_eq!(found[..3], found[6..], "the others are answered for");
}

#[test]
fn a_stream_has_the_answers_of_the_whole_file() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1, 2], Normalise::Segment)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chunking = Chunking { hop: 160, frames: 20 };
    for n in [70, CHUNK, 10 * CHUNK + 79, 10 * CHUNK + 80, 120 * CHUNK + 500] {
        let path = folder.path().join(format!("{n}.wav"));
        let samples = noise("stream", n).into_iter().map(|x| (x * 32_768.0).round() / 32_768.0).collect();
        let audio = Audio { rate: 16_000, samples };
        write_wav16(&path, &audio).unwrap();
        for (whole, window_chunks) in [(true, None), (false, Some(1)), (true, Some(3)), (true, Some(1000))] {
            let windows = window_chunks.map_or(Vec::new(), |chunks| chunking.windows(n, chunks));
            let windows = windows.into_iter().map(|window| &audio.samples[window]);
            let segments: Vec<&[f32]> = whole.then_some(&audio.samples[..]).into_iter().chain(windows).collect();
            let series = Series { whole, window_chunks };
            let streamed = |model: &mut dyn SegmentModel| {
                let mut stream = AudioStream::open(&path, 16_000).unwrap();
                let (n_samples, values) = stream_values(model, &mut stream, series, &mut |_| {}).unwrap();
                assert_eq!(n_samples, n);
                bits(&values)
            };
            for most_chunks in [3, usize::MAX] {
                let mut tagger = Tagger::new(&gpu, &models, most_chunks).unwrap();
                let expected = bits(&tagger.probabilities(&segments, &mut |_| {}).unwrap());
                assert_eq!(streamed(&mut tagger), expected, "tags of {n} samples, {series:?}");
            }
            let mut embedder = SegmentEmbedder::new(&gpu, &models, Embedding::ForDistances, 7).unwrap();
            let expected = bits(&embedder.embed(&segments, &mut |_| {}).unwrap());
            assert_eq!(streamed(&mut embedder), expected, "embeddings of {n} samples, {series:?}");
        }
    }
}

#[test]
fn the_length_of_a_stream_takes_no_memory() {
    let gpu = gpu();
    let models = Models::new(&gpu, &Tiles::default(), &models(&[1], Normalise::None)).unwrap();
    let mut tagger = Tagger::new(&gpu, &models, 256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut taken = |minutes: usize, window_chunks| {
        let path = folder.path().join(format!("{minutes}.wav"));
        write_wav16(&path, &Audio { rate: 16_000, samples: noise("minute", 60 * 16_000).repeat(minutes) }).unwrap();
        let series = Series { whole: true, window_chunks };
        let memory = allocation_counter::measure(|| {
            let mut stream = AudioStream::open(&path, 16_000).unwrap();
            stream_values(&mut tagger, &mut stream, series, &mut |_| {}).unwrap();
        });
        memory.bytes_max
    };
    for window_chunks in [None, Some(5)] {
        // Ten minutes are 38 MB of samples. A batch has 51 seconds, which a growing list may hold twice or thrice.
        let taken = taken(10, window_chunks);
        assert!(taken < 15_000_000, "{taken} bytes");
    }
}
