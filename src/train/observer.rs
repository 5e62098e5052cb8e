//! Reports of a training run to its observer, which may end the run.

use super::StageName;
use crate::Result;
use crate::model::checkpoint::TrainingState;

/// The results of one epoch for one member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochReport {
    /// Stage of the training.
    pub stage: StageName,
    /// Index of the member.
    pub member: usize,
    /// Epoch, counted from 0.
    pub epoch: usize,
    /// Mean training loss over the steps of the epoch.
    pub loss: f64,
    /// Validation score in %: macro-F1, or F(x) in stages that train E alone.
    pub score: f64,
    /// Best validation score so far in %.
    pub best_score: f64,
    /// Epoch of the best validation score.
    pub best_epoch: usize,
    /// Whether the member continues to train.
    pub alive: bool,
}

/// An observer of a training run, which may end it. Methods that are not implemented do nothing.
pub trait Observer {
    /// Called often; returning `false` ends the training at once. `done` units of
    /// [`Trainer::total_work`](super::Trainer::total_work) are queued.
    fn should_continue(&mut self, done: u64) -> bool {
        let _ = done;
        true
    }

    /// Called after every epoch with the reports of the members that were still training.
    ///
    /// # Errors
    /// An error ends the training.
    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        let _ = reports;
        Ok(())
    }

    /// Called between two epochs when a checkpoint is due.
    ///
    /// # Errors
    /// An error ends the training.
    fn checkpoint(&mut self, training_state: &TrainingState) -> Result<()> {
        let _ = training_state;
        Ok(())
    }
}

/// An observer that ignores all calls: the training runs to its end.
pub struct Unwatched;

impl Observer for Unwatched {}
