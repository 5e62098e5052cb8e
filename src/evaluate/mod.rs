//! Evaluation (SPEC §5): examples on the GPU, and the scores of a population on all of them.
//!
//! In: a dataset's subset as segments of some length. Out: probabilities, counts per class, F1 and scores of rankings;
//! embeddings and their quality. Trained [`Models`] tag and embed audio of any length.

mod embedder;
mod examples;
mod models;
mod quality;
mod ranking;
mod row_pass;
mod scorer;
mod segment_embedder;
mod segment_features;
mod segment_model;
mod segment_source;
mod tagger;
mod validator;
mod whole_clips;

pub use embedder::{Embedder, Embedding};
pub use examples::{Examples, SegmentLabels};
pub use models::Models;
pub use quality::{EmbeddedExamples, Quality, embedding_quality};
pub use ranking::{ClassScores, Detection, NEUTRAL_THRESHOLD, TagOutputs, TagScores};
pub use scorer::{BatchPlan, Scorer};
pub use segment_embedder::SegmentEmbedder;
pub use segment_features::SegmentFeatures;
pub use segment_model::{SegmentModel, stream_values};
pub use segment_source::SegmentSource;
pub use tagger::Tagger;
pub use validator::{CentroidValidator, ClassCentroids, NearestCentroid, TaggerValidator, Validator};
pub use whole_clips::tag_whole_clips;
