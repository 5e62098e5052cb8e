//! The first use of kernels on lavapipe, which compiles each when it is first dispatched, one after another on one core.
//!
//! Here that is done beforehand and on several cores, by dispatches without workgroups. The driver keeps on disk what it
//! has compiled, for every device of the adapter. So this thread works for the device itself and others for devices of
//! their own, and what they have compiled the device finds when it comes to it. Where the driver may keep nothing, the
//! device compiles their share as well, and all in all it takes as long as if they had not helped.

use std::iter::{from_fn, once};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::compiling::CompileCount;
use super::device::{DeviceClass, Gpu};
use super::pipeline::{Compiled, Pipeline};
use super::reflect::Declaration;
use crate::{Result, stop};

/// What is on disk already is there within this time; opening other devices would take longer.
const ALONE: Duration = Duration::from_millis(100);

/// Each takes some 110 MB while it compiles.
const MOST_HELPERS: usize = 7;

impl Gpu {
    /// Whether the driver compiles a kernel when it is first dispatched, and not when its pipeline is made.
    pub(super) fn warms_up(&self) -> bool {
        self.handle.is_some() && self.class() == DeviceClass::Llvmpipe
    }

    /// Has the driver finish `kernels`, which are new to the device; `count` counts them.
    ///
    /// # Errors
    /// As [`Gpu::check`]; [`crate::Error::Stopped`] when the process is asked to end.
    pub(super) fn warm_up(&self, mut kernels: Vec<Compiled>, count: &CompileCount<'_>) -> Result<()> {
        let Some(adapter) = self.handle.as_ref().filter(|_| self.warms_up()) else {
            return Ok(());
        };
        // One kernel alone is compiled while the host goes on to what comes next.
        if kernels.len() < 2 {
            return Ok(());
        }
        // The longest come first, so that none of them is left for one core at the end.
        kernels.sort_by_key(|kernel| kernel.source.len());
        let helpers = rayon::current_num_threads().min(kernels.len()).min(MOST_HELPERS + 1) - 1;
        let waiting = Mutex::new(kernels);
        // Once the process is to end nothing is left to compile.
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

    /// Compiles `kernels` to the end on another device of the adapter.
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

    /// A dispatch without workgroups, on buffers that are just long enough; returns when it is done.
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
