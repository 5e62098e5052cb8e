//! Drawing a clip (SPEC §6): its sounds, their levels, and their positions.
//!
//! In: (seed, subset, index) and, for positions, lengths in samples. Out: a [`Scene`] and the [`Placement`] of each
//! event. Every property of every event has a random stream of its own. Therefore the 200 ms dataset has the files,
//! levels and onsets of the other dataset, and an additional event changes nothing about the other events.
//!
//! A drawn part of a sound can be digital silence, which no gain brings to the required loudness. Positions therefore
//! take the number of an attempt, and the caller uses the first attempt that is not silent.

use super::Subset;
use super::cooccurrence::CooccurringEvents;
use super::soundbank::Pool;
use super::source::Source;
use crate::base::counter_rng::{Key, Stream};
use crate::config::SceneConfig;
use crate::{Error, Result};

/// Durations of SPEC §6, in samples at `scene.rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// Length of a clip.
    pub clip: usize,
    /// Least distance between an onset and the end of the clip; at least one sample.
    pub onset_margin: usize,
    /// Length to which events are cropped in the 200 ms dataset.
    pub short_event: usize,
    /// Length of a fade.
    pub fade: usize,
}

impl Durations {
    /// Converts the durations of `scene` to samples.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key when a duration is not usable.
    pub fn new(scene: &SceneConfig) -> Result<Self> {
        let samples = |key: &str, seconds: f64, least: usize| {
            let n = (seconds * f64::from(scene.rate)).round();
            match n >= least as f64 && n <= f64::from(u32::MAX) {
                true => Ok(n as usize),
                false => Err(Error::config(key, format!("{seconds} s at {} Hz is no usable duration", scene.rate))),
            }
        };
        let clip = samples("scene.clip_s", scene.clip_s, 1)?;
        let onset_margin = samples("scene.onset_margin_s", scene.onset_margin_s, 0)?.max(1);
        if onset_margin > clip {
            let reason = format!("{} s is longer than a clip of {} s", scene.onset_margin_s, scene.clip_s);
            return Err(Error::config("scene.onset_margin_s", reason));
        }
        let short_event = samples("scene.short_event_s", scene.short_event_s, 1)?;
        Ok(Self { clip, onset_margin, short_event, fade: samples("scene.fade_s", scene.fade_s, 0)? })
    }
}

/// The sounds of a clip and their levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The main event, whose class takes turns, then the co-occurring events.
    pub events: Vec<Foreground>,
    /// The background's position in the soundbank.
    pub background: usize,
    key: Key,
}

/// The sound of an event and its level.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreground {
    /// Position of the event's class.
    pub class: usize,
    /// Position of the sound in the soundbank.
    pub source: usize,
    /// Level of the event above the background, in dB.
    pub snr_db: f64,
    key: Key,
}

/// Position of an event, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// First sample of the sound that is used.
    pub start: usize,
    /// First sample of the clip in which the event is audible.
    pub onset: usize,
    /// Number of audible samples. A shorter sound is repeated.
    pub len: usize,
}

impl Placement {
    /// Returns onset and offset in the clip in seconds, rounded to the microsecond as in annotations.
    pub fn seconds(&self, rate: u32) -> [f64; 2] {
        [self.onset, self.onset + self.len].map(|sample| microseconds(sample, rate))
    }
}

/// Returns the time of a sample in seconds, rounded to the microsecond.
pub fn microseconds(sample: usize, rate: u32) -> f64 {
    (sample as f64 / f64::from(rate) * 1e6).round() / 1e6
}

impl Scene {
    /// Draws clip `index` of `subset` with its main event only. The classes take turns by index; the file of the class
    /// is drawn.
    pub fn draw(seed: u64, subset: Subset, index: usize, pool: &Pool, snr_db: [f64; 2]) -> Self {
        let key = Key::new(seed).named("clip").child(subset as u64).child(index as u64);
        let main = Foreground::draw(key, index % pool.events.len(), pool, snr_db);
        let background = *key.named("background").stream().choose(&pool.backgrounds);
        Self { events: vec![main], background, key }
    }

