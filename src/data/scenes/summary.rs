//! Everything that was understood of a dataset: its format, clips and hours by subset and class, and everything that
//! was chosen or left out.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rayon::prelude::*;
use serde::Serialize;

use super::dataset::{BUILT_IN, Dataset};
use crate::Result;
use crate::base::printable::counted;
use crate::base::stop;
use crate::data::clips::{Clip, LeftOut, SoundLength, Subset, length};

/// Number of classes that a message names.
const NAMED_CLASSES: usize = 10;

/// Everything that was understood of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the format.
    pub format: String,
    /// Paths of the tables that were read.
    pub tables: Vec<String>,
    /// The subsets by name.
    pub subsets: IndexMap<&'static str, SubsetSummary>,
    /// The classes by name.
    pub classes: IndexMap<String, ClassCounts>,
    /// Number of clips by the number of their labels.
    pub labels_per_clip: BTreeMap<usize, usize>,
    /// Lengths of the clips; `None` without clips.
    pub durations: Option<ClipLengths>,
    /// Number of files by sampling rate in Hz.
    pub rates: BTreeMap<u32, usize>,
    /// Number of files that cannot be read.
    pub unreadable: usize,
    /// The error about the first of them.
    pub first_unreadable: Option<String>,
    /// Settings that were chosen from the data, each with the key that changes it.
    pub choices: Vec<String>,
    /// Messages about what is not used, or looks like a mistake.
    pub left_out: Vec<String>,
}

/// The clips of one subset.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SubsetSummary {
    /// Number of clips.
    pub clips: usize,
    /// Their length in hours.
    pub hours: f64,
    /// Number of clips that have times for all of their labels.
    pub timed: usize,
    /// Number of clips with a label without times.
    pub weak: usize,
    /// Number of clips without a label.
    pub without_class: usize,
}

/// The clips of one class, in all subsets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClassCounts {
    /// Number of clips by subset.
    pub clips: IndexMap<&'static str, usize>,
    /// Length of all of these clips in hours.
    pub hours: f64,
}

/// Lengths of clips in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClipLengths {
    /// The shortest.
    pub min_s: f64,
    /// The median.
    pub median_s: f64,
    /// The longest.
    pub max_s: f64,
}

impl Dataset {
    /// Returns everything that is understood of the dataset. Files are opened for their lengths, and decoded only where
    /// their headers do not tell them.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`] when the process is asked to end.
    pub fn summary(&self) -> Result<Summary> {
        let mut lengths = Vec::new();
        let mut summary = Summary {
            format: self.format(),
            tables: Vec::new(),
            subsets: IndexMap::new(),
            classes: self.classes().iter().map(|class| (class.clone(), ClassCounts::default())).collect(),
            labels_per_clip: BTreeMap::new(),
            durations: None,
            rates: BTreeMap::new(),
            unreadable: 0,
            first_unreadable: None,
            choices: Vec::new(),
            left_out: self.left_out(&Subset::all()).into_iter().map(|LeftOut { message, .. }| message).collect(),
        };
        if let Some(set) = self.clip_set() {
            summary.tables = set.tables.iter().map(|table| table.display().to_string()).collect();
            summary.choices.clone_from(&set.choices);
        }
        for subset in Subset::all() {
            let found = self.lengths(subset)?;
            summary.add(self, subset, &found);
            lengths.extend(found.into_iter().flatten().map(|length| length.seconds));
        }
        lengths.sort_by(f64::total_cmp);
        if let (Some(&min_s), Some(&max_s)) = (lengths.first(), lengths.last()) {
            summary.durations = Some(ClipLengths { min_s, median_s: lengths[lengths.len() / 2], max_s });
        }
        Ok(summary)
    }

    /// Returns the length of each training clip in seconds; `None` if its file cannot be read.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`] when the process is asked to end.
    pub(super) fn train_seconds(&self) -> Result<&[Option<f64>]> {
        if let Some(known) = self.train_seconds.get() {
            return Ok(known);
        }
        let lengths = self.lengths(Subset::Train)?;
        let seconds = lengths.into_iter().map(|length| length.ok().map(|length| length.seconds)).collect();
        Ok(self.train_seconds.get_or_init(|| seconds))
    }

    /// Returns the lengths of the clips of `subset`, or the errors about their files.
    fn lengths(&self, subset: Subset) -> Result<Vec<Result<SoundLength>>> {
        let Some(set) = self.clip_set() else {
            let length = self.mixed_length();
            return Ok((0..self.len(subset)).map(|_| Ok(length)).collect());
        };
        let of = |clip: &Clip| {
            stop::check()?;
            Ok(length(&clip.path))
        };
        set.clips[subset as usize].par_iter().map(of).collect()
    }

    /// Returns, in a few lines, what a training on the dataset begins with.
    pub fn in_short(&self) -> Vec<String> {
        let [train, validation, eval] = Subset::all().map(|subset| self.len(subset));
        let weak = Subset::all().iter().any(|subset| (0..self.len(*subset)).any(|index| self.is_weak(*subset, index)));
        let weak = if weak { ", labels without times" } else { "" };
        let clips = format!("{train} training, {validation} validation and {eval} evaluation clips{weak}");
        let names: Vec<&str> = self.classes().iter().take(NAMED_CLASSES).map(String::as_str).collect();
        let more = self.classes().len().saturating_sub(NAMED_CLASSES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let unasked = self.clip_set().is_none() && self.format().ends_with(BUILT_IN);
        let unasked = if unasked { ", as neither --dataset nor --soundbank is given" } else { "" };
        let mut lines = vec![
            format!("data: {}{unasked}: {clips}", self.format()),
            format!("{}: {}{more}", classes(self.classes().len()), names.join(", ")),
        ];
        let choices = self.clip_set().map(|set| set.choices.join("; ")).unwrap_or_default();
        lines.extend(Some(choices).filter(|choices| !choices.is_empty()));
        lines
    }
}

fn classes(n: usize) -> String {
    if n == 1 { "1 class".into() } else { format!("{n} classes") }
}

impl Summary {
    fn add(&mut self, dataset: &Dataset, subset: Subset, lengths: &[Result<SoundLength>]) {
        let mut found = SubsetSummary { clips: lengths.len(), ..SubsetSummary::default() };
        for counts in self.classes.values_mut() {
            counts.clips.insert(subset.name(), 0);
        }
        for (index, length) in lengths.iter().enumerate() {
            let labels = dataset.labels(subset, index);
            let hours = length.as_ref().map_or(0.0, |length| length.seconds / 3600.0);
            found.hours += hours;
            match (labels.is_empty(), dataset.is_weak(subset, index)) {
                (true, _) => found.without_class += 1,
                (_, true) => found.weak += 1,
                _ => found.timed += 1,
            }
            *self.labels_per_clip.entry(labels.len()).or_default() += 1;
            for label in labels {
                if let Some((_, counts)) = self.classes.get_index_mut(*label) {
                    *counts.clips.entry(subset.name()).or_default() += 1;
                    counts.hours += hours;
                }
            }
            match length {
                Ok(length) => *self.rates.entry(length.rate).or_default() += 1,
                Err(error) => {
                    self.unreadable += 1;
                    self.first_unreadable.get_or_insert_with(|| error.with_causes());
                }
            }
        }
        self.subsets.insert(subset.name(), found);
    }

    /// Returns a warning about files that cannot be read, if there are any.
    pub fn unreadable_files(&self) -> Option<String> {
        let first = self.first_unreadable.as_ref()?;
        Some(format!("{} cannot be read: {first}", counted(self.unreadable, "file")))
    }
}
