//! Training of claimed trials as one population, up to their rung or to their end. All progress goes to the store.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lease_keeper::{LeaseKeeper, Update};
use super::stop_conditions::StopConditions;
use crate::config::{Config, Method, StageName};
use crate::experiments::store::{Checkpoint, Claimed, Failure, Lease};
use crate::gpu::Gpu;
use crate::model::checkpoint::{Provenance, TrainingState};
use crate::model::{Architecture, Tiles};
use crate::output::{CurvePoint, check_curves};
use crate::train::{EpochReport, Observer, Trainer, TrainingData, most_members};
use crate::{Error, Result};

/// The data and the device that all trainings of a study share on this machine.
#[derive(Clone, Copy)]
pub struct TrainingContext<'a> {
    /// GPU that the trials train on.
    pub gpu: &'a Gpu,
    /// Measured register tiles to compute with.
    pub tiles: &'a Tiles,
    /// Data of the study.
    pub data: &'a TrainingData,
    /// Time or signal at which the worker stops.
    pub until: StopConditions,
}

/// A claimed trial and the configuration that it is trained with.
#[derive(Debug, Clone)]
pub struct ClaimedTraining {
    /// The lease and the checkpoint to resume from.
    pub claimed: Claimed,
    /// Configuration of the trial, with its seeds.
    pub config: Config,
}

/// A trial that was trained up to its rung or to its end.
pub struct TrainedTrial {
    /// Lease of the trial.
    pub lease: Lease,
    /// Configuration of the trial.
    pub config: Config,
    /// Training state of the trial's models.
    pub training_state: TrainingState,
    /// Learning curves so far, `[seed][epoch]`.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Seconds of training between the last rung and this one, over all pieces of an interrupted training. Trials that
    /// train together share the time evenly.
    pub seconds: f64,
}

/// The details of a checkpoint in the store.
#[derive(Serialize, Deserialize)]
struct Done {
    /// Learning curves so far, `[seed][epoch]`.
    curves: Vec<Vec<CurvePoint>>,
    /// Seconds of training between the last rung and this checkpoint; 0 in a checkpoint on a rung.
    seconds: f64,
}

impl Done {
    /// Reads the details of a checkpoint of `seeds` trainings by `method` from JSON.
    ///
    /// # Errors
    /// A message with the reason.
    fn from_json(text: &str, seeds: usize, method: Method) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|e| format!("its details cannot be read: {e}"))?;
        check_curves(&read.curves, seeds, method)?;
        if !(read.seconds.is_finite() && read.seconds >= 0.0) {
            return Err(format!("{} is no number of seconds that a training has taken", read.seconds));
        }
        Ok(read)
    }
}

impl TrainedTrial {
    /// Makes the checkpoint from which the next rung resumes.
    ///
    /// # Errors
    /// The errors of [`TrainingState::to_bytes`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        checkpoint(&self.training_state, &self.curves, 0.0)
    }

    /// Returns the best validation score of each seed in its last stage, in %.
    pub fn best(&self) -> Vec<f64> {
        self.training_state.progress.iter().map(|member| f64::from(member.best_score)).collect()
    }
}

/// Trains `tasks` until the first stage has done `pause` epochs, or to their end. All tasks must be compatible, that
/// is, able to train as one population. Those at the same epoch train together, as many as the device can bind at a
/// time. Failures are sent to the store from here; the caller sends the results that are returned. A training that was
/// stopped returns no result.
///
/// # Errors
/// The errors of data and device, unless a trial caused them: that trial fails, and the others continue.
pub fn train(
    context: &TrainingContext<'_>,
    tasks: Vec<ClaimedTraining>,
    pause: Option<usize>,
    keeper: &LeaseKeeper,
) -> Result<Vec<TrainedTrial>> {
    let mut ready = Vec::new();
    for ClaimedTraining { claimed, config } in tasks {
        let lease = claimed.lease;
        match ReadyTrial::new(context, claimed, config, pause) {
            Ok(trial) => ready.push(trial),
            Err(reason) => {
                let reason = format!("its checkpoint is damaged: {reason}");
                tracing::warn!("trial {} starts again: {reason}", lease.trial);
                keeper.send(Update::Failure(lease, Failure::Checkpoint, reason));
            }
        }
    }
    let mut trained = Vec::new();
    while let Some(first) = ready.first() {
        let of_trial = first.config.train.seeds.len();
        let most = most_members(context.gpu, &first.config, &context.data.train.labels, &context.data.classes)?;
        let position = first.position();
        let together: Vec<ReadyTrial> = ready.extract_if(.., |trial| trial.position() == position).collect();
        for trials in together.chunks((most / of_trial).max(1)) {
            trained.extend(population(context, trials, pause, keeper)?);
        }
    }
    Ok(trained)
}

