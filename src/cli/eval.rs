//! `weaklabel eval`.

use std::path::PathBuf;

use clap::Args;

use super::Session;
use super::data_source::DataSource;
use super::output::{print, print_json};
use super::trained::TrainedModels;
use crate::config::{self, Config, EvaluateConfig, seconds};
use crate::data::features::{Statistics, standardise};
use crate::data::scenes::{Dataset, LeftOut, Subset};
use crate::evaluate::{Models, Scorer, SegmentLabels, SegmentSource, TagOutputs, tag_whole_clips};
use crate::gpu::Gpu;
use crate::model::checkpoint::Description;
use crate::output::{Results, RunDir, Scored, WHOLE_CLIPS};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel eval run
  weaklabel eval run --seconds 200ms,1s,10s --json
  weaklabel eval run --dataset other-data

Clips of your own are scored as a whole, each over its own length; mixed clips by segments of 0.2, 1 and 10 s, as in the \
paper. A length that no clip of your own has is left out.

Beside F1 for each class and its mean, there are mAP, ROC-AUC, lwlrap, precision and recall, as scikit-learn computes them, \
and F1 at the threshold of each class that training chose on validation clips. A class without a clip has a dash and is \
left out of the means; with --json it is null.";

/// `weaklabel eval`: score a trained run on the evaluation clips.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// The run folder
    pub run: PathBuf,
    /// Lengths of the test segments, as in 0.2,1 or 200ms,1s (the key evaluate.seconds); clips of your own are scored as a
    /// whole without it
    #[arg(long, value_name = "TIME,…", value_delimiter = ',', value_parser = seconds)]
    pub seconds: Vec<f64>,
    /// Source of the audio, if not the one that the run was trained on.
    #[command(flatten)]
    pub source: DataSource,
}

impl Eval {
    /// Enters the flags into the run's configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        if !self.seconds.is_empty() {
            config.evaluate.seconds.clone_from(&self.seconds);
        }
    }
}

impl Eval {
    /// Scores every model of the run on the evaluation clips at every length and prints the scores. The run folder
    /// keeps them, unless the data are not the run's own.
    ///
    /// # Errors
    /// [`Error::Data`] when the run has no models yet or the data have other classes; whatever data and device report.
    pub fn run(self, session: &Session) -> Result<()> {
        let run = RunDir::open(&self.run)?;
        let config = self.configuration(session, &run)?;
        let models = TrainedModels { run: self.run.clone(), seed: Vec::new() }.read()?;
        let dataset = Dataset::of(&config)?;
        dataset.need(&[Subset::Eval])?;
        dataset.left_out(&[Subset::Eval]).iter().for_each(LeftOut::log);
        self.check_subsets(session, &run, &dataset)?;
        self.check_classes(&dataset, &models[0].1)?;
        if (0..dataset.len(Subset::Eval)).all(|clip| dataset.labels(Subset::Eval, clip).is_empty()) {
            return Err(Error::data(&self.run, "no evaluation clip has a label, so there is nothing to score"));
        }
        let gpu = session.open_gpu()?;
        let thresholds: Vec<_> = models.iter().map(|(_, description)| description.thresholds.clone()).collect();
        let models = Models::new(&gpu, &session.tiles(&gpu)?, &models)?;
        // The features are those that the models were trained on, even if the configuration was changed.
        let config = Config { features: models.description.features.clone(), ..config.clone() };
        let tagged = match scores_whole_clips(&config, &dataset) && !self.asks_for_lengths(session) {
            true => {
                let task = session.progress.task("scoring clips", dataset.len(Subset::Eval) as u64);
                let (outputs, labels) =
                    tag_whole_clips(&gpu, &models, &dataset, Subset::Eval, &|clips| task.advance(clips))?;
                task.finish();
                vec![TaggedClips { length: WHOLE_CLIPS.into(), outputs, labels }]
            }
            false => tag_segments(session, &gpu, &config, &models, &dataset)?,
        };
        let Models { description, seeds, .. } = models;
        let scores = |TaggedClips { length, outputs, labels }: &TaggedClips| {
            let of_model = |(probabilities, own): (&Vec<f32>, &Option<Vec<f64>>)| {
                let outputs = TagOutputs { probabilities, labels, classes: description.classes.len() };
                outputs.scores(config.evaluate.threshold, own.as_deref())
            };
            (length.clone(), outputs.iter().zip(&thresholds).map(of_model).collect())
        };
        let scored = Scored {
            method: description.method.name(),
            train_seconds: config.train.seconds,
            classes: &description.classes,
            seeds: &seeds,
            thresholds: &thresholds,
        };
        let results = Results::new(&scored, &tagged.iter().map(scores).collect::<Vec<_>>());
        // Printed first, so that scores are not lost where the run cannot be written to.
        if session.options.json {
            print_json(&results)?;
        } else {
            print(&results.table())?;
        }
        if self.source.dataset.is_none() && self.source.soundbank.is_none() {
            run.write_results(&results)?;
        }
        Ok(())
    }

