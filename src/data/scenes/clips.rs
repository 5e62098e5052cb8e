//! Finished clips: `DIR/{train,validation,eval}/*.{wav,flac,ogg}` with DESED's `DIR/{train,validation,eval}.tsv`.
//!
//! In: such a folder. Out: a [`ClipFolder`], the clips of each subset in the order of their names. Without
//! `validation.tsv`, a fraction of the training clips is held back for validation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Subset;
use super::annotation::{self, ClipEvents, Event};
use super::contents::Listing;
use super::files::audio_files;
use super::left_out::{self, LeftOut};
use super::outline::TimedEvent;
use super::soundbank::hold_back;
use super::table::at_line;
use crate::base::counter_rng::Key;
use crate::base::printable::counted;
use crate::data::audio::{MAX_SAMPLES, decode_at};
use crate::{Error, Result};

/// One finished clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The audio file.
    pub path: PathBuf,
    /// Classes of the clip, sorted and without duplicates.
    pub labels: Vec<usize>,
    /// Class, onset and offset of each event, in seconds; no offset stands for the end of the clip.
    events: Vec<(usize, f64, Option<f64>)>,
}

impl Clip {
    /// Reads the samples of the clip at `rate` Hz and its events.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] if the file cannot be read; [`Error::Data`] if the clip ends before an event
    /// begins.
    pub fn read(&self, rate: u32) -> Result<(Vec<f32>, Vec<TimedEvent>)> {
        let decoded = decode_at(&self.path, rate, MAX_SAMPLES)?;
        decoded.log_warnings(&self.path);
        let events = self.events(decoded.seconds)?;
        Ok((decoded.audio.samples, events))
    }

    /// Returns class, onset and offset (in seconds) of each event in a clip that lasts `duration_s`.
    ///
    /// # Errors
    /// [`Error::Data`] if the clip ends before an event begins.
    fn events(&self, duration_s: f64) -> Result<Vec<TimedEvent>> {
        let heard = |&(class, onset_s, offset_s): &(usize, f64, Option<f64>)| {
            if onset_s >= duration_s {
                let reason = format!("lasts {duration_s} s, but an event is annotated from {onset_s} s on");
                return Err(Error::data(&self.path, reason));
            }
            Ok((class, [onset_s, offset_s.map_or(duration_s, |offset_s| offset_s.min(duration_s))]))
        };
        self.events.iter().map(heard).collect()
    }
}

/// A folder of finished clips.
#[derive(Debug)]
pub struct ClipFolder {
    /// The labels of the training clips, sorted.
    pub classes: Vec<String>,
    /// The clips of each subset, in the order of [`Subset::all`].
    pub clips: [Vec<Clip>; 3],
    /// All listed clips, their annotations, and the fraction that was held back.
    pub(super) listing: Listing,
    /// Log messages about files that exist but are not used.
    pub left_out: Vec<LeftOut>,
}

impl ClipFolder {
    /// Reads the annotations in `dir` and finds the annotated clips. Without `validation.tsv`, `seed` and `holdout`
    /// determine the clips that are held back.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line for a clip that is listed but missing, a label that does not occur in
    /// training, or a bad line, and if no training clip has an event; [`Error::Io`] if annotations cannot be read.
    /// Clips that are not listed are not an error; they are left out.
    pub fn open(dir: &Path, seed: u64, holdout: f64) -> Result<Self> {
        let mut listing = Listing { root: dir.into(), ..Listing::default() };
        let mut left_out = left_out::of_clips(dir);
        let mut read = |subset: Subset| read(dir, subset, &mut listing, &mut left_out);
        let train = read(Subset::Train)?;
        let labels = train.iter().flat_map(|(clip, _)| clip.events.iter().map(|(_, event)| event.label.clone()));
        let mut classes: Vec<String> = labels.collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.is_empty() {
            let reason = "no clip in it has an event, so there is no class to tell apart: annotate the training clips";
            return Err(Error::data(table(dir, Subset::Train), reason));
        }

        let has_validation = dir.join("validation.tsv").exists();
        let validation = if has_validation { read(Subset::Validation)? } else { Vec::new() };
        let eval = read(Subset::Eval)?;
        left_out.extend(several_in_one(dir, &classes));
        let mut train = label(dir, Subset::Train, train, &classes)?;
        let mut validation = label(dir, Subset::Validation, validation, &classes)?;
        let eval = label(dir, Subset::Eval, eval, &classes)?;
        if !has_validation {
            listing.notes.push(("the share held back for validation".into(), format!("{holdout} by {seed}")));
            (train, validation) = split(dir, train, holdout, Key::new(seed).named("holdout"))?;
        }
        Ok(Self { classes, clips: [train, validation, eval], listing, left_out })
    }
}

