//! Datasets and the built-in soundbank on disk.
//!
//! In: a configuration. Out: a folder with `dataset.toml` (the recipe of its clips), `manifest.tsv` (one row per event:
//! how the event and its clip were made, and the clip's SHA-256) and DESED's `{train,validation,eval}.tsv`. With
//! [`GenerateOptions::wav`] the folder also holds the clips, as `{train,validation,eval}/*.wav`. The same configuration
//! and sounds give the same bytes on any number of threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::draw::{Scene, microseconds};
use super::folder::{self, FolderLayout};
use super::mix::{Mix, MixedEvent};
use super::mixer::Mixer;
use super::recipe::{self, Recipe};
use super::soundbank::Soundbank;
use super::{Subset, builtin};
use crate::base::checksum::sha256;
use crate::base::stop;
use crate::config::Config;
use crate::data::audio::{Audio, write_wav16};
use crate::data::clips::annotation::{self, ClipEvents, Event};
use crate::data::clips::{LeftOut, write_table};
use crate::{Error, Result};

const SUBSETS: [&str; 3] = ["train", "validation", "eval"];

const DATASET: FolderLayout = FolderLayout {
    name: "dataset",
    mark: recipe::FILE,
    entries: &["manifest.tsv", "train.tsv", "validation.tsv", "eval.tsv", "train", "validation", "eval"],
};

const SOUNDBANK: FolderLayout = FolderLayout { name: "exported soundbank", mark: "soundbank.toml", entries: &SUBSETS };

/// A progress callback: receives the number of finished files and of all files, from any thread.
pub type ProgressFn<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The configuration and the target of [`generate`].
#[derive(Debug, Clone, Copy)]
pub struct GenerateOptions<'a> {
    /// Configuration of the clips in `data` (without `data.dataset`) and `scene`.
    pub config: &'a Config,
    /// Folder of the dataset.
    pub out: &'a Path,
    /// Whether to write the clips, too, as 16-bit WAV at `scene.rate`.
    pub wav: bool,
    /// Whether to replace an existing dataset.
    pub force: bool,
}

/// A summary of the generated dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The names of the classes, sorted.
    pub classes: Vec<String>,
    /// The number of clips in each subset, in the order of [`Subset::all`].
    pub n_clips: [usize; 3],
    /// Number of clips that were scaled down to stay below full scale.
    pub n_scaled: usize,
}

const MANIFEST: [&str; 13] = [
    "filename",
    "event_label",
    "event_file",
    "event_start_s",
    "onset_s",
    "duration_s",
    "snr_db",
    "event_gain_db",
    "background_file",
    "background_start_s",
    "background_gain_db",
    "peak_factor",
    "sha256",
];

/// Generates a dataset. Every clip is mixed once, even if it is not written: this checks that every sound in use can be
/// read, and gives the manifest the hash of the samples that training will use.
///
/// # Errors
/// The errors of [`Soundbank::scan`] and [`Dataset::draw`](super::Dataset::draw); [`Error::Audio`] naming a sound that
/// cannot be read or is silent; [`Error::Data`] if the folder may not be replaced; [`Error::Io`] if it cannot be
/// written.
pub fn generate(options: &GenerateOptions<'_>, progress: ProgressFn<'_>) -> Result<Generated> {
    let GenerateOptions { config, out, wav, force } = *options;
    let soundbank = Soundbank::of(&config.data, &config.scene)?;
    soundbank.left_out().iter().for_each(LeftOut::log);
    let recipe = Recipe::new(&soundbank, &config.data, &config.scene, wav)?;
    let mixer = Mixer::new(soundbank, recipe)?;
    folder::write(out, &DATASET, force, |dir| fill(&mixer, dir, progress))
}