    /// The run's configuration, changed by the files, the edits and then the flags of the command line.
    fn configuration(&self, session: &Session, run: &RunDir) -> Result<Config> {
        let mut files = vec![run.config_path()];
        files.extend(session.options.config.iter().cloned());
        let mut config = config::read_config(&files, &session.options.set)?;
        // The fold of the run's own clips says nothing about other clips.
        if self.source.dataset.is_some() && !session.options.edits("data.fold") {
            config.data.fold = None;
        }
        self.apply(&mut config);
        config::validate(&config)?;
        Ok(config)
    }

    /// Whether the command line names the lengths to test.
    fn asks_for_lengths(&self, session: &Session) -> bool {
        !self.seconds.is_empty() || session.options.edits("evaluate.seconds")
    }

    /// Refuses another division of the run's own clips into subsets, which would score clips that the models have seen.
    fn check_subsets(&self, session: &Session, run: &RunDir, dataset: &Dataset) -> Result<()> {
        let own = self.source.dataset.is_none() && self.source.soundbank.is_none();
        let is_divided = dataset.clip_set().is_some() && dataset.variant().is_none();
        let keys = ["data.seed", "data.fold", "scene.holdout"];
        let Some(key) = keys.into_iter().find(|key| own && is_divided && session.options.edits(key)) else {
            return Ok(());
        };
        let reason = format!(
            "another value would score clips that {} was trained on: leave it out, or name other clips with --dataset",
            run.path().display()
        );
        Err(Error::config(key, reason))
    }

    fn check_classes(&self, dataset: &Dataset, model: &Description) -> Result<()> {
        if dataset.classes() == model.classes {
            return Ok(());
        }
        let (ours, theirs) = (model.classes.join(", "), dataset.classes().join(", "));
        Err(Error::data(
            &self.run,
            format!(
                "the classes of the models are {ours}, those of the data {theirs}: use data with the classes of the models"
            ),
        ))
    }
}

/// Answers of the models about the evaluation clips at one test length.
struct TaggedClips {
    /// Length in seconds, or [`WHOLE_CLIPS`].
    length: String,
    /// Class probabilities, `[member][example · class]`.
    outputs: Vec<Vec<f32>>,
    labels: Vec<SegmentLabels>,
}

/// Whether `dataset` is finished clips of the user's own, and the lengths are those of the paper, whose clips are
/// mixed.
fn scores_whole_clips(config: &Config, dataset: &Dataset) -> bool {
    is_own(config, dataset) && config.evaluate.seconds == EvaluateConfig::default().seconds
}

/// Whether `dataset` is finished clips that this program did not mix.
fn is_own(config: &Config, dataset: &Dataset) -> bool {
    config.data.dataset.is_some() && dataset.variant().is_none()
}

/// Tags segments of the configured lengths. Of one's own clips, a length that no clip has is left out: it would score
/// silence.
fn tag_segments(
    session: &Session,
    gpu: &Gpu,
    config: &Config,
    models: &Models,
    dataset: &Dataset,
) -> Result<Vec<TaggedClips>> {
    let (lengths, Models { population, description, .. }) = (&config.evaluate.seconds, models);
    let task = session.progress.task("evaluation features", dataset.len(Subset::Eval) as u64);
    let source = SegmentSource { dataset, subset: Subset::Eval, seconds: lengths };
    let examples = source.load(gpu, &config.features, &|done| task.set(done as u64))?;
    task.finish();
    let statistics = Statistics { mean: description.mean.clone(), std: description.std.clone() };
    let mut tagged = Vec::new();
    let task = session.progress.task("scoring", lengths.len() as u64);
    for (examples, seconds) in examples.into_iter().zip(lengths) {
        let longest_s = examples.labels.iter().map(|labels| labels.audio_s).fold(0.0, f64::max);
        if is_own(config, dataset) && config.features.frames(longest_s) < config.features.frames(*seconds) {
            tracing::warn!("{seconds} s is left out: the longest evaluation clip has {longest_s:.2} s");
        } else {
            standardise(gpu, &examples.store, &statistics, config.features.epsilon)?;
            let scorer = Scorer::new(gpu, population, &examples, description.normalise, config.evaluate.threshold)?;
            let outputs = scorer.probabilities(gpu)?;
            tagged.push(TaggedClips { length: seconds.to_string(), outputs, labels: examples.labels });
        }
        task.advance(1);
    }
    task.finish();
    if tagged.is_empty() {
        let reason = "no evaluation clip is as long as one of these lengths: choose shorter ones with --seconds, or leave \
                      it out to score whole clips";
        return Err(Error::config("evaluate.seconds", reason));
    }
    Ok(tagged)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn flags_reach_their_keys() {
        let command = Eval::augment_args(clap::Command::new("eval"));
        let line = ["eval", "run", "--seconds", "200ms,10", "--dataset", "set"];
        let eval = Eval::from_arg_matches(&command.get_matches_from(line)).unwrap();
        let mut config = Config::default();
        eval.apply(&mut config);
        assert_eq!(eval.run, PathBuf::from("run"));
        assert_eq!((config.evaluate.seconds, config.data.dataset), (vec![0.2, 10.0], Some("set".into())));
    }
}
