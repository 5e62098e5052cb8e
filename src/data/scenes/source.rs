//! A sound of a soundbank, and a cache of limited size for sounds in use.
//!
//! In: a [`Source`]. Out: its [`Signal`], mono samples at the rate of mixing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Subset, builtin};
use crate::config::SceneConfig;
use crate::data::audio::{MAX_SAMPLES, decode_at, integrated_loudness, resample};
use crate::{Error, Result};

/// Capacity of the cache, in bytes of samples: 100 minutes at 44.1 kHz.
const CACHE_BYTES: usize = 1 << 30;

/// The origin of a sound's samples.
#[derive(Debug, Clone)]
pub enum Origin {
    /// An audio file.
    File(PathBuf),
    /// An event of the built-in soundbank.
    Event {
        /// The part of the soundbank.
        subset: Subset,
        /// Position of the event's class.
        class: usize,
        /// Number of the event within its class.
        index: usize,
    },
    /// A background of the built-in soundbank.
    Background {
        /// The part of the soundbank.
        subset: Subset,
        /// Number of the background within its subset.
        index: usize,
    },
}

/// A sound: an event or a background.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path below the soundbank's folder, with forward slashes.
    pub name: String,
    /// Origin of the samples.
    pub origin: Origin,
    /// Whether the recording starts inside the event (`_nOn`).
    pub no_onset: bool,
    /// Whether the recording ends inside the event (`_nOff`).
    pub no_offset: bool,
}

impl Source {
    /// Makes an error about this sound that names its file.
    pub fn error(&self, reason: impl Into<String>) -> Error {
        match &self.origin {
            Origin::File(path) => Error::audio(path, reason),
            _ => Error::audio(Path::new("built-in soundbank").join(&self.name), reason),
        }
    }

    /// Loads the samples, mono at `rate` Hz.
    ///
    /// # Errors
    /// Any error of reading the file; [`Error::Audio`] naming the sound if it is silent.
    pub fn load(&self, rate: u32) -> Result<Vec<f32>> {
        let built_in = |samples: Vec<f32>| match rate {
            builtin::RATE => Ok(samples),
            _ => resample(&samples, builtin::RATE, rate),
        };
        let samples = match &self.origin {
            Origin::File(path) => {
                let decoded = decode_at(path, rate, MAX_SAMPLES)?;
                decoded.log_warnings(path);
                decoded.audio.samples
            }
            &Origin::Event { subset, class, index } => built_in(builtin::event(subset, class, index))?,
            &Origin::Background { subset, index } => built_in(builtin::background(subset, index))?,
        };
        if samples.iter().all(|&x| x == 0.0) {
            return Err(self.error("is silent: no finite gain exists"));
        }
        Ok(samples)
    }
}

/// A sound in memory, neither empty nor silent.
#[derive(Debug)]
pub struct Signal {
    /// Mono samples at the rate of mixing.
    pub samples: Vec<f32>,
    loudness: OnceLock<f64>,
}

impl Signal {
    /// Makes a signal from samples at `scene.rate`.
    pub fn new(samples: Vec<f32>) -> Self {
        Self { samples, loudness: OnceLock::new() }
    }

    /// Returns the integrated loudness of the whole signal in LUFS, which is measured once; `None` if the signal is
    /// silent.
    pub fn loudness(&self, scene: &SceneConfig) -> Result<Option<f64>> {
        if let Some(&loudness) = self.loudness.get() {
            return Ok(Some(loudness));
        }
        let measured = loudness(&self.samples, scene)?;
        Ok(measured.map(|value| *self.loudness.get_or_init(|| value)))
    }
}

/// Measures the integrated loudness in LUFS by the rules of SPEC §6; `None` if `samples` are silent.
pub fn loudness(samples: &[f32], scene: &SceneConfig) -> Result<Option<f64>> {
    integrated_loudness(samples, scene.rate, scene.loudness_min_s, scene.loudness_floor_lufs)
}

/// The most recently used sounds at one rate, up to [`CACHE_BYTES`].
#[derive(Debug)]
pub struct Cache {
    rate: u32,
    budget: usize,
    state: Mutex<SourceState>,
}

#[derive(Debug, Default)]
struct SourceState {
    /// Time of the last use and signal of each source, by the source's position.
    signals: HashMap<usize, (u64, Arc<Signal>)>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    /// Makes an empty cache for sounds at `rate` Hz.
    pub fn new(rate: u32) -> Self {
        Self { rate, budget: CACHE_BYTES, state: Mutex::default() }
    }

    /// Returns the signal of `sources[id]`, which is loaded unless it is cached. If two threads miss the same sound,
    /// both load it: the results are equal, and no thread waits for another.
    ///
    /// # Errors
    /// Any error of reading the file; [`Error::Audio`] naming the sound if it is silent.
    pub fn get(&self, sources: &[Source], id: usize) -> Result<Arc<Signal>> {
        if let Some(signal) = self.state().find(id) {
            return Ok(signal);
        }
        let signal = Arc::new(Signal::new(sources[id].load(self.rate)?));
        self.state().insert(id, &signal, self.budget);
        Ok(signal)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, SourceState> {
        // A thread that panics while it holds the lock leaves the cache usable: at worst, one sound is missing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SourceState {
    fn find(&mut self, id: usize) -> Option<Arc<Signal>> {
        self.clock += 1;
        let (used, signal) = self.signals.get_mut(&id)?;
        *used = self.clock;
        Some(Arc::clone(signal))
    }

    fn insert(&mut self, id: usize, signal: &Arc<Signal>, budget: usize) {
        self.clock += 1;
        if self.signals.insert(id, (self.clock, Arc::clone(signal))).is_none() {
            self.bytes += bytes(signal);
        }
        while self.bytes > budget {
            let oldest = self.signals.iter().min_by_key(|(_, (used, _))| *used).map(|(&id, _)| id);
            let Some((_, signal)) = oldest.and_then(|id| self.signals.remove(&id)) else { break };
            self.bytes -= bytes(&signal);
        }
    }
}

fn bytes(signal: &Signal) -> usize {
    size_of_val(signal.samples.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(n: usize) -> Vec<Source> {
        let origin = |index| Origin::Event { subset: Subset::Train, class: 3, index };
        let source = |i| Source { name: format!("{i}"), origin: origin(i), no_onset: false, no_offset: false };
        (0..n).map(source).collect()
    }

    #[test]
    fn the_cache_keeps_what_was_used_last_within_its_budget() {
        let sources = sources(4);
        let lengths: Vec<usize> = (0..4).map(|i| 4 * builtin::event(Subset::Train, 3, i).len()).collect();
        let mut cache = Cache::new(builtin::RATE);
        cache.budget = lengths[0] + lengths[1] + lengths[2];
        let first = cache.get(&sources, 0).unwrap();
        cache.get(&sources, 1).unwrap();
        cache.get(&sources, 2).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get(&sources, 0).unwrap()), "loaded twice");
        cache.get(&sources, 3).unwrap();
        let state = cache.state();
        assert!(state.bytes <= cache.budget, "{} of {} bytes", state.bytes, cache.budget);
        assert_eq!(state.bytes, state.signals.keys().map(|&id| lengths[id]).sum::<usize>());
        assert!(!state.signals.contains_key(&1), "the one unused for longest stays");
    }

    #[test]
    fn a_signal_larger_than_the_budget_is_still_given() {
        let mut cache = Cache::new(builtin::RATE);
        cache.budget = 10;
        assert!(!cache.get(&sources(1), 0).unwrap().samples.is_empty());
        assert_eq!(cache.state().bytes, 0);
    }
}
