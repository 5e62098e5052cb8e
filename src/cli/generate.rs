//! `weaklabel generate`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;
use serde::Serialize;

use super::seeds::range;
use super::{Session, output, signals};
use crate::Result;
use crate::base::printable::counted;
use crate::config::{Config, Variant};
use crate::data::scenes::Subset;
use crate::data::scenes::generate::{self, GenerateOptions, Generated};
use crate::output::Task;

const EXAMPLES: &str = "\
Examples:
  weaklabel generate -o data --train 600 --validation 100 --eval 200
  weaklabel generate -o data --soundbank my-sounds --events 1-4 --wav
  weaklabel generate --export-soundbank sounds";

/// `weaklabel generate`: draw a dataset from a soundbank.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Generate {
    /// The soundbank clips are mixed from [default: the built-in one]
    #[arg(long, value_name = "DIR")]
    pub soundbank: Option<PathBuf>,
    /// The folder to write the dataset to
    #[arg(short, long, value_name = "DATASET", required_unless_present = "export_soundbank")]
    pub out: Option<PathBuf>,
    /// Training clips in all
    #[arg(long, value_name = "N", requires = "out")]
    pub train: Option<usize>,
    /// Validation clips in all
    #[arg(long, alias = "valid", value_name = "N", requires = "out")]
    pub validation: Option<usize>,
    /// Evaluation clips in all
    #[arg(long, value_name = "N", requires = "out")]
    pub eval: Option<usize>,
    /// Whole events, or events cut to 200 ms
    #[arg(long, requires = "out")]
    pub variant: Option<Variant>,
    /// Events of a clip: a number, or the fewest and the most as in 1-4 (the key scene.events)
    #[arg(long, value_name = "MIN-MAX", requires = "out", value_parser = events)]
    pub events: Option<[usize; 2]>,
    /// DESED's co-occurrence JSON: which events accompany a clip's main one [default: any]
    #[arg(long, value_name = "FILE", requires = "out")]
    pub cooccurrence: Option<PathBuf>,
    /// Seed of everything that is drawn (the key data.seed)
    #[arg(long, value_name = "S", requires = "out")]
    pub seed: Option<u64>,
    /// Also write the clips, as 16-bit WAV; without it they are mixed in memory when needed
    #[arg(long, requires = "out")]
    pub wav: bool,
    /// Write the built-in soundbank as WAV files to this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["soundbank", "wav"])]
    pub export_soundbank: Option<PathBuf>,
    /// Replace what an earlier call wrote
    #[arg(long)]
    pub force: bool,
}

/// Report of the files that were written.
#[derive(Debug, Default, Serialize)]
struct GenerateReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    soundbank: Option<SoundbankReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<DatasetReport<'a>>,
}

#[derive(Debug, Serialize)]
struct SoundbankReport<'a> {
    folder: &'a Path,
    files: usize,
}

#[derive(Debug, Serialize)]
struct DatasetReport<'a> {
    folder: &'a Path,
    classes: Vec<String>,
    /// The number of clips by subset.
    clips: indexmap::IndexMap<&'static str, usize>,
    /// Clips made softer as a whole because their peaks were above full scale.
    scaled: usize,
    /// Whether the clips were written as files.
    wav: bool,
}

impl Generate {
    /// Runs the command.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`] after a signal, with nothing written; as [`generate::generate`] and
    /// [`generate::export_soundbank`].
    pub fn run(self, session: &Session) -> Result<()> {
        signals::catch()?;
        let config = session.options.configuration(|config| self.apply(config))?;
        let mut report = GenerateReport::default();
        if let Some(folder) = &self.export_soundbank {
            let export = |progress: generate::ProgressFn<'_>| generate::export_soundbank(folder, self.force, progress);
            let files = with_progress(session, "writing sounds", export)?;
            report.soundbank = Some(SoundbankReport { folder, files });
        }
        if let Some(out) = &self.out {
            let options = GenerateOptions { config: &config, out, wav: self.wav, force: self.force };
            let Generated { classes, n_clips, n_scaled } =
                with_progress(session, "mixing clips", |progress| generate::generate(&options, progress))?;
            let clips = Subset::all().map(Subset::name).into_iter().zip(n_clips).collect();
            report.dataset = Some(DatasetReport { folder: out, classes, clips, scaled: n_scaled, wav: self.wav });
        }
        if session.options.json { output::print_json(&report) } else { output::print(&report.text()) }
    }

    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        let data = &mut config.data;
        // The configuration may name a dataset to read; a new one is drawn all the same.
        data.dataset = None;
        if self.soundbank.is_some() {
            data.soundbank.clone_from(&self.soundbank);
        }
        if self.cooccurrence.is_some() {
            data.cooccurrence.clone_from(&self.cooccurrence);
        }
        data.train = self.train.unwrap_or(data.train);
        data.validation = self.validation.unwrap_or(data.validation);
        data.eval = self.eval.unwrap_or(data.eval);
        data.variant = self.variant.unwrap_or(data.variant);
        data.seed = self.seed.unwrap_or(data.seed);
        config.scene.events = self.events.unwrap_or(config.scene.events);
    }
}