/// A trial whose checkpoint has been read.
struct ReadyTrial {
    lease: Lease,
    config: Config,
    /// Training state to resume from, `None` at the beginning.
    training_state: Option<TrainingState>,
    /// Learning curves so far, `[seed][epoch]`.
    curves: Vec<Vec<CurvePoint>>,
    /// Seconds of training between the last rung and the checkpoint that this piece of the training resumes from.
    seconds: f64,
}

impl ReadyTrial {
    /// Reads and checks the checkpoint of `claimed`. The error is a message for the store.
    fn new(
        context: &TrainingContext<'_>,
        claimed: Claimed,
        config: Config,
        pause: Option<usize>,
    ) -> Result<Self, String> {
        let (lease, method, seeds) = (claimed.lease, config.train.method, config.train.seeds.len());
        let Some(kept) = claimed.checkpoint? else {
            return Ok(Self { lease, config, training_state: None, curves: vec![Vec::new(); seeds], seconds: 0.0 });
        };
        let origin = Path::new("its training state");
        let training_state = TrainingState::from_bytes(origin, &kept.bytes).map_err(|error| error.with_causes())?;
        let own = Provenance::new(std::slice::from_ref(&config), &context.data.fingerprint);
        training_state.provenance.check(origin, &own).map_err(|error| error.with_causes())?;
        let parameters = Architecture::new(&config.model, &config.features, context.data.classes.len()).elements();
        if training_state.elements() != parameters {
            return Err(format!("it is of models with {} parameters, not of {parameters}", training_state.elements()));
        }
        let stage = training_state.stage;
        if !StageName::of(method).contains(&stage) {
            return Err(format!("{:?} is no stage of the method {}", stage.name(), method.name()));
        }
        let most = pause.unwrap_or(usize::MAX).min(stage.epochs(&config));
        if training_state.epoch != kept.epoch || training_state.epoch > most {
            let (found, row) = (training_state.epoch, kept.epoch);
            return Err(format!("it stands at epoch {found}, its row at epoch {row}, and there are {most}"));
        }
        let Done { curves, seconds } = Done::from_json(&kept.details, seeds, method)?;
        tracing::info!("trial {} resumes after epoch {}", lease.trial, kept.epoch);
        Ok(Self { lease, config, training_state: Some(training_state), curves, seconds })
    }

    /// Returns the stage and the epoch. Only trials at the same position can resume together.
    fn position(&self) -> Option<(StageName, usize)> {
        self.training_state.as_ref().map(|training_state| (training_state.stage, training_state.epoch))
    }
}

/// Trains one population. When that fails, each trial is tried alone, since nothing shows which of them is at fault.
fn population(
    context: &TrainingContext<'_>,
    trials: &[ReadyTrial],
    pause: Option<usize>,
    keeper: &LeaseKeeper,
) -> Result<Vec<TrainedTrial>> {
    let error = match attempt(context, trials, pause, keeper) {
        Ok(trained) => return Ok(trained),
        Err(error) => error,
    };
    if trials.len() > 1 && matches!(failure(&error), Some(Failure::Lasting | Failure::Passing)) {
        let mut trained = Vec::new();
        for trial in trials {
            trained.extend(population(context, std::slice::from_ref(trial), pause, keeper)?);
        }
        return Ok(trained);
    }
    let leases: Vec<Lease> = trials.iter().map(|trial| trial.lease).collect();
    blame(&leases, error, keeper).map(|()| Vec::new())
}

/// Reports to the store that the trials of `leases` failed with `error`.
///
/// # Errors
/// `error` when it must end the worker: when the worker is at fault, or when the device was lost.
pub fn blame(leases: &[Lease], error: Error, keeper: &LeaseKeeper) -> Result<()> {
    let Some(failure) = failure(&error) else { return Err(error) };
    for lease in leases {
        tracing::warn!("trial {} failed: {error}", lease.trial);
        keeper.send(Update::Failure(*lease, failure, error.with_causes()));
    }
    if failure == Failure::Death { Err(error) } else { Ok(()) }
}

/// Returns the kind of a trial's failure for `error`, `None` when the worker is at fault.
fn failure(error: &Error) -> Option<Failure> {
    match error {
        // A retry computes the same bits, so a loss that is not finite would come out again.
        Error::Tolerance(_) => Some(Failure::Lasting),
        Error::Kernel { .. } | Error::Config { .. } | Error::Data { .. } => Some(Failure::Passing),
        Error::DeviceLost { .. } => Some(Failure::Death),
        _ => None,
    }
}

