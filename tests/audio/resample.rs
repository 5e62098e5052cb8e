//! Resampling by tones: level, aliases, images, time alignment, length, and the same bits on every thread.

use std::f64::consts::TAU;

use weaklabel::Error;
use weaklabel::data::audio::resample;

/// To the rate of the features, to the rate of a mix, and one pair without a common divisor.
const PAIRS: [(u32, u32); 8] = [
    (44_100, 16_000),
    (48_000, 16_000),
    (22_050, 16_000),
    (192_000, 16_000),
    (8_000, 16_000),
    (44_101, 16_000),
    (16_000, 44_100),
    (48_000, 44_100),
];

fn tone(rate: u32, frequency: f64, n: usize) -> Vec<f32> {
    (0..n).map(|n| (0.5 * (TAU * frequency * n as f64 / f64::from(rate)).cos()) as f32).collect()
}

/// The middle of a signal, away from the edges' transients.
fn middle<T>(samples: &[T]) -> &[T] {
    &samples[samples.len() / 4..samples.len() * 3 / 4]
}

fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// The largest difference in the middle between a resampled tone and the tone at the new rate, relative to its
/// amplitude: covers level, phase, aliases and images at once.
fn worst_difference(from: u32, to: u32, frequency: f64) -> f64 {
    let resampled = resample(&tone(from, frequency, 2 * from as usize), from, to).unwrap();
    let expected = tone(to, frequency, resampled.len());
    let difference = resampled.iter().zip(&expected).map(|(a, b)| f64::from(a - b).abs());
    middle(&difference.collect::<Vec<_>>()).iter().fold(0.0, |worst: f64, &d| worst.max(d)) / 0.5
}

#[test]
fn the_pass_band_is_flat_and_in_phase() {
    for (from, to) in PAIRS {
        // 7.5 kHz is 15/16 of the band of 16 kHz, and of any other lower rate in proportion.
        let edge = f64::from(from.min(to)) / 2.0 * 15.0 / 16.0;
        for part in [0.002, 0.05, 0.3, 0.77, 0.95, 1.0] {
            let worst = worst_difference(from, to, (part * edge).round());
            // 0.1 dB is a difference of 1.16 %; phase would add to it.
            assert!(worst < 10f64.powf(0.1 / 20.0) - 1.0, "{from} → {to}, {:.0} Hz: {worst:.2e}", part * edge);
        }
        // Well inside the band nothing but rounding is left: no image, no distortion.
        assert!(db(worst_difference(from, to, (0.5 * edge).round())) < -100.0, "{from} → {to}");
    }
}

#[test]
fn tones_above_the_band_leave_no_alias() {
    for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
        let (low, high) = (f64::from(to) / 2.0, f64::from(from) / 2.0);
        for part in [0.01, 0.1, 0.4, 0.9] {
            let frequency = low + part * (high - low);
            let resampled = resample(&tone(from, frequency, 2 * from as usize), from, to).unwrap();
            let peak = middle(&resampled).iter().fold(0f32, |peak, x| peak.max(x.abs()));
            let level = db(f64::from(peak) / 0.5);
            assert!(level < -80.0, "{from} → {to}, {frequency:.0} Hz: {level:.1} dB");
        }
    }
}

/// Sample n of the input lies at n·to/from: the nearest sample of the output is the largest.
#[test]
fn an_impulse_stays_at_its_time() {
    for (from, to) in PAIRS {
        for part in [0.0, 0.01, 0.25, 0.6, 0.99] {
            let mut impulse = vec![0f32; from as usize];
            let at = (part * f64::from(from)) as usize;
            impulse[at] = 1.0;
            let resampled = resample(&impulse, from, to).unwrap();
            let peak = (0..resampled.len()).max_by(|&a, &b| resampled[a].total_cmp(&resampled[b])).unwrap();
            let expected = at as f64 * f64::from(to) / f64::from(from);
            assert!((peak as f64 - expected).abs() <= 0.500_001, "{from} → {to}: {peak}, not {expected}");
        }
    }
}

#[test]
fn the_length_is_exact() {
    for (from, to) in PAIRS {
        for n in [0usize, 1, 2, 3, 441, 1000, 22_050, 44_099, 44_100, 100_003] {
            let resampled = resample(&vec![0.25; n], from, to).unwrap();
            let exact = n as f64 * f64::from(to) / f64::from(from);
            assert_eq!(resampled.len(), (exact + 0.5).floor() as usize, "{n} samples, {from} → {to}");
        }
    }
}

#[test]
fn equal_rates_change_nothing() {
    let samples = tone(16_000, 440.0, 1000);
    assert_eq!(resample(&samples, 16_000, 16_000).unwrap(), samples);
}

#[test]
fn history_and_threads_do_not_matter() {
    let samples = tone(44_100, 3_000.0, 30_000);
    let first = resample(&samples, 44_100, 16_000).unwrap();
    // More pairs than a thread keeps, so that the first is planned anew.
    for (from, to) in PAIRS {
        resample(&samples, from, to).unwrap();
    }
    assert_eq!(resample(&samples, 44_100, 16_000).unwrap(), first);
    let elsewhere = std::thread::spawn(move || resample(&samples, 44_100, 16_000).unwrap()).join().unwrap();
    assert_eq!(elsewhere, first);
}

#[test]
fn rates_out_of_range_are_errors() {
    for (from, to) in [(0, 16_000), (16_000, 0), (999, 16_000), (16_000, u32::MAX)] {
        let error = resample(&[0.0; 10], from, to).unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error}");
    }
}
