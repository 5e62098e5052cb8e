//! Compiled pipelines, one for each specialised source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::reflect::Interface;

/// A compiled kernel and the layout of its bind group.
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub interface: Interface,
}

/// A newly compiled pipeline with the kernel's name and source.
pub(super) struct Compiled {
    pub name: &'static str,
    pub source: String,
    pub pipeline: Arc<Pipeline>,
}

/// All pipelines of a device by specialised source, so that kernels of equal shape share one.
#[derive(Default)]
pub(super) struct PipelineCache(Mutex<HashMap<String, Arc<Pipeline>>>);

impl PipelineCache {
    /// Returns the pipelines for reading and adding.
    pub fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Pipeline>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
