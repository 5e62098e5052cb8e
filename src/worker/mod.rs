//! A worker: claims trials of a study, trains them, delivers what comes of it, until nothing is left, its time is up or it is
//! told to stop.
//!
//! In: a store. Out: results and checkpoints in it. Data are made anew on each machine, from their seed and its soundbank.

mod card;
mod courier;
mod grid;
mod idle;
mod search;
mod training;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use self::courier::{AGAIN, Courier, Parcel, Route};
use crate::config::Config;
use crate::gpu::Gpu;
use crate::report::Progress;
use crate::scenes::Dataset;
use crate::search::Ladder;
use crate::store::{Claim, Claimed, Failure, Kind, Lease, Outcome, Registered, Store, Wanted};
use crate::study::cells;
use crate::{Error, Result};

pub use card::Card;
pub use grid::{SeedResult, place};
pub use idle::Idle;
pub use training::Until;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it is called in the store; no two workers share a name.
    pub name: String,
    /// How long a lease lasts that is not renewed.
    pub lease: Duration,
    /// When to stop.
    pub until: Until,
    /// Stop when there was nothing to do for this long, though the study is not finished.
    pub idle_exit: Option<Duration>,
}

impl Settings {
    /// A name for a worker: host, process and a number that no earlier process of this id had. Of the host's name only the
    /// characters that hosts have are kept.
    pub fn name() -> String {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_millis());
        let plain = |c: char| if c.is_alphanumeric() || ".-_".contains(c) { c } else { '-' };
        let host: String = gethostname::gethostname().to_string_lossy().chars().take(64).map(plain).collect();
        format!("{host}:{}:{:x}", std::process::id(), since & 0xff_ffff)
    }
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The study is finished.
    Finished,
    /// Others do what is left.
    Idle,
    /// It was told to.
    Stopped,
}

/// How the trials of a kind of study are trained.
trait Job {
    /// Whether two trials can train as one population.
    fn alike(&self, one: usize, other: usize) -> bool;

    /// Most trials of one population.
    fn most(&self) -> usize;

    /// Trains what was claimed and hands the results to the courier; stops early when the leases are lost or `until` is reached.
    fn work(&mut self, claimed: Vec<Claimed>, courier: &Courier, until: Until) -> Result<()>;
}

