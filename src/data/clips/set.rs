//! Everything about finished clips that a dataset needs: from a path to clips, classes, subsets and messages.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Subset;
use super::audioset::{self, LabelNames};
use super::class_folders;
use super::clip::Clip;
use super::columns::TableFormat;
use super::contents::Listing;
use super::delimited::at_line;
use super::event::{ClipEvents, Event};
use super::files::{EXTENSIONS, FileIndex, Found, Hints, absolute, inside};
use super::labels::suspicious;
use super::layout::{self, TableFile};
use super::left_out::{self, LeftOut};
use super::list::{self, ListedClip};
use super::splits::{by_class, by_combination, subsets_of};
use crate::base::counter_rng::Key;
use crate::base::printable::counted;
use crate::base::regular_file;
use crate::config::TableConfig;
use crate::{Error, Result};

/// Settings by which the clips at a path are read and shared out.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions<'a> {
    /// Seed of the shares that are held out.
    pub seed: u64,
    /// Share of the clips held out for validation, and for evaluation, where the data do not say.
    pub holdout: f64,
    /// The fold that evaluates.
    pub fold: Option<u64>,
    /// Columns of tables that the program would not find.
    pub table: &'a TableConfig,
}

/// Finished clips and their labels.
#[derive(Debug)]
pub struct ClipSet {
    /// The folder that the clips lie in.
    pub root: PathBuf,
    /// Recognised format of the data.
    pub format: TableFormat,
    /// The tables that were read.
    pub tables: Vec<PathBuf>,
    /// The labels of the clips that are not set apart for validation or evaluation, sorted.
    pub classes: Vec<String>,
    /// The clips of each subset, in the order of [`Subset::all`].
    pub clips: [Vec<Clip>; 3],
    /// Settings that were chosen from the data, each with the key that changes it.
    pub choices: Vec<String>,
    /// Messages about files that exist but are not used, and about labels that look like mistakes.
    pub left_out: Vec<LeftOut>,
    /// All listed clips, their annotations, and what decided the subsets.
    pub(in crate::data) listing: Listing,
}

/// Number of classes that an error names.
const NAMED_CLASSES: usize = 20;

/// A clip whose file was found.
struct FoundClip {
    listed: ListedClip,
    path: PathBuf,
    /// Position of its table in [`Reading::tables`].
    table: usize,
    subset: Option<Subset>,
}

/// The state of one [`ClipSet::open`].
struct Reading<'a> {
    options: ReadOptions<'a>,
    root: PathBuf,
    files: FileIndex,
    tables: Vec<TableFile>,
    format: TableFormat,
    clips: Vec<FoundClip>,
    /// The labels of the clips that are not set apart for validation or evaluation, sorted.
    classes: Vec<String>,
    choices: Vec<String>,
    left_out: Vec<LeftOut>,
    listing: Listing,
}

impl ClipSet {
    /// Reads the clips at `path`: a table, or a folder with tables or with a folder for each class.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line for a clip that is listed but missing, a label that does not occur in
    /// training, an unknown split or fold, or a bad line, and if no training clip has a label; [`Error::Config`] naming
    /// a key that does not suit the data; [`Error::Io`] if something cannot be read. Clips that are not listed are not
    /// an error; they are left out.
    pub fn open(path: &Path, options: ReadOptions<'_>) -> Result<Self> {
        let layout = layout::find(path, options.table)?;
        let mut reading = Reading {
            options,
            files: FileIndex::below(&layout.root)?,
            listing: Listing { root: layout.root.clone(), ..Listing::default() },
            root: layout.root,
            tables: layout.tables,
            format: TableFormat::ClassFolders,
            clips: Vec::new(),
            classes: Vec::new(),
            choices: Vec::new(),
            left_out: Vec::new(),
        };
        match reading.tables.is_empty() {
            true => reading.read_folders(layout.not_understood)?,
            false => reading.read_tables()?,
        }
        reading.share_out()?;
        reading.finish(path, &layout.others)
    }
}

