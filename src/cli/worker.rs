//! `weaklabel worker`.

use std::time::{Duration, Instant};

use clap::Args;

use super::data_source::DataSource;
use super::given_up::{self, RetryOption};
use super::store_options::{LeaseOption, StoreParser};
use super::{Session, signals, tiles};
use crate::base::stop;
use crate::config::duration;
use crate::experiments::store::{Location, Prospect, Registered, Store, Waiting};
use crate::experiments::worker::{End, GpuLock, Idle, Settings, StopConditions, here, work};
use crate::gpu::{AdapterKind, Gpu, adapter};
use crate::{Error, Result};

/// Time between two looks into a store that has no work.
const LOOK: Duration = Duration::from_secs(1);
/// Time after which a worker that has nothing to do in a study looks at other studies.
const ELSEWHERE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  weaklabel worker --store search/store.sqlite --adapter 1
  weaklabel worker --store postgres://me@server/studies --max-time 3h50m --idle-exit 5min
  weaklabel worker --store postgres://me@server/studies --adapter auto --dataset /data/set";

/// `weaklabel worker`: train trials of the studies in a store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Worker {
    /// The store: postgres://USER@HOST/DATABASE, or a file of SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true, value_parser = StoreParser)]
    pub store: Location,
    /// Work on this study only
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Folder of the sounds on this machine, if it is not the one that the study names.
    #[command(flatten)]
    pub source: DataSource,
    /// Stop after this long, for example 3h50m; other workers continue what is under way
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_time: Option<Duration>,
    /// Stop when there was nothing to do for this long, for example 60s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub idle_exit: Option<Duration>,
    /// Length of a lease.
    #[command(flatten)]
    pub lease: LeaseOption,
    /// Option to try again the trials that were given up.
    #[command(flatten)]
    pub retry: RetryOption,
}

/// The studies of a store as a worker sees them.
struct Prospects {
    /// The first study with something to do.
    open: Option<Registered>,
    /// Number of studies that are not finished.
    unfinished: usize,
    /// All studies.
    studies: Vec<Registered>,
    /// Leases of other workers in the studies that are not finished.
    waiting: Waiting,
}

impl Worker {
    /// Trains trials until every study is finished.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a signal or at the end of its time, with everything given back; [`Error::Adapter`]
    /// when other workers compute on the adapters; [`Error::Partly`] when trials of a study that it worked on were
    /// given up; whatever data, device and store report.
    pub fn run(self, session: &Session) -> Result<()> {
        let signalled = signals::catch()?;
        let deadline = self.max_time.map(|time| Instant::now() + time);
        if let Some(deadline) = deadline {
            // Features take minutes and do not look at `until`.
            stop::request_at(deadline);
        }
        let until = StopConditions { stop: signalled, deadline };
        let (gpu, _card) = take_card(session)?;
        let tiles = session.tiles(&gpu)?;
        let store = Store::open(self.store.clone())?;
        let settings = self.lease.settings(tiles, until, self.idle_exit);
        tracing::info!("worker {} at {}", settings.name, self.store);
        let ended = self.work_until_idle(session, &gpu, store, &settings);
        // A store that is the reason of the end would only be waited for.
        if !matches!(ended, Err(Error::Store { .. }))
            && let Ok(mut store) = Store::open(self.store.clone())
        {
            store.forget_worker(&settings.name);
        }
        ended
    }

