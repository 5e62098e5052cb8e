//! `weaklabel status`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::output::{print, print_json};
use super::signals;
use crate::Result;
use crate::report::Table;
use crate::store::{Location, Prospect, State, Store};

/// A worker that was silent for longer is not shown.
const GONE_S: f64 = 3600.0;

/// `weaklabel status`: how far the studies in a store are.
#[derive(Debug, Args)]
pub struct Status {
    /// The store: postgres://USER@HOST/DATABASE, or a file of SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true)]
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
    for study in store.studies()? {
        let prospect = store.prospect(&study)?;
        let (rows, results) = store.table(&study)?;
        finished &= prospect == Prospect::Finished;
        let state = match prospect {
            Prospect::Open => "open",
            Prospect::Running => "running",
            Prospect::Finished => "finished",
        };
        let mut rungs = Vec::new();
        for (rung, size) in study.study.ladder.sizes().into_iter().enumerate() {
            let done = results.iter().filter(|result| result.rung == rung).count();
            let running = rows.iter().filter(|row| row.state == State::Running && row.rung == rung).count();
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
        let count = |state: State| rows.iter().filter(|row| row.state == state).count();
        for row in rows.iter().filter(|row| row.state == State::Failed) {
            let reason = row.reason.as_deref().unwrap_or("for an unknown reason");
            failures += &format!("{}: trial {} failed on rung {}: {reason}\n", study.study.name, row.number, row.rung);
        }
        studies.push(json!({
            "name": study.study.name,
            "kind": study.study.kind.name(),
            "state": state,
            "rungs": rungs,
            "interrupted": count(State::Interrupted),
            "failed": count(State::Failed),
            "version": study.study.version,
        }));
    }
    let mut workers = Table::new(["worker", "adapter", "silent for"].map(String::from).to_vec());
    let heard = store.workers()?.into_iter().filter(|worker| worker.silent_s < GONE_S);
    let mut listed = Vec::new();
    for worker in heard {
        workers.push(vec![worker.name.clone(), worker.adapter.clone(), format!("{:.0} s", worker.silent_s)]);
        listed.push(json!({"name": worker.name, "adapter": worker.adapter, "silent_s": worker.silent_s}));
    }
    if studies.is_empty() {
        return Ok(("No study yet.\n".into(), json!({"studies": studies, "workers": listed}), false));
    }
    let text =
        if listed.is_empty() { format!("{table}{failures}\n") } else { format!("{table}{failures}\n{workers}\n") };
    Ok((text, json!({"studies": studies, "workers": listed}), finished))
}