impl Reading<'_> {
    /// Reads folders of classes. If there are none, a table that was not understood is the likelier reason.
    fn read_folders(&mut self, not_understood: Option<String>) -> Result<()> {
        let folders = match (class_folders::find(&self.root, &self.files), not_understood) {
            (Err(Error::Data { .. }), Some(reason)) => {
                // The reason begins with file and line.
                let (place, reason) = reason.split_once(": ").unwrap_or(("", &reason));
                return Err(Error::data(place, reason));
            }
            (found, _) => found?,
        };
        let mut said = String::new();
        for folder in folders {
            for path in folder.clips {
                let name = inside(&self.root, &path);
                self.files.find(&name, Hints { beside: &self.root, subset: None, fold: None });
                let _ = writeln!(said, "{name}\t{}", folder.class);
                let events = vec![(0, Event::weak(&folder.class))];
                let events = ClipEvents { filename: name.clone(), line: 0, events };
                let listed = ListedClip { events, ..ListedClip::default() };
                self.listing.files.push((name, path.clone()));
                self.clips.push(FoundClip { listed, path, table: 0, subset: folder.subset });
            }
        }
        self.listing.notes.push(("the folders of classes".into(), said));
        Ok(())
    }

    fn read_tables(&mut self) -> Result<()> {
        let mut listed = Vec::new();
        for (at, table) in self.tables.clone().iter().enumerate() {
            let bytes = regular_file::read(&table.path).map_err(|source| Error::io("read", &table.path, source))?;
            let found = list::parse(&table.path, &bytes, self.options.table)?;
            if at == 0 {
                self.format = found.format;
            }
            if let Some(separator) = found.separator.filter(|_| self.options.table.separator.is_none()) {
                self.choose(format!("labels are separated by {separator:?} (data.table.separator)"));
            }
            if let Some(column) = found.group_column {
                self.choose(format!("clips with the same {column} stay together (data.table.group)"));
            }
            if let Some(first) = found.repeated.first() {
                let (n, place) = (counted(found.repeated.len(), "line"), table.path.display());
                let which = if found.repeated.len() == 1 { "" } else { " first" };
                let message = format!("{place}: {n} said before, line {first}{which}: remove what is there twice");
                self.left_out.push(LeftOut::warning(message));
            }
            listed.push((found.format, found.clips));
        }
        let names = if listed.iter().any(|(format, _)| *format == TableFormat::AudioSet) {
            self.label_names()?
        } else {
            LabelNames::default()
        };
        for (at, (format, clips)) in listed.into_iter().enumerate() {
            self.find_clips(at, format, clips, &names)?;
        }
        Ok(())
    }

    /// Reads AudioSet's names of labels from beside the tables.
    fn label_names(&mut self) -> Result<LabelNames> {
        let beside = self.tables.iter().filter_map(|table| table.path.parent().map(Path::to_path_buf));
        let names = LabelNames::find(&beside.chain([self.root.clone()]).collect::<Vec<_>>())?;
        if names.is_empty() {
            self.choose(format!("labels keep AudioSet's identifiers: their names are in {}", audioset::NAMES));
        }
        Ok(names)
    }

    /// Adds the choice that `message` tells, unless it was told before.
    fn choose(&mut self, message: String) {
        if !self.choices.contains(&message) {
            self.choices.push(message);
        }
    }

    /// Finds the files of the clips of one table.
    fn find_clips(
        &mut self,
        at: usize,
        format: TableFormat,
        mut clips: Vec<ListedClip>,
        names: &LabelNames,
    ) -> Result<()> {
        let TableFile { path: table, subset } = self.tables[at].clone();
        clips.sort_by(|a, b| a.events.filename.cmp(&b.events.filename));
        let beside = table.parent().unwrap_or(&self.root).to_path_buf();
        let subsets = self.subsets(&table, subset, &clips)?;
        let mut missing = Vec::new();
        // The text is built in the order of the clips, so that the order of the lines in a table does not change the
        // fingerprint.
        let mut said = String::new();
        // Names and lines by file, since several names may lead to one file.
        let mut real: HashMap<PathBuf, (String, u64)> = HashMap::new();
        for (mut clip, subset) in clips.into_iter().zip(subsets) {
            let name = clip.events.filename.clone();
            let hints = Hints { beside: &beside, subset, fold: clip.fold.as_deref() };
            let found = match &clip.segment {
                Some([start, end]) => self.files.find_stem(&audioset::stems(&name, start, end), hints),
                None => self.files.find(&name, hints),
            };
            let path = match found {
                Found::File(path) => path,
                Found::Several(places) => {
                    let places = places.join(", ");
                    let reason = format!("lists {name}, which may be any of {places}: write its path in the table");
                    return Err(at_line(&table, clip.events.line, reason));
                }
                Found::OtherFormat(_) | Found::Absent => {
                    missing.push((clip.events.line, name, matches!(found, Found::OtherFormat(_))));
                    continue;
                }
            };
            if format != TableFormat::AudioSet {
                let (own, line) = ((name.clone(), clip.events.line), clip.events.line);
                if let Some((other, before)) = real.insert(absolute(&path)?, own) {
                    let reason = format!(
                        "lists {name}, which is the file of {other} in line {before}: keep one of the two names"
                    );
                    return Err(at_line(&table, line, reason));
                }
            }
            names.apply(&mut clip.events);
            self.listing.files.push((listed_name(&self.root, &path, &name), path.clone()));
            describe(&mut said, &clip);
            self.clips.push(FoundClip { listed: clip, path, table: at, subset });
        }
        self.listing.notes.push((listed_name(&self.root, &table, &table.to_string_lossy()), said));
        self.check_missing(&table, format, missing, subset)
    }

    /// Reports clips that have no file. Nobody has all files of AudioSet, whose videos vanish; elsewhere it is an
    /// error.
    fn check_missing(
        &mut self,
        table: &Path,
        format: TableFormat,
        mut missing: Vec<(u64, String, bool)>,
        subset: Option<Subset>,
    ) -> Result<()> {
        missing.sort_unstable();
        let Some((line, name, other_format)) = missing.first() else { return Ok(()) };
        let folder = self.root.join(subset.map(Subset::name).unwrap_or_default());
        let folder = if folder.is_dir() { folder } else { self.root.clone() };
        if format == TableFormat::AudioSet && self.clips.iter().any(|clip| self.tables[clip.table].path == table) {
            let (n, place) = (missing.len(), table.display());
            let message =
                format!("{place}: {n} segments left out, {name} in line {line} first: there is no file of them");
            self.left_out.push(LeftOut::warning(message));
            return Ok(());
        }
        let endings = format!("does not end in .{}", EXTENSIONS.join(", ."));
        let why = if *other_format { endings.as_str() } else { "is not there" };
        let others = if missing.len() > 1 { format!(", nor are {} others", missing.len() - 1) } else { String::new() };
        let reason = format!(
            "lists {name}, which is not among the clips of {}: it {why}{others}; fetch or convert the file, or remove the line",
            folder.display()
        );
        Err(at_line(table, *line, reason))
    }

    /// Returns the subset of each clip of a table: that of its split, or else that of the table. With a fold that
    /// evaluates, the other folds train.
    fn subsets(&self, table: &Path, of_table: Option<Subset>, clips: &[ListedClip]) -> Result<Vec<Option<Subset>>> {
        if self.options.fold.is_some() {
            return Ok(vec![None; clips.len()]);
        }
        let splits: BTreeSet<&str> = clips.iter().filter_map(|clip| clip.split.as_deref()).collect();
        let known: HashMap<&str, Option<Subset>> =
            splits.iter().copied().zip(subsets_of(splits.iter().copied())).collect();
        let of = |clip: &ListedClip| match clip.split.as_deref() {
            None => Ok(of_table),
            Some(split) => match known[split] {
                None => Err(at_line(
                    table,
                    clip.events.line,
                    format!(
                        "the split {split:?} is none of train, validation (valid, val, dev) and eval (test): rename it, or \
                         set data.table.split to another column, or to \"\" to share the clips out by chance"
                    ),
                )),
                // FSD50K's `train` and `val` are parts of `dev`, and its `eval` has no split.
                subset => Ok(subset),
            },
        };
        clips.iter().map(of).collect()
    }

    /// Gives every clip its subset.
    fn share_out(&mut self) -> Result<()> {
        self.evaluate_a_fold()?;
        let trains = |clip: &&FoundClip| matches!(clip.subset, None | Some(Subset::Train));
        let events = self.clips.iter().filter(trains).flat_map(|clip| &clip.listed.events.events);
        let classes: BTreeSet<&String> = events.map(|(_, event)| &event.label).collect();
        self.classes = classes.into_iter().cloned().collect();
        let has = |clips: &[FoundClip], subset| clips.iter().any(|clip| clip.subset == subset);
        let has_table = |subset| self.tables.iter().any(|table| table.subset == Some(subset));
        let undecided = has(&self.clips, None);
        // A list without any subset has clips for all of them; one that says which clips train may do without
        // evaluation.
        if undecided && !has(&self.clips, Some(Subset::Eval)) && !has_table(Subset::Eval) {
            self.hold_out(Subset::Eval, None)?;
        }
        for clip in &mut self.clips {
            clip.subset.get_or_insert(Subset::Train);
        }
        if !has(&self.clips, Some(Subset::Validation))
            && !self.tables.iter().any(|table| table.subset == Some(Subset::Validation))
        {
            self.hold_out(Subset::Validation, Some(Subset::Train))?;
        }
        Ok(())
    }

    /// Makes the clips of one fold evaluate: of `data.fold`, or of the last fold where nothing else says what
    /// evaluates.
    fn evaluate_a_fold(&mut self) -> Result<()> {
        let number = |clip: &FoundClip| match clip.listed.fold.as_deref() {
            None => Ok(None),
            Some(fold) => fold.parse::<u64>().map(Some).map_err(|_| {
                let reason =
                    format!("the fold {fold:?} is no number: set data.table.fold to another column, or to \"\"");
                at_line(&self.tables[clip.table].path, clip.listed.events.line, reason)
            }),
        };
        let chosen = self.options.fold;
        if chosen.is_none() && self.clips.iter().any(|clip| clip.subset.is_some()) {
            return Ok(());
        }
        let folds = self.clips.iter().map(number).collect::<Result<Vec<_>>>()?;
        let all: BTreeSet<u64> = folds.iter().copied().flatten().collect();
        let listed = || all.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let fold = match (chosen, all.last()) {
            (Some(fold), _) if all.contains(&fold) => fold,
            (Some(_), None) => {
                return Err(Error::config(
                    "data.fold",
                    "the data have no folds: leave it out, or name their column with data.table.fold",
                ));
            }
            (Some(fold), _) => {
                return Err(Error::config("data.fold", format!("there is no fold {fold}, only {}", listed())));
            }
            (None, Some(&last)) if all.len() > 1 => last,
            (None, _) => return Ok(()),
        };
        for (clip, of) in self.clips.iter_mut().zip(folds) {
            clip.subset = Some(if of == Some(fold) { Subset::Eval } else { Subset::Train });
        }
        self.listing.notes.push(("the fold that evaluates".into(), fold.to_string()));
        self.choose(format!("fold {fold} of {} evaluates (--fold, data.fold)", listed()));
        Ok(())
    }

    /// Holds out a share of the clips of the subset `from` for `subset`.
    fn hold_out(&mut self, subset: Subset, from: Option<Subset>) -> Result<()> {
        let ReadOptions { seed, holdout, .. } = self.options;
        let what = match subset {
            Subset::Eval => "evaluation",
            _ => "validation",
        };
        let members: Vec<usize> = (0..self.clips.len()).filter(|clip| self.clips[*clip].subset == from).collect();
        let class = |label: &String| self.classes.binary_search(label).ok();
        let labels: Vec<Vec<usize>> = members
            .iter()
            .map(|&clip| {
                sorted(self.clips[clip].listed.events.events.iter().filter_map(|(_, event)| class(&event.label)))
            })
            .collect();
        let labels: Vec<&[usize]> = labels.iter().map(Vec::as_slice).collect();
        let key = Key::new(seed).named(if subset == Subset::Eval { "holdout for evaluation" } else { "holdout" });
        // DESED's events with times were the first format to be read, and keep the share that they always had.
        let held = if self.format == TableFormat::DesedStrong && subset == Subset::Validation && self.ungrouped() {
            by_combination(&labels, holdout, key)
        } else {
            let groups = members.iter().map(|&clip| self.clips[clip].listed.group.as_deref());
            // Evaluation leaves two clips of every class: one to train, one to validate.
            let keep = if subset == Subset::Eval { 2 } else { 1 };
            by_class(&labels.iter().copied().zip(groups).collect::<Vec<_>>(), holdout, keep, key)
        };
        if !held.contains(&true) {
            if subset == Subset::Eval || self.classes.is_empty() {
                return Ok(());
            }
            let place = self.tables.first().map_or(&self.root, |table| &table.path);
            let reason = format!(
                "has too few clips of any class{} to hold some back for {what}: add {}.tsv and its clips, or more clips",
                if self.ungrouped() { "" } else { ", or too few groups," },
                subset.name()
            );
            return Err(Error::data(place, reason));
        }
        let n = held.iter().filter(|held| **held).count();
        for (clip, _) in members.into_iter().zip(held).filter(|(_, held)| *held) {
            self.clips[clip].subset = Some(subset);
        }
        self.listing.notes.push((share_note(subset), format!("{holdout} by {seed}")));
        self.choose(format!(
            "{} held out for {what}, a share of {holdout} by class (scene.holdout, data.seed)",
            counted(n, "clip")
        ));
        Ok(())
    }

    fn ungrouped(&self) -> bool {
        self.clips.iter().all(|clip| clip.listed.group.is_none())
    }

    /// Makes the clips, and the messages about everything that is not used.
    fn finish(mut self, path: &Path, others: &[(PathBuf, bool)]) -> Result<ClipSet> {
        let place = self.tables.first().map_or_else(|| self.root.clone(), |table| table.path.clone());
        if self.clips.iter().all(|clip| clip.subset != Some(Subset::Train)) {
            let reason = match self.tables.first() {
                Some(TableFile { subset: Some(subset @ (Subset::Validation | Subset::Eval)), .. }) => format!(
                    "there are {} clips, but no training clips, which say what classes there are: add a table train.tsv",
                    subset.name()
                ),
                _ => "no clip in it trains, so there is no class to tell apart: list training clips".into(),
            };
            return Err(Error::data(place, reason));
        }
        if self.classes.is_empty() {
            let reason = "no clip in it has an event, so there is no class to tell apart: annotate the training clips";
            return Err(Error::data(place, reason));
        }
        let tables: Vec<PathBuf> = self.tables.iter().map(|table| table.path.clone()).collect();
        let mut left_out = left_out::of_clips(&self.root, &self.files, &tables, others);
        left_out.append(&mut self.left_out);
        left_out.extend(suspicious(&place.display().to_string(), &self.classes, self.format != TableFormat::AudioSet));
        left_out.extend(self.on_both_sides());
        let mut clips: [Vec<Clip>; 3] = Default::default();
        for clip in &self.clips {
            let subset = clip.subset.unwrap_or(Subset::Train);
            clips[subset as usize].push(self.clip(clip, path)?);
        }
        let Self { root, format, classes, choices, listing, .. } = self;
        Ok(ClipSet { root, format, tables, classes, clips, choices, left_out, listing })
    }

    fn clip(&self, clip: &FoundClip, path: &Path) -> Result<Clip> {
        let class = |line: u64, label: &String| {
            self.classes.binary_search(label).map_err(|_| {
                let known = self.classes.iter().take(NAMED_CLASSES).cloned().collect::<Vec<_>>().join(", ");
                let more = self.classes.len().saturating_sub(NAMED_CLASSES);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let reason = format!(
                    "{label} is none of the classes of the training clips: {known}{more}; correct the label, or add training \
                     clips of it"
                );
                match self.tables.get(clip.table) {
                    Some(table) => at_line(&table.path, line, reason),
                    None => Error::data(path.join(&clip.listed.events.filename), reason),
                }
            })
        };
        let event = |(line, event): &(u64, Event)| Ok((class(*line, &event.label)?, event.onset_s, event.offset_s));
        let events = clip.listed.events.events.iter().map(event).collect::<Result<Vec<_>>>()?;
        let labels = sorted(events.iter().map(|(class, ..)| *class));
        Ok(Clip { path: clip.path.clone(), labels, group: clip.listed.group.clone(), events })
    }

    /// Returns warnings about clips, and about groups, that are in several subsets.
    fn on_both_sides(&self) -> Vec<LeftOut> {
        let of_file = |clip: &'_ FoundClip| Some(inside(&self.root, &clip.path));
        let of_group = |clip: &'_ FoundClip| clip.listed.group.clone();
        let [files, groups] = [self.in_several(&of_file), self.in_several(&of_group)];
        let warning = |(n, first): (usize, String), thing: &str, why: &str| {
            let which = if n == 1 { "" } else { " first" };
            let (root, things) = (self.root.display(), counted(n, thing));
            LeftOut::warning(format!("{root}: {things} in several subsets, {first}{which}: {why}"))
        };
        let files = files.map(|found| warning(found, "clip", "scores on clips that were trained on say nothing"));
        let why = "clips of one recording on both sides make scores worthless";
        files.into_iter().chain(groups.map(|found| warning(found, "group", why))).collect()
    }

    /// Returns how many of the names that `of` gives to clips are in several subsets, and the first of them.
    fn in_several(&self, of: &dyn Fn(&FoundClip) -> Option<String>) -> Option<(usize, String)> {
        let mut subsets: HashMap<String, Option<Subset>> = HashMap::new();
        let mut several = BTreeSet::new();
        for clip in &self.clips {
            if let Some(name) = of(clip)
                && *subsets.entry(name.clone()).or_insert(clip.subset) != clip.subset
            {
                several.insert(name);
            }
        }
        let first = several.first()?.clone();
        Some((several.len(), first))
    }
}

