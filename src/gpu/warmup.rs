//! Warm-up of kernels on lavapipe, which compiles a kernel only when it is first dispatched, one kernel after another
//! on one core.
//!
//! The warm-up compiles kernels before their first use and on several cores, by dispatches without workgroups. The
//! driver caches its compiled code on disk for every device of the adapter. One thread warms up the device itself, and
//! helper threads compile other kernels on devices of their own, whose code the first device then finds in the cache.
//! If the driver cannot write its cache, the device compiles the helpers' kernels again, which takes as long as without
//! helpers.

use std::iter::{from_fn, once};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::compile_count::CompileCount;
use super::device::{DeviceClass, Gpu};
use super::pipeline::{Compiled, Pipeline};
use super::reflect::Declaration;
use crate::Result;
use crate::base::stop;

/// Time that helpers wait before they open devices; kernels that are cached on disk are ready within it.
const ALONE: Duration = Duration::from_millis(100);

/// Largest number of helper threads; each takes some 110 MB while it compiles.
const MOST_HELPERS: usize = 7;

impl Gpu {
    /// Whether the driver compiles a kernel when it is first dispatched, and not when its pipeline is made.
    pub(super) fn warms_up(&self) -> bool {
        self.handle.is_some() && self.class() == DeviceClass::Llvmpipe
    }

    /// Makes the driver compile `kernels`, which are new to the device, to machine code. `count` counts them.
    ///
    /// # Errors
    /// The errors of [`Gpu::check`]; [`crate::Error::Stopped`] when the process is asked to end.
    pub(super) fn warm_up(&self, mut kernels: Vec<Compiled>, count: &CompileCount<'_>) -> Result<()> {
        let Some(adapter) = self.handle.as_ref().filter(|_| self.warms_up()) else {
            return Ok(());
        };
        // A single kernel is better compiled at its first dispatch, while the host continues.
        if kernels.len() < 2 {
            return Ok(());
        }
        // The longest kernels come first (the list is popped from its end), so that none is left for one core at the
        // end.
        kernels.sort_by_key(|kernel| kernel.source.len());
        let helpers = rayon::current_num_threads().min(kernels.len()).min(MOST_HELPERS + 1) - 1;
        let waiting = Mutex::new(kernels);
        // When the process is asked to end, the remaining kernels are skipped.
        let next = || stop::check().ok().and_then(|()| waiting.lock().unwrap_or_else(PoisonError::into_inner).pop());
        let help = || {
            std::thread::park_timeout(ALONE);
            if let Some(kernel) = next()
                && let Err(error) = self.compile_elsewhere(adapter.clone(), once(kernel).chain(from_fn(next)), count)
            {
                tracing::debug!("a device that was to help with compiling failed: {error}");
            }
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(help)).collect();
            while let Some(kernel) = next() {
                self.dispatch_nothing(kernel.name, &kernel.pipeline)?;
                count.one_more();
            }
            helpers.iter().for_each(|helper| helper.thread().unpark());
            stop::check()
        })
    }

    /// Compiles `kernels` to machine code on another device of the adapter.
    fn compile_elsewhere(
        &self,
        adapter: wgpu::Adapter,
        kernels: impl Iterator<Item = Compiled>,
        count: &CompileCount<'_>,
    ) -> Result<()> {
        let other = Self::connect(adapter, self.adapter().clone())?;
        for kernel in kernels {
            other.dispatch_nothing(kernel.name, &other.compile(kernel.name, &kernel.source)?)?;
            count.one_more();
            tracing::debug!("{}: another device has helped", kernel.name);
        }
        Ok(())
    }

    /// Dispatches a kernel without workgroups, on buffers of minimal length, and waits until it is done.
    fn dispatch_nothing(&self, name: &str, pipeline: &Pipeline) -> Result<()> {
        let start = Instant::now();
        let Pipeline { pipeline, layout, interface } = pipeline;
        let buffer = |declared: &Declaration| {
            let usage = match declared.ty {
                wgpu::BufferBindingType::Uniform => wgpu::BufferUsages::UNIFORM,
                wgpu::BufferBindingType::Storage { .. } => wgpu::BufferUsages::STORAGE,
            };
            let size = u64::from(declared.bytes.next_multiple_of(16));
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        };
        let buffers: Vec<_> = interface.bindings.iter().map(|(at, declared)| (*at, buffer(declared))).collect();
        let entries: Vec<_> = buffers
            .iter()
            .map(|(at, buffer)| wgpu::BindGroupEntry { binding: *at, resource: buffer.as_entire_binding() })
            .collect();
        let bound =
            self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &bound, &[]);
            if interface.immediate_bytes > 0 {
                pass.set_immediates(0, &vec![0; interface.immediate_bytes as usize]);
            }
            pass.dispatch_workgroups(0, 0, 0);
        }
        self.queue.submit([encoder.finish()]);
        self.wait()?;
        tracing::debug!("{name}: ready in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }
}
