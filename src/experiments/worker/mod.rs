//! Workers: a worker claims trials of a study, trains them and delivers the results, until nothing is left, its time is
//! up or it is asked to stop.
//!
//! In: a store. Out: results and checkpoints in it. Each machine generates the data anew, from their seed and its
//! soundbank.

mod gpu_lock;
mod grid;
mod idle;
mod lease_keeper;
mod search;
mod stop_conditions;
mod training;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use self::lease_keeper::{AGAIN, LeaseKeeper, LeaseTerms, Update};
use crate::config::Config;
use crate::data::scenes::Dataset;
use crate::experiments::search::SuccessiveHalving;
use crate::experiments::store::{ClaimOutcome, Claimed, Failure, Lease, Outcome, Registered, Store, StudyKind, Wanted};
use crate::experiments::study::cells;
use crate::gpu::Gpu;
use crate::model::Tiles;
use crate::output::Progress;
use crate::{Error, Result};

pub use gpu_lock::GpuLock;
pub use grid::{SeedResult, cell_and_seed};
pub use idle::Idle;
pub use stop_conditions::StopConditions;

/// Settings of a worker.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The worker's name in the store. No two workers may share one.
    pub name: String,
    /// Measured register tiles to compute with.
    pub tiles: Tiles,
    /// Duration of a lease without renewal.
    pub lease: Duration,
    /// Conditions on which the worker stops.
    pub until: StopConditions,
    /// Idle time after which the worker ends although the study is not finished; `None` for no limit.
    pub idle_exit: Option<Duration>,
}

impl Settings {
    /// Makes a name for a worker from the host, the process id and a number that distinguishes it from earlier
    /// processes of the same id. Characters of the host's name that are not allowed in host names are replaced.
    pub fn name() -> String {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_millis());
        let plain = |c: char| if c.is_alphanumeric() || ".-_".contains(c) { c } else { '-' };
        let host: String = gethostname::gethostname().to_string_lossy().chars().take(64).map(plain).collect();
        format!("{host}:{}:{:x}", std::process::id(), since & 0xff_ffff)
    }
}

/// The reason why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The study is finished.
    Finished,
    /// Other workers hold all remaining trials.
    Idle,
    /// The worker was asked to stop.
    Stopped,
}

/// The training of one kind of study's trials.
trait Job {
    /// Whether two trials can train as one population.
    fn is_compatible(&self, one: usize, other: usize) -> bool;

    /// Returns the largest number of trials in one population.
    fn max_together(&self) -> usize;

    /// Trains the claimed trials and sends the results to the lease keeper. Stops early when a lease is lost or `until`
    /// is reached.
    fn work(&mut self, claimed: Vec<Claimed>, keeper: &LeaseKeeper, until: StopConditions) -> Result<()>;
}

/// Returns the fingerprints of the data of `config`'s study, by which machines check that they train on the same data.
///
/// # Errors
/// The errors of reading a soundbank or a dataset.
pub fn data_of(kind: StudyKind, config: &Config) -> Result<String> {
    match kind {
        StudyKind::Search => Dataset::of(config)?.fingerprint(),
        StudyKind::Grid => {
            let mut found: Vec<String> = Vec::new();
            for cell in cells(config)? {
                let name = cell.variant.name();
                if !found.iter().any(|other| other.starts_with(name)) {
                    found.push(format!("{name} {}", Dataset::of(&cell.config)?.fingerprint()?));
                }
            }
            Ok(found.join("; "))
        }
    }
}

/// Returns the trials and rungs of the study of `config`. In a grid, each seed of a cell is a trial.
///
/// # Errors
/// The errors of [`cells`].
pub fn halving_of(kind: StudyKind, config: &Config) -> Result<SuccessiveHalving> {
    match kind {
        StudyKind::Search => Ok(crate::experiments::search::halving(&config.search)),
        StudyKind::Grid => {
            Ok(SuccessiveHalving { trials: cells(config)?.len() * config.study.seeds.len(), eta: 2, rungs: 1 })
        }
    }
}