    /// Adds the events that `cooccurring` draws for the main event. Nothing else in the clip changes.
    pub fn add_cooccurring(
        &mut self,
        cooccurring: &CooccurringEvents,
        sources: &[Source],
        pool: &Pool,
        snr_db: [f64; 2],
    ) {
        let main = &self.events[0];
        let drawn = cooccurring.draw(main.class, &sources[main.source], self.key);
        self.events.extend(drawn.into_iter().map(|(class, key)| Foreground::draw(key, class, pool, snr_db)));
    }

    /// Draws the sample of a background at which the clip begins. `n_source` is the background's length; a background
    /// shorter than the clip starts at its beginning and is repeated.
    pub fn background_start(&self, n_source: usize, durations: &Durations, attempt: u64) -> usize {
        stream(self.key, "background start", attempt).below(n_source.saturating_sub(durations.clip) + 1)
    }
}

impl Foreground {
    /// Draws a file of `class` and its level. Everything about the event is drawn from `key`.
    fn draw(key: Key, class: usize, pool: &Pool, snr_db: [f64; 2]) -> Self {
        let source = *key.named("event").stream().choose(&pool.events[class]);
        let snr_db = key.named("snr").stream().uniform(snr_db[0], snr_db[1]);
        Self { class, source, snr_db, key }
    }

    /// Places an event of `n_source` samples. An event longer than the clip fills the clip with its beginning or its
    /// end. Any other event gets a random onset outside the margin at the end, and is cut at the end of the clip.
    ///
    /// A recording without the event's onset begins with the clip. A recording without the event's offset begins so
    /// late that it reaches the clip's end. A recording without both is repeated over the whole clip.
    pub fn place(&self, source: &Source, n_source: usize, durations: &Durations, attempt: u64) -> Placement {
        let n_clip = durations.clip;
        let mut stream = stream(self.key, "onset", attempt);
        if n_source > n_clip {
            let start = if stream.chance(0.5) { 0 } else { n_source - n_clip };
            return Placement { start, onset: 0, len: n_clip };
        }
        let last = n_clip - durations.onset_margin;
        let onset = match (source.no_onset, source.no_offset) {
            (true, true) => return Placement { start: 0, onset: 0, len: n_clip },
            (true, false) => 0,
            (false, true) => {
                let first = n_clip - n_source;
                first + stream.below(last.saturating_sub(first) + 1)
            }
            (false, false) => stream.below(last + 1),
        };
        Placement { start: 0, onset, len: n_source.min(n_clip - onset) }
    }

    /// Crops the event to a random part of 200 ms and keeps its onset. A shorter event stays as it is.
    pub fn crop(&self, whole: Placement, n_source: usize, durations: &Durations, attempt: u64) -> Placement {
        let len = durations.short_event;
        if n_source <= len {
            return Placement { len: whole.len.min(n_source), ..whole };
        }
        let start = stream(self.key, "short event", attempt).below(n_source - len + 1);
        Placement { start, onset: whole.onset, len: len.min(durations.clip - whole.onset) }
    }
}

