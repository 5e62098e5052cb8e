//! Loading of the segments of one length of a subset: computed, or read from the file of an earlier training.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::segment_source::{LabelledSegment, segment_of};
use super::{Examples, SegmentLabels, SegmentSource};
use crate::config::{Config, Crop, KeepFeatures, Precision};
use crate::data::features::{
    ExampleStore, FeatureCache, FeatureFile, FeaturePlacement, FeatureShape, FeatureWriter, RunningMoments, Scaling,
    Statistics, WHERE_TO_KEEP, block, extract, feature_key, standardise, statistics_of_named,
};
use crate::data::scenes::{Contents, Dataset, Subset};
use crate::gpu::Gpu;
use crate::{Error, Result};

/// Time of computing features in seconds from which they are kept with `train.cache = "auto"`.
const WORTH_KEEPING_S: f64 = 5.0;

/// The segments of one subset of a training.
pub struct SegmentFeatures<'a> {
    /// Device that computes.
    pub gpu: &'a Gpu,
    /// Configuration of the training.
    pub config: &'a Config,
    /// Dataset with the clips.
    pub dataset: &'a Dataset,
    /// Names and hashes of everything that the samples depend on.
    pub contents: &'a Contents,
    /// Subset from which every clip is taken.
    pub subset: Subset,
    /// Folder of features that were computed earlier.
    pub cache: &'a FeatureCache,
}

/// Labels, lengths and statistics of the examples in a file of features.
#[derive(Serialize, Deserialize)]
struct About {
    labels: Vec<SegmentLabels>,
    /// Number of frames of each example before the end of its clip; `None` if all frames count.
    real_frames: Option<Vec<u32>>,
    /// Statistics of the training segments.
    statistics: Option<Statistics>,
}

