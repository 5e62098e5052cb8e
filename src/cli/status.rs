//! `weaklabel status`.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::Session;
use super::output::{print, print_json};
use super::search::is_search;
use super::signals;
use super::store_options::StoreParser;
use crate::experiments::search::TrialState;
use crate::experiments::store::{Holding, Location, Prospect, Store};
use crate::experiments::study::{StudyDir, cells};
use crate::output::Table;
use crate::{Error, Result};

/// A worker that holds nothing and was silent for longer than this has ended without signing off.
const GONE_S: f64 = 120.0;

const EXAMPLES: &str = "\
Examples:
  weaklabel status search
  weaklabel status study --watch
  weaklabel status --store postgres://me@server/studies --json";

/// `weaklabel status`: how far a search or a study is, or all studies in a store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("place").required(true).multiple(true))]
pub struct Status {
    /// The folder of a search or a study
    #[arg(value_name = "DIR", group = "place", value_parser = StoreParser)]
    pub folder: Option<Location>,
    /// The store, where it is not in the folder: postgres://USER@HOST/DATABASE, or a file of SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true, value_parser = StoreParser, group = "place")]
    pub store: Option<Location>,
    /// Print the status again every two seconds until everything is finished
    #[arg(long)]
    pub watch: bool,
}

/// Text for people, JSON for programs, and whether everything is finished.
type Report = (String, Value, bool);

impl Status {
    /// Prints how far the studies are.
    ///
    /// # Errors
    /// [`Error::Data`] for a folder that is neither a search nor a study; [`Error::Store`].
    pub fn run(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let mut source = self.source()?;
        loop {
            let (text, value, finished) = source.report()?;
            if session.options.json {
                print_json(&value)?;
            } else {
                print(&text)?;
            }
            if !self.watch || finished || stop.load(Ordering::SeqCst) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }

    /// Returns the folder's own store if there is one, otherwise the store that is named, otherwise the cells in the folder.
    fn source(&self) -> Result<StatusSource<'_>> {
        let folder = match &self.folder {
            Some(Location::File(folder)) if folder.is_dir() => folder,
            Some(Location::File(path)) if !path.exists() => {
                return Err(Error::data(path, "there is no such folder: name that of a search or a study"));
            }
            // DIR may be a store.
            Some(store) => return Ok(StatusSource::Store(Store::open_existing(store.clone())?)),
            None => {
                let store = self.store.clone().ok_or_else(|| Error::Usage("name a folder or a --store".into()))?;
                return Ok(StatusSource::Store(Store::open_existing(store)?));
            }
        };
        let own = Location::within(folder);
        if matches!(&own, Location::File(file) if file.is_file()) {
            return Ok(StatusSource::Store(Store::open_existing(own)?));
        }
        match (&self.store, is_search(folder), StudyDir::is_study(folder)) {
            (Some(store), true, _) | (Some(store), _, true) => {
                Ok(StatusSource::Store(Store::open_existing(store.clone())?))
            }
            (None, _, true) => Ok(StatusSource::Cells(folder)),
            (None, true, _) => {
                Err(Error::data(folder, "the trials of this search are in another store: name it with --store"))
            }
            (_, false, false) => {
                let reason = "neither a search nor a study: name the folder that `weaklabel search -o` or `weaklabel \
                              reproduce -o` wrote";
                Err(Error::data(folder, reason))
            }
        }
    }
}

/// The source of the state of studies: a store, or the finished cells in a folder.
enum StatusSource<'a> {
    /// A store with the trials of any number of studies.
    Store(Store),
    /// The folder of a study that one process runs.
    Cells(&'a Path),
}

impl StatusSource<'_> {
    fn report(&mut self) -> Result<Report> {
        match self {
            Self::Store(store) => of_store(store),
            Self::Cells(folder) => of_cells(folder),
        }
    }
}

/// The cells of a study that one process runs.
fn of_cells(path: &Path) -> Result<Report> {
    let (folder, config) = StudyDir::read(path)?;
    let mut table = Table::new(["cell", "state"].map(String::from).to_vec());
    let (mut listed, mut finished) = (Vec::new(), 0);
    for cell in cells(&config)? {
        let is_finished = folder.result(&cell)?.is_some();
        let state = match (is_finished, folder.cell(&cell).is_dir()) {
            (true, _) => "finished",
            (false, true) => "begun",
            (false, false) => "open",
        };
        finished += usize::from(is_finished);
        table.push(vec![cell.to_string(), state.into()]);
        listed.push(json!({"cell": cell.to_string(), "state": state}));
    }
    let all = listed.len();
    let state = if finished == all { "finished" } else { "open" };
    let name = path.display().to_string();
    let study = json!({"name": name, "kind": "grid", "state": state, "cells": listed});
    let text = format!("{table}\n{finished} of {all} cells finished\n");
    Ok((text, json!({"studies": [study], "workers": []}), finished == all))
}

