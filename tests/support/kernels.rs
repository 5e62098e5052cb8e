//! The kernels of all cases of the registry, made without a driver.

use weaklabel::gpu::{DeviceClass, Gpu, Kernel};
use weaklabel::kernels::REGISTRY;

/// Devices without a driver for every form of the kernels: those of GPUs, and llvmpipe's.
pub fn devices() -> [Gpu; 2] {
    [Gpu::noop(), Gpu::noop().taken_for(DeviceClass::Llvmpipe)]
}

/// The kernels of all cases of the registry, with a name for messages.
pub fn kernels(gpu: &Gpu) -> Vec<(String, Box<dyn Kernel>)> {
    let mut kernels = Vec::new();
    for entry in REGISTRY {
        for case in (entry.cases)() {
            let what = format!("{} ({})", entry.name, case.name);
            let kernel = case.prepare(gpu).unwrap_or_else(|e| panic!("{what}: {e}")).kernel;
            assert_eq!(kernel.name(), entry.name, "{what}: the kernel of another entry");
            kernels.push((what, kernel));
        }
    }
    kernels
}
