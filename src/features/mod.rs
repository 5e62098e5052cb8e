//! From audio to the resident example store: standardised log-mel features that never leave the GPU (SPEC §1).
//!
//! In: a closure that yields the samples of example `i`. Out: an [`ExampleStore`] whose shards hold
//! `[example, frame, band]`, each shard within what the adapter can bind. Audio of any length passes through a
//! [`ChunkBatch`] instead, which keeps nothing.

mod chunks;
mod extract;
mod front_end;
mod standardise;
mod store;

pub use chunks::{Chunk, ChunkBatch, Chunking};
pub use extract::extract;
pub use standardise::{RunningMoments, Statistics, standardise, statistics};
pub use store::{ExampleStore, Shard};

/// How log-mel is made, besides what [`FeatureConfig`](crate::config::FeatureConfig) sets: constants of this program, as models
/// tell them to their readers.
///
/// Frames of `window` samples under a periodic Hann window, in the middle of an FFT; the first is centred on the first
/// sample, and zeros lie beyond both ends. Magnitudes, not powers, through triangles with a peak of 1 between equally spaced points
/// of the HTK mel scale; then the natural logarithm of each band's sum and `log_offset`.
pub const LOG_MEL: [(&str, &str); 6] = [
    ("window_function", "hann_periodic"),
    ("framing", "centred_in_zeros"),
    ("spectrum", "magnitude"),
    ("mel_scale", "htk"),
    ("mel_filters", "triangles_of_peak_1"),
    ("logarithm", "natural"),
];
