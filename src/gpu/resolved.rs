//! A list of kernels that was resolved to pipelines, bind groups and grids.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::kernel::{Kernel, Work};
use super::memory::Allocation;
use super::pipeline::Pipeline;
use crate::{Error, Result};

/// A recording that can be replayed for any row of its schedule. Clones share everything.
#[derive(Clone)]
pub struct Resolved(pub(super) Arc<Dispatches>);

pub(super) struct Dispatches {
    pub name: String,
    pub dispatches: Vec<Dispatch>,
    /// Number of rows in a submit, adapted during replays to keep submits short.
    pub rows_per_submit: AtomicU32,
}

impl Resolved {
    /// Returns the recording's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the number of dispatches of one row.
    pub fn len(&self) -> usize {
        self.0.dispatches.len()
    }

    /// Whether there are no dispatches.
    pub fn is_empty(&self) -> bool {
        self.0.dispatches.is_empty()
    }
}

pub(super) struct Dispatch {
    pub name: &'static str,
    pub layer: String,
    pub work: Work,
    pipeline: Arc<Pipeline>,
    bind_group: wgpu::BindGroup,
    /// Buffers that the bind group refers to, which are kept alive and counted.
    _bound: Vec<Arc<Allocation>>,
    grid: [u32; 3],
}

impl Dispatch {
    /// Makes the bind group of `kernel` on a device with these limits.
    pub fn new(
        device: &wgpu::Device,
        limits: &wgpu::Limits,
        kernel: &dyn Kernel,
        pipeline: Arc<Pipeline>,
    ) -> Result<Self> {
        let grid = kernel.grid();
        let Ok([x, y, z]) =
            grid.map(u32::try_from).into_iter().collect::<Result<Vec<_>, _>>().map(|g| [g[0], g[1], g[2]])
        else {
            return Err(Error::kernel(kernel.name(), format!("a grid of {grid:?} workgroups is beyond any adapter")));
        };
        pipeline.interface.fits(kernel.name(), [x, y, z], limits)?;
        let bindings = pipeline.interface.match_bindings(kernel)?;
        let entries: Vec<_> = bindings
            .iter()
            .map(|(number, binding)| wgpu::BindGroupEntry {
                binding: *number,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &binding.allocation.buffer,
                    offset: binding.offset,
                    size: wgpu::BufferSize::new(binding.bytes),
                }),
            })
            .collect();
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor =
            wgpu::BindGroupDescriptor { label: Some(kernel.name()), layout: &pipeline.layout, entries: &entries };
        let bind_group = device.create_bind_group(&descriptor);
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(Error::kernel(kernel.name(), error.to_string()));
        }
        let (name, layer, work) = (kernel.name(), kernel.layer(), kernel.work());
        let bound = bindings.iter().map(|(_, binding)| Arc::clone(&binding.allocation)).collect();
        Ok(Self { name, layer, work, pipeline, bind_group, _bound: bound, grid: [x, y, z] })
    }

    pub fn encode(&self, pass: &mut wgpu::ComputePass<'_>, row: u32) {
        let [x, y, z] = self.grid;
        if x == 0 || y == 0 || z == 0 {
            return;
        }
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        match self.pipeline.interface.immediate_bytes as usize {
            0 => {}
            4 => pass.set_immediates(0, bytemuck::bytes_of(&row)),
            _ => pass.set_immediates(0, bytemuck::bytes_of(&numbers(row))),
        }
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Returns the immediate that `row_numbers.wgsl` declares: the numbers from 0 to 15 as floats, to the first two of
/// which 16 × the row's lower 20 bits and 16 × its upper 12 bits are added.
fn numbers(row: u32) -> [f32; 16] {
    let parts = [row & 0xf_ffff, row >> 20];
    std::array::from_fn(|at| (at as u32 + 16 * parts.get(at).copied().unwrap_or(0)) as f32)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn every_row_and_every_number_comes_out_of_the_immediate() {
        for row in [0, 1, 15, 16, 4095, 0xf_ffff, 0x10_0000, 0x1234_5678, u32::MAX] {
            let entries = numbers(row).map(|entry| entry as u32);
            assert_eq!(entries[0] / 16 + entries[1] / 16 * 0x10_0000, row);
            assert!(entries.iter().enumerate().all(|(at, entry)| entry % 16 == at as u32), "{row}: {entries:?}");
        }
    }
}
