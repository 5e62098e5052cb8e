//! The networks E and G (SPEC §§2, 3): layers, parameters, and the kernels of a forward and a backward pass.
//!
//! In: a configuration and class names. Out: a [`Population`] of models on the GPU, and recordings of its passes.

mod activations;
mod architecture;
pub mod checkpoint;
mod init;
mod passes;
mod population;
pub mod tiles;

pub use activations::{Activations, BatchShape, Mode};
pub use architecture::{Architecture, ConvLayer, Parameter};
pub use init::initial_parameters;
pub use passes::{Supervision, embed_backward, embed_forward, tag_forward, tag_step};
pub use population::Population;
