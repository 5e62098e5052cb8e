//! `weaklabel predict`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Session;
use super::audio_files::{Answer, AudioFiles, FileModel};
use super::output::{print, print_data, print_json};
use super::tags::{Tags, Thresholds};
use super::trained::TrainedModels;
use super::windows::Windows;
use crate::config::{Config, EvaluateConfig, decimal_comma, seconds};
use crate::evaluate::{Models, Tagger};
use crate::model::checkpoint::Description;
use crate::{Error, Result};

const AFTER_HELP: &str = "\
Examples:
  weaklabel predict run street.wav
  weaklabel predict run *.wav --every 1s --threshold 0.3
  weaklabel predict run *.flac --tsv > tags.tsv

A run with several seeds answers with the mean of its models' probabilities; --json lists those of each as well.

A class is a tag when its probability exceeds the class's threshold, which training chose on validation clips so that the \
class's F1 is highest; the table and --json show it. With several models their mean counts. --threshold takes another one \
for all classes, and 0.5 holds for models without thresholds.

A FILE is cut into windows before its features are computed, as training cuts clips into segments: what lies beside a \
window has no influence on it. The last window ends with the file. A file that is no whole number of chunks long is filled \
up with silence.

--tsv prints the columns filename, onset and offset (in seconds) and one column of probabilities for each class; one row \
for each FILE, or with --every for each window. A row is a line: a name with a tab, a line break or another control \
character in it, or with a quotation mark at its beginning, stands there as a JSON string. --json prints one object a line \
for each FILE.

A FILE that cannot be used is reported, and the others are answered for. With --tsv it has one row of NaN without onset \
and offset, with --json one object of `file` and `error`; the exit code is 6 then, or 3 when there was no other. A FILE \
may have any length: it is answered for while it is read.";

/// `weaklabel predict`: tag audio files.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Predict {
    /// The models.
    #[command(flatten)]
    pub trained: TrainedModels,
    /// Audio files of any rate and number of channels: WAV, FLAC, Ogg, MP3, M4A, AIFF and others
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Answer for consecutive windows of this length as well, whole chunks of 0.2 s, as in 1s or 600ms
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub every: Option<f64>,
    /// A class is a tag when its probability exceeds this, as in 0.3, instead of the class's own threshold (the key
    /// evaluate.threshold)
    #[arg(long, value_name = "P", value_parser = number)]
    pub threshold: Option<f64>,
    /// Print a table for programs, separated by tabs
    #[arg(long)]
    pub tsv: bool,
}

impl FileModel for Tagger<'_> {
    fn values(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        self.probabilities(segments, progress)
    }
}

/// Reads a number, whose decimal sign is a point.
fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| decimal_comma(text).unwrap_or_else(|| "expected a number, as in 0.5".into()))
}

impl Predict {
    /// Enters the flags into the run's configuration.
    pub fn apply(&self, config: &mut Config) {
        config.evaluate.threshold = self.threshold.unwrap_or(config.evaluate.threshold);
    }

    /// The threshold of the command line or the configuration for all classes; otherwise those of the models, of which
    /// the mean is taken as of their probabilities.
    fn thresholds(&self, session: &Session, config: &Config, models: &[(Vec<f32>, Description)]) -> Thresholds {
        let threshold = config.evaluate.threshold;
        let chosen = self.threshold.is_some()
            || session.options.edits("evaluate.threshold")
            || threshold != EvaluateConfig::default().threshold;
        let own: Option<Vec<&Vec<f64>>> =
            models.iter().map(|(_, description)| description.thresholds.as_ref()).collect();
        match own.filter(|_| !chosen) {
            Some(own) => {
                let mean = |class: usize| own.iter().map(|of_model| of_model[class]).sum::<f64>() / own.len() as f64;
                Thresholds::OfClasses((0..models[0].1.classes.len()).map(mean).collect())
            }
            None => Thresholds::Shared(threshold),
        }
    }

    /// Tags all files.
    ///
    /// # Errors
    /// [`Error::Partly`] when some file could not be used; [`Error::Usage`] for a window that cannot be; whatever
    /// models and device report.
    pub fn run(self, session: &Session) -> Result<()> {
        let json = session.options.json;
        if self.tsv && json {
            return Err(Error::Usage("--tsv and --json exclude each other".into()));
        }
        let config = self.trained.configuration(session, |config| self.apply(config))?;
        let models = self.trained.read()?;
        let (classes, thresholds) = (models[0].1.classes.clone(), self.thresholds(session, &config, &models));
        let parts = if self.tsv { Windows::or_whole } else { Windows::and_whole };
        let windows = parts(self.every, &models[0].1)?;
        let gpu = session.open_gpu()?;
        let models = Models::new(&gpu, &session.tiles(&gpu)?, &models)?;
        let mut tagger = Tagger::new(&gpu, &models, usize::MAX)?;
        let tags = Tags { classes: &classes, seeds: &models.seeds, thresholds };
        if self.tsv {
            print_data(&tags.tsv_header())?;
        }
        let show = |path: &Path, answer: Result<Answer, String>| match (answer, self.tsv, json) {
            (Ok(answer), true, _) => print_data(&tags.tsv(path, &answer)),
            (Ok(answer), false, true) => print_json(&tags.json(path, &answer)),
            (Ok(answer), false, false) => print(&(tags.text(path, &answer) + "\n")),
            (Err(_), true, _) => print_data(&tags.tsv_refused(path)),
            (Err(error), false, true) => print_json(&json!({"file": path.display().to_string(), "error": error})),
            (Err(_), false, false) => Ok(()),
        };
        let mut files = AudioFiles::new(session, &self.files, &windows, "tagging");
        files.each(&mut tagger, &mut |path, answer| session.progress.suspend(|| show(path, answer)))?;
        files.finish()
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, error::ErrorKind};

    use super::*;
    use crate::cli::seeds::listed;

    fn parse(line: &str) -> Result<Predict, clap::Error> {
        let command = Predict::augment_args(clap::Command::new("predict"));
        Predict::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn flags_reach_their_keys() {
        let predict = parse("predict run a.wav b.wav --threshold 0.25 --seed 3").unwrap();
        let mut config = Config::default();
        predict.apply(&mut config);
        assert_eq!((config.evaluate.threshold, listed(&predict.trained.seed)), (0.25, vec![3]));
        assert_eq!((predict.trained.run, predict.files.len()), (PathBuf::from("run"), 2));
        parse("predict run a.wav").unwrap().apply(&mut config);
        assert_eq!(config.evaluate.threshold, 0.25, "an absent flag changes nothing");
        assert!(parse("predict run a.wav --threshold 0,5").unwrap_err().to_string().contains("a point: 0.5"));
        assert_eq!(parse("predict run a.wav --every 600ms").unwrap().every, Some(0.6));
        assert_eq!(parse("predict run").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    }
}
