//! Entry point of a fuzz target that passes made-up rows through all code that reads a store.

use super::engine::{Engine, Transaction, TransactionBody};
use super::{Location, Store, Wanted, schema};
use crate::Result;

pub use super::engine::Value;

/// The tables of a made-up database. Each row holds the values of the columns named here, in this order; a row may be
/// shorter or longer.
#[derive(Debug, Clone, Default)]
pub struct MadeUpRows {
    /// Rows of `version`.
    pub schema: Vec<Vec<Value>>,
    /// Rows of `id, name, kind, config, version, data, trials, eta, rungs`.
    pub studies: Vec<Vec<Value>>,
    /// Rows of `study, number, rung, state, failures, deaths, fence, worker, lease_until_ms, lease_ms, epoch, reason`.
    pub trials: Vec<Vec<Value>>,
    /// Rows of `study, number, rung, score, details, worker, adapter, seconds`.
    pub results: Vec<Vec<Value>>,
    /// Rows of `study, number, bytes, details`.
    pub checkpoints: Vec<Vec<Value>>,
    /// Rows of `name, adapter, seen_ms`.
    pub workers: Vec<Vec<Value>>,
}

/// Reads `rows` as the commands `status`, `report`, `search` and `worker` read those of a database, for each study in
/// them. The function neither panics nor hangs, and holds no more memory than a small multiple of the rows.
///
/// # Errors
/// [`crate::Error::Store`] with table, row and column of the first invalid row.
pub fn read_rows(rows: &MadeUpRows) -> Result<()> {
    schema::migrate(&mut rows.clone())?;
    let mut store = Store { location: Location::File("made-up rows".into()), engine: Some(Box::new(rows.clone())) };
    store.workers()?;
    for study in store.studies()?.into_iter().take(SEVERAL) {
        store.prospect(&study)?;
        store.holdings(&study)?;
        let (begun, _) = store.table(&study)?;
        let are_compatible = |one: usize, other: usize| one % 2 == other % 2;
        store.claim(
            &study,
            &Wanted { worker: "w", adapter: "none", lease_ms: 1000, most: 4, are_compatible: &are_compatible },
        )?;
        for trial in begun.iter().take(SEVERAL) {
            store.last_checkpoint(&study, trial.number)?;
        }
    }
    Ok(())
}

/// Largest number of studies, and of trials per study, that are read. More would run the same code again.
const SEVERAL: usize = 4;
/// Time of the made-up database, in milliseconds since 1970. A lease may end before or after it.
const NOW_MS: i64 = 1_700_000_000_000;

impl Engine for MadeUpRows {
    fn transaction(&mut self, _topic: i64, work: &mut TransactionBody<'_>) -> Result<()> {
        work(self)
    }
}

impl Transaction for MadeUpRows {
    fn store(&self) -> &str {
        "made-up rows"
    }

    fn execute(&mut self, _sql: &str, _parameters: &[Value]) -> Result<u64> {
        Ok(1)
    }

    /// Returns all rows of the table, whatever the statement's condition, so that the reader also meets rows of other
    /// studies.
    fn query(&mut self, sql: &str, _parameters: &[Value]) -> Result<Vec<Vec<Value>>> {
        let table = sql.split(" FROM weaklabel_").nth(1).and_then(|rest| rest.split(' ').next());
        Ok(match table {
            Some("schema") => self.schema.clone(),
            Some("studies") => self.studies.clone(),
            Some("trials") => self.trials.clone(),
            Some("results") => self.results.clone(),
            Some("checkpoints") => self.checkpoints.clone(),
            Some("workers") => self.workers.clone(),
            _ => Vec::new(),
        })
    }

    fn now_ms(&mut self) -> Result<i64> {
        Ok(NOW_MS)
    }
}
