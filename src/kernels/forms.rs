//! Forms of kernels: the choices that depend on the class of the device. (The sizes of the convolutions' tiles are
//! chosen in `model::tiles`.)
//!
//! The forms for GPUs run on every device. llvmpipe has other forms, because it runs a workgroup of eight threads as
//! the lanes of one vector and compiles with LLVM. Shaders that only llvmpipe uses are in `shaders/llvmpipe/`, and the
//! functions here decide when they are used. To support another kind of device, extend these functions and add a folder
//! of shaders. Results of two forms differ only by rounding.

use super::Case;
use crate::gpu::{DeviceClass, Gpu};

/// True if the compiler of `gpu`'s driver needs a hint that a value is the same in the whole workgroup.
pub(crate) fn needs_uniform_hint(gpu: &Gpu) -> bool {
    gpu.class() == DeviceClass::Llvmpipe
}

/// True if a workgroup is exactly one row of lanes, so that its threads share their indices. Such tiles are for
/// llvmpipe.
pub(super) fn lanes_fill_workgroup(lanes: usize, workgroup: usize) -> bool {
    lanes > 1 && lanes == workgroup
}

/// Returns the files for the slots `workgroup_uniform` and `step`, with or without the hint that a value is the same in
/// the whole workgroup. The hint reads immediates, which then hold a table of digits besides the step.
pub(super) fn uniform_slots(hint: bool) -> [(&'static str, &'static str); 2] {
    let (uniform, step) = match hint {
        true => ("llvmpipe/workgroup_uniform_via_immediates.wgsl", "llvmpipe/step_index_and_digits.wgsl"),
        false => ("lib/workgroup_uniform.wgsl", "lib/step_index.wgsl"),
    };
    [("workgroup_uniform", uniform), ("step", step)]
}

/// True if log-mel features are computed in the registers of one thread. Otherwise spectra are computed in workgroup
/// memory and mel bands by a second kernel. The first form suits threads that are lanes of a vector, which cannot
/// exchange data cheaply.
pub(super) fn features_in_registers(class: DeviceClass) -> bool {
    class == DeviceClass::Llvmpipe
}

/// True if weights that exceed one uniform binding are bound as two uniform buffers. Software adapters load from
/// uniform buffers far faster than from storage.
pub(super) fn two_uniforms(class: DeviceClass) -> bool {
    class.is_software()
}

/// Returns the largest number of rows per thread of `linear_forward`, and the threads per workgroup. Many rows save
/// loads on a software adapter; few rows give a GPU many threads.
pub(super) fn linear_rows(class: DeviceClass) -> (usize, usize) {
    match class {
        DeviceClass::Llvmpipe => (16, 8),
        DeviceClass::Cpu => (16, 32),
        DeviceClass::Integrated | DeviceClass::Discrete => (4, 32),
    }
}

/// Returns the division of a batch by `tagger_step`: examples per split, fewest and most splits, and threads per
/// workgroup. A software adapter gets few splits, because it has few cores and every partial sum costs time; a GPU gets
/// many threads.
pub(super) fn tagger_splits(class: DeviceClass) -> (usize, [usize; 2], usize) {
    match class {
        DeviceClass::Llvmpipe => (64, [1, 8], 8),
        DeviceClass::Cpu => (64, [1, 8], 32),
        DeviceClass::Integrated | DeviceClass::Discrete => (8, [8, 64], 128),
    }
}

/// Restricts `case` to llvmpipe if a tile with `lanes` and `workgroup` is a form that only llvmpipe uses.
pub(super) fn case_of_lanes(case: Case, lanes: usize, workgroup: usize) -> Case {
    if lanes_fill_workgroup(lanes, workgroup) { case.only_on(DeviceClass::Llvmpipe) } else { case }
}