fn stream(key: Key, name: &str, attempt: u64) -> Stream {
    key.named(name).child(attempt).stream()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::source::Origin;
    use proptest::prelude::*;

    const D: Durations = Durations { clip: 1000, onset_margin: 25, short_event: 20, fade: 1 };

    fn scene(index: usize) -> Scene {
        let pool = Pool { events: vec![vec![0, 1, 2], vec![3, 4]], backgrounds: vec![5, 6] };
        Scene::draw(9, Subset::Train, index, &pool, [6.0, 30.0])
    }

    fn source(no_onset: bool, no_offset: bool) -> Source {
        Source { name: "a".into(), origin: Origin::File("a".into()), no_onset, no_offset }
    }

    #[test]
    fn durations_of_the_defaults_are_those_of_the_paper() {
        let durations = Durations::new(&SceneConfig::default()).unwrap();
        assert_eq!(durations, Durations { clip: 441_000, onset_margin: 11_025, short_event: 8_820, fade: 441 });
    }

    #[test]
    fn unusable_durations_name_their_key() {
        let scene = SceneConfig::default();
        let cases = [
            ("scene.clip_s", SceneConfig { clip_s: 0.0, ..scene.clone() }),
            ("scene.clip_s", SceneConfig { clip_s: f64::NAN, ..scene.clone() }),
            ("scene.fade_s", SceneConfig { fade_s: -0.1, ..scene.clone() }),
            ("scene.onset_margin_s", SceneConfig { onset_margin_s: 11.0, ..scene.clone() }),
            ("scene.short_event_s", SceneConfig { short_event_s: f64::INFINITY, ..scene }),
        ];
        for (key, config) in cases {
            let message = Durations::new(&config).unwrap_err().to_string();
            assert!(message.starts_with(key), "{message}");
        }
    }

    #[test]
    fn classes_take_turns_and_all_sounds_and_levels_are_drawn() {
        let scenes: Vec<Scene> = (0..400).map(scene).collect();
        assert!(scenes.iter().enumerate().all(|(i, scene)| scene.events[0].class == i % 2));
        for (sound, least) in [(0, 40), (1, 40), (2, 40), (3, 70), (4, 70)] {
            let n = scenes.iter().filter(|scene| scene.events[0].source == sound).count();
            assert!(n >= least, "event {sound}: {n}");
        }
        let n = scenes.iter().filter(|scene| scene.background == 5).count();
        assert!((150..250).contains(&n), "background 5: {n}");
        assert!(scenes.iter().all(|scene| (6.0..30.0).contains(&scene.events[0].snr_db)));
        let mean = scenes.iter().map(|scene| scene.events[0].snr_db).sum::<f64>() / 400.0;
        assert!((mean - 18.0).abs() < 1.5, "mean SNR {mean}");
    }

    #[test]
    fn a_long_event_fills_the_clip_with_its_beginning_or_its_end() {
        let starts: Vec<usize> = (0..200)
            .map(|i| {
                let place = scene(i).events[0].place(&source(false, false), 1300, &D, 0);
                assert_eq!((place.onset, place.len), (0, 1000));
                place.start
            })
            .collect();
        let at_end = starts.iter().filter(|&&start| start == 300).count();
        assert!((70..130).contains(&at_end), "{at_end} of 200 keep the end");
        assert!(starts.iter().all(|&start| start == 0 || start == 300));
    }

    #[test]
    fn onsets_are_uniform_outside_the_margin() {
        let onsets: Vec<usize> =
            (0..2000).map(|i| scene(i).events[0].place(&source(false, false), 100, &D, 0).onset).collect();
        assert!(onsets.iter().all(|&onset| onset <= 975));
        assert!(onsets.iter().any(|&onset| onset > 950) && onsets.iter().any(|&onset| onset < 25));
        let mean = onsets.iter().sum::<usize>() as f64 / 2000.0;
        assert!((mean - 487.5).abs() < 20.0, "mean onset {mean}");
    }

    proptest! {
        #[test]
        fn placements_lie_in_clip_and_source(index in 0_usize..1000, n in 1_usize..2500, attempt in 0_u64..3,
            on in any::<bool>(), off in any::<bool>()) {
            let scene = scene(index);
            let event = &scene.events[0];
            let place = event.place(&source(on, off), n, &D, attempt);
            prop_assert!(place.len >= 1 && place.onset + place.len <= D.clip);
            prop_assert!(place.start + place.len <= n || (on && off && n < D.clip));
            prop_assert!(!on || place.onset == 0);
            prop_assert!(!off || place.onset + place.len == D.clip);
            prop_assert!(place.onset + n.min(25) <= D.clip);

            let short = event.crop(place, n, &D, attempt);
            prop_assert_eq!(short.onset, place.onset);
            prop_assert_eq!(short.len, n.min(20).min(D.clip - place.onset));
            prop_assert!(short.start + short.len <= n);

            let start = scene.background_start(n, &D, attempt);
            prop_assert!(start == 0 || start + D.clip <= n);
        }
    }
}