/// What the data of the study of `config` depend on, as it is compared between machines.
///
/// # Errors
/// Whatever reading a soundbank or a dataset reports.
pub fn data_of(kind: Kind, config: &Config) -> Result<String> {
    match kind {
        Kind::Search => Dataset::of(config)?.fingerprint(),
        Kind::Grid => {
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

/// The trials and rungs of the study of `config`; each seed of a grid's cell is a trial.
///
/// # Errors
/// As [`cells`].
pub fn ladder_of(kind: Kind, config: &Config) -> Result<Ladder> {
    match kind {
        Kind::Search => Ok(crate::search::ladder(&config.search)),
        Kind::Grid => Ok(Ladder { trials: cells(config)?.len() * config.study.seeds, eta: 2, rungs: 1 }),
    }
}

/// Works on `study`, whose sounds are where `config` says, until the study is finished, the worker was idle for too long, or it
/// is asked to stop. Returns the store and which of these it was.
///
/// # Errors
/// [`Error::Store`] when the study is not the one this machine would make: other data, or another version of the program; what data,
/// device and store report, after all leases were given back.
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
        Kind::Search => Box::new(search::SearchJob::new(gpu, config, &settings.name, progress)?),
        Kind::Grid => Box::new(grid::GridJob::new(gpu, config, &settings.name, progress)?),
    };
    let task = progress.task("results", study.study.ladder.sizes().iter().sum::<usize>() as u64);
    let mut idle = Idle::default();
    while !settings.until.reached() {
        let wanted = Wanted {
            worker: &settings.name,
            adapter: &gpu.adapter().name,
            lease_ms: settings.lease.as_millis() as i64,
            most: job.most(),
            alike: &|one, other| job.alike(one, other),
        };
        match store.claim(study, &wanted) {
            Ok(Claim::Trials(claimed)) => {
                idle = Idle::default();
                store = train(&mut *job, store, claimed, settings)?;
                if let Ok(done) = store.results(study) {
                    task.set(done as u64);
                }
            }
            Ok(Claim::Nothing(waiting)) => {
                if idle.waits_for(&waiting, settings.idle_exit) {
                    return Ok((store, End::Idle));
                }
                std::thread::sleep(AGAIN.min(settings.lease / 4));
            }
            Ok(Claim::Finished) => {
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

/// Trains `claimed`, and gives back what has no result in the end. A trial whose training panics has failed; the worker goes on.
fn train(job: &mut dyn Job, store: Store, claimed: Vec<Claimed>, settings: &Settings) -> Result<Store> {
    let leases: Vec<Lease> = claimed.iter().map(|claimed| claimed.lease).collect();
    let route =
        Route { worker: &settings.name, lease_ms: settings.lease.as_millis() as i64, stop: settings.until.stop };
    let courier = Courier::start(store, leases.clone(), &route);
    let outcome = catch_unwind(AssertUnwindSafe(|| job.work(claimed, &courier, settings.until)));
    let outcome = outcome.unwrap_or_else(|panic| {
        let reason = format!("its training panicked: {}", words(&*panic));
        for lease in &leases {
            tracing::warn!("trial {} failed: {reason}", lease.trial);
            courier.send(Parcel::Failure(*lease, Failure::Passing, reason.clone()));
        }
        Ok(())
    });
    let store = courier.close(&leases);
    outcome.and(store)
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

fn outcome(gpu: &Gpu, worker: &str, score: f64, details: String, seconds: f64) -> Outcome {
    let adapter = gpu.adapter().name.clone();
    Outcome { score, details, worker: worker.into(), adapter, seconds, checkpoint: None }
}

/// A study is worked on by the version of the program and with the data that it was begun with.
fn refuse_others(store: &Store, study: &Registered, config: &Config) -> Result<()> {
    let own = crate::store::Study {
        version: env!("CARGO_PKG_VERSION").into(),
        data: data_of(study.study.kind, config)?,
        config: config.clone(),
        ladder: ladder_of(study.study.kind, config)?,
        ..study.study.clone()
    };
    match crate::store::difference(&study.study, &own) {
        None => Ok(()),
        Some(difference) => {
            let reason = format!("its study '{}' has {difference}", study.study.name);
            Err(Error::Store { store: store.location().to_string(), reason, passing: false })
        }
    }
}

/// `config` with its sounds where this machine has them.
///
/// # Errors
/// [`Error::Data`] when they are where it says on no folder of this machine.
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
    use crate::store::{Location, State, Study};

    static NEVER: AtomicBool = AtomicBool::new(false);

    /// A job that does `what` with whatever was claimed.
    struct Fake<F>(F);

    impl<F: FnMut(&[Claimed], &Courier) -> Result<()>> Job for Fake<F> {
        fn alike(&self, _: usize, _: usize) -> bool {
            true
        }

        fn most(&self) -> usize {
            4
        }

        fn work(&mut self, claimed: Vec<Claimed>, courier: &Courier, _: Until) -> Result<()> {
            (self.0)(&claimed, courier)
        }
    }

    /// A trial's state, failures, deaths and reason.
    type Fate = (State, usize, usize, Option<String>);

    /// A worker and the first trials of a search after `work` was done with them.
    fn after(work: impl FnMut(&[Claimed], &Courier) -> Result<()>) -> (Result<Store>, Vec<Fate>) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("store.sqlite"));
        let mut store = Store::open(location.clone()).unwrap();
        let config = Config::default();
        let study = Study {
            name: "fake".into(),
            kind: Kind::Search,
            ladder: crate::search::ladder(&config.search),
            config,
            version: "1".into(),
            data: "ab".into(),
        };
        let study = store.register(&study).unwrap();
        let wanted = Wanted { worker: "w", adapter: "none", lease_ms: 60_000, most: 2, alike: &|_, _| true };
        let Claim::Trials(claimed) = store.claim(&study, &wanted).unwrap() else { panic!("nothing to claim") };
        let settings = Settings {
            name: "w".into(),
            lease: Duration::from_secs(60),
            until: Until { stop: &NEVER, deadline: None },
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
        assert_eq!(rows, vec![(State::Interrupted, 1, 0, reason); 2]);
    }

    #[test]
    fn what_is_the_workers_fault_ends_it_and_gives_the_trials_back() {
        let (ended, rows) = after(|_, _| Err(Error::data("sounds", "are gone")));
        assert!(ended.unwrap_err().to_string().contains("are gone"));
        assert_eq!(rows, vec![(State::Interrupted, 0, 0, None); 2]);
    }

    #[test]
    fn a_trial_is_blamed_for_its_own_errors_and_for_a_device_that_is_lost_with_it() {
        let blame = |error: fn() -> Error| {
            after(move |claimed, courier| {
                let leases: Vec<Lease> = claimed.iter().map(|claimed| claimed.lease).collect();
                training::blame(&leases[..1], error(), courier)
            })
        };
        let (ended, rows) = blame(|| Error::Tolerance("the loss is not finite".into()));
        assert!(ended.is_ok() && rows[0].0 == State::Failed && rows[1].0 == State::Interrupted, "{rows:?}");
        let (ended, rows) = blame(|| Error::kernel("conv", "does not fit"));
        assert!(ended.is_ok() && (rows[0].0, rows[0].1) == (State::Interrupted, 1), "{rows:?}");
        let (ended, rows) = blame(|| Error::DeviceLost { adapter: "card".into(), reason: "gone".into() });
        assert!(ended.is_err() && (rows[0].0, rows[0].1, rows[0].2) == (State::Interrupted, 0, 1), "{rows:?}");
        let (ended, rows) = blame(|| Error::Adapter("none".into()));
        assert!(ended.is_err() && (rows[0].1, rows[0].2) == (0, 0), "{rows:?}");
    }
}
