//! The studies in a store, which every worker must see in the same way.

use super::engine::Transaction;
use super::row::{Columns, Invalid, Row};
use super::{ALL_STUDIES, Store};
use crate::config::{Config, parse_config, to_toml};
use crate::experiments::search::{SuccessiveHalving, halving};
use crate::{Error, Result};

/// Largest number of trials in a study, a search or a grid.
const TRIALS: i64 = 100_000;

const STUDIES: Columns = Columns {
    table: "weaklabel_studies",
    names: &["id", "name", "kind", "config", "version", "data", "trials", "eta", "rungs"],
    key: 1,
};
const IDS: Columns = Columns { table: "weaklabel_studies", names: &["id"], key: 1 };

/// The kind of a study: what its trials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyKind {
    /// A search: the trials are configurations drawn from a search space.
    Search,
    /// A grid: the trials are the seeds of the cells of the paper's grid.
    Grid,
}

impl StudyKind {
    const ALL: [Self; 2] = [Self::Search, Self::Grid];

    /// Returns the kind's name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Grid => "grid",
        }
    }
}

/// A study, as every worker on it must see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Name of the study.
    pub name: String,
    /// Kind of the study.
    pub kind: StudyKind,
    /// Configuration from which every trial follows. Paths to the sounds may differ from machine to machine.
    pub config: Config,
    /// Version of the program.
    pub version: String,
    /// Fingerprints of the data.
    pub data: String,
    /// Trials and rungs of the study.
    pub halving: SuccessiveHalving,
}

/// A study and its number in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Number of the study in the store.
    pub id: i64,
    /// The study.
    pub study: Study,
}

impl Store {
    /// Enters `study` into the store, or finds the study with its name.
    ///
    /// # Errors
    /// [`Error::Store`] when the study with this name has another configuration, other data or another version of the
    /// program, and when `study` has more trials than a store allows.
    pub fn register(&mut self, study: &Study) -> Result<Registered> {
        let name = self.location().to_string();
        let refused = |reason: String| Error::Store { store: name.clone(), reason, passing: false };
        let trials = study.halving.trials;
        if !(1..=TRIALS as usize).contains(&trials) {
            return Err(refused(format!(
                "a study has between 1 and {TRIALS} trials, and '{}' has {trials}",
                study.name
            )));
        }
        self.transaction(ALL_STUDIES, |tx| {
            if let Some(found) = studies(tx)?.into_iter().find(|found| found.study.name == study.name) {
                return match difference(&found.study, study) {
                    None => Ok(found),
                    Some(difference) => Err(refused(format!(
                        "its study '{}' has {difference}: restore it, or give this one another name with --name",
                        study.name
                    ))),
                };
            }
            let last = IDS.read(tx, "ORDER BY id DESC LIMIT 1", &[], id)?;
            let id = last.first().map_or(1, |last| last + 1);
            let now = tx.now_ms()?;
            let values = [
                id.into(),
                study.name.as_str().into(),
                study.kind.name().into(),
                to_toml(&study.config)?.as_str().into(),
                study.version.as_str().into(),
                study.data.as_str().into(),
                study.halving.trials.into(),
                study.halving.eta.into(),
                study.halving.rungs.into(),
                now.into(),
            ];
            let sql = "INSERT INTO weaklabel_studies \
                       (id, name, kind, config, version, data, trials, eta, rungs, created_ms) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            tx.execute(sql, &values)?;
            Ok(Registered { id, study: study.clone() })
        })
    }

    /// Returns all studies, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`], also for an invalid row, with its table, key and column.
    pub fn studies(&mut self) -> Result<Vec<Registered>> {
        self.transaction(ALL_STUDIES, studies)
    }
}

fn studies(tx: &mut dyn Transaction) -> Result<Vec<Registered>> {
    STUDIES.read(tx, "ORDER BY id", &[], registered)
}

/// Reads the number of a study, which has at most 32 bits because advisory locks on a server have no more.
fn id(row: &mut Row) -> Result<i64, Invalid> {
    row.integer(1..=i64::from(i32::MAX) - 1)
}

fn registered(row: &mut Row) -> Result<Registered, Invalid> {
    let (id, name, kind_name) = (id(row)?, row.text()?, row.text()?);
    let Some(kind) = StudyKind::ALL.into_iter().find(|kind| kind.name() == kind_name) else {
        let names = StudyKind::ALL.map(StudyKind::name).join(", ");
        return row.refuse(None, format!("{kind_name:?} is no kind of study, which is one of {names}"));
    };
    let text = row.text()?;
    let config = match parse_config("its configuration", &text) {
        Ok(config) => config,
        Err(error) => return row.refuse(None, error.with_causes()),
    };
    let (version, data) = (row.text()?, row.text()?);
    let found = SuccessiveHalving {
        trials: row.integer(1..=TRIALS)? as usize,
        eta: row.integer(2..=TRIALS)? as usize,
        rungs: row.integer(1..=TRIALS)? as usize,
    };
    let own = match kind {
        StudyKind::Search => halving(&config.search),
        StudyKind::Grid => SuccessiveHalving { trials: found.trials, eta: 2, rungs: 1 },
    };
    for (column, found, own) in
        [("trials", found.trials, own.trials), ("eta", found.eta, own.eta), ("rungs", found.rungs, own.rungs)]
    {
        if found != own {
            return row.refuse(Some(column), format!("is {found}, and the study's configuration makes it {own}"));
        }
    }
    Ok(Registered { id, study: Study { name, kind, config, version, data, halving: found } })
}

/// Describes the difference between `found` and `own`, if there is one.
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
