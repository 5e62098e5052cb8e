//! The cost of features in f16 and of streamed features against features on the GPU as f32, and how much memory a
//! training takes whose features are larger than the card.
//!
//! ```sh
//! cargo bench --bench streaming                                    # interleaved epochs of 30 minutes of audio
//! cargo bench --bench streaming -- --hours 100 --memory 2GiB       # one epoch of 100 hours, streamed from 9.2 GB
//! ```
//!
//! Features are random and lie in a temporary file in `--folder DIR` (the system's folder for temporary files). With
//! `--memory` one training runs where the plan puts it. `--small` takes a network of two small layers, whose epoch of
//! 100 hours takes minutes on a software adapter. The memory of the process is read on Linux only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weaklabel::config::{BatchSampling, ByteCount, Config, Precision};
use weaklabel::data::features::{
    ExampleStore, FeatureFile, FeatureNeeds, FeaturePlacement, FeaturePlan, FeatureShape, RawFeatures, Scaling,
    Statistics,
};
use weaklabel::evaluate::{Examples, SegmentLabels};
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::model::Tiles;
use weaklabel::train::{Trainer, TrainingData, Unwatched, feature_plan};

const CLASSES: usize = 10;
const VALIDATION: usize = 500;
/// Epochs of each kind that are timed after the first one, which compiles kernels.
const ROUNDS: usize = 9;

struct Options {
    hours: f64,
    memory: Option<ByteCount>,
    folder: PathBuf,
    small: bool,
}

fn main() {
    let options = options();
    let folder = tempfile::tempdir_in(&options.folder).expect("a folder for features");
    let mut config = Config::default();
    (config.train.sampling, config.train.epochs, config.train.min_epochs) = (BatchSampling::Natural, Some(1000), 1000);
    (config.train.checkpoint_s, config.train.batch) = (1e9, if options.small { 200 } else { 20 });
    if options.small {
        (config.model.filters, config.model.pools) = (vec![4, 8], vec![[4, 4], [5, 8]]);
    }
    let examples = (options.hours * 3600.0 / config.train.seconds).round() as usize;
    let gpu = Gpu::open(&AdapterChoice::default()).expect("an adapter");
    println!("{} segments of {} s on {}", examples, config.train.seconds, gpu.adapter().name);
    let files = [("train", examples), ("validation", VALIDATION)].map(|(name, examples)| {
        let path = folder.path().join(name);
        let started = Instant::now();
        let frames = config.features.frames(config.train.seconds);
        let shape = FeatureShape { examples, frames, bands: config.features.bands };
        write_random(&path, shape);
        println!("{name}: {:.2} GB written in {:.1} s", shape.bytes() as f64 / 1e9, started.elapsed().as_secs_f64());
        path
    });
    match options.memory {
        Some(memory) => one(
            &gpu,
            Config { train: weaklabel::TrainConfig { memory: Some(memory), ..config.train }, ..config },
            &files,
        ),
        None => compare(&gpu, &config, &files),
    }
}

fn options() -> Options {
    let mut options = Options { hours: 0.5, memory: None, folder: std::env::temp_dir(), small: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match arg.as_str() {
            "--hours" => options.hours = value().parse().expect("a number of hours"),
            "--memory" => options.memory = Some(value().parse().expect("a number of bytes")),
            "--folder" => options.folder = value().into(),
            "--small" => options.small = true,
            // cargo passes it to every benchmark.
            "--bench" => {}
            _ => panic!("unknown option {arg}"),
        }
    }
    options
}

/// Writes random features of deviation about 1.
fn write_random(path: &Path, shape: FeatureShape) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 4_845_000.0 - 1.73
    };
    FeatureFile::write(path, "random", shape, |writer| {
        for first in (0..shape.examples).step_by(1000) {
            let used = 1000.min(shape.examples - first);
            let values: Vec<f32> = (0..used * shape.values()).map(|_| next()).collect();
            writer.push(&values).expect("room on the disk");
        }
        Ok(())
    })
    .expect("room on the disk");
}

/// Loads the features of `file` to their place.
fn load(gpu: &Gpu, config: &Config, file: &Path, placement: &FeaturePlacement) -> Examples {
    let (file, ()) = FeatureFile::open(file, "random").expect("the file");
    let (shape, statistics) = (file.shape(), Statistics::identity(config.features.bands));
    let scaling = Scaling { statistics: &statistics, epsilon: config.features.epsilon, precision: placement.precision };
    let store = match (placement.room, placement.precision) {
        (Some(room), _) => ExampleStore::streamed(gpu, Box::new(file), shape, room, &scaling),
        (None, Precision::F16) => ExampleStore::half(gpu, &file, shape, &scaling),
        (None, Precision::F32) => ExampleStore::raw(gpu, &file as &dyn RawFeatures, shape),
    };
    let labels = (0..shape.examples).map(|example| SegmentLabels::one(example % CLASSES, 1.0)).collect();
    Examples::new(gpu, store.expect("memory"), labels, CLASSES).expect("memory")
}

