//! `weaklabel train`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::data_source::DataSource;
use super::output::{print, print_json};
use super::seeds::{SeedRange, listed};
use super::{Session, signals};
use crate::config::{
    BatchSampling, Config, Crop, KeepFeatures, Method, Precision, WatchedScore, assign, is_used, keys_set,
};
use crate::data::scenes::{Dataset, LeftOut, OwnSetting, Subset};
use crate::evaluate::{SegmentLabels, SegmentSource};
use crate::gpu::Gpu;
use crate::model::checkpoint::TrainingState;
use crate::output::{Recorder, RunDir, Table, Watch};
use crate::train::{Draws, PlannedData, Trainer, TrainingData, memory_estimate, only_f16_fits};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel train -o run
  weaklabel train -o run --dataset data --method triplets --seed 1-5
  weaklabel train -o run --set train.epochs=50 --set optimiser.lr=3e-4
  weaklabel train -o run --resume";

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
    /// The run folder
    #[arg(short, long, value_name = "RUN")]
    pub out: PathBuf,
    /// Continue the run in that folder, with its own configuration
    #[arg(long, conflicts_with_all = ["dataset", "soundbank", "fold", "method", "seed", "force"])]
    pub resume: bool,
    /// Replace an earlier run in that folder
    #[arg(long)]
    pub force: bool,
    /// Print how many steps and how much memory on the GPU the training takes, and do nothing
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
        let set = if self.resume { None } else { Some(keys_set(&session.options.config, &session.options.set)?) };
        if self.dry_run {
            let gpu = session.gpu_on_paper()?;
            return dry_run(session, &gpu, Material::of(config, set.as_ref())?.fitted(&gpu, set.as_ref()));
        }
        let gpu = session.open_gpu()?;
        let tiles = match self.resume {
            true => session.tiles_to_continue(&gpu, &RunDir::open(&self.out)?.tiles_path())?,
            false => session.tiles(&gpu)?,
        };
        let material = Material::of(config, set.as_ref())?.fitted(&gpu, set.as_ref());
        let Material { config, dataset, chosen, left_out, .. } = material;
        let run = if self.resume {
            RunDir::resume(&self.out)?
        } else {
            let adapter = serde_json::to_value(gpu.adapter()).map_err(|e| Error::data(&self.out, e.to_string()))?;
            RunDir::create(&self.out, &config, &adapter, self.force)?
        };
        session.log.attach(run.log()?);
        dataset.in_short().iter().chain(&chosen).for_each(|line| tracing::info!("{line}"));
        left_out.iter().for_each(LeftOut::log);
        if run.is_finished() {
            return Err(Error::data(&self.out, "this run is finished: `weaklabel eval` scores it"));
        }
        let contents = dataset.contents()?;
        run.check_origin(&config, &contents)?;
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
            let config = session.options.configuration(|config| self.apply(config))?;
            warn_of_unused(&session.options.set, config.train.method);
            return Ok(config);
        }
        if !session.options.config.is_empty() || !session.options.set.is_empty() {
            return Err(Error::Usage(
                "--resume continues with the run's own configuration: leave out --config and --set".into(),
            ));
        }
        RunDir::open(&self.out)?.config()
    }
}

/// Warns of edits of keys that a training by `method` does not use, such as `tagger.lr` for the classifier.
fn warn_of_unused(edits: &[String], method: Method) {
    for key in edits.iter().filter_map(|edit| Some(edit.split_once('=')?.0.trim())) {
        if !is_used(key, method) {
            let same = key.replacen("tagger.", "optimiser.", 1);
            let instead = match key {
                "tagger.lr" | "tagger.weight_decay" => format!(": its own key is {same}"),
                "tagger.epochs" | "tagger.batch" => format!(": its own key is {}", key.replacen("tagger", "train", 1)),
                _ => String::new(),
            };
            tracing::warn!("--set {key} has no effect on --method {}{instead}", method.name());
        }
    }
}

/// The data of a training, checked before there is a run folder and before any feature is computed.
struct Material {
    /// The configuration, with the settings that were chosen from the data.
    config: Config,
    dataset: Dataset,
    /// Message about the settings that were chosen from the data, if there are any.
    chosen: Option<String>,
    /// Labels of the training segments.
    train: Vec<SegmentLabels>,
    /// Messages about data that are not used.
    left_out: Vec<LeftOut>,
}

