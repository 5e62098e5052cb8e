//! Models and training states on disk. A model is a safetensors file with PyTorch's names and layouts, and with
//! everything needed to use it in the metadata. A training state holds a whole population, from which training resumes
//! to the same bits. Each file carries a checksum over every byte, which is verified whenever the file is read.
//!
//! In: parameters with their [`Description`], or a [`TrainingState`] with its [`Provenance`]. Out: files, or bytes that
//! are kept in a store; and the same back, or an error that names what is damaged, missing or of another training.

mod description;
mod provenance;
mod tensor_file;
mod trained;
mod training_state;

pub use description::Description;
pub use provenance::Provenance;
pub use trained::{model_from_bytes, read_model, write_model};
pub use training_state::{TrainingState, read_training_state, write_training_state};
