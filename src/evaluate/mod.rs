//! How good the models are (SPEC §5): examples on the GPU, and a population scored on all of them.
//!
//! In: a dataset's subset as segments of some length. Out: probabilities, counts per class, F1; embeddings and their
//! quality.

mod embedder;
mod examples;
mod judge;
mod quality;
mod scorer;

pub use embedder::{Embedder, Embedding};
pub use examples::{Examples, Heard, load_lengths};
pub use judge::{Centres, Judge, NearestCentre, Separation, Tagging};
pub use quality::{Embedded, Quality, embedding_quality};
pub use scorer::{BatchPlan, Scorer};
