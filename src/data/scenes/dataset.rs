//! Datasets as training and evaluation use them: classes, and segments of clips with the classes that are audible in
//! them.

use std::path::Path;
use std::sync::OnceLock;

use super::draw::{Placement, Scene};
use super::mixer::Mixer;
use super::outline::{Outline, sorted};
use super::overridden::OverriddenKeys;
use super::recipe::Recipe;
use super::soundbank::Soundbank;
use crate::config::{Config, Crop, DataConfig, TableConfig, Variant};
use crate::data::audio::{resample, resampled_len};
use crate::data::clips::{ClipSet, Contents, LeftOut, Listing, ReadOptions, SoundLength, Subset, TimedEvent};
use crate::{Error, Result};

/// Name of the soundbank that needs no files, for messages.
pub(super) const BUILT_IN: &str = "the built-in, synthetic sounds";

/// Clips with weak labels, either mixed on demand or read from files. Any thread can request any clip.
#[derive(Debug)]
pub struct Dataset {
    classes: Vec<String>,
    labels: [Vec<Vec<usize>>; 3],
    clips: Clips,
    /// Seed of the positions of segments.
    seed: u64,
    /// The part of a clip that a segment holds.
    crop: Crop,
    /// Sampling rate of segments, in hertz.
    rate: u32,
    listing: Listing,
    /// Lengths of the training clips in seconds, once they were asked for.
    pub(super) train_seconds: OnceLock<Vec<Option<f64>>>,
    /// Log messages about files that exist but are not used.
    pub(super) unused: Vec<LeftOut>,
    /// Keys of the configuration that the data on disk override; `None` where clips are mixed from a soundbank.
    overridden: Option<OverriddenKeys>,
    /// The variant of a generated folder; `None` for other datasets.
    variant: Option<Variant>,
}

/// Segments of one clip, one for each requested length. All are placed around the dominant event, which is the longest
/// event (the first of several equally long ones).
#[derive(Debug, Clone, PartialEq)]
pub struct ClipSegments {
    /// The segments, in the order of the requested lengths.
    pub segments: Vec<Segment>,
    /// Class of the dominant event; `None` in a clip without events.
    pub dominant: Option<usize>,
    /// Length of the dominant event in the clip, in seconds; the clip's length if there is no event.
    pub duration_s: f64,
}

/// The labels of the segments of one clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Classes audible in each segment, in the order of the requested lengths. Each list is sorted, without duplicates.
    pub segments: Vec<Vec<usize>>,
    /// Class of the dominant event; `None` in a clip without events.
    pub dominant: Option<usize>,
}

/// A part of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Mono samples at `features.rate`.
    pub samples: Vec<f32>,
    /// Classes audible in the segment, sorted and without duplicates.
    pub labels: Vec<usize>,
    /// Fraction of the segment that the dominant event covers, 0 to 1.
    pub covered: f64,
}

#[derive(Debug)]
enum Clips {
    Mixed(Box<Mixer>),
    Finished(Box<ClipSet>),
}

impl Dataset {
    /// Makes the dataset of a configuration: the folder `data.dataset` if it is set, otherwise clips drawn from
    /// `data.soundbank` or from the built-in soundbank.
    ///
    /// # Errors
    /// The errors of [`open`](Self::open), [`Soundbank::scan`] and [`draw`](Self::draw).
    pub fn of(config: &Config) -> Result<Self> {
        let dataset = match &config.data.dataset {
            Some(dir) => Self::open(dir, config)?,
            None if config.data.fold.is_some() => {
                let reason = "there is no dataset whose folds could evaluate: name one with --dataset";
                return Err(Error::config("data.fold", reason));
            }
            None => Self::draw(Soundbank::of(&config.data, &config.scene)?, config)?,
        };
        Ok(dataset.with_crop(config.train.crop))
    }

    /// Chooses the part of a clip that a segment holds, which is otherwise [`Crop::Event`].
    #[must_use]
    pub fn with_crop(mut self, crop: Crop) -> Self {
        self.crop = crop;
        self
    }

    /// Returns the part of a clip that a segment holds.
    pub fn crop(&self) -> Crop {
        self.crop
    }

