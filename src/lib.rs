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
//! The programs in `examples/` go on from here: `train`, `predict` and `embed`, and `custom_kernel`, which runs a
//! kernel of its own on the same device.
//!
//! The modules below stand in the order in which data flow through them; a module uses only those above it.

pub mod base;

pub mod config;

pub mod gpu;

pub mod kernels;

pub mod data;

pub mod model;

pub mod evaluate;

pub mod train;

pub mod output;

pub mod experiments;

pub mod bench;

#[cfg(feature = "cli")]
pub mod cli;

pub use base::error::{Error, Result};
pub use config::{Config, Method};
pub use data::audio::{decode, decode_at};
pub use data::scenes::{Dataset, Soundbank, Subset};
pub use evaluate::{Embedding, Examples, Models, Scorer, SegmentEmbedder, SegmentLabels, SegmentSource, Tagger};
pub use gpu::{AdapterChoice, Binding, Constant, Gpu, Kernel, Recording, ShaderSource, Tensor, Work};
pub use model::Tiles;
pub use model::checkpoint::{Description, read_model, write_model};
pub use output::RunDir;
pub use train::{EpochReport, Observer, Trainer, TrainingData, Unwatched};
