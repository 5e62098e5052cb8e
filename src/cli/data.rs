//! `weaklabel data`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::{print, print_json};
use super::{Session, signals};
use crate::Result;
use crate::base::printable::counted;
use crate::config::Config;
use crate::data::scenes::{Dataset, Summary};
use crate::output::Table;

const EXAMPLES: &str = "\
Examples:
  weaklabel data sounds
  weaklabel data ESC-50-master --fold 1
  weaklabel data clips.csv --set data.table.labels=what --set data.table.separator=+ --json";

/// `weaklabel data`: what is understood of a dataset, before anything is trained.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Data {
    /// A folder or a table of clips, or a dataset that `weaklabel generate` wrote
    ///
    /// Read are DESED's tables of events and of labels, lists of files and labels, ESC-50, UrbanSound8K, FSD50K,
    /// AudioSet, and a folder for each class. Other tables need the keys data.table.file and data.table.labels.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The fold whose clips evaluate (the key data.fold) [default: the last one, where there are folds]
    #[arg(long, value_name = "N")]
    pub fold: Option<u64>,
}

impl Data {
    /// Prints what is understood.
    ///
    /// # Errors
    /// The errors of [`Dataset::open`] and [`Dataset::summary`].
    pub fn run(self, session: &Session) -> Result<()> {
        signals::catch()?;
        let config = session.options.configuration(|config| self.apply(config))?;
        let dataset = Dataset::of(&config)?;
        let summary = dataset.summary()?;
        if session.options.json {
            let mut value = json!(summary);
            value["path"] = json!(self.path);
            return print_json(&value);
        }
        print(&text(&summary))
    }

    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        config.data.dataset = Some(self.path.clone());
        config.data.fold = self.fold.or(config.data.fold);
    }
}

/// Returns the summary as text for people.
fn text(summary: &Summary) -> String {
    let mut text = format!("{}\n", summary.format);
    if !summary.tables.is_empty() {
        text += &format!("read: {}\n", summary.tables.join(", "));
    }
    let head = ["subset", "clips", "hours", "with times", "without times", "no class"];
    let mut table = Table::new(head.map(String::from).to_vec());
    for (name, subset) in &summary.subsets {
        let [timed, weak, none] = [subset.timed, subset.weak, subset.without_class].map(|n| n.to_string());
        table.push(vec![(*name).into(), subset.clips.to_string(), format!("{:.3}", subset.hours), timed, weak, none]);
    }
    text += &format!("\n{table}\n");
    let head = ["class", "train", "validation", "eval", "hours"];
    let mut table = Table::new(head.map(String::from).to_vec());
    for (name, class) in &summary.classes {
        let counts = class.clips.values().map(usize::to_string);
        table.push([name.clone()].into_iter().chain(counts).chain([format!("{:.3}", class.hours)]).collect());
    }
    text += &format!("{table}\n");
    let labels =
        summary.labels_per_clip.iter().map(|(labels, clips)| format!("{labels} in {}", counted(*clips, "clip")));
    text += &format!("labels per clip: {}\n", labels.collect::<Vec<_>>().join(", "));
    if let Some(found) = &summary.durations {
        let [min, median, max] = [found.min_s, found.median_s, found.max_s];
        text += &format!("lengths: {min:.2} s at least, {median:.2} s in the middle, {max:.2} s at most\n");
    }
    let rates = summary.rates.iter().map(|(rate, files)| format!("{rate} Hz in {}", counted(*files, "file")));
    let rates = rates.collect::<Vec<_>>().join(", ");
    if !rates.is_empty() {
        text += &format!("sampling rates: {rates}\n");
    }
    let chosen = summary.choices.iter().map(|choice| format!("chosen: {choice}\n"));
    let left_out = summary.left_out.iter().cloned().chain(summary.unreadable_files());
    text.extend(chosen.chain(left_out.map(|message| format!("note: {message}\n"))));
    text
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn flags_reach_their_keys() {
        let command = Data::augment_args(clap::Command::new("data"));
        let matches = command.try_get_matches_from(["data", "sounds", "--fold", "3"]).unwrap();
        let mut config = Config::default();
        Data::from_arg_matches(&matches).unwrap().apply(&mut config);
        assert_eq!((config.data.dataset, config.data.fold), (Some("sounds".into()), Some(3)));
    }
}
