//! The way from audio to the example store: batches, order, and what protects against broken input.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::sync::atomic::{AtomicUsize, Ordering};

use weaklabel::base::counter_rng::Key;
use weaklabel::config::FeatureConfig;
use weaklabel::data::features::{extract, standardise, statistics};
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::{mel, relative_error, spectrum};
use weaklabel::{Error, Result};

/// Noise whose level and length depend on the example; some are empty, some longer than any segment.
fn noise(example: usize) -> Result<Vec<f32>> {
    let mut stream = Key::new(7).child(example as u64).stream();
    let length = [0, 1, 1999, 2000, 3200, 9000][example % 6];
    let level = 0.01 * (1 + example % 13) as f64;
    Ok((0..length).map(|_| (level * stream.normal()) as f32).collect())
}

#[test]
fn examples_of_several_batches_are_in_their_place() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = FeatureConfig::default();
    // A batch holds 16 MiB of audio, that is about 1 300 examples of 20 frames: the last of three is not full.
    let (count, frames) = (3000, 20);
    let (calls, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let audio = |i| {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok((noise(i)?, i))
    };
    let progress = |ready| {
        last.fetch_max(ready, Ordering::Relaxed);
    };
    let (store, numbers) = extract(&gpu, &config, count, frames, &audio, &progress).unwrap();
    assert!(numbers.into_iter().eq(0..count), "what comes with an example is in its place");
    assert_eq!((store.len(), calls.into_inner(), last.into_inner()), (count, count, count));
    let mut rows = Vec::new();
    for shard in store.shards() {
        let values = gpu.read(&shard.tensor).unwrap();
        rows.extend(values.chunks_exact(frames * config.bands).map(<[f32]>::to_vec));
    }
    for example in (0..count).step_by(97).chain([count - 1]) {
        let signal: Vec<f64> = noise(example).unwrap().into_iter().map(f64::from).collect();
        let expected = mel::oracle(&config, &spectrum::oracle(&config, &signal, frames));
        let error = relative_error(&rows[example], &expected);
        assert!(error < 1e-6, "example {example}: {error:e}");
    }

    let found = statistics(&gpu, &store, None).unwrap();
    standardise(&gpu, &store, &found, config.epsilon).unwrap();
    let after = statistics(&gpu, &store, None).unwrap();
    for band in 0..config.bands {
        let exact = rows.iter().flat_map(|row| row.iter().skip(band).step_by(config.bands)).map(|&x| f64::from(x));
        let n = (count * frames) as f64;
        let mean = exact.clone().sum::<f64>() / n;
        let std = (exact.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((found.mean[band] - mean).abs() < 1e-6 * mean.abs(), "mean of band {band}");
        assert!((found.std[band] - std).abs() < 1e-6 * std, "deviation of band {band}");
        assert!(after.mean[band].abs() < 1e-5 && (after.std[band] - 1.0).abs() < 1e-5, "band {band} afterwards");
    }
}

#[test]
fn a_second_shard_continues_where_the_first_ends() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = FeatureConfig::default();
    // A shard ends after 65 535 examples at the latest.
    let count = 65_540;
    let audio = |i: usize| Ok((vec![(i % 101) as f32 / 101.0; 200 + i % 3], ()));
    let (store, _) = extract(&gpu, &config, count, 1, &audio, &|_| {}).unwrap();
    assert!(store.shards().len() > 1 && store.len() == count);
    for shard in store.shards() {
        let values = gpu.read(&shard.tensor).unwrap();
        for example in (0..shard.count).step_by(1009).chain([shard.count - 1]) {
            let signal: Vec<f64> = audio(shard.first + example).unwrap().0.into_iter().map(f64::from).collect();
            let expected = mel::oracle(&config, &spectrum::oracle(&config, &signal, 1));
            let error = relative_error(&values[example * config.bands..][..config.bands], &expected);
            assert!(error < 1e-5, "example {}: {error:e}", shard.first + example);
        }
    }
}

#[test]
fn silence_has_no_deviation_and_stays_finite() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = FeatureConfig::default();
    let (store, _) = extract(&gpu, &config, 3, 20, &|_| Ok((vec![0.0; 3200], ())), &|_| {}).unwrap();
    let found = statistics(&gpu, &store, None).unwrap();
    assert!(found.std.iter().all(|&std| std == 0.0), "{:?}", found.std);
    assert!(found.mean.iter().all(|&mean| (mean - config.log_offset.ln()).abs() < 1e-6), "{:?}", found.mean);
    standardise(&gpu, &store, &found, config.epsilon).unwrap();
    assert!(gpu.read(&store.shards()[0].tensor).unwrap().iter().all(|&x| x == 0.0));
}

#[test]
fn audio_that_is_not_finite_is_an_error_that_names_the_example() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = FeatureConfig::default();
    let audio = |i| Ok((if i == 2 { vec![f32::INFINITY; 3200] } else { noise(i)? }, ()));
    let (store, _) = extract(&gpu, &config, 4, 20, &audio, &|_| {}).unwrap();
    let error = statistics(&gpu, &store, None).unwrap_err().to_string();
    assert!(error.contains("example 2"), "{error}");
}

#[test]
fn an_error_of_the_audio_closure_comes_out() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let audio = |i| if i == 5 { Err(Error::audio("clip.wav", "truncated")) } else { Ok((noise(i)?, ())) };
    let outcome = extract(&gpu, &FeatureConfig::default(), 9, 20, &audio, &|_| {});
    assert!(outcome.is_err_and(|e| e.to_string().contains("clip.wav")));
}