fn data(gpu: &Gpu, config: &Config, files: &[PathBuf; 2], plan: &FeaturePlan) -> TrainingData {
    let classes: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
    let [train, validation] =
        [(&files[0], &plan.train), (&files[1], &plan.validation)].map(|(file, place)| load(gpu, config, file, place));
    TrainingData::of(config, &classes, train, validation)
}

/// Runs one epoch where the plan puts the features, and prints the memory that it took.
fn one(gpu: &Gpu, config: Config, files: &[PathBuf; 2]) {
    let shape = |file: &PathBuf| FeatureFile::open::<()>(file, "random").expect("the file").0.shape();
    let plan = feature_plan(gpu, &config, [shape(&files[0]).examples, VALIDATION], CLASSES);
    println!("{}", plan.in_words());
    let watch = MemoryWatch::start();
    let data = data(gpu, &config, files, &plan);
    let mut trainer = Trainer::new(gpu, &Tiles::default(), &config, &data).expect("a training");
    let steps = trainer.total_steps() / config.train.most_epochs() as u64;
    let started = Instant::now();
    trainer.pause_after(1);
    trainer.run(&mut Unwatched).expect("an epoch");
    let seconds = started.elapsed().as_secs_f64();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("an epoch of {steps} steps in {seconds:.1} s");
    println!("tensors on the GPU: at most {:.0} MiB", mib(gpu.peak_bytes()));
    println!("memory of the process: at most {:.0} MiB anonymous", mib(watch.stop()));
}

/// Times epochs of the three places in turn.
fn compare(gpu: &Gpu, config: &Config, files: &[PathBuf; 2]) {
    let shape = |file: &PathBuf| FeatureFile::open::<()>(file, "random").expect("the file").0.shape();
    let needs = FeatureNeeds { train: shape(&files[0]), validation: shape(&files[1]), at_once: 60 };
    // A limit of which features get less than they need, and validation fits.
    let tight = Some(needs.train.bytes());
    let plans = [
        ("f32 on the GPU", FeaturePlan::new(None, Precision::F32, &needs)),
        ("f16 on the GPU", FeaturePlan::new(None, Precision::F16, &needs)),
        ("f32, streamed", FeaturePlan::new(tight, Precision::F32, &needs)),
    ];
    let datas = plans.each_ref().map(|(_, plan)| data(gpu, config, files, plan));
    let mut trainers =
        datas.each_ref().map(|data| Trainer::new(gpu, &Tiles::default(), config, data).expect("a training"));
    let steps = trainers[0].total_steps() / config.train.most_epochs() as u64;
    let mut times = vec![Vec::new(); trainers.len()];
    for epoch in 1..=ROUNDS + 1 {
        for (trainer, times) in trainers.iter_mut().zip(&mut times) {
            trainer.pause_after(epoch);
            let started = Instant::now();
            trainer.run(&mut Unwatched).expect("an epoch");
            times.push(started.elapsed());
        }
    }
    println!("epochs of {steps} steps with validation, {ROUNDS} of each in turn");
    println!("features        ms a step   ratio to f32 in the same round (median, least, most)");
    for ((name, _), of_place) in plans.iter().zip(&times) {
        let mut ratios: Vec<f64> =
            of_place.iter().zip(&times[0]).skip(1).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let mut sorted: Vec<Duration> = of_place[1..].to_vec();
        sorted.sort();
        let per_step = sorted[ROUNDS / 2].as_secs_f64() * 1e3 / steps as f64;
        println!("{name:<15} {per_step:>9.3}   {:.3} {:.3} {:.3}", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    }
}

/// A thread that records the largest anonymous memory of the process: without files that the system caches.
struct MemoryWatch {
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl MemoryWatch {
    fn start() -> Self {
        let (most, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (shared, ends) = (Arc::clone(&most), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
                let kib = status
                    .lines()
                    .find_map(|line| line.strip_prefix("RssAnon:")?.strip_suffix("kB")?.trim().parse::<u64>().ok());
                shared.fetch_max(kib.unwrap_or(0) << 10, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { most, stop }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.most.load(Ordering::Relaxed)
    }
}
