//! Loudness against the reference values of `tests/golden/loudness.safetensors`, and SPEC §6's rules.

use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;

use safetensors::SafeTensors;
use weaklabel::data::audio::integrated_loudness;

const MIN_S: f64 = 0.5;
const FLOOR: f64 = -70.0;

struct Case {
    name: String,
    samples: Vec<f32>,
    rate: u32,
    tiles: usize,
    /// As Scaper: pyloudnorm's own filter.
    lufs: f64,
    /// With the coefficients printed in BS.1770.
    lufs_itu: f64,
}

fn cases() -> Vec<Case> {
    let folder = std::env::var_os("WEAKLABEL_GOLDEN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    let bytes = fs::read(folder.join("loudness.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let names = tensors.names().into_iter().filter_map(|name| name.strip_suffix(".audio"));
    let cases: Vec<Case> = names
        .map(|name| {
            let data = |part: &str| tensors.tensor(&format!("{name}.{part}")).unwrap().data().to_vec();
            let integer = |part| i32::from_le_bytes(data(part).try_into().unwrap());
            let double = |part| f64::from_le_bytes(data(part).try_into().unwrap());
            Case {
                name: name.into(),
                samples: data("audio").chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect(),
                rate: integer("rate").try_into().unwrap(),
                tiles: integer("tiles").try_into().unwrap(),
                lufs: double("lufs"),
                lufs_itu: double("lufs_itu"),
            }
        })
        .collect();
    assert!(!cases.is_empty());
    cases
}

fn measure(samples: &[f32], rate: u32) -> f64 {
    integrated_loudness(samples, rate, MIN_S, FLOOR).unwrap().unwrap()
}

#[test]
fn loudness_meets_the_reference() {
    for case in cases() {
        let Some(lufs) = integrated_loudness(&case.samples, case.rate, MIN_S, FLOOR).unwrap() else {
            assert_eq!(case.lufs, FLOOR, "{} is silent", case.name);
            assert!(case.samples.iter().all(|&x| x == 0.0));
            continue;
        };
        assert!((lufs - case.lufs_itu).abs() < 0.001, "{}: {lufs} LUFS, not {}", case.name, case.lufs_itu);
        // pyloudnorm's own shelf is a little lower, see `integrated_loudness`.
        let above = lufs - case.lufs;
        assert!((0.0..0.15).contains(&above), "{}: {above} LU above {}", case.name, case.lufs);
    }
}

/// A signal that is too short is as loud as its whole repetitions.
#[test]
fn short_signals_are_repeated_whole() {
    for case in cases().iter().filter(|case| case.tiles > 1) {
        let repeated = case.samples.repeat(case.tiles);
        assert_eq!(measure(&case.samples, case.rate), measure(&repeated, case.rate), "{}", case.name);
    }
}

fn sine(rate: u32, seconds: f64, amplitude: f64) -> Vec<f32> {
    let n = (seconds * f64::from(rate)).round() as usize;
    (0..n).map(|n| (amplitude * (TAU * 1000.0 * n as f64 / f64::from(rate)).sin()) as f32).collect()
}

/// BS.1770's own check: a full-scale sine near 1 kHz in one channel is at −3.01 LUFS.
#[test]
fn a_full_scale_sine_is_at_minus_3_lufs() {
    for rate in [16_000, 44_100, 48_000] {
        let lufs = measure(&sine(rate, 10.0, 1.0), rate);
        assert!((lufs + 3.01).abs() < 0.05, "{lufs} at {rate} Hz");
    }
}

/// At 0.46 s a second block overhangs the end by 0.04 s of its 0.4, as pyloudnorm counts blocks: the mean of 1 and 0.9.
/// At 0.44 s there is one block.
#[test]
fn the_last_block_may_overhang() {
    let level = |seconds| integrated_loudness(&sine(48_000, seconds, 0.1), 48_000, 0.4, FLOOR).unwrap().unwrap();
    let expected = 10.0 * 0.95f64.log10();
    assert!((level(0.46) - level(0.44) - expected).abs() < 0.01, "{} {}", level(0.46), level(0.44));
}

#[test]
fn quiet_signals_are_at_the_floor_and_silence_has_no_loudness() {
    assert_eq!(measure(&sine(16_000, 1.0, 1e-6), 16_000), FLOOR);
    assert_eq!(integrated_loudness(&[0.0; 16_000], 16_000, MIN_S, FLOOR).unwrap(), None);
    assert_eq!(integrated_loudness(&[], 16_000, MIN_S, FLOOR).unwrap(), None);
}

#[test]
fn loudness_follows_gain() {
    for case in cases().iter().filter(|case| case.lufs > FLOOR + 30.0) {
        let quieter: Vec<f32> = case.samples.iter().map(|x| 0.1 * x).collect();
        let step = measure(&case.samples, case.rate) - measure(&quieter, case.rate);
        assert!((step - 20.0).abs() < 1e-3, "{}: {step}", case.name);
    }
}

#[test]
fn an_impossible_rate_is_an_error() {
    assert!(integrated_loudness(&[0.1], 1, MIN_S, FLOOR).is_err());
}
