//! Finished clips: `DIR/{train,validation,eval}/*.{wav,flac,ogg}` with DESED's `DIR/{train,validation,eval}.tsv`.
//!
//! In: such a folder. Out: a [`Folder`] of clips by subset, in the order of their names. Without `validation.tsv` a
//! share of the training clips is held back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Subset;
use super::annotation::{self, ClipEvents, Event};
use super::contents::Listing;
use super::soundbank::{audio_files, hold_back};
use super::table::at_line;
use crate::counter_rng::Key;
use crate::{Error, Result};

/// One finished clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The audio file.
    pub path: PathBuf,
    /// Its classes, sorted, each once.
    pub labels: Vec<usize>,
    /// Class, onset and offset of its events in seconds; without an offset they run to the end.
    events: Vec<(usize, f64, Option<f64>)>,
}

impl Clip {
    /// Class, onset and offset of its events in seconds, if the clip lasts `duration_s`.
    ///
    /// # Errors
    /// [`Error::Data`] if the clip ends before an event begins.
    pub fn events(&self, duration_s: f64) -> Result<Vec<(usize, [f64; 2])>> {
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
pub struct Folder {
    /// The labels of the training clips, sorted.
    pub classes: Vec<String>,
    /// The clips of each subset, in the order of [`Subset::all`].
    pub clips: [Vec<Clip>; 3],
    /// All clips that are listed, their annotations, and what was held back.
    pub(super) listing: Listing,
}

impl Folder {
    /// Reads the annotations in `dir` and finds the clips they name; `seed` and `holdout` hold clips back.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line for a clip that is listed but missing, a label that training does not know,
    /// or a bad line; [`Error::Io`] if annotations cannot be read. Clips that are not listed are left out with a
    /// warning.
    pub fn open(dir: &Path, seed: u64, holdout: f64) -> Result<Self> {
        let mut listing = Listing { root: dir.into(), ..Listing::default() };
        let train = read(dir, Subset::Train, &mut listing)?;
        let labels = train.iter().flat_map(|(clip, _)| clip.events.iter().map(|(_, event)| event.label.clone()));
        let mut classes: Vec<String> = labels.collect();
        classes.sort_unstable();
        classes.dedup();

        let has_validation = dir.join("validation.tsv").exists();
        let validation = if has_validation { read(dir, Subset::Validation, &mut listing)? } else { Vec::new() };
        let eval = read(dir, Subset::Eval, &mut listing)?;
        let mut train = label(dir, Subset::Train, train, &classes)?;
        let mut validation = label(dir, Subset::Validation, validation, &classes)?;
        let eval = label(dir, Subset::Eval, eval, &classes)?;
        if !has_validation {
            listing.notes.push(("the share held back for validation".into(), format!("{holdout} by {seed}")));
            (train, validation) = split(dir, train, holdout, Key::new(seed).named("holdout"))?;
        }
        Ok(Self { classes, clips: [train, validation, eval], listing })
    }
}

/// The annotated clips of `subset` by name, with their paths.
fn read(dir: &Path, subset: Subset, listing: &mut Listing) -> Result<Vec<(ClipEvents, PathBuf)>> {
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
    // In the order of the clips, so that only what a table says counts, not where its lines stand.
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
        let reason = format!("lists {name}, which is not in {}", folder.display());
        let others = if missing.len() > 1 { format!(", nor are {} others", missing.len() - 1) } else { String::new() };
        return Err(at_line(&table, *line, reason + &others));
    }
    if let Some(name) = files.keys().next() {
        let n = files.len();
        tracing::warn!("{}: {n} clips left out that {} does not list, {name} first", folder.display(), table.display());
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

/// Holds back a share of the clips of every combination of classes that has more than one.
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