/// All studies in a store, and their workers.
fn of_store(store: &mut Store) -> Result<Report> {
    let mut table = Table::new(["study", "kind", "rung", "results", "running", "state"].map(String::from).to_vec());
    let (mut studies, mut finished, mut failures) = (Vec::new(), true, String::new());
    let mut holdings: Vec<(String, Holding)> = Vec::new();
    for study in store.studies()? {
        let prospect = store.prospect(&study)?;
        let (rows, results) = store.table(&study)?;
        let held = store.holdings(&study)?;
        finished &= prospect == Prospect::Finished;
        let state = match prospect {
            Prospect::Open => "open",
            Prospect::Running(_) => "running",
            Prospect::Finished => "finished",
        };
        let mut rungs = Vec::new();
        for (rung, size) in study.study.halving.sizes().into_iter().enumerate() {
            let done = results.iter().filter(|result| result.rung == rung).count();
            let running = held.iter().filter(|holding| holding.rung == rung).count();
            let first = |text: &str| if rung == 0 { text.to_owned() } else { String::new() };
            table.push(vec![
                first(&study.study.name),
                first(study.study.kind.name()),
                rung.to_string(),
                format!("{done} of {size}"),
                running.to_string(),
                first(state),
            ]);
            rungs.push(json!({"rung": rung, "trials": size, "results": done, "running": running}));
        }
        let count = |state: TrialState| rows.iter().filter(|row| row.state == state).count();
        for row in rows.iter().filter(|row| row.state == TrialState::Failed) {
            let reason = row.reason.as_deref().unwrap_or("for an unknown reason");
            failures += &format!("{}: trial {} failed on rung {}: {reason}\n", study.study.name, row.number, row.rung);
        }
        studies.push(json!({
            "name": study.study.name,
            "kind": study.study.kind.name(),
            "state": state,
            "rungs": rungs,
            "interrupted": count(TrialState::Interrupted),
            "failed": count(TrialState::Failed),
            "version": study.study.version,
        }));
        holdings.extend(held.into_iter().map(|holding| (study.study.name.clone(), holding)));
    }
    let (workers, listed) = workers(store, &holdings)?;
    if studies.is_empty() {
        return Ok(("No study yet.\n".into(), json!({"studies": studies, "workers": listed}), false));
    }
    let mut text = format!("{table}{failures}\n");
    if !listed.is_empty() {
        text += &format!("{workers}\n");
    }
    Ok((text, json!({"studies": studies, "workers": listed}), finished))
}

/// The workers that have not ended, each with the trials that it holds and the time until its first lease ends.
fn workers(store: &mut Store, holdings: &[(String, Holding)]) -> Result<(Table, Vec<Value>)> {
    let head = ["worker", "adapter", "last seen", "holds", "lease ends in"];
    let (mut table, mut listed) = (Table::new(head.map(String::from).to_vec()), Vec::new());
    for worker in store.workers()? {
        let held: Vec<_> = holdings.iter().filter(|(_, holding)| holding.worker == worker.name).collect();
        if worker.silent_s >= GONE_S && held.is_empty() {
            continue;
        }
        let first = held.iter().map(|(_, holding)| holding.ends_in_s).reduce(f64::min);
        let more = if held.len() > 1 { format!(" and {} more", held.len() - 1) } else { String::new() };
        let trials = held.first().map(|(study, holding)| format!("{study}: trial {}{more}", holding.trial));
        table.push(vec![
            worker.name.clone(),
            worker.adapter.clone(),
            format!("{:.0} s ago", worker.silent_s),
            trials.unwrap_or_default(),
            first.map_or_else(String::new, |seconds| format!("{seconds:.0} s")),
        ]);
        let lease = |(study, holding): &&(String, Holding)| json!({"study": study, "trial": holding.trial, "rung": holding.rung, "ends_in_s": holding.ends_in_s});
        let leases: Vec<Value> = held.iter().map(lease).collect();
        listed.push(
            json!({"name": worker.name, "adapter": worker.adapter, "silent_s": worker.silent_s, "leases": leases}),
        );
    }
    Ok((table, listed))
}