/// Returns a warning about labels that look like several classes in one.
fn several_in_one(dir: &Path, classes: &[String]) -> Option<LeftOut> {
    let found: Vec<&String> = classes.iter().filter(|label| label.contains([',', ';', '|'])).collect();
    let first = found.first()?;
    let (n, table) = (found.len(), table(dir, Subset::Train));
    let message = format!(
        "{}: labels that hold a comma, a semicolon or a bar are taken as one class each, {n} of them, {first:?} first: a clip \
         of several classes needs a line for each",
        table.display()
    );
    Some(LeftOut::warning(message))
}

/// Returns the annotated clips of `subset` with their paths, sorted by name. Clips that are not listed are reported in
/// `left_out`.
fn read(
    dir: &Path,
    subset: Subset,
    listing: &mut Listing,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<(ClipEvents, PathBuf)>> {
    let (table, folder) = (table(dir, subset), dir.join(subset.name()));
    if !table.exists() {
        let reason = format!(
            "there is no {0}.tsv in it: a folder of clips is {{train,validation,eval}}/*.{{wav,flac,ogg}} with \
             {{train,validation,eval}}.tsv, of which validation may be left out",
            subset.name()
        );
        return Err(Error::data(dir, reason));
    }
    let mut annotated = annotation::read(&table)?;
    annotated.sort_by(|a, b| a.filename.cmp(&b.filename));
    let files = if folder.is_dir() { audio_files(&folder)? } else { Vec::new() };
    let mut files: BTreeMap<String, PathBuf> = files.into_iter().collect();

    let mut missing = Vec::new();
    // The text is built in the order of the clips, so that the order of the lines in a table does not change the
    // fingerprint.
    let mut said = String::new();
    let mut clips = Vec::with_capacity(annotated.len());
    for clip in annotated {
        let Some(path) = files.remove(&clip.filename) else {
            missing.push((clip.line, clip.filename));
            continue;
        };
        listing.files.push((format!("{}/{}", subset.name(), clip.filename), path.clone()));
        let _ = writeln!(said, "{}", clip.filename);
        for (_, Event { onset_s, offset_s, label }) in &clip.events {
            let _ = writeln!(said, "{onset_s}\t{offset_s:?}\t{label}");
        }
        clips.push((clip, path));
    }
    listing.notes.push((format!("{}.tsv", subset.name()), said));
    if let Some((line, name)) = missing.iter().min() {
        let why = if folder.join(name).is_file() {
            "does not end as a sound that is read does, in .wav for example"
        } else {
            "is not there"
        };
        let reason = format!("lists {name}, which is not among the clips of {}: it {why}", folder.display());
        let others = if missing.len() > 1 { format!(", nor are {} others", missing.len() - 1) } else { String::new() };
        return Err(at_line(&table, *line, reason + &others));
    }
    if let Some(name) = files.keys().next() {
        let (clips, table) = (counted(files.len(), "clip"), table.display());
        let message = format!("{}: {clips} left out, {name} first: not listed in {table}", folder.display());
        left_out.push(LeftOut::warning(message));
    }
    Ok(clips)
}

fn table(dir: &Path, subset: Subset) -> PathBuf {
    dir.join(format!("{}.tsv", subset.name()))
}

fn label(dir: &Path, subset: Subset, clips: Vec<(ClipEvents, PathBuf)>, classes: &[String]) -> Result<Vec<Clip>> {
    let class = |line: u64, label: &String| {
        classes.binary_search(label).map_err(|_| {
            let known = classes.join(", ");
            at_line(&table(dir, subset), line, format!("{label} is none of the classes of train.tsv: {known}"))
        })
    };
    let clip = |(clip, path): (ClipEvents, PathBuf)| {
        let event = |(line, event): &(u64, Event)| Ok((class(*line, &event.label)?, event.onset_s, event.offset_s));
        let events = clip.events.iter().map(event).collect::<Result<Vec<_>>>()?;
        let mut labels: Vec<usize> = events.iter().map(|(class, ..)| *class).collect();
        labels.sort_unstable();
        labels.dedup();
        Ok(Clip { path, labels, events })
    };
    clips.into_iter().map(clip).collect()
}

/// Holds back a fraction of the clips from every combination of classes that occurs more than once.
fn split(dir: &Path, clips: Vec<Clip>, holdout: f64, key: Key) -> Result<(Vec<Clip>, Vec<Clip>)> {
    let mut groups: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for (i, clip) in clips.iter().enumerate() {
        groups.entry(&clip.labels).or_default().push(i);
    }
    let mut held = vec![false; clips.len()];
    for (group, mut members) in groups.into_values().enumerate() {
        for i in hold_back(&mut members, holdout, key.child(group as u64)) {
            held[i] = true;
        }
    }
    if !held.contains(&true) {
        let reason =
            "has too few clips of any class to hold some back for validation: add validation.tsv and its clips";
        return Err(Error::data(table(dir, Subset::Train), reason));
    }
    let (validation, train): (Vec<_>, Vec<_>) = clips.into_iter().zip(held).partition(|&(_, held)| held);
    let clips = |part: Vec<(Clip, bool)>| part.into_iter().map(|(clip, _)| clip).collect();
    Ok((clips(train), clips(validation)))
}
