//! Trained models, ready to be used on whatever they were not trained on.

use crate::Result;
use crate::gpu::Gpu;
use crate::model::checkpoint::Description;
use crate::model::{Architecture, Population};

/// The models of one training, one for each seed.
pub struct Models {
    /// The models, with their trained parameters in use.
    pub population: Population,
    /// What the first of them says about itself; the others differ from it in seed and epoch alone.
    pub description: Description,
    /// Their seeds.
    pub seeds: Vec<u64>,
}

impl Models {
    /// Puts models that [`crate::model::checkpoint::read_model`] read on the GPU. Panics without any.
    ///
    /// # Errors
    /// What making tensors, compiling kernels and the device may report.
    pub fn new(gpu: &Gpu, models: &[(Vec<f32>, Description)]) -> Result<Self> {
        let description = models[0].1.clone();
        let seeds: Vec<u64> = models.iter().map(|(_, description)| description.seed).collect();
        let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
        let population = Population::new(gpu, architecture, &seeds, 1, 1)?;
        let parameters: Vec<f32> = models.iter().flat_map(|(parameters, _)| parameters).copied().collect();
        gpu.write(&population.best, 0, &parameters);
        population.use_parameters(gpu, &population.best)?;
        Ok(Self { population, description, seeds })
    }
}