fn attempt(
    context: &TrainingContext<'_>,
    trials: &[ReadyTrial],
    pause: Option<usize>,
    keeper: &LeaseKeeper,
) -> Result<Vec<TrainedTrial>> {
    let start = Instant::now();
    let configs: Vec<Config> = trials.iter().map(|trial| trial.config.clone()).collect();
    let mut trainer = Trainer::together(context.gpu, context.tiles, &configs, context.data)?;
    let (mut members, mut curves) = (Vec::new(), Vec::new());
    for trial in trials {
        members.push(curves.len()..curves.len() + trial.curves.len());
        curves.extend_from_slice(&trial.curves);
    }
    let training_states: Vec<TrainingState> = trials.iter().filter_map(|trial| trial.training_state.clone()).collect();
    if !training_states.is_empty() {
        let origin = Path::new("the training states of a population");
        trainer.restore(origin, &TrainingState::join(origin, training_states)?)?;
    }
    if let Some(epochs) = pause {
        trainer.pause_after(epochs);
    }
    let mut observer = StoreObserver { keeper, until: context.until, trials, members, curves, start };
    if !trainer.run(&mut observer)? {
        return Ok(Vec::new());
    }
    let whole = trainer.training_state()?;
    let trained = |(trial, members): (&ReadyTrial, &Range<usize>)| TrainedTrial {
        lease: trial.lease,
        config: trial.config.clone(),
        curves: observer.curves[members.clone()].to_vec(),
        training_state: whole.of(members.clone()),
        seconds: observer.seconds(trial),
    };
    Ok(trials.iter().zip(&observer.members).map(trained).collect())
}

fn checkpoint(training_state: &TrainingState, curves: &[Vec<CurvePoint>], seconds: f64) -> Result<Checkpoint> {
    let done = Done { curves: curves.to_vec(), seconds };
    let details = serde_json::to_string(&done).map_err(|e| Error::data("learning curves", e.to_string()))?;
    let bytes = training_state.to_bytes(Path::new("a checkpoint"))?;
    Ok(Checkpoint { epoch: training_state.epoch, bytes, details })
}

/// An observer that sends all progress of a population to the lease keeper.
struct StoreObserver<'a> {
    keeper: &'a LeaseKeeper,
    until: StopConditions,
    trials: &'a [ReadyTrial],
    /// Range of each trial's members in the population.
    members: Vec<Range<usize>>,
    /// Learning curves, `[member][epoch]`.
    curves: Vec<Vec<CurvePoint>>,
    /// Start of this training.
    start: Instant,
}

impl StoreObserver<'_> {
    /// Returns the time that `trial` has taken since the last rung, in seconds. Trials that train together share the
    /// time evenly.
    fn seconds(&self, trial: &ReadyTrial) -> f64 {
        trial.seconds + self.start.elapsed().as_secs_f64() / self.trials.len() as f64
    }
}

impl Observer for StoreObserver<'_> {
    fn should_continue(&mut self, _done: u64) -> bool {
        !self.keeper.lost() && !self.until.reached()
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        for report in reports {
            let (stage, epoch) = (report.stage, report.epoch);
            self.curves[report.member].push(CurvePoint { stage, epoch, loss: report.loss, score: report.score });
        }
        Ok(())
    }

    fn checkpoint(&mut self, training_state: &TrainingState) -> Result<()> {
        // A training that has not done an epoch has nothing to keep.
        if self.curves.iter().all(Vec::is_empty) {
            return Ok(());
        }
        for (trial, members) in self.trials.iter().zip(&self.members) {
            let curves = &self.curves[members.clone()];
            let kept = checkpoint(&training_state.of(members.clone()), curves, self.seconds(trial))?;
            self.keeper.send(Update::Checkpoint(trial.lease, kept));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_a_checkpoint_are_curves_and_the_time_so_far() {
        let point = CurvePoint { stage: StageName::Classifier, epoch: 0, loss: 0.5, score: 40.0 };
        let done = Done { curves: vec![vec![point]], seconds: 12.5 };
        let text = serde_json::to_string(&done).unwrap();
        let read = Done::from_json(&text, 1, Method::Classifier).unwrap();
        assert_eq!((&read.curves, read.seconds), (&done.curves, 12.5));
        for (wrong, says) in [
            (text.replace("12.5", "-1.0"), "-1 is no number of seconds"),
            (text.replace("\"epoch\":0", "\"epoch\":1"), "do not follow each other"),
            ("[]".to_owned(), "cannot be read"),
        ] {
            let reason = Done::from_json(&wrong, 1, Method::Classifier).err().unwrap();
            assert!(reason.contains(says), "{wrong}: {reason}");
        }
        assert!(Done::from_json(&text, 2, Method::Classifier).is_err());
    }
}
