//! One cell: trains all its seeds as one population into a run folder, then evaluates them on the evaluation segments.

use std::path::Path;
use std::time::Instant;

use super::{Cell, StudyDir, StudyFeatures};
use crate::base::stop;
use crate::config::Config;
use crate::evaluate::{ClassCentroids, Examples, Models, Scorer, SegmentLabels, embedding_quality};
use crate::experiments::study::{CellResult, CoverageBin, Group};
use crate::gpu::Gpu;
use crate::kernels::score::{class_mean, f1};
use crate::model::Tiles;
use crate::model::checkpoint::{Description, read_model};
use crate::output::CurvePoint;
use crate::output::{Metrics, Recorder, RunDir, Watch};
use crate::train::{Trainer, most_members};
use crate::{Error, Result};

/// The surroundings of a cell's run.
pub struct Context<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Measured register tiles to compute with.
    pub tiles: &'a Tiles,
    /// Folder of the study.
    pub folder: &'a StudyDir,
    /// Progress display and stop flag of the study.
    pub watch: Watch<'a>,
}

/// Borders of the bins by which F1 is shown, as fractions of a segment that an event covers.
const COVERAGE: [f64; 6] = [0.0, 0.05, 0.2, 0.5, 0.9, 1.0];

/// Trains `cell` on `features`, or resumes its training, then evaluates it and writes its result to the study's folder.
///
/// # Errors
/// [`Error::Interrupted`] after a signal, with a checkpoint on disk; [`Error::Data`] if the data are not those that the
/// cell was started with; errors of device and disk.
pub fn run_cell(context: &Context<'_>, cell: &Cell, features: &StudyFeatures) -> Result<CellResult> {
    let trainings = trainings(context, cell, features)?;
    let mut watch = context.watch;
    for training in &trainings {
        watch.cost =
            context.watch.cost * training.config.train.seeds.len() as u64 / cell.config.train.seeds.len() as u64;
        if !training.run.is_finished() {
            train(context, training, features, watch)?;
        }
        watch.before += watch.cost;
    }
    let judging = Instant::now();
    let (curves, best) = curves(&trainings)?;
    let mut models = Vec::new();
    for Training { config, run } in &trainings {
        for member in 0..config.train.seeds.len() {
            models.push(read_model(&run.best_checkpoint(&config.train.seeds, member))?);
        }
    }
    let trained = TrainedCell { models, curves, best };
    let mut result = evaluate_cell(context.gpu, context.tiles, &cell.config, features, &trained)?;
    let training: f64 = trainings.iter().map(|training| training.run.seconds_trained()).sum();
    result.seconds_taken = training + judging.elapsed().as_secs_f64();
    context.folder.write_result(cell, &result)?;
    Ok(result)
}

/// A group of a cell's seeds that train together, and its run.
struct Training {
    config: Config,
    run: RunDir,
}

/// Opens the trainings of a cell, new or to be resumed. All seeds train together in the cell's folder, unless the
/// device cannot bind the tensors of so many. The grouping of seeds changes no bit of their results.
fn trainings(context: &Context<'_>, cell: &Cell, features: &StudyFeatures) -> Result<Vec<Training>> {
    let most = most_members(context.gpu, &cell.config, &features.training.train.labels, &features.training.classes)?;
    let groups: Vec<&[u64]> = cell.config.train.seeds.chunks(most).collect();
    let path = context.folder.cell(cell);
    let training = |seeds: &&[u64]| {
        let path = match groups.len() {
            1 => path.clone(),
            _ => path.join(format!("seeds-{}-{}", seeds[0], seeds[seeds.len() - 1])),
        };
        let mut config = cell.config.clone();
        config.train.seeds = seeds.to_vec();
        let run = open(context, &path, &config)?;
        run.check_origin(&config, &features.contents)?;
        Ok(Training { config, run })
    };
    groups.iter().map(training).collect()
}

fn open(context: &Context<'_>, path: &Path, config: &Config) -> Result<RunDir> {
    if RunDir::open(path).is_ok() {
        let run = RunDir::resume(path)?;
        if run.has_all_metrics()? {
            return Ok(run);
        }
        tracing::warn!(
            "{}: metrics.jsonl is damaged, and the report shows all of it: the cell is trained again",
            path.display()
        );
    }
    let adapter = serde_json::to_value(context.gpu.adapter()).map_err(|e| Error::data(path, e.to_string()))?;
    // A process that was killed while it made the folder leaves a folder without a configuration.
    RunDir::create(path, config, &adapter, true)
}

fn train(context: &Context<'_>, training: &Training, features: &StudyFeatures, watch: Watch<'_>) -> Result<()> {
    let Training { config, run } = training;
    let mut trainer = Trainer::new(context.gpu, context.tiles, config, &features.training)?;
    run.keep_tiles(&trainer.tiles())?;
    run.restore(&mut trainer)?;
    let mut recorder = Recorder::new(run, config, &trainer);
    recorder.watch(watch);
    if !trainer.run(&mut recorder)? {
        return Err(Error::Interrupted { path: context.folder.path().into(), next: "the same command" });
    }
    recorder.finish(&mut trainer)
}

/// The results of training a cell.
pub struct TrainedCell {
    /// Parameters of each seed's best epoch.
    pub models: Vec<(Vec<f32>, Description)>,
    /// Learning curves, `[seed][epoch]`.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Best validation score of each seed in the last stage, in %.
    pub best: Vec<f64>,
}

