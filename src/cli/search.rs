//! `weaklabel search`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use serde_json::json;

use super::data_source::DataSource;
use super::fitted::{Fitted, set_keys};
use super::given_up::{self, RetryOption};
use super::output::{print, print_json};
use super::store_options::{LeaseOption, StoreOptions};
use super::{Session, signals};
use crate::base::atomic;
use crate::base::printable::counted;
use crate::config::{self, Config};
use crate::data::scenes::{Dataset, Subset};
use crate::experiments::report::search::{
    ParameterAxis, ParameterValue, SearchData, TrialData, best, summary, write_search_report,
};
use crate::experiments::search::{Trial, TrialState, by_ratios, check, names, trial, value_of};
use crate::experiments::store::{Location, Registered, Store, StudyKind, TrialRow};
use crate::experiments::study::StudyDir;
use crate::experiments::worker::{End, StopConditions, work};
use crate::model::tiles::TileFile;
use crate::output::{Table, absolute_paths, curves_from_json};
use crate::{Error, Result};

/// The search's configuration, which distinguishes its folder from others.
const CONFIG: &str = "search.toml";
const BEST: &str = "best.toml";

const EXAMPLES: &str = "\
Examples:
  weaklabel search -c configs/search/small.toml -o search --dry-run
  weaklabel search -c configs/search/small.toml -o search
  weaklabel train -c search/best.toml -o run

A search trains many configurations (trials) for a few epochs, and the better ones of them for more and more epochs (rungs).";

/// `weaklabel search`: a search over configurations, with its report.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Search {
    /// Source of the audio.
    #[command(flatten)]
    pub source: DataSource,
    /// The search's folder; the same command continues a search that was stopped, several at once share it
    #[arg(short, long, value_name = "SEARCH")]
    pub out: PathBuf,
    /// Configurations that are tried (the key search.trials)
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// Store of the trials; store.sqlite in the folder when no store is named.
    #[command(flatten)]
    pub shared: StoreOptions,
    /// Length of a lease.
    #[command(flatten)]
    pub lease: LeaseOption,
    /// Option to try again the trials that were given up.
    #[command(flatten)]
    pub retry: RetryOption,
    /// Print what is drawn for every trial, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Search {
    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        config.search.trials = self.trials.unwrap_or(config.search.trials);
    }

    /// Trains trials until the search is finished and writes the report.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a signal, to be continued by the same command; [`Error::Partly`] when the search is
    /// finished and trials were given up; whatever data, device and store report.
    pub fn run(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let config = session.options.configuration(|config| self.apply(config))?;
        // The keys that a search draws count as set, whatever their values.
        let fitted = Fitted::new(&config, &set_keys(&session.options, names(&config.search.space))?)?;
        fitted.log();
        let config = absolute_paths(&fitted.config)?;
        if self.dry_run {
            return plan(session, &config);
        }
        check(&config, drop)?;
        let gpu = session.open_gpu()?;
        let tiles = session.tiles_to_continue(&gpu, &StudyDir::tiles_path(&self.out))?;
        self.begin(&config)?;
        StudyDir::keep_tiles(&self.out, &TileFile::new(&gpu, tiles.clone()))?;
        session.log.attach(StudyDir::log(&self.out)?);
        let location = self.shared.store.clone().unwrap_or_else(|| Location::within(&self.out));
        let mut store = Store::open(location)?;
        let study = self.shared.register(&mut store, &self.out, StudyKind::Search, &config)?;
        self.retry.apply(&mut store, &study)?;
        let settings = self.lease.settings(tiles, StopConditions { stop, deadline: None }, None);
        let (mut store, end) = work(&gpu, store, &study, &config, &settings, &session.progress)
            .map_err(|error| error.resumable(&self.out, "the same command"))?;
        store.forget_worker(&settings.name);
        if end != End::Finished {
            return Err(Error::Interrupted { path: self.out, next: "the same command" });
        }
        report(session, &self.out, &mut store, &study, &config)?;
        given_up::say(&mut store, &study)
    }

    /// Creates the folder, or checks that it belongs to this search.
    fn begin(&self, config: &Config) -> Result<()> {
        let own = self.out.join(CONFIG);
        // A process killed at its start may leave a half-written file.
        let foreign =
            |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| !atomic::is_leftover(&entry.file_name()));
        let occupied = fs::read_dir(&self.out).is_ok_and(|mut entries| entries.any(foreign));
        if occupied && !own.is_file() {
            let reason = "the folder is not empty and not a search: choose another with --out";
            return Err(Error::data(&self.out, reason));
        }
        fs::create_dir_all(&self.out).map_err(|e| Error::io("create", &self.out, e))?;
        atomic::remove_leftovers(&self.out)?;
        if own.is_file() && config::read_config(std::slice::from_ref(&own), &[])? != *config {
            let reason = "this search has another configuration: repeat the command it was started with, or choose another \
                          folder with --out";
            return Err(Error::data(&own, reason));
        }
        atomic::write_bytes(&own, config::to_toml(config)?.as_bytes())
    }
}

