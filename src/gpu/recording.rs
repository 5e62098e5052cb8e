//! A list of kernels, which is resolved before it is replayed.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::device::Gpu;
use super::kernel::Kernel;
use super::resolved::{Dispatch, Dispatches, Resolved};
use crate::Result;

/// A list of kernels in execution order. [`Recording::resolve`] makes it replayable.
pub struct Recording {
    name: String,
    kernels: Vec<Box<dyn Kernel>>,
}

impl Recording {
    /// Makes an empty recording. `name` labels its command buffers.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), kernels: Vec::new() }
    }

    /// Appends a kernel.
    pub fn push(&mut self, kernel: impl Kernel + 'static) {
        self.kernels.push(Box::new(kernel));
    }

    /// Appends a boxed kernel, whose type may be known only at run time.
    pub fn push_boxed(&mut self, kernel: Box<dyn Kernel>) {
        self.kernels.push(kernel);
    }

    /// Compiles every kernel and makes every bind group. Replaying the result allocates nothing.
    ///
    /// # Errors
    /// [`crate::Error::Kernel`] naming the kernel whose source, bindings or sizes do not fit the adapter.
    pub fn resolve(self, gpu: &Gpu) -> Result<Resolved> {
        let kernels: Vec<_> = self.kernels.iter().map(AsRef::as_ref).collect();
        let pipelines = gpu.compile_all(&kernels)?;
        let dispatch = |(kernel, pipeline)| Dispatch::new(&gpu.device, &gpu.limits, kernel, pipeline);
        let dispatches = kernels.into_iter().zip(pipelines).map(dispatch).collect::<Result<Vec<_>>>()?;
        gpu.check()?;
        Ok(Resolved(Arc::new(Dispatches { name: self.name, dispatches, rows_per_submit: AtomicU32::new(1) })))
    }
}
