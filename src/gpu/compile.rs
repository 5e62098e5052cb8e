//! Compiling of kernels to pipelines, on all cores.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use rayon::iter::Either;
use rayon::prelude::*;

use super::compile_count::CompileCount;
use super::device::Gpu;
use super::kernel::Kernel;
use super::pipeline::{Compiled, Pipeline};
use super::reflect::reflect;
use super::wgsl;
use crate::{Error, Result};

impl Gpu {
    /// Compiles `kernels` on all cores until they are ready to run. A kernel that cannot be compiled is not an error
    /// here, but only when it is resolved.
    ///
    /// # Errors
    /// The errors of [`Gpu::check`].
    pub fn compile_ahead(&self, kernels: &[&dyn Kernel]) -> Result<()> {
        match self.compile_all(kernels) {
            Err(Error::Kernel { .. }) => self.check(),
            done => done.map(drop),
        }
    }

    /// Returns the WGSL that is compiled for `kernel` on this device.
    ///
    /// # Errors
    /// The errors of [`wgsl::specialise`].
    pub fn compiled_source(&self, kernel: &dyn Kernel) -> Result<String> {
        wgsl::specialise(kernel, self.loads())
    }

    /// Returns the pipelines of `kernels`. Those that are not in the cache yet are compiled, on all cores, until they
    /// are ready to run.
    pub(super) fn compile_all(&self, kernels: &[&dyn Kernel]) -> Result<Vec<Arc<Pipeline>>> {
        let specialise = |kernel: &&dyn Kernel| self.compiled_source(*kernel);
        let sources: Vec<String> = kernels.par_iter().map(specialise).collect::<Result<_>>()?;
        let mut missing: HashMap<&String, &'static str> =
            sources.iter().zip(kernels.iter().map(|kernel| kernel.name())).collect();
        missing.retain(|source, _| !self.pipelines.lock().contains_key(*source));
        let count = CompileCount::begin(self.on_compiling.as_ref(), missing.len());
        let compile = |(source, name): (&String, &'static str)| match self.compile(name, source) {
            Ok(pipeline) => {
                if !self.warms_up() {
                    count.one_more();
                }
                Either::Left(Compiled { name, source: source.clone(), pipeline: Arc::new(pipeline) })
            }
            Err(error) => Either::Right(error),
        };
        let (compiled, failed): (Vec<_>, Vec<_>) = missing.into_par_iter().partition_map(compile);
        self.pipelines.lock().extend(compiled.iter().map(|one| (one.source.clone(), Arc::clone(&one.pipeline))));
        self.warm_up(compiled, &count)?;
        if let Some(error) = failed.into_iter().next() {
            return Err(error);
        }
        let cache = self.pipelines.lock();
        let pipeline = |(source, kernel): (&String, &&dyn Kernel)| {
            cache.get(source).cloned().ok_or_else(|| Error::kernel(kernel.name(), "was not compiled"))
        };
        sources.iter().zip(kernels).map(pipeline).collect()
    }

    pub(super) fn compile(&self, name: &str, source: &str) -> Result<Pipeline> {
        let start = Instant::now();
        let (interface, module) = reflect(name, source)?;
        let parsed = start.elapsed();
        // wgpu does not check the size of workgroup memory, and a driver's message does not name the kernel.
        interface.fits(name, [1, 1, 1], &self.limits)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Naga(Cow::Owned(module)),
        });
        let entries: Vec<_> = interface
            .bindings
            .iter()
            .map(|(&binding, declared)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty: declared.ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(name), entries: &entries });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: interface.immediate_bytes,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: None,
            // Every kernel writes workgroup memory before it reads it.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        let failed = pollster::block_on(scope.pop());
        tracing::debug!(
            "{name}: parsed in {:.0} ms, compiled in {:.0} ms",
            parsed.as_secs_f64() * 1e3,
            (start.elapsed() - parsed).as_secs_f64() * 1e3,
        );
        match failed {
            Some(error) => Err(Error::kernel(name, error.to_string())),
            None => Ok(Pipeline { pipeline, layout, interface }),
        }
    }
}