    /// Opens a folder that [`generate`](super::generate::generate) wrote, or finished clips in any layout that
    /// [`ClipSet::open`] understands: `path` is a folder or a table.
    ///
    /// A generated folder determines its own seed, counts, scene and co-occurrences. Clips without files are mixed from
    /// the soundbank of the folder; if the soundbank has moved, `data.soundbank` names its new path.
    ///
    /// For finished clips, `data.seed` applies, and where the data do not say which clips validate, the fraction
    /// `scene.holdout` of the training clips is held back. Such clips may have several events or none; their segments
    /// are placed around the longest event.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Io`] naming the file and line, or the folder, that is missing or does not fit.
    pub fn open(path: &Path, config: &Config) -> Result<Self> {
        let recipe = if path.is_dir() { Recipe::read(path)? } else { None };
        let Some(recipe) = recipe else {
            let options = ReadOptions {
                seed: config.data.seed,
                holdout: config.scene.holdout,
                fold: config.data.fold,
                table: &config.data.table,
            };
            let mut dataset = Self::finished(path, options, config.features.rate)?;
            let [train, validation, eval] = Subset::all().map(|subset| dataset.len(subset));
            let own = DataConfig { train, validation, eval, ..DataConfig::default() };
            let used = ["data.dataset", "data.seed", "data.fold", "data.table", "scene.holdout"];
            dataset.overridden = Some(OverriddenKeys::new(path, config, (&own, &Config::default().scene), &used));
            return Ok(dataset);
        };
        let (data, scene, wav) = (recipe.data.clone(), recipe.scene.clone(), recipe.wav);
        let mut dataset = if wav {
            let table = TableConfig::default();
            let options = ReadOptions { seed: data.seed, holdout: scene.holdout, fold: None, table: &table };
            Self::finished(path, options, config.features.rate)?
        } else {
            let soundbank = recipe.soundbank(path, config.data.soundbank.as_deref())?;
            Self::mixed(Mixer::new(soundbank, recipe)?, config.features.rate)
        };
        let soundbank = if let Clips::Mixed(mixer) = &dataset.clips { mixer.soundbank.root() } else { None };
        let own = DataConfig { soundbank: soundbank.map(Path::to_path_buf), ..data };
        dataset.overridden = Some(OverriddenKeys::new(path, config, (&own, &scene), &["data.dataset"]));
        dataset.variant = Some(own.variant);
        Ok(dataset)
    }

    /// Draws `data.train`, `data.validation` and `data.eval` clips from `soundbank`. Audio files are not read until a
    /// clip is requested.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key of a value from which no clips can be made, for example a count that is no
    /// multiple of the number of classes; [`Error::Io`] or [`Error::Data`] about the file `data.cooccurrence`, naming
    /// its entry.
    pub fn draw(soundbank: Soundbank, config: &Config) -> Result<Self> {
        let recipe = Recipe::new(&soundbank, &config.data, &config.scene, false)?;
        Ok(Self::mixed(Mixer::new(soundbank, recipe)?, config.features.rate))
    }

    fn mixed(mixer: Mixer, rate: u32) -> Self {
        let labels = Subset::all().map(|subset| {
            let classes = |index| sorted(mixer.scene(subset, index).events.iter().map(|event| event.class));
            (0..mixer.len(subset)).map(classes).collect()
        });
        let mut listing = mixer.soundbank.listing();
        listing.notes.push(("how clips are mixed".into(), mixer.recipe.essence(rate)));
        Self {
            classes: mixer.soundbank.classes().to_vec(),
            labels,
            seed: mixer.recipe.data.seed,
            crop: Crop::Event,
            train_seconds: OnceLock::new(),
            rate,
            listing,
            unused: mixer.soundbank.left_out().to_vec(),
            overridden: None,
            variant: None,
            clips: Clips::Mixed(Box::new(mixer)),
        }
    }

    fn finished(path: &Path, options: ReadOptions<'_>, rate: u32) -> Result<Self> {
        let set = ClipSet::open(path, options)?;
        let seed = options.seed;
        let mut listing = set.listing.clone();
        listing.notes.push(("the seed and rate of segments".into(), format!("{seed} {rate}")));
        Ok(Self {
            classes: set.classes.clone(),
            labels: set.clips.each_ref().map(|clips| clips.iter().map(|clip| clip.labels.clone()).collect()),
            seed,
            crop: Crop::Event,
            train_seconds: OnceLock::new(),
            rate,
            listing,
            unused: set.left_out.clone(),
            overridden: None,
            variant: None,
            clips: Clips::Finished(Box::new(set)),
        })
    }

