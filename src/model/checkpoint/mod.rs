//! Models on disk: safetensors with PyTorch's names and layouts, everything needed to use them in the metadata; and the
//! state of a whole population from which training goes on to the same bits. Both carry a checksum over every byte of their
//! file, which is verified whenever one is read.
//!
//! In: parameters with their [`Description`], or a [`Standing`] with its [`Provenance`]. Out: files, or bytes that travel
//! through a store; and the same back, or an error that names what is damaged, missing or of something else.

mod description;
mod provenance;
mod tensor_file;
mod trained;
mod training_state;

pub use description::Description;
pub use provenance::Provenance;
pub use trained::{model_from_bytes, read_model, write_model};
pub use training_state::{TrainingState, read_training_state, write_training_state};
