//! What a run goes on from, and that it is the same training that goes on.

use std::fs;
use std::io::ErrorKind;

use serde_json::json;

use super::RunDir;
use crate::config::Config;
use crate::model::checkpoint::{Provenance, TrainingState, read_training_state};
use crate::scenes::Contents;
use crate::train::{StageName, Trainer};
use crate::{Error, Result, atomic};

impl RunDir {
    /// The training state of the last checkpoint, if there is one.
    ///
    /// # Errors
    /// As [`read_standing`].
    pub fn training_state(&self) -> Result<Option<TrainingState>> {
        let last = self.checkpoint("last");
        if last.is_file() { read_training_state(&last).map(Some) } else { Ok(None) }
    }

    /// Makes sure that a run that has a training state goes on with the configuration and the data it is of, and keeps in
    /// `data.json` which files the data of a run without one consist of.
    ///
    /// # Errors
    /// [`Error::Data`] naming the key that differs with both values, or the first file; as [`RunDir::training_state`];
    /// [`Error::Io`].
    pub fn check_origin(&self, config: &Config, data: &Contents) -> Result<()> {
        let path = self.data_path();
        let Some(training_state) = self.training_state()? else {
            let text = serde_json::to_vec_pretty(data).map_err(|e| Error::io("write", &path, e.into()))?;
            return atomic::write_bytes(&path, &text);
        };
        let configs = std::slice::from_ref(config);
        let origin = self.checkpoint("last");
        training_state.provenance.check(&origin, &Provenance::new(configs, &training_state.provenance.data))?;
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

    /// Takes `trainer` to where the run stands; a run without a checkpoint starts anew. Metrics of what will be computed
    /// again are dropped.
    ///
    /// # Errors
    /// As [`Trainer::restore`] and [`RunDir::training_state`].
    pub fn restore(&self, trainer: &mut Trainer<'_>) -> Result<()> {
        if let Some(training_state) = self.training_state()? {
            trainer.restore(&self.checkpoint("last"), &training_state)?;
        }
        let (stage, epochs) = trainer.position();
        let earlier: Vec<StageName> = trainer.stages().take_while(|earlier| *earlier != stage).collect();
        self.truncate_metrics(|name, epoch| {
            earlier.iter().any(|stage| stage.name() == name) || (name == stage.name() && epoch < epochs as u64)
        })
    }

    /// What is to be said of the models of a run that is not finished: how far it is.
    pub fn unfinished(&self) -> Option<String> {
        if self.is_finished() {
            return None;
        }
        // Of a training state that cannot be read, who goes on training is told.
        let done = self.training_state().ok().flatten().map(|training_state| {
            let epochs = if training_state.epoch == 1 { "epoch" } else { "epochs" };
            format!("after {} {epochs} of stage {}", training_state.epoch, training_state.stage)
        });
        Some(format!("the training is not finished: these are its best models {}", done.unwrap_or("so far".into())))
    }

    /// Seconds that the run was trained for up to its last checkpoint, in all its pieces; 0 before the first checkpoint, and
    /// for a run of an earlier version, which did not keep them. What a killed process did after its last checkpoint is done
    /// again and does not count.
    pub fn seconds_trained(&self) -> f64 {
        let path = self.time_path();
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return 0.0,
            bytes => bytes.unwrap_or_default(),
        };
        let kept: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        let seconds = kept.and_then(|kept| kept.get("seconds_trained")?.as_f64()).filter(|seconds| *seconds >= 0.0);
        seconds.unwrap_or_else(|| {
            tracing::warn!("{}: it is damaged, so the time trained before is not counted", path.display());
            0.0
        })
    }

    /// Keeps [`RunDir::seconds_trained`].
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn keep_seconds_trained(&self, seconds: f64) -> Result<()> {
        atomic::write_bytes(&self.time_path(), format!("{}\n", json!({"seconds_trained": seconds})).as_bytes())
    }
}
