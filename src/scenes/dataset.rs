//! What training and evaluation see of the data: classes, and segments of clips with what is heard in them.

use std::path::{Path, PathBuf};

use super::Subset;
use super::clips::{Clip, ClipFolder};
use super::contents::{Contents, Listing};
use super::draw::{Placement, Scene};
use super::left_out::LeftOut;
use super::mixer::Mixer;
use super::outline::{Outline, TimedEvent, sorted};
use super::overridden::overridden;
use super::recipe::Recipe;
use super::soundbank::Soundbank;
use crate::audio::{resample, resampled_len};
use crate::config::{Config, DataConfig, Variant};
use crate::{Error, Result};

/// Clips with weak labels: mixed when they are asked for, or finished files. Any clip can be asked for by any thread.
#[derive(Debug)]
pub struct Dataset {
    classes: Vec<String>,
    labels: [Vec<Vec<usize>>; 3],
    clips: Clips,
    /// Of the positions of segments.
    seed: u64,
    /// Samples per second of segments.
    rate: u32,
    listing: Listing,
    /// Lines for the log about files that are there and not used.
    left_out: Vec<LeftOut>,
    /// The line for the log about keys of the configuration that the folder overrides.
    overridden: Option<LeftOut>,
    /// The variant of a folder that was generated.
    variant: Option<Variant>,
}

/// Segments of one clip, one for each length asked for, all placed around its dominant event: the longest one, the first
/// of several.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipSegments {
    /// In the order of the lengths.
    pub segments: Vec<Segment>,
    /// Class of the dominant event; none in a clip without events.
    pub dominant: Option<usize>,
    /// How long the dominant event is heard in the clip, in seconds; the clip's length without one.
    pub duration_s: f64,
}

/// The labels of the segments of one clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The classes heard in each segment, sorted, each once, in the order of the lengths.
    pub segments: Vec<Vec<usize>>,
    /// Class of the dominant event; none in a clip without events.
    pub dominant: Option<usize>,
}

/// A part of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Mono samples at `features.rate`.
    pub samples: Vec<f32>,
    /// Classes heard in it, sorted, each once.
    pub labels: Vec<usize>,
    /// The share of it that the dominant event covers, 0 to 1.
    pub covered: f64,
}

#[derive(Debug)]
enum Clips {
    Mixed(Box<Mixer>),
    /// Files in the folder.
    Finished(PathBuf, [Vec<Clip>; 3]),
}

impl Dataset {
    /// The dataset of a configuration: the folder `data.dataset` if there is one, otherwise drawn from
    /// `data.soundbank` or the built-in soundbank.
    ///
    /// # Errors
    /// As [`open`](Self::open), [`Soundbank::scan`] and [`draw`](Self::draw).
    pub fn of(config: &Config) -> Result<Self> {
        match &config.data.dataset {
            Some(dir) => Self::open(dir, config),
            None => Self::draw(Soundbank::of(&config.data, &config.scene)?, config),
        }
    }

