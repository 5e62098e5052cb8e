//! Values that all threads of a workgroup share, and how a compiler gets to know that they do.

use super::Case;
use crate::gpu::{DeviceClass, Gpu};

/// Whether a workgroup is one row of lanes, so that its threads share their indices.
pub(super) fn is_shared(lanes: usize, workgroup: usize) -> bool {
    lanes > 1 && lanes == workgroup
}

/// Whether the compiler of `gpu`'s driver has to be shown what is uniform.
pub(crate) fn is_shown(gpu: &Gpu) -> bool {
    gpu.class() == DeviceClass::Llvmpipe
}

/// `case` of a kernel whose threads stand `lanes` wide in workgroups of `workgroup`: for llvmpipe alone where they share their
/// indices, as nobody else is shown them.
pub(super) fn of_lanes(case: Case, lanes: usize, workgroup: usize) -> Case {
    if is_shared(lanes, workgroup) { case.only_on(DeviceClass::Llvmpipe) } else { case }
}

/// The library files that define `group_uniform`, shown to llvmpipe's compiler or left to others, and the row where it is
/// needed: both come in the immediate.
pub(super) fn group_uniform(shown: bool, needs_row: bool) -> Vec<&'static str> {
    if shown {
        return vec![
            include_str!("../../shaders/lib/row_numbers.wgsl"),
            include_str!("../../shaders/lib/group_uniform_shown.wgsl"),
        ];
    }
    let mut source = vec![include_str!("../../shaders/lib/group_uniform.wgsl")];
    source.extend(needs_row.then_some(include_str!("../../shaders/lib/row.wgsl")));
    source
}