    fn work_until_idle(&self, session: &Session, gpu: &Gpu, mut store: Store, settings: &Settings) -> Result<()> {
        let until = settings.until;
        for study in self.studies(&mut store)? {
            self.retry.apply(&mut store, &study)?;
        }
        let mut idle = Idle::default();
        let mut worked_on: Vec<i64> = Vec::new();
        loop {
            if until.reached() {
                let path = self.store.to_string().into();
                return Err(Error::Interrupted { path, next: "another worker" });
            }
            let Prospects { open, unfinished, studies, waiting } = match self.prospects(&mut store) {
                Ok(found) => found,
                Err(error @ Error::Store { passing: true, .. }) => {
                    if idle.without_store(&error, self.idle_exit) {
                        return Err(error);
                    }
                    std::thread::sleep(LOOK);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(study) = open else {
                // A worker may be started before its study is registered, beside old studies: it waits until
                // `idle_exit`.
                if unfinished == 0 && !studies.is_empty() && (!worked_on.is_empty() || self.idle_exit.is_none()) {
                    tracing::info!("nothing is left to do");
                    let own = studies.iter().filter(|study| worked_on.contains(&study.id));
                    let said: Vec<Result<()>> = own.map(|study| given_up::say(&mut store, study)).collect();
                    return said.into_iter().collect();
                }
                if idle.waits_for(&waiting, self.idle_exit) {
                    tracing::info!("nothing to do for {} s", idle.lasts().as_secs());
                    return Ok(());
                }
                // Says that the worker is alive; a store that is away is noticed at the next look.
                let _ = store.heartbeat(&settings.name, &[], 0);
                std::thread::sleep(LOOK);
                continue;
            };
            let wait = if unfinished > 1 { Some(ELSEWHERE) } else { self.idle_exit };
            let settings = Settings { idle_exit: wait, ..settings.clone() };
            let end;
            (store, end) = self
                .work(session, gpu, store, &study, &settings)
                .map_err(|error| error.resumable(self.store.to_string(), "another worker"))?;
            if end == End::Idle && unfinished == 1 {
                tracing::info!("nothing left to do: other workers train the last trials");
                return Ok(());
            }
            idle = Idle::default();
            if !worked_on.contains(&study.id) {
                worked_on.push(study.id);
            }
        }
    }

    /// The studies that this worker may work on.
    fn studies(&self, store: &mut Store) -> Result<Vec<Registered>> {
        let mut studies = store.studies()?;
        if let Some(name) = &self.study {
            studies.retain(|study| study.study.name == *name);
        }
        Ok(studies)
    }

    fn prospects(&self, store: &mut Store) -> Result<Prospects> {
        let studies = self.studies(store)?;
        let (mut open, mut unfinished, mut waiting) = (None, 0, Waiting::default());
        for study in &studies {
            let prospect = store.prospect(study)?;
            unfinished += usize::from(prospect != Prospect::Finished);
            match prospect {
                Prospect::Open if open.is_none() => open = Some(study.clone()),
                Prospect::Running(held) => waiting.0.extend(held.0),
                Prospect::Open | Prospect::Finished => {}
            }
        }
        Ok(Prospects { open, unfinished, studies, waiting })
    }

    fn work(
        &self,
        session: &Session,
        gpu: &Gpu,
        store: Store,
        study: &Registered,
        settings: &Settings,
    ) -> Result<(Store, End)> {
        tracing::info!("study {}", study.study.name);
        let mut config = study.study.config.clone();
        self.source.apply(&mut config.data);
        let config = crate::output::absolute_paths(&config)?;
        here(&config)?;
        work(gpu, store, study, &config, settings, &session.progress)
    }
}

/// Opens the adapter that the options name, or with `auto` the first that no other worker has, and locks it until the
/// process ends.
fn take_card(session: &Session) -> Result<(Gpu, GpuLock)> {
    let folder = tiles::cache_folder()?;
    if session.options.adapter.as_deref() != Some("auto") {
        let gpu = session.open_gpu()?;
        let gpu_lock = GpuLock::take(gpu.adapter(), &folder)?;
        let name = &gpu.adapter().name;
        let gpu_lock = gpu_lock
            .ok_or_else(|| Error::Adapter(format!("another worker computes on {name}: choose another --adapter")))?;
        return Ok((gpu, gpu_lock));
    }
    let mut choice = session.adapter_choice();
    choice.adapter = None;
    let (mut adapters, _) = adapter::list(&choice)?;
    // GPUs come before software adapters, which several workers may share.
    adapters.sort_by_key(|adapter| (adapter.kind == AdapterKind::Cpu, adapter.index));
    for adapter in adapters {
        if let Some(gpu_lock) = GpuLock::take(&adapter, &folder)? {
            return Ok((session.open_gpu_at(adapter.index)?, gpu_lock));
        }
    }
    Err(Error::Adapter("other workers compute on all adapters of this machine".into()))
}
