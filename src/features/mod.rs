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
pub use standardise::{Moments, Statistics, standardise, statistics};
pub use store::{ExampleStore, Shard};
