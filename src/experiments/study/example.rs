//! A made-up result for tests: small, complete in every field, and the same each time.

use super::{CellResult, CoverageBin, Group};
use crate::config::{Method, StageName, Variant};
use crate::evaluate::Quality;
use crate::output::CurvePoint;

/// Number of embeddings of each class.
const POINTS: usize = 6;

/// Makes a cell tested on 0.2, 1 and 10 s, whose classes Cat and Running_water both score `f1(seed, test length)`.
pub fn cell(
    variant: Variant,
    method: Method,
    train_seconds: f64,
    seeds: &[u64],
    f1: &dyn Fn(u64, f64) -> f64,
) -> CellResult {
    let seconds = vec![0.2, 1.0, 10.0];
    let scores = |seed: u64| seconds.iter().map(move |test| f1(seed, *test));
    let of_seeds = |test: usize| seeds.iter().map(|seed| f1(*seed, seconds[test])).collect::<Vec<f64>>();
    let bin = |test: usize, low: f64, high: f64, clips: usize| CoverageBin {
        low,
        high,
        clips,
        f1: if clips > 0 { of_seeds(test) } else { Vec::new() },
    };
    let short = if variant == Variant::Ms200 { 40 } else { 25 };
    let group = |name: &str, clips: usize| Group {
        name: name.into(),
        clips,
        f1: seeds.iter().map(|seed| scores(*seed).collect()).collect(),
    };
    let quality = |f: f64| Quality {
        f,
        scatter: 1.0 + f / 100.0,
        silhouette: f / 100.0 - 0.25,
        confusion: vec![vec![15, 5], vec![4, 16]],
    };
    let curve = |seed: u64| {
        let stages = StageName::of(method).iter();
        stages.flat_map(move |stage| (0..4 + seed as usize % 3).map(move |epoch| point(*stage, epoch))).collect()
    };
    CellResult {
        variant,
        method,
        train_seconds,
        seeds: seeds.to_vec(),
        classes: vec!["Cat".into(), "Running_water".into()],
        f1: seeds.iter().map(|seed| scores(*seed).map(|f1| vec![Some(f1); 2]).collect()).collect(),
        curves: seeds.iter().map(|seed| curve(*seed)).collect(),
        best: seeds.iter().map(|seed| f1(*seed, train_seconds)).collect(),
        quality: seeds.iter().map(|seed| scores(*seed).map(quality).collect()).collect(),
        groups: vec![group("short", short), group("long", 40 - short)],
        coverage: (0..seconds.len()).map(|at| vec![bin(at, 0.0, 0.5, 30), bin(at, 0.5, 1.0, 10 * (at % 2))]).collect(),
        points: (0..2 * POINTS)
            .map(|i| (0..4).map(|d| ((i / POINTS) * (d + 1)) as f32 + (i % 5) as f32 / 8.0).collect())
            .collect(),
        point_labels: (0..2 * POINTS).map(|i| i / POINTS).collect(),
        seconds_taken: 12.5,
        adapter: "made up".into(),
        data: format!("{}-{train_seconds}", variant.name()),
        seconds,
    }
}

fn point(stage: StageName, epoch: usize) -> CurvePoint {
    let progress = 1.0 / (1.0 + epoch as f64);
    CurvePoint { stage, epoch, loss: progress, score: 60.0 * (1.0 - progress) }
}
