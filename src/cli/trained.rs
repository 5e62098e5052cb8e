//! `RUN [--seed S]`: trained models, named on the command line.

use std::path::PathBuf;

use clap::Args;

use super::Session;
use super::seeds::{SeedRange, listed as seeds_of};
use crate::config::{self, Config};
use crate::model::checkpoint::{Description, read_model};
use crate::output::RunDir;
use crate::{Error, Result};

/// Trained models: those of a run folder, or one file.
#[derive(Debug, Clone, Args)]
pub struct TrainedModels {
    /// A run folder that `weaklabel train` wrote, or one of its models, RUN/checkpoints/best*.safetensors
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Use the models of these seeds alone, as in 3 or 1-3
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub seed: Vec<SeedRange>,
}

impl TrainedModels {
    /// The run's configuration, changed by the files and edits of the command line and then by `flags`.
    ///
    /// # Errors
    /// The errors of [`Options::configuration`](super::Options::configuration); [`Error::Data`] when there is nothing
    /// at the path.
    pub fn configuration(&self, session: &Session, flags: impl FnOnce(&mut Config)) -> Result<Config> {
        let mut files = Vec::new();
        if !self.run.is_file() {
            files.push(RunDir::open(&self.run)?.config_path());
        }
        files.extend(session.options.config.iter().cloned());
        let mut config = config::read_config(&files, &session.options.set)?;
        flags(&mut config);
        config::validate(&config)?;
        Ok(config)
    }

    /// Reads the models with their descriptions. A run that is not finished is a warning.
    ///
    /// # Errors
    /// [`Error::Usage`] when none has the chosen seed; [`Error::Data`] when a model is not there yet, has another seed
    /// than its name says, or is not of the same training as the first; what reading them may report.
    pub fn read(&self) -> Result<Vec<(Vec<f32>, Description)>> {
        if self.run.is_file() {
            let model = read_model(&self.run)?;
            self.choose(&[model.1.seed])?;
            return Ok(vec![model]);
        }
        let run = RunDir::open(&self.run)?;
        let seeds = run.config()?.train.seeds;
        let mut models: Vec<(Vec<f32>, Description)> = Vec::new();
        for member in self.choose(&seeds)? {
            let path = run.best_checkpoint(&seeds, member);
            if !path.try_exists().map_err(|e| Error::io("read", &path, e))? {
                let next = format!("weaklabel train --resume -o {}", self.run.display());
                let reason = format!("there is no model of seed {} yet: {next} continues its training", seeds[member]);
                return Err(Error::data(&self.run, reason));
            }
            let model = read_model(&path)?;
            if model.1.seed != seeds[member] {
                let reason =
                    format!("is the model of seed {}, where the run has that of seed {}", model.1.seed, seeds[member]);
                return Err(Error::data(path, reason));
            }
            if models.first().is_some_and(|first| !same_training(&first.1, &model.1)) {
                return Err(Error::data(path, "is not of the same training as the other models of the run"));
            }
            models.push(model);
        }
        if let Some(how_far) = run.unfinished() {
            tracing::warn!("{}: {how_far}", self.run.display());
        }
        Ok(models)
    }

    /// The positions of the chosen ones of `seeds`, in the order of `seeds`.
    fn choose(&self, seeds: &[u64]) -> Result<Vec<usize>> {
        let wanted = seeds_of(&self.seed);
        if let Some(seed) = wanted.iter().find(|seed| !seeds.contains(seed)) {
            let there = listed(seeds);
            return Err(Error::Usage(format!("--seed {seed}: {} has no such model, but {there}", self.run.display())));
        }
        Ok((0..seeds.len()).filter(|i| wanted.is_empty() || wanted.contains(&seeds[*i])).collect())
    }
}

/// Seeds in the words of a message.
pub fn listed(seeds: &[u64]) -> String {
    let names: Vec<String> = seeds.iter().map(u64::to_string).collect();
    format!("seed{} {}", if seeds.len() == 1 { "" } else { "s" }, names.join(", "))
}

fn same_training(a: &Description, b: &Description) -> bool {
    let Description { seed, epoch, .. } = *a;
    *a == Description { seed, epoch, thresholds: a.thresholds.clone(), ..b.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_chooses_its_model_and_an_unknown_one_names_those_there_are() {
        let trained = |seeds: &str| TrainedModels {
            run: "runs/a".into(),
            seed: seeds.split_terminator(',').map(|seed| seed.parse().unwrap()).collect(),
        };
        assert_eq!(trained("").choose(&[4, 5]).unwrap(), [0, 1]);
        assert_eq!(trained("5").choose(&[4, 5]).unwrap(), [1]);
        assert_eq!(trained("7,4-5").choose(&[4, 5, 6, 7]).unwrap(), [0, 1, 3]);
        let message = trained("6").choose(&[4, 5]).unwrap_err().to_string();
        assert_eq!(message, "--seed 6: runs/a has no such model, but seeds 4, 5");
    }
}