    /// Opens a folder that [`generate`](super::generate::generate) wrote, or one of finished clips with DESED
    /// annotations: `DIR/{train,validation,eval}/*.{wav,flac,ogg}` and `DIR/{train,validation,eval}.tsv`.
    ///
    /// A generated folder brings its own seed, counts, scene and co-occurrences; clips it does not hold as files are mixed from its
    /// soundbank, which is looked for at `data.soundbank` if it is no longer where it was. Finished clips take
    /// `data.seed`, and without `validation.tsv` the share `scene.holdout` of the training clips is held back for
    /// validation. Such clips may have several events or none; their segments are placed around the longest.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Io`] naming file and line, or the folder, of what is missing or does not fit.
    pub fn open(dir: &Path, config: &Config) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::data(dir, "no such folder; a dataset is what `weaklabel generate` writes"));
        }
        let Some(recipe) = Recipe::read(dir)? else {
            let mut dataset = Self::finished(dir, config.data.seed, config.scene.holdout, config.features.rate)?;
            let [train, validation, eval] = Subset::all().map(|subset| dataset.len(subset));
            let own = DataConfig { train, validation, eval, ..DataConfig::default() };
            let used = ["data.dataset", "data.seed", "scene.holdout"];
            dataset.overridden = overridden(dir, config, (&own, &Config::default().scene), &used);
            return Ok(dataset);
        };
        let (data, scene, wav) = (recipe.data.clone(), recipe.scene.clone(), recipe.wav);
        let mut dataset = if wav {
            Self::finished(dir, data.seed, scene.holdout, config.features.rate)?
        } else {
            let soundbank = recipe.soundbank(dir, config.data.soundbank.as_deref())?;
            Self::mixed(Mixer::new(soundbank, recipe)?, config.features.rate)
        };
        let soundbank = if let Clips::Mixed(mixer) = &dataset.clips { mixer.soundbank.root() } else { None };
        let own = DataConfig { soundbank: soundbank.map(Path::to_path_buf), ..data };
        dataset.overridden = overridden(dir, config, (&own, &scene), &["data.dataset"]);
        dataset.variant = Some(own.variant);
        Ok(dataset)
    }

    /// Draws `data.train`, `data.validation` and `data.eval` clips from `soundbank`; nothing is read or written yet.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key of a value that gives no clips, among them counts that are no multiple of
    /// the number of classes; [`Error::Io`] or [`Error::Data`] about the file `data.cooccurrence`, naming its entry.
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
            rate,
            listing,
            left_out: mixer.soundbank.left_out().to_vec(),
            overridden: None,
            variant: None,
            clips: Clips::Mixed(Box::new(mixer)),
        }
    }

    fn finished(dir: &Path, seed: u64, holdout: f64, rate: u32) -> Result<Self> {
        let ClipFolder { classes, clips, mut listing, left_out } = ClipFolder::open(dir, seed, holdout)?;
        let labels = clips.each_ref().map(|clips| clips.iter().map(|clip| clip.labels.clone()).collect());
        listing.notes.push(("the seed and rate of segments".into(), format!("{seed} {rate}")));
        let clips = Clips::Finished(dir.into(), clips);
        let (overridden, variant) = (None, None);
        Ok(Self { classes, labels, clips, seed, rate, listing, left_out, overridden, variant })
    }

    /// Checks that there are clips in each of `subsets`, those that a command uses.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Config`] naming the table or the key of a subset that has no clip.
    pub fn need(&self, subsets: &[Subset]) -> Result<()> {
        let Some(empty) = subsets.iter().find(|subset| self.is_empty(**subset)) else { return Ok(()) };
        Err(match &self.clips {
            Clips::Mixed(_) => Error::config(format!("data.{}", empty.name()), "must be at least 1, not 0"),
            Clips::Finished(dir, _) => {
                let remedy = match empty {
                    Subset::Validation => "add clips, or remove the table, so that training clips are held back",
                    _ => "add clips",
                };
                let table = dir.join(format!("{}.tsv", empty.name()));
                Error::data(table, format!("lists no clip, and {} clips are needed: {remedy}", empty.name()))
            }
        })
    }

    /// Lines for the log, one for each kind of thing that a command which uses `subsets` leaves out: files that nothing reads,
    /// clips that no training draws, classes that a subset lacks.
    pub fn left_out(&self, subsets: &[Subset]) -> Vec<LeftOut> {
        let mut found = self.left_out.clone();
        let without: Vec<usize> = match subsets.contains(&Subset::Train) {
            true => (0..self.len(Subset::Train)).filter(|i| self.labels(Subset::Train, *i).is_empty()).collect(),
            false => Vec::new(),
        };
        if let Some(first) = without.first() {
            let (n, all, first) = (without.len(), self.len(Subset::Train), self.name(Subset::Train, *first));
            found.push(LeftOut::warning(format!(
                "{n} of {all} training clips never drawn, {first} first: nothing is annotated in them, and batches take clips \
                 by class"
            )));
        }
        for subset in subsets {
            let mut present = vec![false; self.classes.len()];
            self.labels[*subset as usize].iter().flatten().for_each(|class| present[*class] = true);
            let absent: Vec<usize> = (0..self.classes.len()).filter(|class| !present[*class]).collect();
            if let Some(first) = absent.first() {
                let (n, all, first, subset) = (absent.len(), self.classes.len(), &self.classes[*first], subset.name());
                found.push(LeftOut::warning(format!(
                    "{n} of {all} classes in no {subset} clip, {first} first: their F1 is 0 there, whatever a model says"
                )));
            }
        }
        found
    }

    /// The line for the log about keys that are set in the configuration and have no effect, since the folder brings values
    /// of its own.
    pub fn overridden(&self) -> Option<&LeftOut> {
        self.overridden.as_ref()
    }

    /// The variant that a generated folder was drawn as; `None` for any other dataset.
    pub fn variant(&self) -> Option<Variant> {
        self.variant
    }

    /// The name of a clip: its file, or its number where it is mixed.
    fn name(&self, subset: Subset, index: usize) -> String {
        match &self.clips {
            Clips::Mixed(_) => index.to_string(),
            Clips::Finished(dir, clips) => {
                let path = &clips[subset as usize][index].path;
                path.strip_prefix(dir).unwrap_or(path).display().to_string()
            }
        }
    }

    /// The names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The number of clips in `subset`.
    pub fn len(&self, subset: Subset) -> usize {
        self.labels[subset as usize].len()
    }

    /// Whether `subset` has no clip.
    pub fn is_empty(&self, subset: Subset) -> bool {
        self.len(subset) == 0
    }

    /// The classes present anywhere in a clip, as positions in [`classes`](Self::classes), sorted.
    pub fn labels(&self, subset: Subset, index: usize) -> &[usize] {
        &self.labels[subset as usize][index]
    }

    /// Everything the samples and labels depend on, by content: files, annotations, seed, counts, scene, co-occurrences, and
    /// `features.rate`. Files that were not hashed before are read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be read.
    pub fn contents(&self) -> Result<Contents> {
        self.listing.contents()
    }

    /// [`Contents::fingerprint`]: the same on every machine that has these data.
    ///
    /// # Errors
    /// As [`contents`](Self::contents).
    pub fn fingerprint(&self) -> Result<String> {
        Ok(self.contents()?.fingerprint())
    }

    /// The WAA1 segments of a clip (SPEC §6), one of round(`seconds`·rate) samples for each length, or the whole clip
    /// where that is shorter. The clip is mixed or read once; a length's segment does not depend on the others.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] naming a file that cannot be read or is silent; [`Error::Data`] if the clip
    /// ends before one of its events begins; [`Error::Config`] if a length is not a positive number.
    pub fn segments(&self, subset: Subset, index: usize, seconds: &[f64]) -> Result<ClipSegments> {
        let (samples, outline) = self.clip(subset, index)?;
        let cut = |&seconds: &f64| {
            let range = outline.segment(self.seed, (subset, index), seconds)?;
            let (labels, covered) = (outline.heard_in(&range), outline.covered(&range));
            Ok(Segment { samples: samples[range].to_vec(), labels, covered })
        };
        Ok(ClipSegments {
            segments: seconds.iter().map(cut).collect::<Result<_>>()?,
            dominant: outline.class(),
            duration_s: outline.span().len() as f64 / f64::from(self.rate),
        })
    }

    /// The labels of the segments that [`segments`](Self::segments) gives, without mixing or cutting the clip. The dominant event is heard
    /// in every segment, so the labels of a clip of one class are known; only a clip of several classes is read, or the
    /// sounds of its events are, to find out which of them a segment hears.
    ///
    /// # Errors
    /// The same as those of [`segments`](Self::segments), as far as the clip is read.
    pub fn segment_labels(&self, subset: Subset, index: usize, seconds: &[f64]) -> Result<Labels> {
        let labels = self.labels(subset, index);
        if labels.len() < 2 {
            return Ok(Labels { segments: vec![labels.to_vec(); seconds.len()], dominant: labels.first().copied() });
        }
        let outline = self.outline(subset, index)?;
        let of_segment = |&seconds: &f64| {
            let range = outline.segment(self.seed, (subset, index), seconds)?;
            Ok(outline.heard_in(&range))
        };
        Ok(Labels { segments: seconds.iter().map(of_segment).collect::<Result<_>>()?, dominant: outline.class() })
    }

    /// The segment of one length.
    ///
    /// # Errors
    /// As [`segments`](Self::segments).
    pub fn segment(&self, subset: Subset, index: usize, seconds: f64) -> Result<Segment> {
        self.segments(subset, index, &[seconds]).map(|mut cuts| cuts.segments.swap_remove(0))
    }

    /// The samples of a whole clip at `features.rate`, and its outline.
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
            Clips::Finished(_, clips) => clips[subset as usize][index].read(self.rate)?,
        };
        let outline = Outline::new(samples.len(), self.rate, events).ok_or_else(|| self.nothing_left(subset, index))?;
        Ok((samples, outline))
    }

    /// The outline of a whole clip, equal to that of [`clip`](Self::clip); nothing is mixed.
    fn outline(&self, subset: Subset, index: usize) -> Result<Outline> {
        let (n, rate, events) = match &self.clips {
            Clips::Mixed(mixer) => {
                let scene = mixer.scene(subset, index);
                let (places, rate) = (mixer.places(&scene)?, mixer.recipe.scene.rate);
                (mixer.durations.clip, rate, timed(&scene, places, rate))
            }
            Clips::Finished(_, clips) => {
                let (samples, events) = clips[subset as usize][index].read(self.rate)?;
                (samples.len(), self.rate, events)
            }
        };
        let outline = Outline::new(resampled_len(n as u64, rate, self.rate), self.rate, events);
        outline.ok_or_else(|| self.nothing_left(subset, index))
    }

    fn nothing_left(&self, subset: Subset, index: usize) -> Error {
        let reason = format!("{} has no sample left at {} Hz", self.name(subset, index), self.rate);
        Error::data(format!("{} clip", subset.name()), reason)
    }
}

/// The events of `scene`, which lie at `places` at `rate` Hz.
fn timed(scene: &Scene, places: impl IntoIterator<Item = Placement>, rate: u32) -> Vec<TimedEvent> {
    scene.events.iter().zip(places).map(|(event, place)| (event.class, place.seconds(rate))).collect()
}
