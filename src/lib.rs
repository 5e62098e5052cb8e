//! `weaklabel`: train and evaluate audio taggers on weak labels, with all arithmetic in WGSL compute shaders.
//!
//! A training takes clips with weak labels (the classes that are audible somewhere in a clip, without times) and makes
//! taggers of them, one for each seed. All tensors live on one GPU, or on a software adapter:
//!
//! ```
//! use weaklabel::{AdapterChoice, Config, Dataset, Gpu, Models, Tagger, Tiles, Trainer, TrainingData, Unwatched};
//!
//! // Twenty clips of the built-in sounds, and one epoch of a small network.
//! let mut config = Config::default();
//! (config.data.train, config.data.validation) = (20, 10);
//! (config.train.seconds, config.train.epochs) = (0.2, Some(1));
//! (config.model.filters, config.model.pools) = (vec![8, 12], vec![[4, 4], [5, 8]]);
//!
//! let gpu = Gpu::open(&AdapterChoice::default())?;
//! let dataset = Dataset::of(&config)?;
//! let data = TrainingData::load(&gpu, &config, &dataset, &dataset.contents()?, &|_, _| {})?;
//! // No tiles were measured for this device (`weaklabel tune`), so kernels use those that come with the crate.
//! let tiles = Tiles::default();
//! let mut trainer = Trainer::new(&gpu, &tiles, &config, &data)?;
//! trainer.run(&mut Unwatched)?;
//!
//! // The best epoch's model tags a second of silence: one probability for each class.
//! let models = Models::new(&gpu, &tiles, &trainer.best_models()?)?;
//! let silence = vec![0.0; 16_000];
//! let probabilities = Tagger::new(&gpu, &models, usize::MAX)?.probabilities(&[&silence], &mut |_| {})?;
//! assert_eq!(probabilities[0].len(), data.classes.len());
//! # Ok::<(), weaklabel::Error>(())
//! ```
//!
//! The items of this page, in the order of the data:
//!
//! - [`Config`] holds every setting. The defaults are the paper's values, and [`read_config`] reads a file of others.
//! - [`Dataset`] has the clips: the built-in sounds, a [`Soundbank`] to mix clips from, or a folder of finished clips.
//!   [`TrainingData`] has their features on the GPU, or streams them; a [`FeatureCache`] keeps them for later.
//!   [`decode_at`] reads a single file.
//! - [`Trainer`] trains one model for each seed, and [`Observer`] follows it. [`write_model`] and [`read_model`] are
//!   for files, [`RunDir`] for the folders that the program writes.
//! - [`Models`] are trained models in use: [`Tagger`] and [`SegmentEmbedder`] take samples, [`Scorer`] takes
//!   [`Examples`] and counts right and wrong tags.
//! - [`Gpu`], [`Tensor`], [`Kernel`] and [`Recording`] run compute shaders, also those of another crate.
//!
//! The programs in `examples/` show the same at more length: `train`, `predict` and `embed`, and `custom_kernel`, which
//! runs a kernel of its own on the same device. Cargo features leave out what a library user may not need
//! (`default-features = false`): `cluster`, `report` and `cli`.
//!
//! The crate's modules are public for its program, tests and benchmarks, and may change at any time. This page leaves
//! them out. `RUSTDOCFLAGS="--cfg internals" cargo doc` describes them as well.

// The modules stand in the order in which data flow through them. A module uses only those above it, which
// tests/architecture.rs checks.
#[cfg_attr(not(internals), doc(hidden))]
pub mod base;

#[cfg_attr(not(internals), doc(hidden))]
pub mod config;

#[cfg_attr(not(internals), doc(hidden))]
pub mod gpu;

#[cfg_attr(not(internals), doc(hidden))]
pub mod kernels;

#[cfg_attr(not(internals), doc(hidden))]
pub mod data;

#[cfg_attr(not(internals), doc(hidden))]
pub mod model;

#[cfg_attr(not(internals), doc(hidden))]
pub mod evaluate;

#[cfg_attr(not(internals), doc(hidden))]
pub mod train;

#[cfg_attr(not(internals), doc(hidden))]
pub mod output;

#[cfg_attr(not(internals), doc(hidden))]
pub mod experiments;

#[cfg_attr(not(internals), doc(hidden))]
pub mod bench;

#[cfg(feature = "cli")]
#[cfg_attr(not(internals), doc(hidden))]
pub mod cli;

pub use base::error::{Error, Result};
pub use config::{
    ByteCount, Config, Crop, DataConfig, EvaluateConfig, FeatureConfig, KeepFeatures, Method, ModelConfig,
    OptimiserConfig, Precision, PrototypeConfig, SceneConfig, TaggerConfig, TrainConfig, TripletConfig, read_config,
};
pub use data::audio::{Audio, Decoded, decode, decode_at};
pub use data::features::{FeatureCache, Statistics};
pub use data::scenes::{Contents, Dataset, Soundbank, Subset};
pub use evaluate::{Embedding, Examples, Models, Scorer, SegmentEmbedder, SegmentLabels, SegmentSource, Tagger};
pub use gpu::{
    AdapterChoice, AdapterDescription, AdapterKind, Binding, Constant, Gpu, Kernel, Recording, Resolved, ShaderSource,
    Tensor, Work,
};
pub use model::checkpoint::{Description, read_model, write_model};
pub use model::{Architecture, Population, Tiles};
pub use output::RunDir;
pub use train::{EpochReport, Observer, Trainer, TrainingData, Unwatched};
