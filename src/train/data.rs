//! The data of a training run on the GPU.

use crate::Result;
use crate::config::Config;
use crate::data::features::{Statistics, standardise, statistics_of_named};
use crate::data::scenes::{Contents, Dataset, Subset};
use crate::evaluate::{Examples, SegmentSource};
use crate::gpu::Gpu;
use crate::model::StartingModel;

/// Training and validation segments as standardised log-mel, with their classes and the fingerprint of the data.
pub struct TrainingData {
    /// Class names.
    pub classes: Vec<String>,
    /// Training segments.
    pub train: Examples,
    /// Validation segments.
    pub validation: Examples,
    /// Statistics of the training segments, by which all segments are standardised.
    pub statistics: Statistics,
    /// Hash of everything that the samples depend on ([`Contents::fingerprint`]). Training states keep it.
    pub fingerprint: String,
}

impl TrainingData {
    /// Mixes or reads the training and validation clips of `dataset`, cuts segments of
    /// [`TrainConfig::loaded_seconds`](crate::config::TrainConfig::loaded_seconds), computes
    /// their log-mel, and standardises it by the statistics of the training segments (SPEC §1), or of the model from which
    /// the training starts.
    ///
    /// `contents` is that of `dataset`. `progress` is called with a subset and the number of its finished clips, from
    /// any thread.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if a subset has no clips or a mel band is constant; the errors of mixing and reading
    /// clips; [`crate::Error::Stopped`] when the process is asked to end; errors of the device.
    pub fn load(
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        contents: &Contents,
        progress: &(dyn Fn(Subset, usize) + Sync),
    ) -> Result<Self> {
        let load = |subset: Subset| -> Result<Examples> {
            let source = SegmentSource { dataset, subset, seconds: &[config.train.loaded_seconds()] };
            Ok(source.load(gpu, &config.features, &|done| progress(subset, done))?.swap_remove(0))
        };
        let (train, validation) = (load(Subset::Train)?, load(Subset::Validation)?);
        let name = |clip: usize| format!("training clip {}", dataset.clip_name(Subset::Train, clip));
        let own = statistics_of_named(gpu, &train.store, train.real_frames(), &name)?;
        let statistics = match StartingModel::of(config)? {
            Some(model) => model.statistics(),
            None => own.checked()?,
        };
        for examples in [&train, &validation] {
            standardise(gpu, &examples.store, &statistics, config.features.epsilon)?;
        }
        let (classes, fingerprint) = (dataset.classes().to_vec(), contents.fingerprint());
        Ok(Self { classes, train, validation, statistics, fingerprint })
    }

    /// Makes data of examples that are standardised already, or need not be. Models that are trained on them keep
    /// [`Statistics::identity`].
    pub fn of(config: &Config, classes: &[String], train: Examples, validation: Examples) -> Self {
        let statistics = Statistics::identity(config.features.bands);
        Self { classes: classes.to_vec(), train, validation, statistics, fingerprint: String::new() }
    }

    /// Loads evaluation segments of each length in `config.evaluate.seconds`, standardised like the training segments.
    ///
    /// # Errors
    /// The errors of [`TrainingData::load`].
    pub fn load_eval(
        &self,
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        progress: &(dyn Fn(Subset, usize) + Sync),
    ) -> Result<Vec<Examples>> {
        let source = SegmentSource { dataset, subset: Subset::Eval, seconds: &config.evaluate.seconds };
        let eval = source.load(gpu, &config.features, &|done| progress(Subset::Eval, done))?;
        for examples in &eval {
            standardise(gpu, &examples.store, &self.statistics, config.features.epsilon)?;
        }
        Ok(eval)
    }
}
