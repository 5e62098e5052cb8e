//! Every kernel, once: a WGSL file under `shaders/`, a Rust file here, a line in [`REGISTRY`].
//!
//! Each file holds a struct whose fields are the kernel's bindings by name and its tuning knobs, the f64 oracle that
//! says what it computes, and cases that compare the two. Tests, benchmarks and the self-check loop over the registry.

mod case;
pub mod mel;
pub mod moments;
pub mod spectrum;
pub mod standardise;

pub use case::{Case, Expectation, Trial, random, random_below, relative_error};

/// One line of the registry.
pub struct Entry {
    /// The kernel's name, the stem of its WGSL file.
    pub name: &'static str,
    /// Inputs with known outputs: odd sizes, ties, every variant.
    pub cases: fn() -> Vec<Case>,
}

/// All kernels in data-flow order.
pub const REGISTRY: &[Entry] = &[spectrum::ENTRY, mel::ENTRY, moments::ENTRY, standardise::ENTRY];