    /// Checks that each of the `subsets` that a command uses has clips.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Config`] naming the table or the key of a subset that has no clip.
    pub fn need(&self, subsets: &[Subset]) -> Result<()> {
        let Some(empty) = subsets.iter().find(|subset| self.is_empty(**subset)) else { return Ok(()) };
        Err(match &self.clips {
            Clips::Mixed(_) => Error::config(format!("data.{}", empty.name()), "must be at least 1, not 0"),
            Clips::Finished(set) => {
                let remedy = match empty {
                    Subset::Validation => "add clips, or remove the table, so that training clips are held back",
                    Subset::Eval if set.tables.is_empty() => "add a folder eval beside train, with folders of classes",
                    Subset::Eval => "add clips and their table eval.tsv, or a column split in which they are eval",
                    Subset::Train => "add clips",
                };
                let table = set.root.join(format!("{}.tsv", empty.name()));
                let name = empty.name();
                match set.tables.contains(&table) {
                    true => Error::data(table, format!("lists no clip, and {name} clips are needed: {remedy}")),
                    false => Error::data(&set.root, format!("has no {name} clip, and they are needed: {remedy}")),
                }
            }
        })
    }

    /// Returns the keys of the configuration that have no effect, because the data on disk have their own values;
    /// `None` where clips are mixed from a soundbank.
    pub fn overridden(&self) -> Option<&OverriddenKeys> {
        self.overridden.as_ref()
    }

    /// Returns the variant of a generated folder; `None` for any other dataset.
    pub fn variant(&self) -> Option<Variant> {
        self.variant
    }

    /// Returns the name of a clip: the path of its file, or its number if the clip is mixed.
    pub fn clip_name(&self, subset: Subset, index: usize) -> String {
        match &self.clips {
            Clips::Mixed(_) => index.to_string(),
            Clips::Finished(set) => {
                let path = &set.clips[subset as usize][index].path;
                path.strip_prefix(&set.root).unwrap_or(path).display().to_string()
            }
        }
    }

    /// Returns the finished clips; `None` where clips are mixed.
    pub fn clip_set(&self) -> Option<&ClipSet> {
        match &self.clips {
            Clips::Mixed(_) => None,
            Clips::Finished(set) => Some(set),
        }
    }

    /// Returns what the data were recognised as, and where they are.
    pub(super) fn format(&self) -> String {
        match &self.clips {
            Clips::Mixed(mixer) => match mixer.soundbank.root() {
                Some(root) => format!("clips mixed from the soundbank {}", root.display()),
                None => format!("clips mixed from {BUILT_IN}"),
            },
            Clips::Finished(set) => format!("{} in {}", set.format.name(), set.root.display()),
        }
    }

    /// Returns length and sampling rate of clips that are mixed.
    pub(super) fn mixed_length(&self) -> SoundLength {
        match &self.clips {
            Clips::Mixed(mixer) => SoundLength { seconds: mixer.recipe.scene.clip_s, rate: mixer.recipe.scene.rate },
            Clips::Finished(_) => SoundLength { seconds: 0.0, rate: self.rate },
        }
    }

    /// Returns whether some label of a clip has no times, so that it may be heard anywhere in the clip.
    pub fn is_weak(&self, subset: Subset, index: usize) -> bool {
        self.clip_set().is_some_and(|set| set.clips[subset as usize][index].is_weak())
    }

    /// Returns the names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the number of clips in `subset`.
    pub fn len(&self, subset: Subset) -> usize {
        self.labels[subset as usize].len()
    }

    /// Returns whether `subset` has no clip.
    pub fn is_empty(&self, subset: Subset) -> bool {
        self.len(subset) == 0
    }

    /// Returns the classes present anywhere in a clip, as sorted positions in [`classes`](Self::classes).
    pub fn labels(&self, subset: Subset, index: usize) -> &[usize] {
        &self.labels[subset as usize][index]
    }

    /// Returns names and hashes of everything that samples and labels depend on: files, annotations, seed, counts,
    /// scene, co-occurrences, and `features.rate`. Files without a cached hash are read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be read.
    pub fn contents(&self) -> Result<Contents> {
        let mut listing = self.listing.clone();
        if self.crop != Crop::Event {
            listing.notes.push(("the part of a clip in a segment".into(), format!("{:?}", self.crop)));
        }
        listing.contents()
    }

    /// Returns [`Contents::fingerprint`], which is the same on every machine with these data.
    ///
    /// # Errors
    /// The errors of [`contents`](Self::contents).
    pub fn fingerprint(&self) -> Result<String> {
        Ok(self.contents()?.fingerprint())
    }

