//! Compiled pipelines, one for each specialised source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::device::Gpu;
use super::kernel::Kernel;
use super::reflect::{Interface, reflect};
use super::wgsl;
use crate::{Error, Result};

/// A compiled kernel and the layout of its bind group.
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub interface: Interface,
}

/// All pipelines of a device, by specialised source: kernels of equal shape share one.
#[derive(Default)]
pub(super) struct PipelineCache(Mutex<HashMap<String, Arc<Pipeline>>>);

impl Gpu {
    /// The pipeline of `kernel`, compiled on first use.
    pub(super) fn pipeline(&self, kernel: &dyn Kernel, grid: [u32; 3]) -> Result<Arc<Pipeline>> {
        let source = wgsl::specialise(kernel)?;
        let mut cache = self.pipelines.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(pipeline) = cache.get(&source) {
            pipeline.interface.fits(kernel.name(), grid, &self.limits)?;
            return Ok(Arc::clone(pipeline));
        }
        let interface = reflect(kernel.name(), &source)?;
        interface.fits(kernel.name(), grid, &self.limits)?;
        let pipeline = Arc::new(self.compile(kernel.name(), &source, interface)?);
        cache.insert(source, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    fn compile(&self, name: &str, source: &str, interface: Interface) -> Result<Pipeline> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.into()),
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
        match pollster::block_on(scope.pop()) {
            Some(error) => Err(Error::kernel(name, error.to_string())),
            None => Ok(Pipeline { pipeline, layout, interface }),
        }
    }
}