/// `MIN-MAX`, both included, or one number for both. Which numbers are allowed is for the configuration to say.
fn events(text: &str) -> Result<[usize; 2], String> {
    let (least, most) = range(text).ok_or("a number of events, or the fewest and the most as in 1-4")?;
    Ok([least, most])
}

impl GenerateReport<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(SoundbankReport { folder, files }) = &self.soundbank {
            text += &format!("{}: the built-in soundbank, {}\n", folder.display(), counted(*files, "file"));
        }
        if let Some(DatasetReport { folder, classes, clips, scaled, wav }) = &self.dataset {
            let counts: Vec<String> = clips.iter().map(|(subset, n)| format!("{n} {subset}")).collect();
            text += &format!("{}: {} clips", folder.display(), counts.join(", "));
            text += if *wav { ", as WAV files\n" } else { ", mixed in memory when needed\n" };
            text += &format!("{} classes: {}\n", classes.len(), classes.join(", "));
            if *scaled > 0 {
                text += &format!("{} made softer to stay below full scale\n", counted(*scaled, "clip"));
            }
        }
        text
    }
}

/// Runs `work` with a progress task called `name`, whose size is known after its first unit.
fn with_progress<T>(
    session: &Session,
    name: &str,
    work: impl FnOnce(generate::ProgressFn<'_>) -> Result<T>,
) -> Result<T> {
    let task: OnceLock<Task> = OnceLock::new();
    let done = work(&|_, all| task.get_or_init(|| session.progress.task(name, all as u64)).advance(1))?;
    if let Some(task) = task.into_inner() {
        task.finish();
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Generate, clap::Error> {
        let command = Generate::augment_args(clap::Command::new("generate"));
        Generate::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn flags_reach_their_keys() {
        let line = "generate --soundbank bank -o set --train 20 --validation 10 --eval 30 --variant 200ms --seed 7 --wav \
                    --events 2..5 --cooccurrence file.json";
        let generate = parse(line).unwrap();
        let mut config = Config::default();
        config.data.dataset = Some("other".into());
        generate.apply(&mut config);
        let data = &config.data;
        assert_eq!((data.train, data.validation, data.eval, data.seed), (20, 10, 30, 7));
        assert_eq!((data.variant, &data.dataset, &data.soundbank), (Variant::Ms200, &None, &Some("bank".into())));
        assert_eq!((config.scene.events, &data.cooccurrence), ([2, 5], &Some("file.json".into())));
        assert!(generate.wav);
    }

    #[test]
    fn events_are_a_range_or_a_number() {
        for (text, range) in [("3", [3, 3]), ("1-4", [1, 4]), ("1..4", [1, 4]), ("4..1", [4, 1]), ("0", [0, 0])] {
            assert_eq!(events(text), Ok(range));
        }
        for text in ["", "..", "1..", "..4", "1-", "1..=4", "1..2..3", "many", "-1", "1.5"] {
            let refused = parse(&format!("generate -o set --events={text}")).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ValueValidation, "{text}");
            assert!(refused.to_string().contains("as in 1-4"), "{refused}");
        }
    }

    #[test]
    fn absent_flags_change_nothing() {
        let mut config = Config::default();
        parse("generate -o set").unwrap().apply(&mut config);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn an_output_is_required() {
        assert_eq!(parse("generate").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert!(parse("generate --export-soundbank bank").is_ok());
        assert_eq!(
            parse("generate --export-soundbank a --soundbank b").unwrap_err().kind(),
            ErrorKind::ArgumentConflict
        );
    }

    #[test]
    fn what_only_a_dataset_has_needs_one() {
        let flags = [
            "--train 20",
            "--validation 10",
            "--valid 10",
            "--eval 10",
            "--variant waa",
            "--seed 2",
            "--events 2",
            "--cooccurrence f",
        ];
        for flags in flags {
            let alone = parse(&format!("generate --export-soundbank bank {flags}"));
            assert_eq!(alone.unwrap_err().kind(), ErrorKind::MissingRequiredArgument, "{flags}");
            assert!(parse(&format!("generate --export-soundbank bank -o set {flags}")).is_ok(), "{flags}");
        }
    }
}
