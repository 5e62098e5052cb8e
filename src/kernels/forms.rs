//! Values that all threads of a workgroup share, and how a compiler gets to know that they do.

use super::Case;
use crate::gpu::{DeviceClass, Gpu};

/// Whether a workgroup is one row of lanes, so that its threads share their indices.
pub(super) fn is_shared(lanes: usize, workgroup: usize) -> bool {
    lanes > 1 && lanes == workgroup
}

/// Whether the compiler of `gpu`'s driver has to be shown what is uniform.
pub(crate) fn needs_uniform_hint(gpu: &Gpu) -> bool {
    gpu.class() == DeviceClass::Llvmpipe
}

/// `case` of a kernel whose threads stand `lanes` wide in workgroups of `workgroup`: for llvmpipe alone where they share their
/// indices, as nobody else is shown them.
pub(super) fn of_lanes(case: Case, lanes: usize, workgroup: usize) -> Case {
    if is_shared(lanes, workgroup) { case.only_on(DeviceClass::Llvmpipe) } else { case }
}

/// What fills the slots `workgroup_uniform` and `step`, shown to llvmpipe's compiler or left to others: both come in the
/// immediate where they are shown.
pub(super) fn workgroup_uniform(uniform_hint: bool) -> [(&'static str, &'static str); 2] {
    let (uniform, step) = match uniform_hint {
        true => ("lib/workgroup_uniform_via_immediates.wgsl", "lib/step_index_and_digits.wgsl"),
        false => ("lib/workgroup_uniform.wgsl", "lib/step_index.wgsl"),
    };
    [("workgroup_uniform", uniform), ("step", step)]
}
