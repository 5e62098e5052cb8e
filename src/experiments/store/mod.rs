//! State that the workers of a study share: its trials, their leases, results and checkpoints. The same SQL statements
//! run on two engines: an SQLite file for the processes of one machine, PostgreSQL for many machines.
//!
//! A trial is *running* under a lease, *paused* on a rung that it has a result of, *interrupted* between two epochs
//! because its worker had to stop or failed at it, or *failed* for good. A lease ends unless it is renewed. Another
//! worker then resumes the trial from its last checkpoint under a lease with a higher number, the *fence*; the store
//! refuses whatever the first worker delivers under the old fence.

mod claims;
mod engine;
#[doc(hidden)]
pub mod fuzz;
mod leases;
mod location;
mod postgres;
mod row;
mod schema;
mod sqlite;
mod studies;
mod table;

use self::engine::{Engine, Transaction};
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use crate::{Error, Result};

pub use claims::{ClaimOutcome, Claimed, Holding, Prospect, Waiting, Wanted};
pub use leases::{Checkpoint, Delivery, Failure, Lease, Outcome};
pub use location::Location;
pub use studies::{Registered, Study, StudyKind, difference};
pub use table::{LONGEST_LEASE_MS, ResultRow, TrialRow, WorkerRow};

/// Lock topic of transactions that concern no single study: the schema and the list of studies.
const ALL_STUDIES: i64 = 0;

/// A store of studies. It connects when it is opened, and again after a connection was lost.
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
    /// Opens the store at `location`, creates it if there is none, and brings it to the newest schema.
    ///
    /// # Errors
    /// [`Error::Store`] when the store cannot be reached, or when a newer program created it.
    pub fn open(location: Location) -> Result<Self> {
        let mut store = Self { location, engine: None };
        store.connect()?;
        Ok(store)
    }

    /// Opens a store to read from it. Unlike [`Store::open`], it does not create the file of a store that is not there.
    ///
    /// # Errors
    /// [`Error::Store`] if there is no such file, or an empty one; the errors of [`Store::open`].
    pub fn open_existing(location: Location) -> Result<Self> {
        if let Location::File(path) = &location
            && std::fs::metadata(path).map_or(true, |file| file.is_file() && file.len() == 0)
        {
            let reason = "there is no store yet: `weaklabel search` and `reproduce --store` make one".into();
            return Err(Error::Store { store: location.to_string(), reason, passing: false });
        }
        Self::open(location)
    }

    /// Returns the store's location.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Runs `work` in one transaction. Transactions of one topic wait for each other.
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
                Location::Server(address) => Box::new(Postgres::connect(address, &name)?),
            };
            engine.transaction(ALL_STUDIES, &mut schema::migrate)?;
            self.engine = Some(engine);
        }
        Ok(self.engine.as_mut().expect("connected just now").as_mut())
    }
}