/// Evaluates every seed with `tiles` on the evaluation segments of every length, with all values that the report shows.
///
/// # Errors
/// [`Error::Stopped`] when the process is asked to end; errors of the device.
pub fn evaluate_cell(
    gpu: &Gpu,
    tiles: &Tiles,
    config: &Config,
    features: &StudyFeatures,
    trained: &TrainedCell,
) -> Result<CellResult> {
    let (seeds, method) = (&config.train.seeds, config.train.method);
    let Models { population, .. } = Models::new(gpu, tiles, &trained.models)?;
    let (normalise, threshold) = (config.normalise(method), config.evaluate.threshold);
    let centroids = ClassCentroids::new(gpu, &population, &features.training.train, normalise)?;
    centroids.queue(gpu)?;

    let mut f1_of = vec![Vec::new(); seeds.len()];
    let mut quality = vec![Vec::new(); seeds.len()];
    let mut groups = [Group::new("short", seeds.len()), Group::new("long", seeds.len())];
    let (mut coverage, mut points) = (Vec::new(), Vec::new());
    for (examples, seconds) in features.eval.iter().zip(&config.evaluate.seconds) {
        stop::check()?;
        let outputs = Scorer::new(gpu, &population, examples, normalise, threshold)?.probabilities(gpu)?;
        let tagged = Tagged {
            outputs: &outputs,
            examples,
            classes: features.training.classes.len(),
            threshold: threshold as f32,
        };
        for (member, scores) in f1_of.iter_mut().enumerate() {
            scores.push(f1(&tagged.counts(member, |_| true)));
        }
        for (group, is_short) in groups.iter_mut().zip([true, false]) {
            let within = |labels: &SegmentLabels| {
                labels.dominant.is_some() && (labels.duration_s <= config.study.short_s) == is_short
            };
            group.clips = tagged.count(within);
            for (member, scores) in group.f1.iter_mut().enumerate() {
                scores.push(tagged.macro_f1(member, within));
            }
        }
        coverage.push(tagged.by_coverage(seeds.len()));
        let embedded = embedding_quality(gpu, &population, &centroids, examples)?;
        for (all, one) in quality.iter_mut().zip(embedded.quality) {
            all.push(one);
        }
        if *seconds == config.train.seconds {
            points = embedded.first;
        }
    }
    let label = |labels: &SegmentLabels| labels.dominant.unwrap_or(features.training.classes.len());
    Ok(CellResult {
        variant: config.data.variant,
        method,
        train_seconds: config.train.seconds,
        seeds: seeds.clone(),
        classes: features.training.classes.clone(),
        seconds: config.evaluate.seconds.clone(),
        f1: f1_of,
        curves: trained.curves.clone(),
        best: trained.best.clone(),
        quality,
        groups: groups.to_vec(),
        coverage,
        points,
        point_labels: features.eval[0].labels.iter().map(label).collect(),
        seconds_taken: 0.0,
        adapter: gpu.adapter().name.clone(),
        data: features.training.fingerprint.clone(),
    })
}

/// Returns the learning curve of every seed, and the best validation score of its last stage.
fn curves(trainings: &[Training]) -> Result<(Vec<Vec<CurvePoint>>, Vec<f64>)> {
    let (mut curves, mut best) = (Vec::new(), Vec::new());
    for Training { config, run } in trainings {
        let rows: Vec<Metrics> = run.metrics()?;
        for seed in &config.train.seeds {
            let of_seed = || rows.iter().filter(|row| row.seed == *seed);
            let point =
                |row: &Metrics| CurvePoint { stage: row.stage, epoch: row.epoch, loss: row.loss, score: row.score };
            let last = of_seed().next_back().ok_or_else(|| {
                let reason =
                    format!("metrics.jsonl has no epoch of seed {seed}: remove the folder to train the cell again");
                Error::data(run.path(), reason)
            })?;
            best.push(last.best_score);
            curves.push(of_seed().map(point).collect());
        }
    }
    Ok((curves, best))
}

/// The outputs of a population on all examples, for scores over subsets of the examples.
struct Tagged<'a> {
    /// Class probabilities, `[member][example · class]`.
    outputs: &'a [Vec<f32>],
    examples: &'a Examples,
    classes: usize,
    threshold: f32,
}

impl Tagged<'_> {
    /// Returns the number of examples for which `within` holds.
    fn count(&self, within: impl Fn(&SegmentLabels) -> bool) -> usize {
        self.examples.labels.iter().filter(|labels| within(labels)).count()
    }

    /// Returns true positives, false positives and false negatives, `[class, 3]`, over the examples for which `within`
    /// holds.
    fn counts(&self, member: usize, within: impl Fn(&SegmentLabels) -> bool) -> Vec<u32> {
        let mut counts = vec![0; self.classes * 3];
        let tagged = self.outputs[member].chunks(self.classes).zip(&self.examples.labels);
        for (outputs, labels) in tagged.filter(|(_, labels)| within(labels)) {
            for (class, output) in outputs.iter().enumerate() {
                match (*output > self.threshold, labels.classes.contains(&class)) {
                    (true, true) => counts[class * 3] += 1,
                    (true, false) => counts[class * 3 + 1] += 1,
                    (false, true) => counts[class * 3 + 2] += 1,
                    (false, false) => {}
                }
            }
        }
        counts
    }

    /// Returns the mean F1 in % over the classes that occur in the examples for which `within` holds.
    fn macro_f1(&self, member: usize, within: impl Fn(&SegmentLabels) -> bool) -> f64 {
        class_mean(f1(&self.counts(member, within)))
    }

    fn by_coverage(&self, members: usize) -> Vec<CoverageBin> {
        let bin = |bounds: &[f64]| {
            let (low, high) = (bounds[0], bounds[1]);
            // The first bin is closed on both sides, the others on the right only.
            let covered = |share: f64| share <= high && (share > low || low == 0.0);
            let within = |labels: &SegmentLabels| labels.dominant.is_some() && covered(labels.covered);
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
