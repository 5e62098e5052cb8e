//! `weaklabel status`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::output::{print, print_json};
use super::signals;
use super::store_options::StoreParser;
use crate::Result;
use crate::report::Table;
use crate::store::{Holding, Location, Prospect, Store, TrialState};

/// A worker that was silent for longer is not shown.
const GONE_S: f64 = 3600.0;

/// `weaklabel status`: how far the studies in a store are.
#[derive(Debug, Args)]
pub struct Status {
    /// The store: postgres://USER@HOST/DATABASE, or a file of SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true, value_parser = StoreParser)]
    pub store: Location,
    /// Show it again every two seconds until all is finished
    #[arg(long)]
    pub watch: bool,
}

impl Status {
    /// Prints it.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn run(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let mut store = Store::open(self.store)?;
        loop {
            let (text, value, finished) = state(&mut store)?;
            if session.options.json {
                print_json(&value)?;
            } else {
                print(&text)?;
            }
            if !self.watch || finished || stop.load(std::sync::atomic::Ordering::SeqCst) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }
}

/// The state of everything in words and in JSON, and whether all studies are finished.
fn state(store: &mut Store) -> Result<(String, Value, bool)> {
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

/// The workers that were heard of lately or hold a lease, with what they hold and until when.
fn workers(store: &mut Store, holdings: &[(String, Holding)]) -> Result<(Table, Vec<Value>)> {
    let head = ["worker", "adapter", "silent for", "holds", "lease ends in"];
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
            format!("{:.0} s", worker.silent_s),
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
