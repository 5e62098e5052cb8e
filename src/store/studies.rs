//! The studies in a store: what everybody who works on one must see alike.

use super::engine::Transaction;
use super::row::{Columns, Invalid, Row};
use super::{ALL_STUDIES, Store};
use crate::config::{Config, load_text, to_toml};
use crate::search::{SuccessiveHalving, halving};
use crate::{Error, Result};

/// Most trials of a study, a search or a grid.
const TRIALS: i64 = 100_000;

const STUDIES: Columns = Columns {
    table: "weaklabel_studies",
    names: &["id", "name", "kind", "config", "version", "data", "trials", "eta", "rungs"],
    key: 1,
};
const IDS: Columns = Columns { table: "weaklabel_studies", names: &["id"], key: 1 };

/// What a study's trials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyKind {
    /// Configurations drawn from a space.
    Search,
    /// The seeds of the cells of the paper's grid.
    Grid,
}

impl StudyKind {
    const ALL: [Self; 2] = [Self::Search, Self::Grid];

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
    pub kind: StudyKind,
    /// Its configuration, from which every trial follows. Where the sounds are may differ from machine to machine.
    pub config: Config,
    /// The program's version.
    pub version: String,
    /// Fingerprints of its data.
    pub data: String,
    /// Its trials and rungs.
    pub halving: SuccessiveHalving,
}

/// A study and its number in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Its number.
    pub id: i64,
    /// The study.
    pub study: Study,
}

impl Store {
    /// Enters `study`, or finds the one of its name.
    ///
    /// # Errors
    /// [`Error::Store`] when the one of this name is another: of another configuration, other data, or another version of the
    /// program; when it has more trials than a store takes.
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

    /// All studies, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`], also for a row that cannot be, with its table, key and column.
    pub fn studies(&mut self) -> Result<Vec<Registered>> {
        self.transaction(ALL_STUDIES, studies)
    }
}

fn studies(tx: &mut dyn Transaction) -> Result<Vec<Registered>> {
    STUDIES.read(tx, "ORDER BY id", &[], registered)
}

/// The number of a study; those of locks on a server have 32 bits.
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
    let config = match load_text("its configuration", &text) {
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
