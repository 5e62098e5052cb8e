//! Trained models, for use on new audio.

use crate::Result;
use crate::gpu::Gpu;
use crate::model::checkpoint::Description;
use crate::model::{Architecture, BatchShape, Population, Tiles};

/// The models of one training, one for each seed.
pub struct Models {
    /// The models, with their trained parameters.
    pub population: Population,
    /// Description of the first model. The descriptions of the other models differ in seed and epoch only.
    pub description: Description,
    /// Seeds of the models.
    pub seeds: Vec<u64>,
}

impl Models {
    /// Puts models from [`crate::model::checkpoint::read_model`] on the GPU, to compute with `tiles`. Panics if
    /// `models` is empty.
    ///
    /// # Errors
    /// Errors of making tensors, compiling kernels, and of the device.
    pub fn new(gpu: &Gpu, tiles: &Tiles, models: &[(Vec<f32>, Description)]) -> Result<Self> {
        let description = models[0].1.clone();
        let seeds: Vec<u64> = models.iter().map(|(_, description)| description.seed).collect();
        let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
        let population = Population::new(gpu, tiles, architecture, &seeds, BatchShape { segments: 1, chunks: 1 })?;
        let parameters: Vec<f32> = models.iter().flat_map(|(parameters, _)| parameters).copied().collect();
        gpu.write(&population.best, 0, &parameters);
        population.use_parameters(gpu, &population.best)?;
        Ok(Self { population, description, seeds })
    }
}
