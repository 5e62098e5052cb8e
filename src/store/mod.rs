//! What the workers of a study share: its trials, who holds which under a lease, results and checkpoints. One set of
//! statements, two engines: a file for the processes of one machine, PostgreSQL for many machines.
//!
//! A trial is *running* under a lease, *paused* on a rung it has a result of, *interrupted* between two epochs by a worker
//! that had to go, or *failed*. A lease ends by itself unless it is renewed, and the trial goes to somebody else, from its last
//! checkpoint; what the first worker then delivers is refused by its fence.

mod claims;
mod engine;
mod leases;
mod location;
mod postgres;
mod schema;
mod sqlite;
mod table;

use self::engine::{Engine, Transaction, Value};
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use crate::config::{Config, load_text, to_toml};
use crate::search::Ladder;
use crate::{Error, Result};

pub use claims::{Claim, Claimed, Prospect, Wanted};
pub use leases::{Checkpoint, Delivery, Lease, Outcome};
pub use location::Location;
pub use table::{ResultRow, State, TrialRow, WorkerRow};

/// The topic of what concerns no study: the schema and the list of studies.
const ALL_STUDIES: i64 = 0;

/// What a study's trials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Configurations drawn from a space.
    Search,
    /// The seeds of the cells of the paper's grid.
    Grid,
}

impl Kind {
    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Grid => "grid",
        }
    }
}

/// A study, as everybody who works on it must see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// What its trials are.
    pub kind: Kind,
    /// Its configuration, from which every trial follows. Where the sounds are may differ from machine to machine.
    pub config: Config,
    /// The program's version.
    pub version: String,
    /// Fingerprints of its data.
    pub data: String,
    /// Its trials and rungs.
    pub ladder: Ladder,
}

/// A study and its number in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Its number.
    pub id: i64,
    /// The study.
    pub study: Study,
}

/// A store; it connects when it is first asked, and again after a connection was lost.
pub struct Store {
    location: Location,
    engine: Option<Box<dyn Engine>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.location)
    }
}

impl Store {
    /// The store at `location`, made if there is none, with the newest schema.
    ///
    /// # Errors
    /// [`Error::Store`] when it cannot be reached, or a newer program made it.
    pub fn open(location: Location) -> Result<Self> {
        let mut store = Self { location, engine: None };
        store.connect()?;
        Ok(store)
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Enters `study`, or finds the one of its name.
    ///
    /// # Errors
    /// [`Error::Store`] when the one of this name is another: of another configuration, other data, or another version of the
    /// program.
    pub fn register(&mut self, study: &Study) -> Result<Registered> {
        let name = self.location.to_string();
        self.transaction(ALL_STUDIES, |tx| {
            if let Some(found) = studies(tx, &name)?.into_iter().find(|found| found.study.name == study.name) {
                return match difference(&found.study, study) {
                    None => Ok(found),
                    Some(difference) => {
                        let reason = format!(
                            "its study '{}' has {difference}: restore it, or give this one another name with --name",
                            study.name
                        );
                        Err(Error::Store { store: name.clone(), reason, passing: false })
                    }
                };
            }
            let last = tx.query("SELECT max(id) FROM weaklabel_studies", &[])?.into_iter().next();
            let id = last.map_or(0, |mut row| row.integer()) + 1;
            let now = tx.now_ms()?;
            let values = [
                id.into(),
                study.name.as_str().into(),
                study.kind.name().into(),
                to_toml(&study.config)?.as_str().into(),
                study.version.as_str().into(),
                study.data.as_str().into(),
                study.ladder.trials.into(),
                study.ladder.eta.into(),
                study.ladder.rungs.into(),
                now.into(),
            ];
            let sql = "INSERT INTO weaklabel_studies \
                       (id, name, kind, config, version, data, trials, eta, rungs, created_ms) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            tx.execute(sql, &values)?;
            Ok(Registered { id, study: study.clone() })
        })
    }

    /// All studies, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn studies(&mut self) -> Result<Vec<Registered>> {
        let name = self.location.to_string();
        self.transaction(ALL_STUDIES, |tx| studies(tx, &name))
    }

    /// Does `work` in one transaction; transactions of one topic wait for each other.
    fn transaction<T>(&mut self, topic: i64, mut work: impl FnMut(&mut dyn Transaction) -> Result<T>) -> Result<T> {
        let mut done = None;
        let outcome = self.connect()?.transaction(topic, &mut |tx| {
            done = Some(work(tx)?);
            Ok(())
        });
        if matches!(outcome, Err(Error::Store { passing: true, .. })) {
            self.engine = None;
        }
        outcome.map(|()| done.expect("a transaction that was committed"))
    }

    fn connect(&mut self) -> Result<&mut dyn Engine> {
        if self.engine.is_none() {
            let name = self.location.to_string();
            let mut engine: Box<dyn Engine> = match &self.location {
                Location::File(path) => Box::new(Sqlite::open(path)?),
                Location::Server(url) => Box::new(Postgres::connect(url, &name)?),
            };
            engine.transaction(ALL_STUDIES, &mut |tx| schema::migrate(tx, &name))?;
            self.engine = Some(engine);
        }
        Ok(self.engine.as_mut().expect("connected just now").as_mut())
    }
}

fn studies(tx: &mut dyn Transaction, store: &str) -> Result<Vec<Registered>> {
    let sql = "SELECT id, name, kind, config, version, data, trials, eta, rungs FROM weaklabel_studies ORDER BY id";
    let study = |mut row: engine::Row| -> Result<_> {
        let id = row.integer();
        let (name, kind) = (row.text().unwrap_or_default(), row.text().unwrap_or_default());
        let study = Study {
            name,
            kind: if kind == Kind::Grid.name() { Kind::Grid } else { Kind::Search },
            config: load_text(store, &row.text().unwrap_or_default())?,
            version: row.text().unwrap_or_default(),
            data: row.text().unwrap_or_default(),
            ladder: Ladder { trials: row.count(), eta: row.count(), rungs: row.count() },
        };
        Ok(Registered { id, study })
    };
    tx.query(sql, &[])?.into_iter().map(study).collect()
}

/// What sets `found` apart from `own`, in words.
pub fn difference(found: &Study, own: &Study) -> Option<String> {
    if found.version != own.version {
        return Some(format!("the program's version {}, and this is {}", found.version, own.version));
    }
    if found.data != own.data {
        return Some(format!("other data, {}, and those here are {}", found.data, own.data));
    }
    let without_paths = |study: &Study| {
        let mut study = study.clone();
        let data = &mut study.config.data;
        for path in [&mut data.dataset, &mut data.soundbank, &mut data.cooccurrence] {
            *path = path.take().map(|_| Default::default());
        }
        study
    };
    (without_paths(found) != without_paths(own)).then(|| "another configuration".into())
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}
