//! Kernels. A kernel consists of a WGSL file under `shaders/`, a Rust file of the same name here, a `mod` line, and a
//! line in [`REGISTRY`].
//!
//! Each Rust file holds a struct with the kernel's bindings and tuning knobs, an f64 oracle that defines the result,
//! and cases that compare the kernel with the oracle. Tests, benchmarks and the self-check loop over the registry.

pub mod adam;
pub mod average_precision;
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
pub mod pack_f16;
pub mod pool_argmax;
pub mod population;
pub mod probe;
pub mod prototype_loss;
pub mod prototypes;
pub mod random_crop;
pub mod rows;
pub mod scale_rows;
pub mod scatter;
pub mod score;
pub mod silhouette;
pub mod spectrum;
pub mod standardise;
pub mod store_rows;
pub mod stored;
pub mod tagger_step;
pub mod triplet_loss;
pub mod zero_padding;

use crate::Result;
use crate::gpu::Gpu;
use probe::{copy, multiply_add, touch, workgroup_load};

pub use case::{Case, CaseRun, Expectation, random, random_below, relative_error};

/// Registry entry of a kernel.
pub struct KernelEntry {
    /// Name of the kernel, which is also that of its module and of its WGSL file.
    pub name: &'static str,
    /// Builds the test cases: inputs with known outputs, which cover odd sizes, ties and every variant.
    pub cases: fn() -> Vec<Case>,
}

impl KernelEntry {
    /// Runs the cases that apply to the device, after compiling their kernels together. Yields the name of each case
    /// with the largest relative error found, as [`Case::run`] returns it.
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

/// Makes an entry of every module, whose name is also that of its kernel.
macro_rules! entries {
    ($($kernel:ident,)+) => {
        &[$(KernelEntry { name: stringify!($kernel), cases: $kernel::cases }),+]
    };
}

/// All kernels in data-flow order, followed by the probes that measure the device.
pub const REGISTRY: &[KernelEntry] = entries![
    spectrum,
    mel,
    log_mel,
    moments,
    standardise,
    pack_f16,
    gather,
    random_crop,
    conv_forward,
    zero_padding,
    chunk_mean,
    frame_mean,
    scale_rows,
    normalise,
    distances,
    mine_negatives,
    triplet_loss,
    prototypes,
    prototype_loss,
    distances_grad,
    normalise_grad,
    linear_forward,
    tagger_step,
    frame_mean_grad,
    conv_input_grad,
    conv_weight_grad,
    adam,
    pack,
    store_rows,
    gather_rows,
    class_means,
    nearest,
    confusion_matrix,
    scatter,
    silhouette,
    confusion,
    average_precision,
    score,
    keep_best,
    multiply_add,
    copy,
    workgroup_load,
    touch,
];
