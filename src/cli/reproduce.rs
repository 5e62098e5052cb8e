//! `weaklabel reproduce`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::data_source::DataSource;
use super::fitted::{Fitted, set_keys};
use super::given_up::{self, RetryOption};
use super::output::{print, print_json};
use super::seeds::{SeedRange, listed};
use super::store_options::{LeaseOption, StoreOptions};
use super::{Session, signals};
use crate::base::printable::counted;
use crate::config::Config;
use crate::experiments::report::study::{Plan, StudyData, write_report};
use crate::experiments::store::{Location, Registered, Store, StudyKind};
use crate::experiments::study::CellResult;
use crate::experiments::study::{
    Cell, Context, Estimate, Only, StudyDir, StudyFeatures, cells, drawn, estimates, fast, log_left_out, run_cell,
};
use crate::experiments::worker::{End, SeedResult, Settings, StopConditions, cell_and_seed, work};
use crate::gpu::Gpu;
use crate::model::tiles::TileFile;
use crate::output::{SeedSummary, Table, Watch, absolute_paths};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel reproduce -o study --dry-run
  weaklabel reproduce -o study --fast
  weaklabel reproduce -o study --seed 1-3 --only method=triplets,train=1s
  weaklabel reproduce -c configs/smoke.toml -o runs/smoke

A study trains every combination of dataset, method and training length (a cell of its tables) with several seeds.";

/// `weaklabel reproduce`: the whole study, with its report.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Reproduce {
    /// Source of the audio.
    #[command(flatten)]
    pub source: DataSource,
    /// The study folder; the same command continues a study that was stopped
    #[arg(short, long, value_name = "STUDY")]
    pub out: PathBuf,
    /// Seeds of each cell, as in 1-5 (the key study.seeds)
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub seed: Vec<SeedRange>,
    /// The number of seeds, counted from 1: an older name for --seed 1-N.
    #[arg(long, value_name = "N", hide = true, conflicts_with = "seed")]
    pub seeds: Option<u64>,
    /// A smaller study of the same shape: a fifth of the clips, at most two seeds and 15 epochs
    #[arg(long)]
    pub fast: bool,
    /// Run these cells only, for example method=triplets,train=1s or variant=waa; the report shows all that are done
    #[arg(long, value_name = "KEY=VALUE,…")]
    pub only: Option<Only>,
    /// Store in which the seeds are shared; without one, this process does all by itself.
    #[command(flatten)]
    pub shared: StoreOptions,
    /// Length of a lease.
    #[command(flatten)]
    pub lease: LeaseOption,
    /// Option to try again the trials that were given up.
    #[command(flatten)]
    pub retry: RetryOption,
    /// Print the plan with an estimate of time and memory, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Reproduce {
    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        if let Some(count) = self.seeds {
            config.study.seeds = (1..=count.min(1025)).collect();
        }
        if !self.seed.is_empty() {
            config.study.seeds = listed(&self.seed);
        }
    }

    /// Runs the cells that are not finished yet and writes the report.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a signal, to be continued by the same command; whatever data, device and disk
    /// report.
    pub fn run(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let config = session.options.configuration(|config| self.apply(config))?;
        // The lengths of segments are those of study.seconds, and a study compares segments around events.
        let fitted = Fitted::new(&config, &set_keys(&session.options, ["train.seconds", "train.crop"])?)?;
        fitted.log();
        let Fitted { mut config, dataset, .. } = fitted;
        if self.fast {
            if let Some(folder) = &config.data.dataset {
                tracing::info!("--fast takes all clips of {}: only seeds and epochs are fewer", folder.display());
            }
            fast(&mut config, dataset.classes().len());
        }
        if self.shared.store.is_some() && self.only.is_some() {
            return Err(Error::Usage("--store shares the whole study: leave out --only".into()));
        }
        if self.shared.name.is_some() && self.shared.store.is_none() {
            return Err(Error::Usage("--name is what the study is called in a store: add --store".into()));
        }
        if self.retry.retry_failed && self.shared.store.is_none() {
            return Err(Error::Usage("--retry-failed is of the trials in a store: add --store".into()));
        }
        let cells = cells(&config)?;
        let chosen: Vec<&Cell> =
            cells.iter().filter(|cell| self.only.as_ref().is_none_or(|only| only.matches(cell))).collect();
        if chosen.is_empty() {
            return Err(Error::Usage("--only leaves no cell of this study".into()));
        }
        // A cell that cannot be trained is refused before anything is written or computed.
        let drawn = drawn(&chosen)?;
        let gpu = session.open_gpu()?;
        let tiles = session.tiles_to_continue(&gpu, &StudyDir::tiles_path(&self.out))?;
        if self.dry_run {
            log_left_out(&drawn);
            let estimates = estimates(&gpu, &|| session.gpu_on_paper(), &tiles, &chosen, &drawn)?;
            return plan(session, &chosen, &estimates);
        }
        let folder = StudyDir::open(&self.out, &config)?;
        session.log.attach(StudyDir::log(folder.path())?);
        StudyDir::keep_tiles(folder.path(), &TileFile::new(&gpu, tiles.clone()))?;
        if let Some(location) = self.shared.store.clone() {
            let settings = self.lease.settings(tiles, StopConditions { stop, deadline: None }, None);
            let (mut store, study) = self.share(location, session, &gpu, &folder, &config, &settings)?;
            report(session, &folder, &config)?;
            return given_up::say(&mut store, &study);
        }
        log_left_out(&drawn);
        let mut open = Vec::new();
        for (cell, drawn) in chosen.into_iter().zip(&drawn) {
            if folder.result(cell)?.is_none() {
                open.push((cell, drawn.cost(cell)));
            }
        }
        tracing::info!("{} of {} to do", open.len(), counted(cells.len(), "cell"));
        let start = Instant::now();
        let task = session.progress.work("study", open.iter().map(|(_, cost)| cost).sum());
        let mut before = 0;
        let resumable = |error: Error| error.resumable(folder.path(), "the same command");
        // Cells of one dataset and training length share their features, which make room for the next ones'.
        for group in open.chunk_by(|(a, _), (b, _)| (a.variant, a.seconds) == (b.variant, b.seconds)) {
            let (first, _) = group[0];
            let features = StudyFeatures::load(&gpu, &first.config, &session.progress).map_err(resumable)?;
            folder.check_data(&cells, first.variant, &features.training.fingerprint)?;
            folder.keep_events(&features.events(first.variant))?;
            for &(cell, cost) in group {
                tracing::info!("cell {cell}");
                let watch = Watch { task: &task, stop, before, cost };
                run_cell(&Context { gpu: &gpu, tiles: &tiles, folder: &folder, watch }, cell, &features)
                    .map_err(resumable)?;
                before += cost;
                task.set(before);
            }
        }
        task.finish();
        tracing::info!("done in {:.0} s", start.elapsed().as_secs_f64());
        report(session, &folder, &config)
    }
}

