//! Timing of every kernel that the program dispatches. Trainings, evaluations and feature extraction run in miniature
//! on random data; their recordings are captured and then profiled.

use serde_json::json;

use super::{MEASUREMENTS, Record, Samples, case};
use crate::base::counter_rng::Key;
use crate::config::{Config, Method, Normalise, Sampling};
use crate::data::features::{extract, standardise, statistics};
use crate::evaluate::{ClassCentroids, embedding_quality};
use crate::gpu::{Gpu, KernelTime, Tensor};
use crate::kernels::population::Member;
use crate::model::{Architecture, BatchShape, Population, Tiles};
use crate::train::{Trainer, Unwatched, random_data, random_examples};
use crate::{Error, Result};

/// The shapes at which kernels are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Shapes {
    /// Shapes of the configured model
    Model,
    /// Shapes of a model with 64 to 128 channels and 1 024 hidden units, on 500 chunks
    Large,
}

/// A part of the program whose kernels are timed.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Name of the workload.
    pub name: String,
    config: Config,
    frames: usize,
    kind: WorkloadKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkloadKind {
    Features,
    Training,
    Quality,
}

/// A kernel with its times and the workload that dispatched it.
#[derive(Debug, Clone)]
pub struct TimedKernel {
    /// Names of the workload and its recording.
    pub workload: String,
    /// Kernel with its times.
    pub kernel: KernelTime,
}

/// Number of classes in the random data.
const CLASSES: usize = 10;

/// Returns the workloads for `shapes`, with segments of each of `frames` frames. The settings are such that all kernels
/// are used: triplets mine semi-hard negatives, and prototypes normalise every frame.
pub fn workloads(config: &Config, shapes: Shapes, frames: &[usize]) -> Vec<Workload> {
    let workload = |name: String, config: &Config, frames: usize, kind: WorkloadKind| {
        let mut config = config.clone();
        config.train.epochs = Some(1);
        config.tagger.epochs = 1;
        (config.triplets.sampling, config.prototypes.normalise) = (Sampling::SemiHard, Normalise::Frame);
        Workload { name, config, frames, kind }
    };
    let training = |config: &Config, frames: usize, method: Method| {
        let mut config = config.clone();
        config.train.method = method;
        workload(method.name().to_string(), &config, frames, WorkloadKind::Training)
    };
    match shapes {
        Shapes::Model => {
            let of_length = |frames: &usize| {
                let mut found: Vec<Workload> = Method::all().map(|method| training(config, *frames, method)).into();
                found.push(workload("quality".into(), config, *frames, WorkloadKind::Quality));
                found
            };
            let longest = frames.iter().copied().max().unwrap_or(config.model.chunk_frames);
            let mut found = vec![workload("features".into(), config, longest, WorkloadKind::Features)];
            found.extend(frames.iter().flat_map(of_length));
            found
        }
        Shapes::Large => {
            let mut large = config.clone();
            large.model.filters = vec![64, 64, 128, 128];
            large.model.pools = vec![[2, 2], [2, 2], [1, 4], [1, 2]];
            large.model.hidden = vec![1024];
            let of_method = |(method, batch): (Method, usize)| {
                let mut config = large.clone();
                config.train.batch = batch;
                Workload {
                    name: format!("large {}", method.name()),
                    ..training(&config, config.model.chunk_frames, method)
                }
            };
            // Both use 500 chunks: a triplet counts as two examples until a negative is mined.
            [(Method::Classifier, 500), (Method::Triplets, 250)].map(of_method).into()
        }
    }
}

impl Workload {
    /// Runs the workload once with `tiles` and times every dispatch; of those with the same kernel, layer and work,
    /// only the first.
    ///
    /// # Errors
    /// The errors of training and of the device.
    pub fn time(&self, gpu: &Gpu, tiles: &Tiles) -> Result<Vec<TimedKernel>> {
        let mut progress = None;
        let recordings = gpu.capture(|| {
            progress = match self.kind {
                WorkloadKind::Features => self.features(gpu).map(|()| None),
                WorkloadKind::Training => self.train(gpu, tiles).map(Some),
                WorkloadKind::Quality => self.quality(gpu, tiles).map(Some),
            }?;
            Ok(())
        })?;
        let mut found: Vec<TimedKernel> = Vec::new();
        for recording in recordings {
            // Kernels leave out a model that has ended its training, so the members' progress is reset.
            if let Some(progress) = &progress {
                let fresh: Vec<Member> = self.config.train.seeds.iter().map(|seed| Member::new(*seed)).collect();
                gpu.write(progress, 0, &fresh);
            }
            for kernel in gpu.profile(&recording, 0, MEASUREMENTS)? {
                let same =
                    |timed: &TimedKernel| timed.kernel.label() == kernel.label() && timed.kernel.work == kernel.work;
                if !found.iter().any(same) {
                    found.push(TimedKernel { workload: format!("{}: {}", self.name, recording.name()), kernel });
                }
            }
        }
        Ok(found)
    }

    /// Returns a timed kernel of this workload as a line of a measurement file.
    ///
    /// # Errors
    /// [`Error::Tolerance`] when the clock did not advance.
    pub fn record(&self, gpu: &Gpu, timed: &TimedKernel) -> Result<Record> {
        let config = &self.config;
        let case = case([
            ("kind", json!("kernel")),
            ("workload", json!(timed.workload)),
            ("kernel", json!(timed.kernel.label())),
            ("frames", json!(self.frames)),
            ("batch", json!(config.train.batch)),
            ("members", json!(config.train.seeds.len())),
        ]);
        let samples = Samples::new(timed.kernel.times.iter().map(|seconds| seconds * 1e3).collect());
        let samples = samples.ok_or_else(|| {
            Error::Tolerance(format!("{}: the clock did not advance during a dispatch", timed.kernel.label()))
        })?;
        Ok(Record::new(case, samples, gpu.adapter()))
    }

    /// Returns the number of frames of a segment.
    pub fn frames(&self) -> usize {
        self.frames
    }

    fn features(&self, gpu: &Gpu) -> Result<()> {
        let config = &self.config.features;
        let samples = self.frames * config.hop;
        let audio = |clip: usize| {
            let mut stream = Key::new(0).named("clip").child(clip as u64).stream();
            Ok(((0..samples).map(|_| stream.uniform(-0.1, 0.1) as f32).collect(), ()))
        };
        let (store, _) = extract(gpu, config, self.config.train.batch, self.frames, &audio, &|_| {})?;
        standardise(gpu, &store, &statistics(gpu, &store, None)?, config.epsilon)
    }

    fn train(&self, gpu: &Gpu, tiles: &Tiles) -> Result<Tensor<Member>> {
        let config = &self.config;
        let data = random_data(gpu, config, CLASSES, self.frames)?;
        let mut trainer = Trainer::new(gpu, tiles, config, &data)?;
        trainer.run(&mut Unwatched)?;
        Ok(trainer.population().progress.clone())
    }

    fn quality(&self, gpu: &Gpu, tiles: &Tiles) -> Result<Tensor<Member>> {
        let config = &self.config;
        let examples = random_examples(gpu, config, CLASSES, self.frames)?;
        let architecture = Architecture::new(&config.model, &config.features, CLASSES);
        let batch = BatchShape { segments: 1, chunks: 1 };
        let population = Population::new(gpu, tiles, architecture, &config.train.seeds, batch)?;
        population.use_parameters(gpu, &population.state)?;
        let centres = ClassCentroids::new(gpu, &population, &examples, Normalise::None)?;
        centres.queue(gpu)?;
        embedding_quality(gpu, &population, &centres, &examples)?;
        Ok(population.progress)
    }
}
