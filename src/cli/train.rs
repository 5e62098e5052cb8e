//! `weaklabel train`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::data_source::DataSource;
use super::dry_run::{dry_run, warn_of_memory};
use super::fitted::set_keys;
use super::material::Material;
use super::often_set::OftenSet;
use super::output::{print, print_json};
use super::seeds::{SeedRange, listed};
use super::{Session, signals};
use crate::config::{Config, Freeze, Method, WatchedScore, is_used};
use crate::model::checkpoint::TrainingState;
use crate::output::{Recorder, RunDir, Table, Watch};
use crate::train::{Trainer, TrainingData};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel train -o run
  weaklabel train -o run --dataset data --method triplets --seed 1-5
  weaklabel train -o run --epochs 50 --lr 3e-4 --set model.dropout=0.1
  weaklabel train -o run3 --dataset clips.csv --init run --set train.freeze=embedding
  weaklabel train -o run --resume
  weaklabel train -o run --resume --epochs 80";

/// `weaklabel train`: train one tagger, or several with different seeds at once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Train {
    /// Source of the audio.
    #[command(flatten)]
    pub source: DataSource,
    /// The fold whose clips evaluate, in a dataset with folds (the key data.fold) [default: the last one]
    #[arg(long, value_name = "N")]
    pub fold: Option<u64>,
    /// The training method
    #[arg(long)]
    pub method: Option<Method>,
    /// One model is trained per seed, all at once: 7, or 1,2,5, or 1-5 (the key train.seeds)
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub seed: Vec<SeedRange>,
    /// Start from the parameters of a trained model, RUN or RUN/checkpoints/best*.safetensors (the key train.init)
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub init: Option<PathBuf>,
    /// Options for the keys that are changed most often.
    #[command(flatten)]
    pub often: OftenSet,
    /// The run folder
    #[arg(short, long, value_name = "RUN")]
    pub out: PathBuf,
    /// Continue the run in that folder, with its own configuration
    #[arg(long, conflicts_with_all = ["dataset", "soundbank", "fold", "method", "seed", "force"])]
    pub resume: bool,
    /// Replace an earlier run in that folder
    #[arg(long)]
    pub force: bool,
    /// Print how many steps, how much memory on the GPU and about how much time the training takes, and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,
}

impl Train {
    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        config.data.fold = self.fold.or(config.data.fold);
        config.train.method = self.method.unwrap_or(config.train.method);
        if !self.seed.is_empty() {
            config.train.seeds = listed(&self.seed);
        }
        if self.init.is_some() {
            config.train.init.clone_from(&self.init);
        }
        self.often.apply(config);
    }
}

impl Train {
    /// Trains, or resumes a training.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a signal, to be continued with `--resume`, [`Error::Stopped`] if there is no run
    /// yet; whatever data, device and disk report.
    pub fn run(self, session: &Session) -> Result<()> {
        let out = self.out.clone();
        self.train(session).map_err(|error| match RunDir::open(&out) {
            Ok(_) => error.resumable(&out, "--resume"),
            Err(_) => error,
        })
    }

    fn train(self, session: &Session) -> Result<()> {
        let stop = signals::catch()?;
        let config = self.configuration(session)?;
        let set = match self.resume {
            true => None,
            false => Some(set_keys(&session.options, self.often.keys(&config))?),
        };
        if self.dry_run {
            let gpu = session.gpu_on_paper()?;
            return dry_run(session, &gpu, &Material::of(config, set.as_ref())?.with_precision(&gpu, set.as_ref()));
        }
        let gpu = session.open_gpu()?;
        let tiles = match self.resume {
            true => session.tiles_to_continue(&gpu, &RunDir::open(&self.out)?.tiles_path())?,
            false => session.tiles(&gpu)?,
        };
        let material = Material::of(config, set.as_ref())?.with_precision(&gpu, set.as_ref());
        let run = if self.resume {
            RunDir::resume(&self.out)?
        } else {
            let adapter = serde_json::to_value(gpu.adapter()).map_err(|e| Error::data(&self.out, e.to_string()))?;
            RunDir::create(&self.out, &material.config, &adapter, self.force)?
        };
        session.log.attach(run.log()?);
        material.log();
        let Material { config, dataset, .. } = material;
        let longer = self.resume && self.often.epochs.is_some();
        if run.is_finished() && !longer {
            let reason = "this run is finished: `weaklabel eval` scores it, and --epochs N trains it on up to N epochs";
            return Err(Error::data(&self.out, reason));
        }
        let contents = dataset.contents()?;
        run.check_origin(&config, &contents)?;
        if longer {
            run.reopen(&config)?;
        }
        if !run.has_all_metrics()? {
            let path = self.out.display();
            tracing::warn!(
                "{path}: metrics.jsonl is damaged: learning curves of this run have gaps, or are not those of its training"
            );
        }
        let data = TrainingData::load(&gpu, &config, &dataset, &contents, &session.progress.features(&dataset))?;
        let mut trainer = Trainer::new(&gpu, &tiles, &config, &data)?;
        run.keep_tiles(&trainer.tiles())?;
        run.restore(&mut trainer)?;
        let mut recorder = Recorder::new(&run, &config, &trainer);
        let task = session.progress.work("training", trainer.total_work());
        tracing::info!(
            "{} training and {} validation segments of {} s, at most {} steps, {:.0} MiB on the GPU",
            data.train.len(),
            data.validation.len(),
            config.train.seconds,
            trainer.total_steps(),
            gpu.live_bytes() as f64 / (1 << 20) as f64,
        );
        warn_of_memory(&config, gpu.live_bytes());
        recorder.watch(Watch { task: &task, stop, before: 0, cost: trainer.total_work() });
        let finished = trainer.run(&mut recorder)?;
        task.set(trainer.work_done());
        if !finished {
            return Err(Error::Interrupted { path: self.out, next: "--resume" });
        }
        recorder.finish(&mut trainer)?;
        task.finish();
        tracing::info!("at most {:.0} MiB were in use on the GPU", gpu.peak_bytes() as f64 / (1 << 20) as f64);
        report(session, &run, &config, &trainer.training_state()?)
    }