impl SegmentFeatures<'_> {
    /// Returns the length of the segments in seconds.
    fn seconds(&self) -> f64 {
        self.config.train.loaded_seconds()
    }

    /// Returns number and size of the segments.
    pub fn shape(&self) -> FeatureShape {
        FeatureShape {
            examples: self.dataset.len(self.subset),
            frames: self.config.features.frames(self.seconds()),
            bands: self.config.features.bands,
        }
    }

    /// Returns the segments, standardised, at their place, and the statistics by which they are standardised: those of
    /// the segments themselves, unless `scaled_by` has others. `progress` is called with the number of finished clips.
    ///
    /// # Errors
    /// [`Error::Data`] if the subset has no clip, a mel band is constant, or a file that is streamed is damaged; the
    /// errors of mixing and reading clips; [`Error::Io`] or [`Error::Config`] where features must be written to a file
    /// and cannot; errors of the device.
    pub fn load(
        &self,
        placement: &FeaturePlacement,
        scaled_by: Option<&Statistics>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Examples, Statistics)> {
        self.dataset.need(&[self.subset])?;
        if let Some((file, about)) = self.earlier() {
            let name = file.path().display().to_string();
            match self.place(file, about, placement, scaled_by) {
                Err(error @ (Error::Data { .. } | Error::Io { .. })) if placement.room.is_none() => {
                    tracing::warn!("{}; features are computed anew", error.with_causes());
                    remove(Path::new(&name));
                }
                loaded => {
                    let loaded = loaded?;
                    tracing::info!("{} features are those of an earlier training, from {name}", self.subset.name());
                    progress(self.dataset.len(self.subset));
                    return Ok(loaded);
                }
            }
        }
        let is_plain = placement.room.is_none() && placement.precision == Precision::F32;
        if is_plain {
            return self.compute(scaled_by, progress);
        }
        let (file, about) = self.compute_to_file(progress)?;
        self.place(file, about, placement, scaled_by)
    }

    /// Names the clip of a segment in errors.
    fn name(&self, index: usize) -> String {
        format!("{} clip {}", self.subset.name(), self.dataset.clip_name(self.subset, index))
    }

    fn key(&self) -> String {
        let Self { config, dataset, contents, subset, .. } = self;
        let mut data = config.data.clone();
        (data.dataset, data.soundbank, data.cooccurrence) = (None, None, None);
        let facts = json!({
            "data": contents.fingerprint(),
            "subset": subset.name(),
            "clips": dataset.len(*subset),
            "seconds": self.seconds(),
            "crop": dataset.crop(),
            "drawn": data,
            "scene": config.scene,
        });
        feature_key(self.gpu, &config.features, &facts)
    }

    /// Returns the features of an earlier training, if there are any.
    fn earlier(&self) -> Option<(FeatureFile, About)> {
        if self.config.train.cache == KeepFeatures::Off {
            return None;
        }
        let key = self.key();
        let path = self.cache.path(&key).filter(|path| path.is_file())?;
        match FeatureFile::open::<About>(&path, &key) {
            Ok((file, about)) if file.shape() == self.shape() && about.labels.len() == self.shape().examples => {
                file.touch();
                Some((file, about))
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!("{}; features are computed anew", error.with_causes());
                remove(&path);
                None
            }
        }
    }

    /// Computes the features on the GPU, where they stay, and keeps them if that is worthwhile.
    fn compute(
        &self,
        scaled_by: Option<&Statistics>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Examples, Statistics)> {
        let Self { gpu, config, dataset, subset, .. } = *self;
        let started = Instant::now();
        let source = SegmentSource { dataset, subset, seconds: &[self.seconds()] };
        let examples = source.load(gpu, &config.features, progress)?.swap_remove(0);
        // Training segments keep their own statistics in the file also where others standardise them: another training
        // that reads the file may need them.
        let own = match subset {
            Subset::Train => {
                let (store, real_frames) = (&examples.store, examples.real_frames());
                Some(statistics_of_named(gpu, store, real_frames, &|index| self.name(index))?)
            }
            _ => None,
        };
        let statistics = match (scaled_by, &own) {
            (Some(others), _) => others.clone(),
            (None, own) => own.clone().expect("only training segments have no others").checked()?,
        };
        let keeps = match config.train.cache {
            KeepFeatures::Off => false,
            KeepFeatures::On => true,
            KeepFeatures::Auto => started.elapsed().as_secs_f64() > WORTH_KEEPING_S,
        };
        if keeps && let Err(error) = self.keep(&examples, own) {
            tracing::warn!("features are not kept for later trainings: {}: {}", error.with_causes(), WHERE_TO_KEEP);
        }
        standardise(gpu, &examples.store, &statistics, config.features.epsilon)?;
        Ok((examples, statistics))
    }

    /// Writes the features of `examples`, which are not standardised yet, to the cache.
    fn keep(&self, examples: &Examples, statistics: Option<Statistics>) -> Result<()> {
        let key = self.key();
        let Some(path) = self.cache.path(&key) else { return Ok(()) };
        self.cache.prepare()?;
        let (shape, gpu) = (self.shape(), self.gpu);
        FeatureFile::write(&path, &key, shape, |writer| {
            for shard in examples.store.shards() {
                // Less than a block, so that the copy adds little to the memory on the GPU.
                let room = (block(shape) / 8).max(1);
                for first in (0..shard.count).step_by(room) {
                    let used = room.min(shard.count - first);
                    let values = gpu.read_part(&shard.tensor, first * shape.values(), used * shape.values())?;
                    writer.push(&values).map_err(|e| Error::io("write", &path, e))?;
                }
            }
            let real_frames = examples.real_frames().map(<[u32]>::to_vec);
            Ok(About { labels: examples.labels.clone(), real_frames, statistics })
        })?;
        self.say_kept(&path);
        Ok(())
    }

    /// Computes the features block by block and writes them to the cache, without holding them on the GPU.
    fn compute_to_file(&self, progress: &(dyn Fn(usize) + Sync)) -> Result<(FeatureFile, About)> {
        let remedy = "raise train.memory, or shorten or leave out clips";
        if self.config.train.cache == KeepFeatures::Off {
            let reason = format!(
                "is off, and features that do not fit as f32 into the memory on the GPU ({} MiB) are read from a file: \
                 switch the cache on, or {remedy}",
                self.shape().bytes() >> 20
            );
            return Err(Error::config("train.cache", reason));
        }
        let key = self.key();
        let Some(path) = self.cache.path(&key) else {
            let reason = format!(
                "features that do not fit as f32 into the memory on the GPU are read from a file, and there is no folder \
                 for caches: set WEAKLABEL_CACHE, or {remedy}"
            );
            return Err(Error::config("train.memory", reason));
        };
        let needed = |error: Error| match error {
            error @ Error::Io { .. } => Error::data(
                &path,
                format!(
                    "{} MiB of features that do not fit on the GPU must be kept here. {}: {}, or {remedy}",
                    self.shape().bytes() >> 20,
                    error.with_causes(),
                    WHERE_TO_KEEP
                ),
            ),
            other => other,
        };
        self.cache.prepare().map_err(needed)?;
        FeatureFile::write(&path, &key, self.shape(), |writer| self.write_blocks(writer, &path, progress))
            .map_err(needed)?;
        self.say_kept(&path);
        FeatureFile::open(&path, &key)
    }

    fn write_blocks(
        &self,
        writer: &mut FeatureWriter<'_>,
        path: &Path,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<About> {
        let Self { gpu, config, dataset, subset, .. } = *self;
        let (shape, seconds, is_train) = (self.shape(), [self.seconds()], subset == Subset::Train);
        let mut about = About { labels: Vec::new(), real_frames: None, statistics: None };
        let (mut real, mut moments) = (Vec::new(), RunningMoments::empty(shape.bands));
        for first in (0..shape.examples).step_by(block(shape)) {
            let used = block(shape).min(shape.examples - first);
            let audio = |index: usize| {
                let LabelledSegment { samples, labels, real_frames } =
                    segment_of(dataset, subset, first + index, &seconds, &config.features)?.swap_remove(0);
                Ok((samples, (labels, real_frames)))
            };
            let shown = |done: usize| progress(first + done);
            let (store, of_examples) = extract(gpu, &config.features, used, shape.frames, &audio, &shown)?;
            let (labels, real_of_block): (Vec<SegmentLabels>, Vec<u32>) = of_examples.into_iter().unzip();
            if is_train {
                let counted = dataset.crop() != Crop::Event
                    && real_of_block.iter().any(|frames| (*frames as usize) < shape.frames);
                moments
                    .merge_block(gpu, &store, counted.then_some(&real_of_block), &|index| self.name(first + index))?;
            }
            for shard in store.shards() {
                writer.push(&gpu.read(&shard.tensor)?).map_err(|e| Error::io("write", path, e))?;
            }
            about.labels.extend(labels);
            real.extend(real_of_block);
        }
        about.real_frames = (dataset.crop() != Crop::Event).then_some(real);
        about.statistics = is_train.then(|| moments.statistics());
        Ok(about)
    }

    /// Puts the features of `file` where `placement` says.
    fn place(
        &self,
        file: FeatureFile,
        about: About,
        placement: &FeaturePlacement,
        scaled_by: Option<&Statistics>,
    ) -> Result<(Examples, Statistics)> {
        let Self { gpu, config, dataset, .. } = *self;
        let About { labels, real_frames, statistics } = about;
        let statistics = match (scaled_by, statistics) {
            (Some(others), _) => others.clone(),
            (None, Some(own)) => own.checked()?,
            (None, None) => return Err(Error::data(file.path(), "it has no statistics of the training segments")),
        };
        let (shape, epsilon) = (file.shape(), config.features.epsilon);
        let scaling = Scaling { statistics: &statistics, epsilon, precision: placement.precision };
        let store = match (placement.room, placement.precision) {
            (Some(room), _) => ExampleStore::streamed(gpu, Box::new(file), shape, room, &scaling)?,
            (None, Precision::F16) => ExampleStore::half(gpu, &file, shape, &scaling)?,
            (None, Precision::F32) => {
                let store = ExampleStore::raw(gpu, &file, shape)?;
                standardise(gpu, &store, &statistics, epsilon)?;
                store
            }
        };
        let examples = Examples::new(gpu, store, labels, dataset.classes().len())?;
        let examples = match &real_frames {
            Some(real) => examples.with_real_frames(gpu, real)?,
            None => examples,
        };
        Ok((examples, statistics))
    }

    fn say_kept(&self, path: &Path) {
        let all: u64 = self.cache.files().map_or(0, |files| files.iter().map(|file| file.bytes).sum());
        tracing::info!(
            "{} features are kept for later trainings in {} ({} MiB; all kept features {} MiB: `weaklabel cache`)",
            self.subset.name(),
            path.display(),
            self.shape().bytes() >> 20,
            all >> 20
        );
    }
}

/// Removes a damaged file. Where that fails, the next training finds the damage again.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!("{} stays: {error}", path.display());
    }
}
