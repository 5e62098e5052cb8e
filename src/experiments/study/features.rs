//! Features shared by the cells of one dataset and training length: segments as standardised log-mel on the GPU.

use super::Events;
use crate::Result;
use crate::config::{Config, Variant};
use crate::data::scenes::{Contents, Dataset, Subset};
use crate::evaluate::Examples;
use crate::gpu::Gpu;
use crate::output::Progress;
use crate::train::TrainingData;

/// The segments of one dataset at one training length and at all test lengths.
pub struct StudyFeatures {
    /// Training and validation segments.
    pub training: TrainingData,
    /// Names and hashes of everything that the samples depend on.
    pub contents: Contents,
    /// Number of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Evaluation segments of each test length.
    pub eval: Vec<Examples>,
}

impl StudyFeatures {
    /// Returns the training events, for the figure of their durations.
    pub fn events(&self, variant: Variant) -> Events {
        let mut durations = vec![Vec::new(); self.training.classes.len()];
        for labels in &self.training.train.labels {
            if let Some(class) = labels.dominant {
                durations[class].push(labels.duration_s);
            }
        }
        Events { variant, classes: self.training.classes.clone(), clips: self.clips, durations }
    }

    /// Mixes or reads the clips of `config` and computes their features.
    ///
    /// # Errors
    /// Errors of the data and the device.
    pub fn load(gpu: &Gpu, config: &Config, progress: &Progress) -> Result<Self> {
        let dataset = Dataset::of(config)?;
        dataset.need(&Subset::all())?;
        let contents = dataset.contents()?;
        let shown = progress.features(&dataset);
        let training = TrainingData::load(gpu, config, &dataset, &contents, &shown)?;
        let eval = training.load_eval(gpu, config, &dataset, &shown)?;
        let clips = Subset::all().map(|subset| dataset.len(subset));
        Ok(Self { training, contents, clips, eval })
    }
}
