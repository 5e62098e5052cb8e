//! One cell: all its seeds trained as one population into a run folder, then judged on the evaluation segments.

use std::time::Instant;

use super::{Cell, Features, StudyDir};
use crate::evaluate::{Centres, Examples, Heard, Scorer, embedding_quality};
use crate::gpu::Gpu;
use crate::kernels::score::f1;
use crate::model::checkpoint::read_model;
use crate::model::{Architecture, Population};
use crate::report::study::{CellResult, CoverageBin, CurvePoint, Group};
use crate::report::{Metrics, Recorder, Results, RunDir, Watch};
use crate::train::Trainer;
use crate::{Error, Result};

/// What a cell is run with.
pub struct Context<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The study.
    pub folder: &'a StudyDir,
    /// Shows how far the study is, and ends it.
    pub watch: Watch<'a>,
}

/// Shares of a segment that an event covers, as borders of the bins that F1 is shown over.
const COVERAGE: [f64; 6] = [0.0, 0.05, 0.2, 0.5, 0.9, 1.0];

/// Trains `cell` on `features`, or goes on training it, and judges it; its result is kept in the study.
///
/// # Errors
/// [`Error::Interrupted`] after a signal, with a checkpoint on disk; [`Error::Data`] when the data are not those the cell
/// was begun with; whatever device and disk report.
pub fn run_cell(context: &Context<'_>, cell: &Cell, features: &Features) -> Result<CellResult> {
    let start = Instant::now();
    let run = open(context, cell)?;
    if !run.is_finished() {
        train(context, cell, features, &run)?;
    }
    let mut result = judge(context.gpu, cell, features, &run)?;
    result.seconds_taken = start.elapsed().as_secs_f64();
    context.folder.write_result(cell, &result)?;
    Ok(result)
}

/// The run of the cell, begun or to be continued.
fn open(context: &Context<'_>, cell: &Cell) -> Result<RunDir> {
    let path = context.folder.cell(cell);
    if RunDir::open(&path).is_ok() {
        return RunDir::resume(&path);
    }
    let adapter = serde_json::to_value(context.gpu.adapter()).map_err(|e| Error::data(&path, e.to_string()))?;
    // A process killed while it made the folder leaves one without a configuration.
    RunDir::create(&path, &cell.config, &adapter, true)
}

fn train(context: &Context<'_>, cell: &Cell, features: &Features, run: &RunDir) -> Result<()> {
    let Features { classes, train, validation, statistics, fingerprint, .. } = features;
    let mut trainer = Trainer::new(context.gpu, &cell.config, classes, train, validation, fingerprint.clone())?;
    run.restore(&mut trainer)?;
    let mut recorder = Recorder::new(run, &cell.config, &trainer, classes, statistics);
    recorder.watch(context.watch);
    if !trainer.run(&mut recorder)? {
        return Err(Error::Interrupted { path: context.folder.path().into(), next: "the same command" });
    }
    run.finish()
}

/// Scores of every seed, with everything the report shows of them, on the evaluation segments of every length.
fn judge(gpu: &Gpu, cell: &Cell, features: &Features, run: &RunDir) -> Result<CellResult> {
    let config = &cell.config;
    let seeds = &config.train.seeds;
    let read = |member: usize| Ok(read_model(&run.best_checkpoint(seeds, member))?.0);
    let parameters: Vec<f32> = (0..seeds.len()).map(read).collect::<Result<Vec<_>>>()?.concat();
    let architecture = Architecture::new(&config.model, &config.features, features.classes.len());
    let population = Population::new(gpu, architecture, seeds, 1)?;
    gpu.write(&population.best, 0, &parameters);
    population.use_parameters(gpu, &population.best)?;
    let (normalise, threshold) = (config.normalise(cell.method), config.evaluate.threshold);
    let centres = Centres::new(gpu, &population, &features.train, normalise)?;
    centres.queue(gpu)?;

    let mut f1_of = vec![Vec::new(); seeds.len()];
    let mut quality = vec![Vec::new(); seeds.len()];
    let mut groups = [Group::new("short", seeds.len()), Group::new("long", seeds.len())];
    let (mut coverage, mut points) = (Vec::new(), Vec::new());
    for (examples, seconds) in features.eval.iter().zip(&config.evaluate.seconds) {
        let outputs = Scorer::new(gpu, &population, examples, normalise, threshold)?.probabilities(gpu)?;
        let tagged =
            Tagged { outputs: &outputs, examples, classes: features.classes.len(), threshold: threshold as f32 };
        for (member, scores) in f1_of.iter_mut().enumerate() {
            scores.push(f1(&tagged.counts(member, |_| true)));
        }
        for (group, is_short) in groups.iter_mut().zip([true, false]) {
            let within = |heard: &Heard| (heard.duration_s <= config.study.short_s) == is_short;
            group.clips = tagged.count(within);
            for (member, scores) in group.f1.iter_mut().enumerate() {
                scores.push(tagged.macro_f1(member, within));
            }
        }
        coverage.push(tagged.by_coverage(seeds.len()));
        let embedded = embedding_quality(gpu, &population, &centres, examples)?;
        for (all, one) in quality.iter_mut().zip(embedded.quality) {
            all.push(one);
        }
        if *seconds == cell.seconds {
            points = embedded.first;
        }
    }
    let results = Results {
        method: cell.method.name().into(),
        train_seconds: cell.seconds,
        classes: features.classes.clone(),
        seeds: seeds.clone(),
        seconds: config.evaluate.seconds.clone(),
        f1: f1_of,
    };
    run.write_results(&results)?;
    let (curves, best) = curves(run, seeds)?;
    let label = |heard: &Heard| heard.dominant.unwrap_or(features.classes.len());
    Ok(CellResult {
        variant: cell.variant,
        method: cell.method,
        train_seconds: cell.seconds,
        seeds: results.seeds,
        classes: results.classes,
        seconds: results.seconds,
        f1: results.f1,
        curves,
        best,
        quality,
        groups: groups.to_vec(),
        coverage,
        points,
        point_labels: features.eval[0].heard.iter().map(label).collect(),
        seconds_taken: 0.0,
        adapter: gpu.adapter().name.clone(),
        data: features.fingerprint.clone(),
    })
}

