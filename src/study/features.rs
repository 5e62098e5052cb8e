//! Features shared by the cells of one dataset and training length: segments as standardised log-mel on the GPU.

use super::Events;
use crate::Result;
use crate::config::{Config, Variant};
use crate::evaluate::{Examples, load_lengths};
use crate::features::{Statistics, standardise, statistics};
use crate::gpu::Gpu;
use crate::report::Progress;
use crate::scenes::{Contents, Dataset, Subset};

/// The segments of one dataset at one training length and at all test lengths.
pub struct StudyFeatures {
    /// Class names.
    pub classes: Vec<String>,
    /// Names and hashes of everything that the samples depend on.
    pub contents: Contents,
    /// Fingerprint of `contents`.
    pub fingerprint: String,
    /// Number of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Training segments.
    pub train: Examples,
    /// Validation segments, of the training length.
    pub validation: Examples,
    /// Evaluation segments of each test length.
    pub eval: Vec<Examples>,
    /// Statistics of the training segments, by which all segments are standardised.
    pub statistics: Statistics,
}

impl StudyFeatures {
    /// Returns the training events, for the figure of their durations.
    pub fn events(&self, variant: Variant) -> Events {
        let mut durations = vec![Vec::new(); self.classes.len()];
        for labels in &self.train.labels {
            if let Some(class) = labels.dominant {
                durations[class].push(labels.duration_s);
            }
        }
        Events { variant, classes: self.classes.clone(), clips: self.clips, durations }
    }

    /// Mixes or reads the clips of `config` and computes their features.
    ///
    /// # Errors
    /// Errors of the data and the device.
    pub fn load(gpu: &Gpu, config: &Config, progress: &Progress) -> Result<Self> {
        let dataset = Dataset::of(config)?;
        dataset.need(&Subset::all())?;
        let load = |subset: Subset, lengths: &[f64]| {
            let task = progress.task(&format!("{} features", subset.name()), dataset.len(subset) as u64);
            let examples = load_lengths(gpu, config, &dataset, subset, lengths, &|done| task.set(done as u64))?;
            task.finish();
            Ok(examples)
        };
        let own = [config.train.seconds];
        let (train, validation) =
            (load(Subset::Train, &own)?.swap_remove(0), load(Subset::Validation, &own)?.swap_remove(0));
        let eval = load(Subset::Eval, &config.evaluate.seconds)?;
        let statistics = statistics(gpu, &train.store)?.checked()?;
        for examples in [&train, &validation].into_iter().chain(&eval) {
            standardise(gpu, &examples.store, &statistics, config.features.epsilon)?;
        }
        let clips = Subset::all().map(|subset| dataset.len(subset));
        let (classes, contents) = (dataset.classes().to_vec(), dataset.contents()?);
        let fingerprint = contents.fingerprint();
        Ok(Self { classes, contents, fingerprint, clips, train, validation, eval, statistics })
    }
}