/// Whether there is a search at `folder`.
pub fn is_search(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// Writes the report of the search at `folder` in its present state, from its own store or the one in `shared`.
///
/// # Errors
/// [`Error::Store`] when the store has no such study; whatever reading and writing report.
pub fn report_again(session: &Session, folder: &Path, shared: &StoreOptions) -> Result<()> {
    let config = config::read_config(&[folder.join(CONFIG)], &[])?;
    let mut store = Store::open_existing(shared.store.clone().unwrap_or_else(|| Location::within(folder)))?;
    let name = shared.name(folder)?;
    let study = store.studies()?.into_iter().find(|study| study.study.name == name).ok_or_else(|| {
        let reason = format!("there is no study '{name}' in it: say which with --store and --name");
        Error::Store { store: store.location().to_string(), reason, passing: false }
    })?;
    if study.study.halving != crate::experiments::search::halving(&config.search) {
        let reason = format!("its study '{name}' is of another configuration than {}", folder.join(CONFIG).display());
        return Err(Error::Store { store: store.location().to_string(), reason, passing: false });
    }
    report(session, folder, &mut store, &study, &config)
}

fn report(session: &Session, folder: &Path, store: &mut Store, study: &Registered, config: &Config) -> Result<()> {
    let data = search_data(store, study, config)?;
    let path = write_search_report(folder, &data)?;
    let best = best(&data);
    if let Some(best) = best {
        let mut own = trial(config, best.number)?.config;
        // A training of its own runs as long as any other.
        own.train.epochs = config.train.epochs;
        own.search = config::SearchConfig::default();
        let text = if own.data.dataset.is_some() { config::to_explicit_toml(&own)? } else { config::to_toml(&own)? };
        atomic::write_bytes(&folder.join(BEST), text.as_bytes())?;
    }
    if session.options.json {
        let best = best.map(|best| json!({"trial": best.number, "score": best.scores.last(), "values": best.values}));
        let rungs: Vec<_> = (0..data.rungs.len())
            .map(|rung| data.trials.iter().filter(|trial| trial.scores.len() > rung).count())
            .collect();
        let file = folder.join(BEST);
        let failed = data.trials.iter().filter(|trial| trial.state == TrialState::Failed).count();
        return print_json(&json!({"report": path, "best": best, "config": file, "results": rungs, "failed": failed}));
    }
    let found = if best.is_some() {
        format!("Best configuration: weaklabel train -c {} …\n", folder.join(BEST).display())
    } else {
        "No trial has a result.\n".into()
    };
    print(&format!("{}\n{found}Report: {}\n", summary(&data), path.display()))
}

/// Collects the data of the report.
fn search_data(store: &mut Store, study: &Registered, config: &Config) -> Result<SearchData> {
    let dataset = Dataset::of(config)?;
    let search = &config.search;
    let space = &search.space;
    let (rows, results) = store.table(study)?;
    let parameter = |name: &&str| ParameterAxis { name: (*name).into(), log: by_ratios(space, name) };
    let mut rest = results.as_slice();
    let mut data = |row: &TrialRow| {
        let (of_trial, others) = rest.split_at(rest.iter().take_while(|result| result.number == row.number).count());
        rest = others;
        let mut adapters: Vec<String> = of_trial.iter().map(|result| result.adapter.clone()).collect();
        adapters.dedup();
        // The curves of the last rung hold the epochs of all rungs.
        let curves = of_trial.last().map_or(Ok(Vec::new()), |result| {
            let read = curves_from_json(&result.details, config.train.seeds.len(), config.train.method);
            read.map_err(|reason| store.refused_details(study, result, &reason))
        });
        let drawn = trial(config, row.number)?;
        Ok(TrialData {
            number: row.number,
            values: names(space).iter().map(|name| value_of(space, &drawn.values, name).map(drawn_value)).collect(),
            state: row.state,
            scores: of_trial.iter().map(|result| result.score).collect(),
            curves: curves?,
            reason: row.reason.clone(),
            seconds: of_trial.iter().map(|result| result.seconds).sum(),
            adapters,
        })
    };
    Ok(SearchData {
        title: search.title.clone(),
        soundbank: super::reproduce::sounds(config),
        classes: dataset.classes().to_vec(),
        clips: Subset::all().map(|subset| dataset.len(subset)),
        method: config.train.method,
        eta: search.eta,
        rungs: (0..search.rungs).map(|rung| search.minimum * search.eta.pow(rung as u32)).collect(),
        seeds: config.train.seeds.clone(),
        parameters: names(space).iter().map(parameter).collect(),
        trials: rows.iter().map(&mut data).collect::<Result<_>>()?,
        planned: search.trials,
    })
}

fn drawn_value(value: &toml::Value) -> ParameterValue {
    match value {
        toml::Value::Integer(value) => ParameterValue::Number(*value as f64),
        toml::Value::Float(value) => ParameterValue::Number(*value),
        toml::Value::String(text) => ParameterValue::Text(text.clone()),
        other => ParameterValue::Text(other.to_string()),
    }
}

/// Prints what is drawn for every trial.
fn plan(session: &Session, config: &Config) -> Result<()> {
    let space = &config.search.space;
    let names = names(space);
    if session.options.json {
        let mut trials = Vec::new();
        check(config, |Trial { number, values, config }| {
            let value = |name: &&str| ((*name).to_owned(), json!(value_of(space, &values, name)));
            let values = names.iter().map(value).collect::<serde_json::Map<_, _>>();
            trials.push(json!({"trial": number, "values": values, "model": config.model}));
        })?;
        return print_json(&json!({"trials": trials}));
    }
    let header = std::iter::once("trial".to_owned()).chain(names.iter().map(ToString::to_string));
    let mut table = Table::new(header.collect());
    check(config, |Trial { number, values, .. }| {
        let text = |name: &&str| value_of(space, &values, name).map_or_else(String::new, ToString::to_string);
        table.push(std::iter::once(number.to_string()).chain(names.iter().map(text)).collect());
    })?;
    let halving = crate::experiments::search::halving(&config.search);
    let rungs: Vec<String> = halving
        .sizes()
        .iter()
        .enumerate()
        .map(|(rung, size)| {
            let epochs = config.search.minimum * config.search.eta.pow(rung as u32);
            format!("{} to {}", counted(*size, "trial"), counted(epochs, "epoch"))
        })
        .collect();
    print(&format!("{table}\n{}\n", rungs.join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_search_that_was_killed_at_its_first_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let command = Search::augment_args(clap::Command::new("search"));
        let line = ["search", "-o", folder.path().to_str().unwrap()];
        let search = Search::from_arg_matches(&command.get_matches_from(line)).unwrap();
        fs::write(folder.path().join(".weaklabel-a1B2c3"), "[da").unwrap();
        search.begin(&Config::default()).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [CONFIG]);

        fs::remove_file(folder.path().join(CONFIG)).unwrap();
        fs::write(folder.path().join("letter.txt"), "dear").unwrap();
        let message = search.begin(&Config::default()).unwrap_err().to_string();
        assert!(message.contains("not a search"), "{message}");
    }
}
