//! The beginning of a training: its configuration, its data, and the messages about them.

use super::fitted::Fitted;
use crate::Result;
use crate::config::{BatchSampling, Config, Crop, KeepFeatures, Precision, SetKeys};
use crate::data::scenes::{Dataset, LeftOut, Subset};
use crate::evaluate::{SegmentLabels, SegmentSource};
use crate::gpu::Gpu;
use crate::model::StartingModel;
use crate::train::{Draws, only_f16_fits};

/// The data of a training, checked before there is a run folder and before any feature is computed.
#[derive(Debug)]
pub struct Material {
    /// The configuration, with the settings that were chosen from the data.
    pub config: Config,
    /// The data.
    pub dataset: Dataset,
    /// Message about the settings that were chosen from the data, if there are any.
    pub chosen: Option<String>,
    /// Message about the model from which the training starts, if there is one.
    pub kept: Option<String>,
    /// Labels of the training segments.
    pub train: Vec<SegmentLabels>,
    /// Steps of the training.
    pub draws: Draws,
    /// Messages about data that are not used.
    pub left_out: Vec<LeftOut>,
}

impl Material {
    /// Logs what is trained on, what was chosen for it, and what of it is not used.
    pub fn log(&self) {
        let Self { dataset, chosen, kept, left_out, .. } = self;
        dataset.in_short().iter().chain(chosen).chain(kept).for_each(|line| tracing::info!("{line}"));
        left_out.iter().for_each(LeftOut::log);
    }

    /// Opens the data of `config`. Keys that are not in `set` get the values that suit the data; without `set` all keys
    /// stay as they are.
    ///
    /// # Errors
    /// [`crate::Error::Config`] naming a key that does not suit the data; the errors of [`Dataset::of`],
    /// [`Dataset::need`] and [`StartingModel::of`].
    pub fn of(config: Config, set: Option<&SetKeys>) -> Result<Self> {
        let used = [Subset::Train, Subset::Validation];
        let fitted = match set {
            Some(set) => Fitted::new(&config, set)?,
            None => Fitted { dataset: Dataset::of(&config)?, config, chosen: None, replaced: None },
        };
        let Fitted { config, dataset, chosen, replaced } = fitted;
        dataset.need(&used)?;
        dataset.need_validation_labels()?;
        let kept = StartingModel::of(&config)?.map(|model| model.kept(dataset.classes()));
        let seconds = &[config.train.loaded_seconds()];
        let train = SegmentSource { dataset: &dataset, subset: Subset::Train, seconds }.labels()?.swap_remove(0);
        let mut draws = Draws::new(&config, &train, dataset.classes())?;
        let mut left_out: Vec<LeftOut> = replaced.into_iter().collect();
        left_out.extend(dataset.left_out(&used));
        left_out.extend(dataset.never_drawn().filter(|_| config.train.sampling == BatchSampling::Paper));
        let remedy = "train.seconds takes longer segments, and train.crop=random another part in every epoch";
        left_out.extend(dataset.missed_labels(&config, remedy)?);
        left_out.extend(dataset.missed_classes(train.iter().flat_map(|labels| labels.classes.iter().copied())));
        if config.train.crop != Crop::Random && set.is_some_and(|set| set.contains("train.clip_s")) {
            let message =
                "train.clip_s has no effect without train.crop=random: the length of a segment is train.seconds";
            left_out.push(LeftOut::warning(message.into()));
        }
        left_out.append(&mut draws.left_out);
        Ok(Self { config, dataset, chosen, kept, train, draws, left_out })
    }

    /// Chooses features in f16 where they fit on `gpu` only so, unless `train.precision` is in `set`; without `set` all
    /// keys stay as they are.
    pub fn with_precision(mut self, gpu: &Gpu, set: Option<&SetKeys>) -> Self {
        let segments = [self.train.len(), self.dataset.len(Subset::Validation)];
        let may_choose = set.is_some_and(|set| !set.contains("train.precision"));
        let needs_file = self.config.train.cache != KeepFeatures::Off;
        if may_choose && needs_file && only_f16_fits(gpu, &self.config, segments, self.dataset.classes().len()) {
            self.config.train.precision = Precision::F16;
            let reason = "train.precision=f16 (features do not fit on the GPU as f32; f32 streams them from a file)";
            let chosen = self.chosen.map_or("chosen for these data, unless set: ".into(), |chosen| chosen + "; ");
            self.chosen = Some(chosen + reason);
        }
        self
    }
}
