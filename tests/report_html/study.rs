//! A made-up study of the size of the paper's: eighteen cells, five seeds, ten classes.

use weaklabel::base::counter_rng::{Key, Stream};
use weaklabel::config::{Config, Method, StageName, Variant};
use weaklabel::evaluate::Quality;
use weaklabel::experiments::report::study::{Plan, StudyData, paper};
use weaklabel::experiments::study::{CellResult, CoverageBin, Group};
use weaklabel::output::CurvePoint;

const CLASSES: [&str; 10] = [
    "Alarm_bell_ringing",
    "Blender",
    "Cat",
    "Dishes",
    "Dog",
    "Electric_shaver_toothbrush",
    "Frying",
    "Running_water",
    "Speech",
    "Vacuum_cleaner",
];
const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
const SEGMENTS: usize = 450;

fn classes() -> Vec<String> {
    CLASSES.map(str::to_owned).to_vec()
}

/// A study whose scores are about the paper's.
pub fn full() -> StudyData {
    let mut cells = Vec::new();
    for variant in [Variant::Ms200, Variant::Waa] {
        for method in Method::all() {
            for train_seconds in paper::SECONDS {
                let mut stream = Key::new(cells.len() as u64).named("made-up cell").stream();
                cells.push(cell(variant, method, train_seconds, &mut stream));
            }
        }
    }
    let mut stream = Key::new(0).named("durations").stream();
    let typical = [1.2, 6.0, 0.8, 0.5, 0.4, 5.0, 8.0, 7.0, 1.5, 9.5];
    let duration = |stream: &mut Stream, typical: f64| (typical * (0.5 * stream.normal()).exp()).clamp(0.05, 10.0);
    let mut durations: Vec<Vec<f64>> =
        typical.iter().map(|&t| (0..270).map(|_| duration(&mut stream, t)).collect()).collect();
    durations[9] = vec![10.0; 270];
    StudyData {
        title: "The paper's study on made-up scores".into(),
        classes: classes(),
        durations,
        durations_of: Variant::Waa,
        clips: [2700, 300, 750],
        soundbank: "made up <for this test> & nothing else".into(),
        // The defaults are the paper's study.
        plan: Plan::of(&Config::default()),
        short_s: 1.0,
        cells,
    }
}

fn cell(variant: Variant, method: Method, train_seconds: f64, stream: &mut Stream) -> CellResult {
    let seconds = paper::SECONDS.to_vec();
    let means: Vec<(f64, f64)> =
        seconds.iter().map(|test| paper::score(variant, method, train_seconds, *test).unwrap()).collect();
    let mut score = |(mean, sd): (f64, f64)| (mean + sd * stream.normal()).clamp(0.0, 100.0);
    let seed_scores: Vec<Vec<f64>> = SEEDS.iter().map(|_| means.iter().map(|mean| score(*mean)).collect()).collect();
    let of_class = |score: f64, class: usize| (score * (0.55 + 0.1 * class as f64)).min(100.0);
    let f1 =
        |scores: &Vec<f64>| scores.iter().map(|s| (0..10).map(|class| Some(of_class(*s, class))).collect()).collect();
    let matched = seconds.iter().position(|test| *test == train_seconds).unwrap();
    let order = (means[matched].0 / 60.0).min(1.0);
    let bins: &[(f64, f64)] =
        if variant == Variant::Waa { &[(0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 1.0)] } else { &[(0.0, 1.0)] };
    let bin = |test: usize, &(low, high): &(f64, f64)| CoverageBin {
        low,
        high,
        clips: if test == 0 && high < 1.0 { 0 } else { 120 },
        f1: seed_scores.iter().map(|seed| (seed[test] * (0.5 + high)).min(100.0)).collect(),
    };
    let group = |name: &str, clips: usize, factor: f64| Group {
        name: name.into(),
        clips,
        f1: seed_scores.iter().map(|seed| seed.iter().map(|score| (score * factor).min(100.0)).collect()).collect(),
    };
    CellResult {
        variant,
        method,
        train_seconds,
        seeds: SEEDS.to_vec(),
        classes: classes(),
        f1: seed_scores.iter().map(f1).collect(),
        curves: (0..SEEDS.len()).map(|seed| curve(method, seed, means[matched].0)).collect(),
        best: seed_scores.iter().map(|seed| seed[matched]).collect(),
        quality: SEEDS.iter().map(|_| seconds.iter().map(|_| quality(order)).collect()).collect(),
        groups: vec![group("short", 300, 0.8), group("long", 450, 1.1)],
        coverage: (0..seconds.len()).map(|test| bins.iter().map(|bounds| bin(test, bounds)).collect()).collect(),
        points: (0..SEGMENTS).map(|i| embedding(i % 10, order)).collect(),
        point_labels: (0..SEGMENTS).map(|i| i % 10).collect(),
        seconds_taken: 1234.5,
        adapter: "made-up adapter".into(),
        data: format!("fingerprint of {}", variant.name()),
        seconds,
    }
}

/// Ten segments per row of the matrix; more on the diagonal the more `order` there is.
fn quality(order: f64) -> Quality {
    let right = (45.0 * (0.1 + 0.8 * order)) as u32;
    let row = |class: usize| -> Vec<u32> {
        (0..10)
            .map(|to| if to == class { right } else { (45 - right) / 9 + u32::from(to == (class + 3) % 10) })
            .collect()
    };
    Quality { f: 100.0 * order, scatter: 1.0 + order, silhouette: order - 0.4, confusion: (0..10).map(row).collect() }
}

/// A point near the corner of its class, or all at one place where there is no order.
fn embedding(class: usize, order: f64) -> Vec<f32> {
    if order == 0.0 {
        return vec![0.25; 130];
    }
    thread_local! { static NOISE: std::cell::RefCell<Stream> = std::cell::RefCell::new(Key::new(9).stream()); }
    let corner = |d: usize| if d % 10 == class { 2.0 * order } else { 0.0 };
    (0..130).map(|d| (corner(d) + NOISE.with_borrow_mut(Stream::normal) * 0.7) as f32).collect()
}

fn curve(method: Method, seed: usize, score: f64) -> Vec<CurvePoint> {
    let stages: &[(StageName, usize)] = match method {
        Method::Classifier => &[(StageName::Classifier, 120)],
        Method::Triplets => &[(StageName::Triplets, 300), (StageName::Tagger, 90)],
        Method::Prototypes => &[(StageName::Prototypes, 150), (StageName::Tagger, 80)],
    };
    let epochs = |stage: StageName, n: usize| {
        (0..n + 7 * seed).map(move |epoch| {
            let progress = 1.0 - (-(epoch as f64) / 25.0).exp();
            let wobble = ((epoch * 7 + seed * 3) % 11) as f64 / 5.0;
            let loss = 0.7 - 0.5 * progress + wobble / 50.0;
            CurvePoint { stage, epoch, loss, score: score * progress + wobble }
        })
    };
    stages.iter().flat_map(|&(stage, n)| epochs(stage, n)).collect()
}