impl Reproduce {
    /// Runs the study together with the other workers of the store at `location`. Every seed of a cell is a trial with
    /// one rung.
    fn share(
        &self,
        location: Location,
        session: &Session,
        gpu: &Gpu,
        folder: &StudyDir,
        config: &Config,
        settings: &Settings,
    ) -> Result<(Store, Registered)> {
        let (config, cells) = (absolute_paths(config)?, cells(config)?);
        let mut store = Store::open(location)?;
        let study = self.shared.register(&mut store, folder.path(), StudyKind::Grid, &config)?;
        self.retry.apply(&mut store, &study)?;
        let (mut store, end) = work(gpu, store, &study, &config, settings, &session.progress)
            .map_err(|error| error.resumable(folder.path(), "the same command"))?;
        store.forget_worker(&settings.name);
        if end != End::Finished {
            return Err(Error::Interrupted { path: folder.path().into(), next: "the same command" });
        }
        let (rows, results) = store.table(&study)?;
        for row in rows.iter().filter(|row| row.reason.is_some()) {
            let (cell, seed) = cell_and_seed(row.number, config.study.seeds.len());
            let reason = row.reason.as_deref().unwrap_or_default();
            tracing::warn!("cell {}, seed {}: {reason}", cells[cell], cells[cell].config.train.seeds[seed]);
        }
        for (index, cell) in cells.iter().enumerate() {
            let of_cell =
                results.iter().filter(|result| cell_and_seed(result.number, config.study.seeds.len()).0 == index);
            let parts = of_cell.map(|result| {
                let read = SeedResult::from_json(&result.details);
                read.map_err(|reason| store.refused_details(&study, result, &reason))
            });
            let parts = parts.collect::<Result<Vec<_>>>()?;
            if let Some(first) = parts.first() {
                folder.keep_events(&first.events)?;
            }
            if let Some(whole) = CellResult::join(parts.into_iter().map(|part| part.result)) {
                folder.write_result(cell, &whole)?;
            }
        }
        Ok((store, study))
    }
}