/// Works on `study`, whose sounds are where `config` says, until the study is finished, the worker was idle for too
/// long, or it is asked to stop. Returns the store and which of these it was.
///
/// # Errors
/// [`Error::Store`] when this machine has other data or another version of the program than the study; the errors of
/// data, device and store, after all leases were given back.
pub fn work(
    gpu: &Gpu,
    mut store: Store,
    study: &Registered,
    config: &Config,
    settings: &Settings,
    progress: &Progress,
) -> Result<(Store, End)> {
    refuse_others(&store, study, config)?;
    let mut job: Box<dyn Job + '_> = match study.study.kind {
        StudyKind::Search => Box::new(search::SearchJob::new(gpu, config, settings, progress)?),
        StudyKind::Grid => Box::new(grid::GridJob::new(gpu, config, settings, progress)?),
    };
    let task = progress.task("results", study.study.halving.sizes().iter().sum::<usize>() as u64);
    let mut idle = Idle::default();
    while !settings.until.reached() {
        let wanted = Wanted {
            worker: &settings.name,
            adapter: &gpu.adapter().name,
            lease_ms: settings.lease.as_millis() as i64,
            most: job.max_together(),
            are_compatible: &|one, other| job.is_compatible(one, other),
        };
        match store.claim(study, &wanted) {
            Ok(ClaimOutcome::Trials(claimed)) => {
                idle = Idle::default();
                store = train(&mut *job, store, claimed, settings)?;
                if let Ok(done) = store.results(study) {
                    task.set(done as u64);
                }
            }
            Ok(ClaimOutcome::Nothing(waiting)) => {
                if idle.waits_for(&waiting, settings.idle_exit) {
                    return Ok((store, End::Idle));
                }
                std::thread::sleep(AGAIN.min(settings.lease / 4));
            }
            Ok(ClaimOutcome::Finished) => {
                task.finish();
                return Ok((store, End::Finished));
            }
            Err(error @ Error::Store { passing: true, .. }) => {
                if idle.without_store(&error, settings.idle_exit) {
                    return Err(error);
                }
                std::thread::sleep(AGAIN);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((store, End::Stopped))
}

/// Trains the trials of `claimed` and gives back those without a result. When training panics, the trials have failed
/// and the worker continues.
fn train(job: &mut dyn Job, store: Store, claimed: Vec<Claimed>, settings: &Settings) -> Result<Store> {
    let leases: Vec<Lease> = claimed.iter().map(|claimed| claimed.lease).collect();
    let route =
        LeaseTerms { worker: &settings.name, lease_ms: settings.lease.as_millis() as i64, until: settings.until };
    let keeper = LeaseKeeper::start(store, leases.clone(), &route);
    let outcome = catch_unwind(AssertUnwindSafe(|| job.work(claimed, &keeper, settings.until)));
    let outcome = outcome.unwrap_or_else(|panic| {
        let reason = format!("its training panicked: {}", words(&*panic));
        for lease in &leases {
            tracing::warn!("trial {} failed: {reason}", lease.trial);
            keeper.send(Update::Failure(*lease, Failure::Passing, reason.clone()));
        }
        Ok(())
    });
    let store = keeper.close(&leases);
    outcome.and(store)
}

/// Returns the message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

fn outcome(gpu: &Gpu, worker: &str, score: f64, details: String, seconds: f64) -> Outcome {
    let adapter = gpu.adapter().name.clone();
    Outcome { score, details, worker: worker.into(), adapter, seconds, checkpoint: None }
}

/// Refuses a study that was created by another version of the program or with other data.
fn refuse_others(store: &Store, study: &Registered, config: &Config) -> Result<()> {
    let own = crate::experiments::store::Study {
        version: env!("CARGO_PKG_VERSION").into(),
        data: data_of(study.study.kind, config)?,
        config: config.clone(),
        halving: halving_of(study.study.kind, config)?,
        ..study.study.clone()
    };
    match crate::experiments::store::difference(&study.study, &own) {
        None => Ok(()),
        Some(difference) => {
            let reason = format!("its study '{}' has {difference}", study.study.name);
            Err(Error::Store { store: store.location().to_string(), reason, passing: false })
        }
    }
}

/// Checks that the folders of sounds in `config` exist on this machine.
///
/// # Errors
/// [`Error::Data`] that names a missing folder and the option to set it with.
pub fn here(config: &Config) -> Result<()> {
    let folders = [("--dataset", &config.data.dataset), ("--soundbank", &config.data.soundbank)];
    for (flag, folder) in folders {
        if let Some(folder) = folder
            && !Path::new(folder).is_dir()
        {
            let reason =
                format!("the study's sounds are not there on this machine: say where they are with {flag} DIR");
            return Err(Error::data(folder, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::experiments::search::TrialState;
    use crate::experiments::store::{Location, Study};

    static NEVER: AtomicBool = AtomicBool::new(false);

    /// A job that calls the closure with the claimed trials.
    struct Fake<F>(F);

    impl<F: FnMut(&[Claimed], &LeaseKeeper) -> Result<()>> Job for Fake<F> {
        fn is_compatible(&self, _: usize, _: usize) -> bool {
            true
        }

        fn max_together(&self) -> usize {
            4
        }

        fn work(&mut self, claimed: Vec<Claimed>, keeper: &LeaseKeeper, _: StopConditions) -> Result<()> {
            (self.0)(&claimed, keeper)
        }
    }

    /// State, failures, deaths and reason of a trial.
    type Fate = (TrialState, usize, usize, Option<String>);

    /// Runs `work` on the first trials of a search. Returns the worker's outcome and the trials' rows.
    fn after(work: impl FnMut(&[Claimed], &LeaseKeeper) -> Result<()>) -> (Result<Store>, Vec<Fate>) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("store.sqlite"));
        let mut store = Store::open(location.clone()).unwrap();
        let config = Config::default();
        let study = Study {
            name: "fake".into(),
            kind: StudyKind::Search,
            halving: crate::experiments::search::halving(&config.search),
            config,
            version: "1".into(),
            data: "ab".into(),
        };
        let study = store.register(&study).unwrap();
        let wanted = Wanted { worker: "w", adapter: "none", lease_ms: 60_000, most: 2, are_compatible: &|_, _| true };
        let ClaimOutcome::Trials(claimed) = store.claim(&study, &wanted).unwrap() else { panic!("nothing to claim") };
        let settings = Settings {
            name: "w".into(),
            tiles: Tiles::default(),
            lease: Duration::from_secs(60),
            until: StopConditions { stop: &NEVER, deadline: None },
            idle_exit: None,
        };
        let ended = train(&mut Fake(work), store, claimed, &settings);
        let rows = Store::open(location).unwrap().trials(&study).unwrap();
        (ended, rows.into_iter().map(|row| (row.state, row.failures, row.deaths, row.reason)).collect())
    }

    #[test]
    fn a_training_that_panics_fails_its_trials_and_the_worker_goes_on() {
        let (ended, rows) = after(|_, _| panic!("a tensor of {} values", 0));
        assert!(ended.is_ok());
        let reason = Some("its training panicked: a tensor of 0 values".to_owned());
        assert_eq!(rows, vec![(TrialState::Interrupted, 1, 0, reason); 2]);
    }

    #[test]
    fn what_is_the_workers_fault_ends_it_and_gives_the_trials_back() {
        let (ended, rows) = after(|_, _| Err(Error::data("sounds", "are gone")));
        assert!(ended.unwrap_err().to_string().contains("are gone"));
        assert_eq!(rows, vec![(TrialState::Interrupted, 0, 0, None); 2]);
    }

    #[test]
    fn a_trial_is_blamed_for_its_own_errors_and_for_a_device_that_is_lost_with_it() {
        let blame = |error: fn() -> Error| {
            after(move |claimed, keeper| {
                let leases: Vec<Lease> = claimed.iter().map(|claimed| claimed.lease).collect();
                training::blame(&leases[..1], error(), keeper)
            })
        };
        let (ended, rows) = blame(|| Error::Tolerance("the loss is not finite".into()));
        assert!(ended.is_ok() && rows[0].0 == TrialState::Failed && rows[1].0 == TrialState::Interrupted, "{rows:?}");
        let (ended, rows) = blame(|| Error::kernel("conv", "does not fit"));
        assert!(ended.is_ok() && (rows[0].0, rows[0].1) == (TrialState::Interrupted, 1), "{rows:?}");
        let (ended, rows) = blame(|| Error::DeviceLost { adapter: "card".into(), reason: "gone".into() });
        assert!(ended.is_err() && (rows[0].0, rows[0].1, rows[0].2) == (TrialState::Interrupted, 0, 1), "{rows:?}");
        let (ended, rows) = blame(|| Error::Adapter("none".into()));
        assert!(ended.is_err() && (rows[0].1, rows[0].2) == (0, 0), "{rows:?}");
    }
}
