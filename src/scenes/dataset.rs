//! What training and evaluation see of the data: classes, and segments of clips with what is heard in them.

use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Subset;
use super::clips::{Clip, Folder};
use super::mixer::Mixer;
use super::recipe::Recipe;
use super::segment::segment;
use super::soundbank::{Soundbank, hex};
use crate::audio::{MAX_SAMPLES, decode_at, resample};
use crate::config::Config;
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
    fingerprint: String,
}

/// Segments of one clip, one for each length asked for, all placed around its dominant event: the longest one, the first
/// of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Cuts {
    /// In the order of the lengths.
    pub segments: Vec<Segment>,
    /// Class of the dominant event; none in a clip without events.
    pub dominant: Option<usize>,
    /// How long the dominant event is heard in the clip, in seconds; the clip's length without one.
    pub duration_s: f64,
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

/// An event of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    class: usize,
    samples: Range<usize>,
}

#[derive(Debug)]
enum Clips {
    Mixed(Box<Mixer>),
    Finished([Vec<Clip>; 3]),
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
        match Recipe::read(dir)? {
            Some(recipe) if !recipe.wav => {
                let soundbank = recipe.soundbank(dir, config.data.soundbank.as_deref())?;
                Self::mixed(Mixer::new(soundbank, recipe)?, config.features.rate)
            }
            Some(recipe) => Self::finished(dir, recipe.data.seed, recipe.scene.holdout, config.features.rate),
            None => Self::finished(dir, config.data.seed, config.scene.holdout, config.features.rate),
        }
    }

    /// Draws `data.train`, `data.validation` and `data.eval` clips from `soundbank`; nothing is read or written yet.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key of a value that gives no clips, among them counts that are no multiple of
    /// the number of classes; [`Error::Io`] or [`Error::Data`] about the file `data.cooccurrence`, naming its entry.
    pub fn draw(soundbank: Soundbank, config: &Config) -> Result<Self> {
        let recipe = Recipe::new(&soundbank, &config.data, &config.scene, false)?;
        Self::mixed(Mixer::new(soundbank, recipe)?, config.features.rate)
    }

    fn mixed(mixer: Mixer, rate: u32) -> Result<Self> {
        let labels = Subset::all().map(|subset| {
            let classes = |index| sorted(mixer.scene(subset, index).events.iter().map(|event| event.class));
            (0..mixer.len(subset)).map(classes).collect()
        });
        Ok(Self {
            classes: mixer.soundbank.classes().to_vec(),
            labels,
            seed: mixer.recipe.data.seed,
            rate,
            fingerprint: mixer.recipe.fingerprint(rate),
            clips: Clips::Mixed(Box::new(mixer)),
        })
    }

    fn finished(dir: &Path, seed: u64, holdout: f64, rate: u32) -> Result<Self> {
        let Folder { classes, clips, fingerprint } = Folder::open(dir, seed, holdout)?;
        let labels = clips.each_ref().map(|clips| clips.iter().map(|clip| clip.labels.clone()).collect());
        let fingerprint = hex(&Sha256::digest(format!("{fingerprint} {seed} {rate}")));
        Ok(Self { classes, labels, clips: Clips::Finished(clips), seed, rate, fingerprint })
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

    /// SHA-256 in hexadecimal over everything the samples and labels depend on: names and sizes of files,
    /// annotations, seed, counts, scene, co-occurrences, and `features.rate`.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// The WAA1 segments of a clip (SPEC §6), one of round(`seconds`·rate) samples for each length, or the whole clip
    /// where that is shorter. The clip is mixed or read once; a length's segment does not depend on the others.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] naming a file that cannot be read or is silent; [`Error::Data`] if the clip
    /// ends before one of its events begins; [`Error::Config`] if a length is not a positive number.
    pub fn cut(&self, subset: Subset, index: usize, seconds: &[f64]) -> Result<Cuts> {
        let (samples, events) = self.clip(subset, index)?;
        let longest = |best: &'_ Heard, event: &'_ Heard| event.samples.len() > best.samples.len();
        let dominant = events.iter().reduce(|best, event| if longest(best, event) { event } else { best });
        let span = dominant.map_or(0..samples.len(), |event| event.samples.clone());
        let cut = |&seconds: &f64| {
            let n_segment = (seconds * f64::from(self.rate)).round();
            if !(n_segment >= 1.0 && n_segment.is_finite()) {
                return Err(Error::config("seconds", format!("a segment cannot last {seconds} s")));
            }
            let range = segment(self.seed, (subset, index), &span, n_segment as usize, samples.len());
            let heard = |event: &&Heard| overlap(&event.samples, &range) > 0;
            let labels = sorted(events.iter().filter(heard).map(|event| event.class));
            let covered = overlap(&span, &range) as f64 / range.len() as f64;
            Ok(Segment { samples: samples[range].to_vec(), labels, covered })
        };
        Ok(Cuts {
            segments: seconds.iter().map(cut).collect::<Result<_>>()?,
            dominant: dominant.map(|event| event.class),
            duration_s: span.len() as f64 / f64::from(self.rate),
        })
    }

    /// The segment of one length.
    ///
    /// # Errors
    /// As [`cut`](Self::cut).
    pub fn segment(&self, subset: Subset, index: usize, seconds: f64) -> Result<Segment> {
        self.cut(subset, index, &[seconds]).map(|mut cuts| cuts.segments.swap_remove(0))
    }

    /// A whole clip at `features.rate`, and its events.
    fn clip(&self, subset: Subset, index: usize) -> Result<(Vec<f32>, Vec<Heard>)> {
        let (samples, events) = match &self.clips {
            Clips::Mixed(mixer) => {
                let scene = mixer.scene(subset, index);
                let mix = mixer.mix(&scene)?;
                let samples: Vec<f32> = mix.samples.iter().map(|&x| f32::from(x) / 32_768.0).collect();
                let rate = mixer.recipe.scene.rate;
                let classes = scene.events.iter().map(|event| event.class);
                let events = classes.zip(mix.events.iter().map(|event| event.place.seconds(rate))).collect();
                (resample(&samples, rate, self.rate)?, events)
            }
            Clips::Finished(clips) => {
                let clip = &clips[subset as usize][index];
                let decoded = decode_at(&clip.path, self.rate, MAX_SAMPLES)?;
                decoded.log_warnings(&clip.path);
                (decoded.audio.samples, clip.events(decoded.seconds)?)
            }
        };
        let n_clip = samples.len();
        if n_clip == 0 {
            let reason = format!("clip {index} has no sample left at {} Hz", self.rate);
            return Err(Error::data(subset.name(), reason));
        }
        let at = |seconds: f64, bounds: Range<usize>| {
            ((seconds * f64::from(self.rate)).round() as usize).clamp(bounds.start, bounds.end)
        };
        let heard = |(class, [onset_s, offset_s]): (usize, [f64; 2])| {
            let onset = at(onset_s, 0..n_clip - 1);
            Heard { class, samples: onset..at(offset_s, onset + 1..n_clip) }
        };
        Ok((samples, events.into_iter().map(heard).collect()))
    }
}

/// Each class once, in order.
fn sorted(classes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut classes: Vec<usize> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// How many samples two ranges share.
fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}
