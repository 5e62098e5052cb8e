//! Mixing any clip of a dataset by its number, from the soundbank.

use std::path::Path;
use std::sync::Arc;

use super::Subset;
use super::cooccurrence::CooccurringEvents;
use super::draw::{Durations, Foreground, Placement, Scene};
use super::mix::{Mix, mix, places};
use super::recipe::{self, Recipe};
use super::soundbank::{Pool, Soundbank};
use super::source::{Cache, Signal, Source};
use crate::{Error, Result};

/// A generator of the clips of a recipe.
#[derive(Debug)]
pub struct Mixer {
    /// The recipe of the clips.
    pub recipe: Recipe,
    /// The soundbank that the clips are mixed from.
    pub soundbank: Soundbank,
    /// Durations of SPEC §6, in samples.
    pub durations: Durations,
    cooccurring: CooccurringEvents,
    pools: [Pool; 3],
    cache: Cache,
}

impl Mixer {
    /// Makes the mixer of `recipe`, whose clips are drawn from `soundbank`.
    ///
    /// # Errors
    /// [`Error::Config`] naming a key whose value gives no clips; [`Error::Data`] naming the co-occurrence file and the
    /// entry in it that does not fit.
    pub fn new(soundbank: Soundbank, recipe: Recipe) -> Result<Self> {
        let n_classes = soundbank.classes().len();
        for subset in Subset::all() {
            let n = count(&recipe, subset);
            if !n.is_multiple_of(n_classes) {
                let reason = format!("{n} clips cannot be balanced over {n_classes} classes: take a multiple");
                return Err(Error::config(format!("data.{}", subset.name()), reason));
            }
        }
        let (scene, [low, high]) = (&recipe.scene, recipe.scene.snr_db);
        if !(low <= high && low.is_finite() && high.is_finite()) {
            return Err(Error::config("scene.snr_db", format!("[{low}, {high}] are not a lower and an upper bound")));
        }
        if !(scene.peak > 0.0 && scene.peak <= 1.0) {
            return Err(Error::config("scene.peak", format!("{} is not above 0 and at most 1", scene.peak)));
        }
        if !scene.background_lufs.is_finite() {
            return Err(Error::config("scene.background_lufs", format!("{} is no level", scene.background_lufs)));
        }
        let [least, most] = scene.events;
        if !(1 <= least && least <= most) {
            return Err(Error::config("scene.events", format!("[{least}, {most}] are no numbers of events")));
        }
        let cooccurring = CooccurringEvents::new(soundbank.classes(), scene.events, recipe.cooccurrence.as_ref());
        let cooccurring = cooccurring.map_err(|reason| {
            let file = recipe.data.cooccurrence.as_deref().unwrap_or(Path::new(recipe::FILE));
            Error::data(file, reason)
        })?;
        let durations = Durations::new(scene)?;
        let (pools, cache) = (soundbank.pools(recipe.data.seed), Cache::new(scene.rate));
        Ok(Self { recipe, soundbank, durations, cooccurring, pools, cache })
    }

    /// Returns the number of clips in `subset`.
    pub fn len(&self, subset: Subset) -> usize {
        count(&self.recipe, subset)
    }

    /// Draws the scene of clip `index`.
    pub fn scene(&self, subset: Subset, index: usize) -> Scene {
        assert!(index < self.len(subset), "clip {index} of {}", self.len(subset));
        let (pool, snr_db) = (&self.pools[subset as usize], self.recipe.scene.snr_db);
        let mut scene = Scene::draw(self.recipe.data.seed, subset, index, pool, snr_db);
        scene.add_cooccurring(&self.cooccurring, self.soundbank.sources(), pool, snr_db);
        scene
    }

    /// Mixes the clip of a drawn `scene`.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] naming a sound that cannot be read or is silent.
    pub fn mix(&self, scene: &Scene) -> Result<Mix> {
        let sources = self.soundbank.sources();
        let signals = self.signals(scene)?;
        let background = self.cache.get(sources, scene.background)?;
        let background = (&sources[scene.background], &*background);
        let events = self.sounds(scene, &signals);
        mix(scene, &events, background, &self.recipe.scene, &self.durations, self.recipe.data.variant)
    }

    /// Returns the positions of the events of `scene`, equal to those from [`mix`](Self::mix). Only the sounds of the
    /// events are read.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] naming a sound that cannot be read or is silent.
    pub fn places(&self, scene: &Scene) -> Result<Vec<Placement>> {
        let signals = self.signals(scene)?;
        places(scene, &self.sounds(scene, &signals), &self.durations, self.recipe.data.variant)
    }

    /// Returns the samples of the events of `scene`.
    fn signals(&self, scene: &Scene) -> Result<Vec<Arc<Signal>>> {
        scene.events.iter().map(|event| self.cache.get(self.soundbank.sources(), event.source)).collect()
    }

    /// Returns the sounds of the events of `scene` with their samples.
    fn sounds<'a>(&'a self, scene: &Scene, signals: &'a [Arc<Signal>]) -> Vec<(&'a Source, &'a Signal)> {
        let source = |event: &Foreground| &self.soundbank.sources()[event.source];
        scene.events.iter().zip(signals).map(|(event, signal)| (source(event), &**signal)).collect()
    }
}

fn count(recipe: &Recipe, subset: Subset) -> usize {
    match subset {
        Subset::Train => recipe.data.train,
        Subset::Validation => recipe.data.validation,
        Subset::Eval => recipe.data.eval,
    }
}