fn fill(mixer: &Mixer, dir: &Path, progress: ProgressFn<'_>) -> Result<Generated> {
    let n_clips = Subset::all().map(|subset| mixer.len(subset));
    let (n_done, n_all) = (AtomicUsize::new(0), n_clips.iter().sum());
    let mut manifest = Vec::with_capacity(n_all);
    let mut n_scaled = 0;
    for subset in Subset::all() {
        let folder = dir.join(subset.name());
        if mixer.recipe.wav {
            std::fs::create_dir(&folder).map_err(|source| Error::io("create", &folder, source))?;
        }
        let clip = |index: usize| {
            stop::check()?;
            let filename = format!("{}-{index:06}.wav", subset.name());
            let scene = mixer.scene(subset, index);
            let mix = mixer.mix(&scene)?;
            if mixer.recipe.wav {
                let samples = mix.samples.iter().map(|&x| f32::from(x) / 32_768.0).collect();
                write_wav16(&folder.join(&filename), &Audio { rate: mixer.recipe.scene.rate, samples })?;
            }
            let entry = ClipRecord::new(mixer, filename, &scene, &mix);
            progress(n_done.fetch_add(1, Ordering::Relaxed) + 1, n_all);
            Ok(entry)
        };
        let entries = (0..mixer.len(subset)).into_par_iter().map(clip).collect::<Result<Vec<ClipRecord>>>()?;
        n_scaled += entries.iter().filter(|entry| entry.scaled).count();
        let (events, rows): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.events, entry.rows)).unzip();
        annotation::write(&dir.join(format!("{}.tsv", subset.name())), &events)?;
        manifest.extend(rows.into_iter().flatten());
    }
    write_table(&dir.join("manifest.tsv"), MANIFEST, manifest.into_iter())?;
    mixer.recipe.write(dir, &mixer.soundbank)?;
    Ok(Generated { classes: mixer.soundbank.classes().to_vec(), n_clips, n_scaled })
}

/// The annotations and manifest rows of one clip.
struct ClipRecord {
    events: ClipEvents,
    rows: Vec<[String; 13]>,
    scaled: bool,
}

impl ClipRecord {
    fn new(mixer: &Mixer, filename: String, scene: &Scene, mix: &Mix) -> Self {
        let (bank, rate) = (&mixer.soundbank, mixer.recipe.scene.rate);
        let seconds = |samples: usize| microseconds(samples, rate).to_string();
        let bytes: Vec<u8> = mix.samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        let hash = sha256(&[&bytes]);
        let (mut events, mut rows) = (Vec::new(), Vec::new());
        for (drawn, MixedEvent { place, gain_db }) in scene.events.iter().zip(&mix.events) {
            let [onset_s, offset_s] = place.seconds(rate);
            let label = bank.classes()[drawn.class].clone();
            rows.push([
                filename.clone(),
                label.clone(),
                bank.sources()[drawn.source].name.clone(),
                seconds(place.start),
                onset_s.to_string(),
                seconds(place.len),
                format!("{:.3}", drawn.snr_db),
                format!("{gain_db:.3}"),
                bank.sources()[scene.background].name.clone(),
                seconds(mix.background_start),
                format!("{:.3}", mix.background_gain_db),
                format!("{:.6}", mix.peak_factor),
                hash.clone(),
            ]);
            events.push((0, Event { onset_s, offset_s: Some(offset_s), label }));
        }
        Self { events: ClipEvents { filename, line: 0, events }, rows, scaled: mix.peak_factor < 1.0 }
    }
}

/// Writes the built-in soundbank as 16-bit WAV files in the layout that [`Soundbank::scan`] reads. Returns the number
/// of files.
///
/// # Errors
/// [`Error::Data`] if `dir` may not be replaced; [`Error::Io`] if a file cannot be written.
pub fn export_soundbank(dir: &Path, force: bool, progress: ProgressFn<'_>) -> Result<usize> {
    let bank = Soundbank::builtin();
    let n_all = bank.sources().len();
    folder::write(dir, &SOUNDBANK, force, |dir| {
        let n_done = AtomicUsize::new(0);
        bank.sources().par_iter().try_for_each(|source| {
            stop::check()?;
            let path = dir.join(&source.name);
            let parent = path.parent().unwrap_or(dir);
            std::fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
            write_wav16(&path, &Audio { rate: builtin::RATE, samples: source.load(builtin::RATE)? })?;
            progress(n_done.fetch_add(1, Ordering::Relaxed) + 1, n_all);
            Ok(())
        })?;
        let path = dir.join(SOUNDBANK.mark);
        let text = format!("# The built-in soundbank of weaklabel.\nversion = {}\n", builtin::version());
        std::fs::write(&path, text).map_err(|error| Error::io("write", path, error))?;
        Ok(n_all)
    })
}