/// The learning curves of every seed, and the best validation score of the last stage.
fn curves(run: &RunDir, seeds: &[u64]) -> Result<(Vec<Vec<CurvePoint>>, Vec<f64>)> {
    let rows: Vec<Metrics> = run.metrics()?;
    let of_seed = |seed: &u64| {
        let point = |row: &Metrics| CurvePoint {
            stage: row.stage.name().into(),
            epoch: row.epoch,
            loss: row.loss,
            score: row.score,
        };
        rows.iter().filter(|row| row.seed == *seed).map(point).collect()
    };
    let best = |seed: &u64| rows.iter().rev().find(|row| row.seed == *seed).map_or(0.0, |row| row.best_score);
    Ok((seeds.iter().map(of_seed).collect(), seeds.iter().map(best).collect()))
}

/// The outputs of a population on all examples, to be counted over some of them.
struct Tagged<'a> {
    /// `[member][example · class]`.
    outputs: &'a [Vec<f32>],
    examples: &'a Examples,
    classes: usize,
    threshold: f32,
}

impl Tagged<'_> {
    /// Examples that are `within`.
    fn count(&self, within: impl Fn(&Heard) -> bool) -> usize {
        self.examples.heard.iter().filter(|heard| within(heard)).count()
    }

    /// True positives, false positives and false negatives, `[class, 3]`, over the examples that are `within`.
    fn counts(&self, member: usize, within: impl Fn(&Heard) -> bool) -> Vec<u32> {
        let mut counts = vec![0; self.classes * 3];
        let tagged = self.outputs[member].chunks(self.classes).zip(&self.examples.heard);
        for (outputs, heard) in tagged.filter(|(_, heard)| within(heard)) {
            for (class, output) in outputs.iter().enumerate() {
                match (*output > self.threshold, heard.labels.contains(&class)) {
                    (true, true) => counts[class * 3] += 1,
                    (true, false) => counts[class * 3 + 1] += 1,
                    (false, true) => counts[class * 3 + 2] += 1,
                    (false, false) => {}
                }
            }
        }
        counts
    }

    /// The mean of F1 in % over the classes that are present in the examples `within`.
    fn macro_f1(&self, member: usize, within: impl Fn(&Heard) -> bool) -> f64 {
        let counts = self.counts(member, within);
        let scores = f1(&counts);
        let present: Vec<f64> =
            scores.into_iter().zip(counts.chunks(3)).filter(|(_, c)| c[0] + c[2] > 0).map(|(f1, _)| f1).collect();
        if present.is_empty() { 0.0 } else { present.iter().sum::<f64>() / present.len() as f64 }
    }

    fn by_coverage(&self, members: usize) -> Vec<CoverageBin> {
        let bin = |bounds: &[f64]| {
            let (low, high) = (bounds[0], bounds[1]);
            // The first bin is closed on both sides, the others on the right only.
            let within = |heard: &Heard| heard.covered <= high && (heard.covered > low || low == 0.0);
            CoverageBin {
                low,
                high,
                clips: self.count(within),
                f1: (0..members).map(|member| self.macro_f1(member, within)).collect(),
            }
        };
        COVERAGE.windows(2).map(bin).collect()
    }
}
