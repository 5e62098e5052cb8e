//! Forms of kernels: the one place where a kernel's form is chosen by the class of the device. (The sizes of the
//! convolutions' tiles are chosen in `model::tiles`.)
//!
//! The forms for GPUs run on every device. llvmpipe runs a workgroup of eight threads as the lanes of one vector and
//! compiles with LLVM, so other forms are faster there: `shaders/llvmpipe/` holds the shaders that it alone gets, and the
//! functions here say when. A form for another kind of device is an answer here and a folder beside that one. Results of
//! two forms differ by rounding alone.

use super::Case;
use crate::gpu::{DeviceClass, Gpu};

/// True if the compiler of `gpu`'s driver needs a hint to know that a value is the same in the whole workgroup.
pub(crate) fn needs_uniform_hint(gpu: &Gpu) -> bool {
    gpu.class() == DeviceClass::Llvmpipe
}

/// True if a workgroup is one row of lanes, so that its threads share their indices: a tile of this kind is for llvmpipe.
pub(super) fn lanes_fill_workgroup(lanes: usize, workgroup: usize) -> bool {
    lanes > 1 && lanes == workgroup
}

/// Files for the slots `workgroup_uniform` and `step`, with or without the hint that a value is the same in the whole
/// workgroup. The hint needs the immediates, which then hold digits beside the step.
pub(super) fn uniform_slots(hint: bool) -> [(&'static str, &'static str); 2] {
    let (uniform, step) = match hint {
        true => ("llvmpipe/workgroup_uniform_via_immediates.wgsl", "llvmpipe/step_index_and_digits.wgsl"),
        false => ("lib/workgroup_uniform.wgsl", "lib/step_index.wgsl"),
    };
    [("workgroup_uniform", uniform), ("step", step)]
}

/// True if log-mel features are computed in the registers of one thread, instead of spectra in workgroup memory and then
/// mel bands: lanes of a vector exchange nothing.
pub(super) fn features_in_registers(class: DeviceClass) -> bool {
    class == DeviceClass::Llvmpipe
}

/// True if weights that exceed one uniform binding are bound as two: software adapters load from uniform buffers far more
/// cheaply than from storage.
pub(super) fn two_uniforms(class: DeviceClass) -> bool {
    class.is_software()
}

/// Most rows of a thread of `linear_forward`, and threads of its workgroups: a software adapter saves loads, a GPU wants
/// many threads.
pub(super) fn linear_rows(class: DeviceClass) -> (usize, usize) {
    match class {
        DeviceClass::Llvmpipe => (16, 8),
        DeviceClass::Cpu => (16, 32),
        DeviceClass::Integrated | DeviceClass::Discrete => (4, 32),
    }
}

/// The division of a batch by `tagger_step`: examples of a split, fewest and most splits, and threads of its workgroups. A
/// software adapter has few cores and pays for every partial sum; a GPU wants many threads.
pub(super) fn tagger_splits(class: DeviceClass) -> (usize, [usize; 2], usize) {
    match class {
        DeviceClass::Llvmpipe => (64, [1, 8], 8),
        DeviceClass::Cpu => (64, [1, 8], 32),
        DeviceClass::Integrated | DeviceClass::Discrete => (8, [8, 64], 128),
    }
}

/// `case` of a kernel whose threads stand `lanes` wide in workgroups of `workgroup`; for llvmpipe alone where the form is.
pub(super) fn case_of_lanes(case: Case, lanes: usize, workgroup: usize) -> Case {
    if lanes_fill_workgroup(lanes, workgroup) { case.only_on(DeviceClass::Llvmpipe) } else { case }
}
