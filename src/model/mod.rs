//! The networks E and G (SPEC §§2, 3): layers, parameters, and the kernels of a forward and a backward pass.
//!
//! In: a configuration and class names. Out: a [`Population`] of models on the GPU, and recordings of its passes.

mod activations;
mod architecture;
mod batch_shape;
pub mod checkpoint;
mod init;
mod passes;
mod population;
mod starting_model;
pub mod tiles;

pub use activations::{Activations, Mode};
pub use architecture::{Architecture, ConvLayer, Parameter};
pub use batch_shape::BatchShape;
pub use init::initial_parameters;
pub use passes::{Pass, Supervision};
pub use population::{OptimiserStep, Population};
pub use starting_model::StartingModel;
pub use tiles::Tiles;
