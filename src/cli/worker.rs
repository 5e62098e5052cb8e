//! `weaklabel worker`.

use std::time::{Duration, Instant};

use clap::Args;

use super::data_source::DataSource;
use super::store_options::{LeaseOption, duration};
use super::{Session, signals, tiles};
use crate::gpu::{Gpu, adapter};
use crate::store::{Location, Prospect, Registered, Store};
use crate::worker::{Card, End, Settings, Until, here, work};
use crate::{Error, Result};

/// Between two looks into a store that has no work.
const LOOK: Duration = Duration::from_secs(1);
/// A worker that has nothing to do leaves a study for others that may have something.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// `weaklabel worker`: train trials of the studies in a store.
#[derive(Debug, Args)]
pub struct Worker {
    /// The store: postgres://USER@HOST/DATABASE, or a file of SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true)]
    pub store: Location,
    /// Work on this study only
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Where this machine has the sounds, if not where the study's first machine has them.
    #[command(flatten)]
    pub source: DataSource,
    /// Stop after this long, for example 3h50m; what is under way is left for others to go on with
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_time: Option<Duration>,
    /// Stop when there was nothing to do for this long, for example 60 (seconds)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub idle_exit: Option<Duration>,
    /// How long a lease lasts.
    #[command(flatten)]
    pub lease: LeaseOption,
}

impl Worker {
    /// Works until every study is finished.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a signal or at the end of its time, with everything given back; [`Error::Adapter`] when
    /// other workers have the cards; whatever data, device and store report.
    pub fn run(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let deadline = self.max_time.map(|time| Instant::now() + time);
        let until = Until { stop, deadline };
        let (gpu, _card) = take_card(session)?;
        let mut store = Store::open(self.store.clone())?;
        let settings = self.lease.settings(until, self.idle_exit);
        tracing::info!("worker {} at {}", settings.name, self.store);
        let mut idle_since = Instant::now();
        let (mut away, mut worked) = (false, false);
        loop {
            if until.reached() {
                let path = self.store.to_string().into();
                return Err(Error::Interrupted { path, next: "another worker" });
            }
            let (open, unfinished, any) = match self.prospects(&mut store) {
                Ok(found) => found,
                Err(error @ Error::Store { passing: true, .. }) => {
                    if !away {
                        tracing::warn!("{error}; trying again until it is back");
                    }
                    away = true;
                    if self.idle_exit.is_some_and(|limit| idle_since.elapsed() >= limit) {
                        return Err(error);
                    }
                    std::thread::sleep(LOOK);
                    continue;
                }
                Err(error) => return Err(error),
            };
            away = false;
            let Some(study) = open else {
                // A worker may be started before the study it is meant for, beside old ones: it has time until `idle_exit`.
                if unfinished == 0 && any && (worked || self.idle_exit.is_none()) {
                    tracing::info!("nothing is left to do");
                    return Ok(());
                }
                if self.idle_exit.is_some_and(|limit| idle_since.elapsed() >= limit) {
                    tracing::info!("nothing to do for {} s", idle_since.elapsed().as_secs());
                    return Ok(());
                }
                std::thread::sleep(LOOK);
                continue;
            };
            let wait = if unfinished > 1 { Some(ELSEWHERE) } else { self.idle_exit };
            let settings = Settings { idle_exit: wait, ..settings.clone() };
            let end;
            (store, end) = self
                .work(session, &gpu, store, &study, &settings)
                .map_err(|error| error.resumable(self.store.to_string(), "another worker"))?;
            if end == End::Idle && unfinished == 1 {
                tracing::info!("nothing to do any more: others do what is left");
                return Ok(());
            }
            (idle_since, worked) = (Instant::now(), true);
        }
    }

    /// The first study with something to do, the number of those that are not finished, and whether there is any.
    fn prospects(&self, store: &mut Store) -> Result<(Option<Registered>, usize, bool)> {
        let mut studies = store.studies()?;
        if let Some(name) = &self.study {
            studies.retain(|study| study.study.name == *name);
        }
        let any = !studies.is_empty();
        let (mut open, mut unfinished) = (None, 0);
        for study in studies {
            let prospect = store.prospect(&study)?;
            unfinished += usize::from(prospect != Prospect::Finished);
            if prospect == Prospect::Open && open.is_none() {
                open = Some(study);
            }
        }
        Ok((open, unfinished, any))
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
        let config = crate::report::absolute_paths(&config)?;
        here(&config)?;
        work(gpu, store, study, &config, settings, &session.progress)
    }
}

/// The adapter that the options name, or with `auto` the first one no other worker has; held until the process ends.
fn take_card(session: &Session) -> Result<(Gpu, Card)> {
    let folder = tiles::cache_folder()?;
    if session.options.adapter.as_deref() != Some("auto") {
        let gpu = session.open_gpu()?;
        let card = Card::take(gpu.adapter(), &folder)?;
        let name = &gpu.adapter().name;
        let card =
            card.ok_or_else(|| Error::Adapter(format!("another worker has {name}: choose another --adapter")))?;
        return Ok((gpu, card));
    }
    let mut choice = session.adapter_choice();
    choice.adapter = None;
    let (mut adapters, _) = adapter::list(&choice)?;
    // Cards before software, which is never taken.
    adapters.sort_by_key(|adapter| (adapter.kind == "cpu", adapter.index));
    for adapter in adapters {
        if let Some(card) = Card::take(&adapter, &folder)? {
            return Ok((session.open_gpu_at(adapter.index)?, card));
        }
    }
    Err(Error::Adapter("other workers have all cards of this machine".into()))
}
