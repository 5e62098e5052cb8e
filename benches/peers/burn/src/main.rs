//! Times the training step of `weaklabel bench step` in burn: the same networks, losses, batches and optimiser.
//!
//! The output is the same JSON line as that of `weaklabel bench step --json`. Segments are random and stay on the
//! device, so a step is forward, backward and AdamW, as in the program. Burn's own layers and losses are used where
//! they exist.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::{Distribution, linalg::vector_normalize};
use clap::{Parser, ValueEnum};
use serde_json::json;

#[cfg(not(any(feature = "wgpu", feature = "flex", feature = "ndarray")))]
compile_error!("a backend is needed: --features vulkan, wgpu, flex or ndarray");

/// Version of burn, which has no constant for it; Cargo.toml pins it.
const BURN: &str = "burn 0.22.1";

const CLASSES: usize = 10;
const BANDS: usize = 64;
const CHUNK: usize = 20;
const EMBEDDING: usize = 130;
const HIDDEN: usize = 32;
/// Filters and max-pool window (time, mel) of each convolution.
const LAYERS: [(usize, [usize; 2]); 4] = [(16, [2, 2]), (16, [2, 2]), (32, [1, 4]), (65, [1, 2])];
const LEARNING_RATE: f64 = 1e-3;

/// Number of steps before measurements, in which burn chooses kernels and fuses operations.
const WARM_UP: usize = 4;
const MEASUREMENT_S: f64 = 0.25;

/// Times the training step of `weaklabel bench step` in burn.
#[derive(Parser)]
struct Options {
    #[arg(long, value_enum, default_value_t = Method::Classifier)]
    method: Method,
    /// Frames per segment, a multiple of 20
    #[arg(long, default_value = "20")]
    frames: NonZeroUsize,
    /// Segments, anchors or queries per step
    #[arg(long, default_value = "10")]
    batch: NonZeroUsize,
    /// Backend, one of those with which this program was built
    #[arg(long, value_enum, default_value_t = Backend::value_variants()[0])]
    backend: Backend,
    #[arg(long, default_value = "9")]
    measurements: NonZeroUsize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    Classifier,
    Triplets,
    Prototypes,
}

#[derive(Clone, Copy, ValueEnum)]
enum Backend {
    #[cfg(feature = "wgpu")]
    Wgpu,
    #[cfg(feature = "flex")]
    Flex,
    #[cfg(feature = "ndarray")]
    Ndarray,
}

impl Backend {
    /// Opens the device and returns it with its name. Burn chooses the backend by the device, not by a type.
    fn open(self) -> (Device, String) {
        match self {
            #[cfg(feature = "wgpu")]
            Self::Wgpu => {
                let device = Device::wgpu(DeviceKind::DefaultDevice);
                let name = device.identity().map_or_else(|| "an unnamed adapter".into(), |identity| identity.name);
                (device, name)
            }
            #[cfg(feature = "flex")]
            Self::Flex => (Device::flex(), cores()),
            // Burn recommends flex instead; both are measured.
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)]
            Self::Ndarray => (Device::ndarray(), cores()),
        }
    }
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
fn cores() -> String {
    std::thread::available_parallelism().map_or_else(|_| "CPU".into(), |cores| format!("{cores} cores"))
}

/// Returns the word that selects `value` on the command line.
fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
}

/// The networks E and G (SPEC §§2, 3).
#[derive(Module, Debug)]
struct Model {
    convolutions: Vec<Conv2d>,
    hidden: Linear,
    output: Linear,
    /// Dropout after every layer but the last.
    dropout: Dropout,
}

impl Model {
    fn new(device: &Device) -> Self {
        let mut channels = 1;
        let convolutions = LAYERS.map(|(filters, _)| {
            let config = Conv2dConfig::new([channels, filters], [3, 3]).with_padding(PaddingConfig2d::Same);
            channels = filters;
            config.init(device)
        });
        let model = Self {
            convolutions: convolutions.into(),
            hidden: LinearConfig::new(EMBEDDING, HIDDEN).init(device),
            output: LinearConfig::new(HIDDEN, CLASSES).init(device),
            dropout: DropoutConfig::new(0.2).init(),
        };
        assert_eq!(model.num_params(), 30_427, "this is not the model of SPEC §§2, 3");
        model
    }

    /// Applies LeakyReLU and dropout, which follow a layer.
    fn activate<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
        self.dropout.forward(leaky_relu(values, 0.2))
    }

    /// Computes embeddings, segment × 130, of segments, segment × frame × band.
    fn embed(&self, segments: Tensor<3>) -> Tensor<2> {
        let [count, frames, _] = segments.dims();
        let chunks = frames / CHUNK;
        let planes = segments.reshape([count * chunks, 1, CHUNK, BANDS]);
        let planes = self.convolutions.iter().zip(LAYERS).fold(planes, |planes, (convolution, (_, window))| {
            MaxPool2dConfig::new(window).init().forward(self.activate(convolution.forward(planes)))
        });
        let steps: Tensor<3> = planes.permute([0, 2, 3, 1]).flatten(2, 3);
        let chunk: Tensor<2> = steps.mean_dim(1).squeeze_dim(1);
        chunk.reshape([count, chunks, EMBEDDING]).mean_dim(1).squeeze_dim(1)
    }

    /// Computes G's logits.
    fn classify(&self, embeddings: Tensor<2>) -> Tensor<2> {
        self.output.forward(self.activate(self.hidden.forward(embeddings)))
    }
}

