//! The data of a training run on the GPU.

use super::feature_plan;
use crate::Result;
use crate::config::{Config, Precision};
use crate::data::features::{FeatureCache, Statistics, standardise};
use crate::data::scenes::{Contents, Dataset, Subset};
use crate::evaluate::{Examples, SegmentFeatures, SegmentSource};
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
    /// [`TrainConfig::loaded_seconds`](crate::config::TrainConfig::loaded_seconds), computes their log-mel, and
    /// standardises it by the statistics of the training segments (SPEC §1), or of the model from which the training
    /// starts. Features that an earlier training kept in the cache of the process are read instead. Where they do not
    /// fit on the GPU, as `config.train.memory` limits it, they are streamed from there.
    ///
    /// `contents` is that of `dataset`. `progress` is called with a subset and the number of its finished clips, from
    /// any thread.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if a subset has no clips or a mel band is constant; the errors of mixing and reading
    /// clips; [`crate::Error::Stopped`] when the process is asked to end; [`crate::Error::Config`] when features must
    /// be kept in a file and there is no folder for it; errors of the device.
    pub fn load(
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        contents: &Contents,
        progress: &(dyn Fn(Subset, usize) + Sync),
    ) -> Result<Self> {
        Self::load_with(gpu, config, dataset, contents, &FeatureCache::of_process(), progress)
    }

    /// Loads data like [`TrainingData::load`], with features kept in `cache`.
    ///
    /// # Errors
    /// The errors of [`TrainingData::load`].
    pub fn load_with(
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        contents: &Contents,
        cache: &FeatureCache,
        progress: &(dyn Fn(Subset, usize) + Sync),
    ) -> Result<Self> {
        dataset.need(&[Subset::Train, Subset::Validation])?;
        let segments = [Subset::Train, Subset::Validation].map(|subset| dataset.len(subset));
        let plan = feature_plan(gpu, config, segments, dataset.classes().len());
        if plan.is_streamed() || config.train.precision != Precision::F32 {
            tracing::info!("{}", plan.in_words());
        }
        let source = |subset| SegmentFeatures { gpu, config, dataset, contents, subset, cache };
        let others = StartingModel::of(config)?.map(|model| model.statistics());
        let shown = |done| progress(Subset::Train, done);
        let (train, statistics) = source(Subset::Train).load(&plan.train, others.as_ref(), &shown)?;
        let shown = |done| progress(Subset::Validation, done);
        let (validation, _) = source(Subset::Validation).load(&plan.validation, Some(&statistics), &shown)?;
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