impl Material {
    /// Opens the data of `config`. Keys that are not in `set` get the values that suit the data; without `set` all keys
    /// stay as they are.
    fn of(config: Config, set: Option<&BTreeSet<String>>) -> Result<Self> {
        let (dataset, used) = (Dataset::of(&config)?, [Subset::Train, Subset::Validation]);
        dataset.need(&used)?;
        let own = set.map_or_else(|| Ok(Vec::new()), |set| dataset.own_settings(&config, set))?;
        let values: Vec<_> = own.iter().map(|setting| (setting.key, setting.value.clone())).collect();
        let config = &assign(&config, &values)?;
        let dataset = dataset.with_crop(config.train.crop);
        let setting = |own: &OwnSetting| format!("{}={} ({})", own.key, own.value, own.reason);
        let chosen: Vec<String> = own.iter().map(setting).collect();
        let chosen = (!own.is_empty()).then(|| format!("chosen for these data, unless set: {}", chosen.join("; ")));
        let seconds = &[config.train.loaded_seconds()];
        let train = SegmentSource { dataset: &dataset, subset: Subset::Train, seconds }.labels()?.swap_remove(0);
        let draws = Draws::new(config, &train, dataset.classes())?;
        let mut left_out: Vec<LeftOut> = dataset.overridden().cloned().into_iter().collect();
        left_out.extend(dataset.left_out(&used));
        left_out.extend(dataset.never_drawn().filter(|_| config.train.sampling == BatchSampling::Paper));
        left_out.extend(dataset.missed_labels(config)?);
        if config.train.crop != Crop::Random && set.is_some_and(|set| set.contains("train.clip_s")) {
            let message =
                "train.clip_s has no effect without train.crop=random: the length of a segment is train.seconds";
            left_out.push(LeftOut::warning(message.into()));
        }
        left_out.extend(draws.left_out);
        Ok(Self { config: config.clone(), dataset, chosen, train, left_out })
    }

    /// Chooses features in f16 where they fit on `gpu` only so, unless `train.precision` is in `set`; without `set` all
    /// keys stay as they are.
    fn fitted(mut self, gpu: &Gpu, set: Option<&BTreeSet<String>>) -> Self {
        let segments = [self.train.len(), self.dataset.len(Subset::Validation)];
        let may_choose = set.is_some_and(|set| !set.contains("train.precision"));
        let needs_file = self.config.train.cache != KeepFeatures::Off;
        if may_choose && needs_file && only_f16_fits(gpu, &self.config, segments, self.dataset.classes().len()) {
            self.config.train.precision = Precision::F16;
            let reason = "train.precision=f16 (features do not fit on the GPU as f32; f32 streams them from a file)";
            let chosen = self.chosen.map_or("chosen for these data, unless set: ".into(), |chosen| chosen + "; ");
            self.chosen = Some(chosen + reason);
        }
        self
    }
}

/// Prints the steps and the memory of a training.
fn dry_run(session: &Session, gpu: &Gpu, material: Material) -> Result<()> {
    let Material { config, dataset, chosen, train, left_out } = material;
    dataset.in_short().iter().chain(&chosen).for_each(|line| tracing::info!("{line}"));
    left_out.iter().for_each(LeftOut::log);
    let validation = dataset.len(Subset::Validation);
    let data = PlannedData { classes: dataset.classes(), train: &train, validation };
    let needed = memory_estimate(gpu, &session.tiles(gpu)?, &config, &data)?;
    let mib = needed.bytes as f64 / f64::from(1 << 20);
    warn_of_memory(&config, needed.bytes);
    if session.options.json {
        let adapter = &gpu.adapter().name;
        return print_json(&json!({
            "adapter": adapter,
            "steps": needed.steps,
            "bytes": needed.bytes,
            "features": needed.plan.in_words(),
        }));
    }
    print(&format!(
        "{} training and {validation} validation segments of {} s\nat most {} steps\n{mib:.0} MiB on {}\n{}\n",
        train.len(),
        config.train.seconds,
        needed.steps,
        gpu.adapter().name,
        needed.plan.in_words(),
    ))
}

/// Warns if a training takes more memory on the GPU than `train.memory` allows.
fn warn_of_memory(config: &Config, bytes: u64) {
    if let Some(limit) = config.train.memory.filter(|limit| limit.0 < bytes) {
        tracing::warn!(
            "the training takes {:.0} MiB on the GPU, more than train.memory={limit}: features are within it, but not the \
             networks and batches beside them; smaller batches and fewer seeds take less",
            bytes as f64 / f64::from(1 << 20)
        );
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
