//! Resuming of a run, after checks that configuration and data are still the same.

use std::fs;
use std::io::ErrorKind;

use serde_json::json;

use super::RunDir;
use crate::base::printable::counted;
use crate::base::{atomic, regular_file};
use crate::config::{self, Config, StageName};
use crate::data::scenes::Contents;
use crate::model::StartingModel;
use crate::model::checkpoint::{Provenance, TrainingState, read_training_state};
use crate::train::Trainer;
use crate::{Error, Result};

/// The longest training time that is believed, in seconds: some 300 years.
const LONGEST_S: f64 = 1e10;

impl RunDir {
    /// Reads the training state of the last checkpoint, if there is one.
    ///
    /// # Errors
    /// The errors of [`read_training_state`].
    pub fn training_state(&self) -> Result<Option<TrainingState>> {
        let last = self.checkpoint("last");
        if last.is_file() { read_training_state(&last).map(Some) } else { Ok(None) }
    }

    /// Checks that a run with a training state resumes with the same configuration and data. For a run without one,
    /// writes the names and hashes of the data's files to `data.json`.
    ///
    /// # Errors
    /// [`Error::Data`] that names the key that differs with both values, or the first file that differs; the errors of
    /// [`RunDir::training_state`]; [`Error::Io`].
    pub fn check_origin(&self, config: &Config, data: &Contents) -> Result<()> {
        let path = self.data_path();
        let Some(training_state) = self.training_state()? else {
            let text = serde_json::to_vec_pretty(data).map_err(|e| Error::io("write", &path, e.into()))?;
            return atomic::write_bytes(&path, &text);
        };
        let configs = std::slice::from_ref(config);
        let origin = self.checkpoint("last");
        let init = StartingModel::of(config)?.map(|model| model.sha256());
        let own = Provenance::new(configs, &training_state.provenance.data).starting_from(init);
        training_state.provenance.check(&origin, &own)?;
        if training_state.provenance.data == data.fingerprint() {
            return Ok(());
        }
        let earlier = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Contents>(&bytes).ok());
        let difference = earlier.and_then(|earlier| data.difference(&earlier));
        let difference = difference.unwrap_or_else(|| "they are not the same".into());
        let reason = format!(
            "the data are not those that the run was begun with: {difference}. Restore them to go on, or begin another \
             training"
        );
        Err(Error::data(self.path(), reason))
    }

    /// Returns the run's configuration with `epochs` as the most epochs of its present stage, and of later ones.
    ///
    /// # Errors
    /// [`Error::Data`] when as many epochs are trained already, when every model stopped early, or when the training
    /// state is not there; the errors of [`RunDir::training_state`] and [`RunDir::config`].
    pub fn longer(&self, epochs: usize) -> Result<Config> {
        let mut config = self.config()?;
        let Some(training_state) = self.training_state()? else {
            if self.is_finished() {
                let reason = "it is not there, so the training cannot go on: begin another one with --init";
                return Err(Error::data(self.checkpoint("last"), reason));
            }
            let stages = config.stages();
            set_epochs(&mut config, stages, epochs);
            return Ok(config);
        };
        let stage = training_state.stage;
        let rest: Vec<StageName> = config.stages().iter().copied().skip_while(|of| *of != stage).collect();
        set_epochs(&mut config, &rest, epochs);
        config::validate(&config)?;
        let (path, name) = (self.path(), stage.name());
        let trained = training_state.progress.iter().map(|member| member.epochs as usize).max().unwrap_or(0);
        if epochs <= trained {
            let reason = format!("{trained} epochs of stage {name} are trained already: --epochs must be more");
            return Err(Error::data(path, reason));
        }
        let stopping = stage.stopping(&config);
        let (progress, _) = training_state.continued(&stopping);
        let stopped: Vec<String> = progress
            .iter()
            .zip(&config.train.seeds)
            .filter(|(member, _)| member.alive == 0)
            .map(|(member, seed)| format!("seed {seed} after epoch {}", member.epochs.saturating_sub(1)))
            .collect();
        let why = format!(
            "stopped early, as no epoch after the best one was better (train.patience={}): {}",
            config.train.patience,
            stopped.join(", ")
        );
        if stopped.len() == progress.len() {
            let reason = format!(
                "this training {why}. To go on anyway, raise train.patience in {} and repeat the command, or begin another \
                 training with --init",
                self.config_path().display()
            );
            return Err(Error::data(path, reason));
        }
        if !stopped.is_empty() {
            tracing::info!("{}: some models stay as they are, they {why}", path.display());
        }
        if rest.len() < config.stages().len() {
            tracing::info!("{}: earlier stages stay as they are, --epochs is of the stage {name}", path.display());
        }
        Ok(config)
    }

    /// Makes the run one that is not finished, with the epochs of `config`, which [`RunDir::longer`] returned. Scores
    /// of its models so far are removed.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn reopen(&self, config: &Config) -> Result<()> {
        let mut stored = config::read_config(&[self.config_path()], &[])?;
        (stored.train.epochs, stored.tagger.epochs) = (config.train.epochs, config.tagger.epochs);
        self.write_config(&stored)?;
        self.unfinish()
    }

    /// Restores `trainer` from the run's last checkpoint; without one, the trainer starts from the beginning. Metrics
    /// of epochs that will be computed again are dropped.
    ///
    /// # Errors
    /// The errors of [`Trainer::restore`] and [`RunDir::training_state`].
    pub fn restore(&self, trainer: &mut Trainer<'_>) -> Result<()> {
        match self.training_state()? {
            Some(training_state) => trainer.restore(&self.checkpoint("last"), &training_state)?,
            None if self.seconds_trained() > 0.0 || !self.metrics_are_empty()? => tracing::warn!(
                "{}: it is not there, so the training starts again from its first epoch",
                self.checkpoint("last").display()
            ),
            None => {}
        }
        let (stage, epochs) = trainer.position();
        let earlier: Vec<StageName> = trainer.stages().take_while(|earlier| *earlier != stage).collect();
        self.truncate_metrics(|row, epoch| earlier.contains(&row) || (row == stage && epoch < epochs as u64))
    }

    /// Describes how far an unfinished run is, as a notice beside its models; `None` for a finished run.
    pub fn unfinished(&self) -> Option<String> {
        if self.is_finished() {
            return None;
        }
        // A training state that cannot be read is reported when training resumes, not here.
        let done = self.training_state().ok().flatten().map(|training_state| {
            format!("after {} of stage {}", counted(training_state.epoch, "epoch"), training_state.stage.name())
        });
        Some(format!("the training is not finished: these are its best models {}", done.unwrap_or("so far".into())))
    }

    /// Returns the training time up to the last checkpoint in seconds, over all interruptions; 0 before the first
    /// checkpoint, and for a run of an earlier version, which did not record the time. Work of a killed process after
    /// its last checkpoint is done again and does not count.
    pub fn seconds_trained(&self) -> f64 {
        let path = self.time_path();
        let bytes = match regular_file::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return 0.0,
            bytes => bytes.unwrap_or_default(),
        };
        let kept: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        let seconds = kept
            .and_then(|kept| kept.get("seconds_trained")?.as_f64())
            .filter(|seconds| (0.0..=LONGEST_S).contains(seconds));
        seconds.unwrap_or_else(|| {
            tracing::warn!("{}: it is damaged, so the time trained before is not counted", path.display());
            0.0
        })
    }

    /// Writes the value for [`RunDir::seconds_trained`].
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn keep_seconds_trained(&self, seconds: f64) -> Result<()> {
        atomic::write_bytes(&self.time_path(), format!("{}\n", json!({"seconds_trained": seconds})).as_bytes())
    }
}

/// Sets the most epochs of `stages`.
fn set_epochs(config: &mut Config, stages: &[StageName], epochs: usize) {
    for stage in stages {
        match stage {
            StageName::Tagger => config.tagger.epochs = epochs,
            _ => config.train.epochs = Some(epochs),
        }
    }
}