    /// Returns the segments of a clip, one for each of the lengths `seconds`: those of WAA1 (SPEC §6), unless
    /// [`with_crop`](Self::with_crop) chose another part of the clip. A segment has
    /// round(`seconds`·rate) samples, or those of the whole clip if that is shorter. The clip is mixed or read once.
    /// The segment of one length does not depend on the other lengths.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] naming a file that cannot be read or is silent; [`Error::Data`] if the clip
    /// ends before one of its events begins; [`Error::Config`] if a length is not a positive number.
    pub fn segments(&self, subset: Subset, index: usize, seconds: &[f64]) -> Result<ClipSegments> {
        let (samples, outline) = self.clip(subset, index)?;
        let cut = |&seconds: &f64| {
            let range = outline.segment(self.seed, (subset, index), seconds, self.crop)?;
            let (labels, covered) = (outline.heard_in(&range), outline.covered(&range));
            Ok(Segment { samples: samples[range].to_vec(), labels, covered })
        };
        Ok(ClipSegments {
            segments: seconds.iter().map(cut).collect::<Result<_>>()?,
            dominant: outline.class(),
            duration_s: outline.span().len() as f64 / f64::from(self.rate),
        })
    }

    /// Returns the labels of the segments that [`segments`](Self::segments) returns, without mixing the clip. With
    /// [`Crop::Event`] the dominant event is audible in every segment, so the labels of a clip with one class are known
    /// in advance. For any other clip with a class, the clip or the sounds of its events are read to find out which
    /// classes each segment contains.
    ///
    /// # Errors
    /// The errors of [`segments`](Self::segments) that can occur in reading.
    pub fn segment_labels(&self, subset: Subset, index: usize, seconds: &[f64]) -> Result<Labels> {
        let labels = self.labels(subset, index);
        let in_every_segment = labels.is_empty() || labels.len() == 1 && self.crop == Crop::Event;
        if in_every_segment {
            return Ok(Labels { segments: vec![labels.to_vec(); seconds.len()], dominant: labels.first().copied() });
        }
        let outline = self.outline(subset, index)?;
        let of_segment = |&seconds: &f64| {
            let range = outline.segment(self.seed, (subset, index), seconds, self.crop)?;
            Ok(outline.heard_in(&range))
        };
        Ok(Labels { segments: seconds.iter().map(of_segment).collect::<Result<_>>()?, dominant: outline.class() })
    }

    /// Returns the segment of one length.
    ///
    /// # Errors
    /// The errors of [`segments`](Self::segments).
    pub fn segment(&self, subset: Subset, index: usize, seconds: f64) -> Result<Segment> {
        self.segments(subset, index, &[seconds]).map(|mut cuts| cuts.segments.swap_remove(0))
    }

    /// Returns the samples of a whole clip at `features.rate`, and its outline.
    fn clip(&self, subset: Subset, index: usize) -> Result<(Vec<f32>, Outline)> {
        let (samples, events) = match &self.clips {
            Clips::Mixed(mixer) => {
                let scene = mixer.scene(subset, index);
                let mix = mixer.mix(&scene)?;
                let samples: Vec<f32> = mix.samples.iter().map(|&x| f32::from(x) / 32_768.0).collect();
                let rate = mixer.recipe.scene.rate;
                let places = mix.events.iter().map(|event| event.place);
                (resample(&samples, rate, self.rate)?, timed(&scene, places, rate))
            }
            Clips::Finished(set) => set.clips[subset as usize][index].read(self.rate)?,
        };
        let outline = Outline::new(samples.len(), self.rate, events).ok_or_else(|| self.nothing_left(subset, index))?;
        Ok((samples, outline))
    }

    /// Returns the outline of a whole clip without mixing it. The result equals the outline from [`clip`](Self::clip).
    fn outline(&self, subset: Subset, index: usize) -> Result<Outline> {
        let (n, rate, events) = match &self.clips {
            Clips::Mixed(mixer) => {
                let scene = mixer.scene(subset, index);
                let (places, rate) = (mixer.places(&scene)?, mixer.recipe.scene.rate);
                (mixer.durations.clip, rate, timed(&scene, places, rate))
            }
            Clips::Finished(set) => {
                let (samples, events) = set.clips[subset as usize][index].read(self.rate)?;
                (samples.len(), self.rate, events)
            }
        };
        let outline = Outline::new(resampled_len(n as u64, rate, self.rate), self.rate, events);
        outline.ok_or_else(|| self.nothing_left(subset, index))
    }

    fn nothing_left(&self, subset: Subset, index: usize) -> Error {
        let reason = format!("{} has no sample left at {} Hz", self.clip_name(subset, index), self.rate);
        Error::data(format!("{} clip", subset.name()), reason)
    }
}

/// Returns the events of `scene` with the times of their `places`, given in samples at `rate` Hz.
fn timed(scene: &Scene, places: impl IntoIterator<Item = Placement>, rate: u32) -> Vec<TimedEvent> {
    scene.events.iter().zip(places).map(|(event, place)| (event.class, place.seconds(rate))).collect()
}