/// Writes the report of the finished cells, and prints its tables and its path.
///
/// # Errors
/// [`Error::Data`] when no cell is finished; whatever reading and writing report.
pub fn report(session: &Session, folder: &StudyDir, config: &Config) -> Result<()> {
    let planned = cells(config)?;
    let results = planned.iter().map(|cell| folder.result(cell)).collect::<Result<Vec<_>>>()?;
    let results: Vec<CellResult> = results.into_iter().flatten().collect();
    let Some(events) = folder.events()?.filter(|_| !results.is_empty()) else {
        return Err(Error::data(
            folder.path(),
            "no cell of this study is finished: `weaklabel reproduce` continues it",
        ));
    };
    let study = StudyData {
        title: config.study.title.clone(),
        classes: events.classes,
        durations: events.durations,
        durations_of: events.variant,
        clips: events.clips,
        soundbank: sounds(config),
        plan: Plan::of(config),
        short_s: config.study.short_s,
        cells: results,
    };
    let path = write_report(folder.path(), &study)?;
    if session.options.json {
        let cell = |cell: &CellResult| {
            let macro_f1: Vec<SeedSummary> = (0..cell.seconds.len()).map(|length| cell.macro_f1(length)).collect();
            json!({
                "variant": cell.variant.name(),
                "method": cell.method.name(),
                "train_seconds": cell.train_seconds,
                "test_seconds": cell.seconds,
                "macro_f1": macro_f1,
            })
        };
        return print_json(&json!({"report": path, "cells": study.cells.iter().map(cell).collect::<Vec<_>>()}));
    }
    print(&format!("{}\nReport: {}\n", summary(&study.cells), path.display()))
}

/// The name of the sounds in a report.
pub fn sounds(config: &Config) -> String {
    match (&config.data.dataset, &config.data.soundbank) {
        (Some(path), _) | (None, Some(path)) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        (None, None) => "the built-in soundbank".into(),
    }
}

/// A table with a row per cell: macro-F1 at every test length.
fn summary(results: &[CellResult]) -> Table {
    let mut header = vec!["macro-F1 in %, tested on".to_owned()];
    header.extend(results[0].seconds.iter().map(|s| format!("{s} s")));
    let mut table = Table::new(header);
    for (index, cell) in results.iter().enumerate() {
        if index > 0 && results[index - 1].variant != cell.variant {
            table.rule();
        }
        let mut row = vec![format!("{} {} {} s", cell.variant.name(), cell.method.name(), cell.train_seconds)];
        row.extend((0..cell.seconds.len()).map(|length| cell.macro_f1(length).cell()));
        table.push(row);
    }
    table
}

fn plan(session: &Session, cells: &[&Cell], estimates: &[Estimate]) -> Result<()> {
    let (seconds, bytes) = (estimates.iter().map(|e| e.seconds).sum::<f64>(), estimates.iter().map(|e| e.bytes).max());
    if session.options.json {
        let cell = |(cell, e): (&&Cell, &Estimate)| json!({"cell": cell.to_string(), "steps": e.steps, "seconds": e.seconds, "bytes": e.bytes});
        let cells: Vec<_> = cells.iter().zip(estimates).map(cell).collect();
        return print_json(&json!({"cells": cells, "seconds": seconds, "bytes": bytes}));
    }
    let mut table =
        Table::new(["cell", "steps at most", "minutes at most", "MiB on the GPU"].map(String::from).to_vec());
    let mib = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
    for (cell, e) in cells.iter().zip(estimates) {
        table.push(vec![cell.to_string(), e.steps.to_string(), format!("{:.1}", e.seconds / 60.0), mib(e.bytes)]);
    }
    table.rule();
    let steps: u64 = estimates.iter().map(|e| e.steps).sum();
    table.push(vec!["all".into(), steps.to_string(), format!("{:.1}", seconds / 60.0), mib(bytes.unwrap_or(0))]);
    print(&format!("{table}\nEarly stopping makes the study shorter; reading and mixing clips is not counted.\n"))
}
