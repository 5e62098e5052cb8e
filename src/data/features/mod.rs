//! Features: standardised log-mel in an example store (SPEC §1).
//!
//! In: a closure that returns the samples of example `i`, or a file that an earlier training kept. Out: an
//! [`ExampleStore`] whose shards hold `[example, frame, band]`, each small enough for the adapter to bind; a
//! [`FeatureStream`] brings examples there that are too many for the GPU. Audio of any length passes through a
//! [`ChunkBatch`] instead, which keeps no features.

mod cache;
mod chunks;
mod cutter;
mod extract;
mod feature_file;
mod feed;
mod front_end;
mod placement;
mod raw;
mod scaling;
mod shard;
mod standardise;
mod statistics;
mod store;
mod stream;
mod windows;

pub use cache::{CachedFeatures, FeatureCache, WHERE_TO_KEEP, feature_key, keep_features_in};
pub use chunks::{Chunk, ChunkBatch, Chunking, Place};
pub use cutter::{Cutter, Series};
pub use extract::extract;
pub use feature_file::{FeatureFile, FeatureWriter};
pub use feed::Feed;
pub use placement::{FeatureNeeds, FeaturePlacement, FeaturePlan};
pub use raw::{FeatureShape, PlannedFeatures, RawFeatures};
pub use scaling::Scaling;
pub use shard::Shard;
pub use standardise::{RunningMoments, standardise, statistics, statistics_of_named};
pub use statistics::Statistics;
pub use store::{ExampleStore, StoredShard, block};
pub use stream::FeatureStream;

/// The definition of log-mel beyond the keys of [`FeatureConfig`](crate::config::FeatureConfig): constants of this
/// program, which exported models state for their readers.
///
/// A frame of `window` samples is multiplied with a periodic Hann window and lies in the middle of an FFT. The first
/// frame is centred on the first sample, and the signal is zero beyond both ends. Magnitudes (not powers) are weighted
/// with triangles that have a peak of 1 and equally spaced corners on the HTK mel scale. A feature is the natural
/// logarithm of a band's sum plus `log_offset`.
pub const LOG_MEL: [(&str, &str); 6] = [
    ("window_function", "hann_periodic"),
    ("framing", "centred_in_zeros"),
    ("spectrum", "magnitude"),
    ("mel_scale", "htk"),
    ("mel_filters", "triangles_of_peak_1"),
    ("logarithm", "natural"),
];