/// Returns the name of the note about a share that is held out.
fn share_note(subset: Subset) -> String {
    match subset {
        Subset::Eval => "the share held out for evaluation".into(),
        _ => "the share held back for validation".into(),
    }
}

/// Returns the name of a file in a fingerprint: its path in the folder, or as the table has it if it lies elsewhere.
fn listed_name(root: &Path, path: &Path, name: &str) -> String {
    if path.starts_with(root) { inside(root, path) } else { name.to_owned() }
}

/// Appends what a table says of a clip.
fn describe(said: &mut String, clip: &ListedClip) {
    let ListedClip { events, split, fold, group, segment } = clip;
    let _ = write!(said, "{}", events.filename);
    for (name, value) in [("split", split), ("fold", fold), ("group", group)] {
        if let Some(value) = value {
            let _ = write!(said, "\t{name} {value}");
        }
    }
    if let Some([start, end]) = segment {
        let _ = write!(said, "\t{start} {end}");
    }
    said.push('\n');
    for (_, Event { onset_s, offset_s, label }) in &events.events {
        let _ = writeln!(said, "{onset_s}\t{offset_s:?}\t{label}");
    }
}

/// Sorts classes and removes duplicates.
fn sorted(classes: impl Iterator<Item = usize>) -> Vec<usize> {
    classes.collect::<BTreeSet<usize>>().into_iter().collect()
}