/// The batch on which every step trains.
struct Batch {
    segments: Tensor<3>,
    /// Class of each segment or query.
    classes: Tensor<1, Int>,
    /// Classes as one-hot vectors.
    labels: Tensor<2, Int>,
}

impl Batch {
    fn new(options: &Options, device: &Device) -> Self {
        let batch = options.batch.get();
        let count = match options.method {
            Method::Classifier => batch,
            Method::Triplets => 3 * batch,
            Method::Prototypes => CLASSES + batch,
        };
        let shape = [count, options.frames.get(), BANDS];
        let classes = Tensor::<1, Int>::arange(0..batch as i64, device).remainder_scalar(CLASSES as i64);
        Self {
            segments: Tensor::random(shape, Distribution::Uniform(-1.7, 1.7), device),
            labels: classes.clone().one_hot(CLASSES),
            classes,
        }
    }
}

impl Method {
    fn loss(self, model: &Model, batch: &Batch) -> Tensor<1> {
        let embeddings = model.embed(batch.segments.clone());
        match self {
            Self::Classifier => classifier(model.classify(embeddings), batch),
            Self::Triplets => triplets(embeddings),
            Self::Prototypes => prototypes(embeddings, batch),
        }
    }
}

/// Computes the binary cross-entropy of a batch (SPEC §4.1).
fn classifier(logits: Tensor<2>, batch: &Batch) -> Tensor<1> {
    let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(&logits.device());
    loss.forward(logits, batch.labels.clone())
}

/// Computes the triplet loss of equal numbers of anchors, positives and negatives (SPEC §4.2).
fn triplets(embeddings: Tensor<2>) -> Tensor<1> {
    let count = embeddings.dims()[0] / 3;
    let unit = vector_normalize(embeddings, 2.0, 1, 1e-12);
    let [anchor, positive, negative] = [0, 1, 2].map(|third| unit.clone().narrow(0, third * count, count));
    let near = (anchor.clone() - positive).square().sum_dim(1);
    let far = (anchor - negative).square().sum_dim(1);
    relu(near - far + 0.5).mean()
}

/// Computes the cross-entropy of the queries against one support of each class (SPEC §4.3).
fn prototypes(embeddings: Tensor<2>, batch: &Batch) -> Tensor<1> {
    let queries = embeddings.dims()[0] - CLASSES;
    let supports = embeddings.clone().narrow(0, 0, CLASSES).unsqueeze_dim::<3>(0);
    let queries = embeddings.narrow(0, CLASSES, queries).unsqueeze_dim::<3>(1);
    let distances: Tensor<2> = (queries - supports).square().sum_dim(2).squeeze_dim(2);
    CrossEntropyLossConfig::new().init(&distances.device()).forward(-distances, batch.classes.clone())
}

/// A model in training.
struct Training {
    method: Method,
    device: Device,
    batch: Batch,
    optimiser: ModuleOptimizer,
    model: Model,
}

impl Training {
    fn new(options: &Options, device: Device) -> Self {
        Self {
            method: options.method,
            batch: Batch::new(options, &device),
            optimiser: AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(1e-2).init(),
            model: Model::new(&device),
            device,
        }
    }

    /// Makes a step. The training is moved in and out, since a second handle on the weights would prevent an update in
    /// place.
    fn step(mut self) -> Self {
        let gradients = self.method.loss(&self.model, &self.batch).backward();
        let gradients = GradientsParams::from_grads(gradients, &self.model);
        self.model = self.optimiser.step(LEARNING_RATE, self.model, gradients);
        self
    }

    /// Measures `count` steps and returns the seconds per step. The queue is empty whenever the clock is read.
    fn time(mut self, count: usize) -> Result<(Self, f64), Box<dyn Error>> {
        self.device.sync()?;
        let begin = Instant::now();
        for _ in 0..count {
            self = self.step();
        }
        self.device.sync()?;
        let seconds = begin.elapsed().as_secs_f64();
        Ok((self, seconds / count as f64))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if options.frames.get() % CHUNK != 0 {
        return Err(format!("--frames {} is no multiple of {CHUNK}", options.frames).into());
    }
    let (device, name) = options.backend.open();
    let device = device.autodiff();
    device.seed(0);

    let training = Training::new(&options, device);
    let (training, first_step_s) = training.time(1)?;
    let (training, _) = training.time(WARM_UP)?;
    let (mut training, seconds) = training.time(2)?;
    let count = ((MEASUREMENT_S / seconds) as usize).max(1);
    let mut times = Vec::with_capacity(options.measurements.get());
    for _ in 0..options.measurements.get() {
        let (next, seconds) = training.time(count)?;
        training = next;
        times.push(1e3 * seconds);
    }
    times.sort_by(f64::total_cmp);
    let median = f64::midpoint(times[(times.len() - 1) / 2], times[times.len() / 2]);

    let line = json!({
        "kind": "step",
        "method": word(options.method),
        "frames": options.frames,
        "batch": options.batch,
        "members": 1,
        "ms": times,
        "ms_median": median,
        "ms_min": times[0],
        "ms_max": times[times.len() - 1],
        "adapter": format!("{BURN} {}, {name}", word(options.backend)),
        "backend": word(options.backend),
        "first_step_s": first_step_s,
    });
    println!("{line}");
    Ok(())
}