    fn configuration(&self, session: &Session) -> Result<Config> {
        if !self.resume {
            let mut without = None;
            let config = session.options.configuration(|config| {
                without = Some(config.clone());
                self.apply(config);
            })?;
            self.often.check(&session.options, &without.unwrap_or_default(), &config)?;
            warn_of_unused(&session.options.set, &config);
            return Ok(config);
        }
        if !session.options.config.is_empty() || !session.options.set.is_empty() {
            return Err(Error::Usage(
                "--resume continues with the run's own configuration: leave out --config and --set (--epochs may change)"
                    .into(),
            ));
        }
        let run = RunDir::open(&self.out)?;
        match self.often.epochs {
            Some(epochs) => run.longer(epochs),
            None => run.config(),
        }
    }
}

/// Warns of edits of keys that a training by `method` does not use, such as `tagger.lr` for the classifier.
fn warn_of_unused(edits: &[String], config: &Config) {
    let (method, freeze) = (config.train.method, config.train.freeze);
    for key in edits.iter().filter_map(|edit| Some(edit.split_once('=')?.0.trim())) {
        if !is_used(key, method, freeze) {
            let frozen = freeze == Freeze::Embedding;
            let same = key.replacen("tagger.", "optimiser.", 1);
            let instead = match key {
                "tagger.lr" | "tagger.weight_decay" => format!(": its own key is {same}"),
                "tagger.epochs" | "tagger.batch" => format!(": its own key is {}", key.replacen("tagger", "train", 1)),
                "train.epochs" | "train.batch" if frozen => {
                    format!(": its own key is {}", key.replacen("train", "tagger", 1))
                }
                "optimiser.lr" | "optimiser.weight_decay" if frozen => {
                    format!(": its own key is {}", key.replacen("optimiser", "tagger", 1))
                }
                _ => String::new(),
            };
            let on = if frozen { "a training of G alone".into() } else { format!("--method {}", method.name()) };
            tracing::warn!("--set {key} has no effect on {on}{instead}");
        }
    }
}

/// Prints the best epoch of every seed, and the time of all pieces of the training.
fn report(session: &Session, run: &RunDir, config: &Config, training_state: &TrainingState) -> Result<()> {
    let seconds = run.seconds_trained();
    let members = || config.train.seeds.iter().zip(&training_state.progress);
    if session.options.json {
        let score = match config.train.watch {
            WatchedScore::MacroF1 => "validation_f1",
            WatchedScore::Map => "validation_map",
        };
        let member = |(seed, progress): (&u64, &crate::kernels::population::Member)| json!({"seed": seed, "epochs": progress.epochs, "best_epoch": progress.best_epoch, score: progress.best_score});
        let members: Vec<_> = members().map(member).collect();
        return print_json(&json!({"run": run.path(), "seconds": seconds, "members": members}));
    }
    let score = match config.train.watch {
        WatchedScore::MacroF1 => "validation F1 in %",
        WatchedScore::Map => "validation mAP in %",
    };
    let mut table = Table::new(["seed", "epochs", "best epoch", score].map(String::from).to_vec());
    for (seed, progress) in members() {
        let score = format!("{:.1}", progress.best_score);
        table.push(vec![seed.to_string(), progress.epochs.to_string(), progress.best_epoch.to_string(), score]);
    }
    let path = run.path().display();
    print(&format!("{table}\nTrained in {seconds:.0} s. Score it on the evaluation clips: weaklabel eval {path}\n"))
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Train, clap::Error> {
        let command = Train::augment_args(clap::Command::new("train"));
        Train::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn flags_reach_their_keys() {
        let train = parse("train --dataset set --method classifier --seed 4,5,7-9 -o run").unwrap();
        let mut config = Config::default();
        train.apply(&mut config);
        assert_eq!(config.train.seeds, [4, 5, 7, 8, 9]);
        assert_eq!((config.train.method, config.data.dataset), (Method::Classifier, Some("set".into())));
    }

    #[test]
    fn absent_flags_change_nothing() {
        let mut config = Config::default();
        parse("train -o run").unwrap().apply(&mut config);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        for line in [
            "train --dataset a --soundbank b -o run",
            "train --resume --force -o run",
            "train --resume --seed 1 -o run",
        ] {
            assert_eq!(parse(line).unwrap_err().kind(), ErrorKind::ArgumentConflict, "{line}");
        }
        assert_eq!(parse("train").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert!(parse("train --resume -o run").is_ok());
    }
}
