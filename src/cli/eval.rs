//! `weaklabel eval`.

use std::path::PathBuf;

use clap::Args;

use super::Session;
use super::data_source::DataSource;
use super::output::{print, print_json};
use super::trained::TrainedModels;
use crate::config::{self, Config, seconds};
use crate::data::features::{Statistics, standardise};
use crate::data::scenes::{Dataset, LeftOut, Subset};
use crate::evaluate::{Models, Scorer, SegmentSource};
use crate::kernels::score::f1;
use crate::model::checkpoint::Description;
use crate::output::{Results, RunDir};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel eval run
  weaklabel eval run --seconds 200ms,1s,10s --json
  weaklabel eval run --dataset other-data";

/// `weaklabel eval`: score a trained run on the evaluation clips.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// The run folder
    pub run: PathBuf,
    /// Lengths of the test segments, as in 0.2,1 or 200ms,1s (the key evaluate.seconds)
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
        self.check_classes(&dataset, &models[0].1)?;
        let gpu = session.open_gpu()?;
        let Models { population, description, seeds } = Models::new(&gpu, &session.tiles(&gpu)?, &models)?;
        // The features are those that the models were trained on, even if the configuration was changed.
        let config = Config { features: description.features.clone(), ..config.clone() };
        let lengths = &config.evaluate.seconds;
        let task = session.progress.task("evaluation features", dataset.len(Subset::Eval) as u64);
        let source = SegmentSource { dataset: &dataset, subset: Subset::Eval, seconds: lengths };
        let examples = source.load(&gpu, &config.features, &|done| task.set(done as u64))?;
        task.finish();
        let statistics = Statistics { mean: description.mean.clone(), std: description.std.clone() };
        let mut scores = vec![Vec::new(); seeds.len()];
        let task = session.progress.task("scoring", lengths.len() as u64);
        for examples in examples {
            standardise(&gpu, &examples.store, &statistics, config.features.epsilon)?;
            let scorer = Scorer::new(&gpu, &population, &examples, description.normalise, config.evaluate.threshold)?;
            scorer.queue(&gpu)?;
            let counts = gpu.read(&scorer.counts)?;
            for (member, counts) in counts.chunks(counts.len() / seeds.len()).enumerate() {
                scores[member].push(f1(counts));
            }
            task.advance(1);
        }
        task.finish();
        let results = Results {
            method: description.method.name().into(),
            train_seconds: config.train.seconds,
            classes: description.classes.clone(),
            seeds,
            seconds: lengths.clone(),
            f1: scores,
        };
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
        self.apply(&mut config);
        config::validate(&config)?;
        Ok(config)
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
