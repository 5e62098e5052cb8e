//! Every kernel, once: a WGSL file under `shaders/`, a Rust file here, its `mod` line, and a line in [`REGISTRY`].
//!
//! Each file holds a struct whose fields are the kernel's bindings by name and its tuning knobs, the f64 oracle that
//! says what it computes, and cases that compare the two. Tests, benchmarks and the self-check loop over the registry.

pub mod adam;
mod case;
pub mod chunk_mean;
pub mod class_means;
pub mod confusion;
pub mod confusion_matrix;
pub mod conv;
pub mod conv_forward;
pub mod conv_input_grad;
pub mod conv_weight_grad;
pub mod distances;
pub mod distances_grad;
pub mod dropout;
pub(crate) mod forms;
pub mod frame_mean;
pub mod frame_mean_grad;
pub mod gather;
pub mod gather_rows;
pub mod grad_output;
pub mod input;
pub mod keep_best;
pub mod layout;
pub mod linear;
pub mod linear_forward;
pub mod log_mel;
pub mod mel;
pub mod mine_negatives;
pub mod moments;
pub mod nearest;
pub mod normalise;
pub mod normalise_grad;
pub mod pack;
pub mod pool_argmax;
pub mod population;
pub mod probe;
pub mod prototype_loss;
pub mod prototypes;
pub mod rows;
pub mod scatter;
pub mod score;
pub mod silhouette;
pub mod spectrum;
pub mod standardise;
pub mod store_rows;
pub mod tagger_step;
pub mod triplet_loss;

use crate::Result;
use crate::gpu::Gpu;

pub use case::{Case, CaseRun, Expectation, random, random_below, relative_error};

/// One line of the registry.
pub struct KernelEntry {
    /// The kernel's name, the stem of its WGSL file.
    pub name: &'static str,
    /// Inputs with known outputs: odd sizes, ties, every variant.
    pub cases: fn() -> Vec<Case>,
}

impl KernelEntry {
    /// Runs the cases that are for the device, compiled together; returns the name of each and the largest relative error found, as
    /// [`Case::run`] does.
    ///
    /// # Errors
    /// Errors of [`Gpu::check`].
    pub fn run<'a>(&self, gpu: &'a Gpu) -> Result<impl Iterator<Item = (String, Result<f64>)> + 'a> {
        let cases = (self.cases)().into_iter().filter(|case| case.is_for(gpu.class()));
        let runs: Vec<_> = cases.map(|case| (case.prepare(gpu), case.name)).collect();
        let kernels: Vec<_> =
            runs.iter().filter_map(|(prepare, _)| Some(prepare.as_ref().ok()?.kernel.as_ref())).collect();
        gpu.compile_ahead(&kernels)?;
        Ok(runs.into_iter().map(|(prepare, name)| (name, prepare.and_then(|prepare| prepare.run(gpu)))))
    }
}

/// All kernels in data-flow order, then those that measure the device.
pub const REGISTRY: &[KernelEntry] = &[
    spectrum::ENTRY,
    mel::ENTRY,
    log_mel::ENTRY,
    moments::ENTRY,
    standardise::ENTRY,
    gather::ENTRY,
    conv_forward::ENTRY,
    chunk_mean::ENTRY,
    frame_mean::ENTRY,
    normalise::ENTRY,
    distances::ENTRY,
    mine_negatives::ENTRY,
    triplet_loss::ENTRY,
    prototypes::ENTRY,
    prototype_loss::ENTRY,
    distances_grad::ENTRY,
    normalise_grad::ENTRY,
    linear_forward::ENTRY,
    tagger_step::ENTRY,
    frame_mean_grad::ENTRY,
    conv_input_grad::ENTRY,
    conv_weight_grad::ENTRY,
    adam::ENTRY,
    pack::ENTRY,
    store_rows::ENTRY,
    gather_rows::ENTRY,
    class_means::ENTRY,
    nearest::ENTRY,
    confusion_matrix::ENTRY,
    scatter::ENTRY,
    silhouette::ENTRY,
    confusion::ENTRY,
    score::ENTRY,
    keep_best::ENTRY,
    probe::multiply_add::ENTRY,
    probe::copy::ENTRY,
    probe::workgroup_load::ENTRY,
    probe::touch::ENTRY,
];
