//! The kernels of all cases of the registry, made without a driver.

use weaklabel::gpu::{DeviceClass, Gpu, Kernel};
use weaklabel::kernels::REGISTRY;

/// Opens a device without a driver for each form of the kernels: the form for GPUs and the form for llvmpipe.
pub fn devices() -> [Gpu; 2] {
    [Gpu::noop(), Gpu::noop().taken_for(DeviceClass::Llvmpipe)]
}

/// Makes the kernels of all cases of the registry, each with a name for messages.
pub fn kernels(gpu: &Gpu) -> Vec<(String, Box<dyn Kernel>)> {
    let mut kernels = Vec::new();
    for entry in REGISTRY {
        for case in (entry.cases)() {
            let what = format!("{} ({})", entry.name, case.name);
            let kernel = case.prepare(gpu).unwrap_or_else(|e| panic!("{what}: {e}")).kernel;
            let names = [kernel.name(), kernel.source().name()];
            assert_eq!(names, [entry.name; 2], "{what}: module, kernel and WGSL file share one name");
            kernels.push((what, kernel));
        }
    }
    kernels
}
