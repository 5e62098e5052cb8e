//! The built-in soundbank: the paper's ten classes and five kinds of rooms, synthesised from a seed (SPEC §6).
//!
//! In: (subset, class, index). Out: mono samples at [`RATE`], a pure function of the three. Each file is synthesised by
//! a simple physical model whose parameters are drawn from wide ranges that overlap between classes. The three subsets
//! draw from the same ranges with different seeds, so no parameters of an evaluation file occur in training.
//!
//! Building blocks: `oscillators`, `noise`, `resonators`, `grains`, `envelope`. Sources: `voice` and `calls` (speech,
//! cat, dog), `struck` (dishes, alarm), `motors` (blender, shaver, vacuum cleaner), `fluids` (frying, running water),
//! `backgrounds`. Every source goes through `recording`.

mod backgrounds;
mod calls;
mod envelope;
mod fluids;
mod grains;
mod motors;
mod noise;
mod oscillators;
mod recording;
mod resonators;
#[cfg(test)]
mod spectrum;
mod struck;
#[cfg(test)]
mod tests;
mod voice;

use super::Subset;
use crate::base::counter_rng::{Key, Stream};

/// Sampling rate of the soundbank, in hertz: 44 100, as in the paper.
pub const RATE: u32 = 44_100;

/// Seed of all parameters of the soundbank.
const SEED: u64 = 2020;

/// A synthesiser: returns a sound of about the given length in seconds, with parameters drawn from a key.
type Sketch = fn(Key, f64) -> Vec<f64>;

struct Class {
    name: &'static str,
    length: Length,
    sketch: Sketch,
}

/// Distribution of an event's length, in seconds: one of the two groups of the paper's Figure 1.
#[derive(Clone, Copy)]
enum Length {
    /// Log-normal within bounds: most near the median, a few much longer.
    Short { least: f64, median: f64, most: f64 },
    /// Uniform from 4 to 10 s, or with probability `beyond_10_s` from 10 to 14 s.
    Long { beyond_10_s: f64 },
}

impl Length {
    fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Short { least, median, most } => (median * (0.6 * stream.normal()).exp()).clamp(least, most),
            Self::Long { beyond_10_s } if stream.chance(beyond_10_s) => stream.uniform(10.0, 14.0),
            Self::Long { .. } => stream.uniform(4.0, 10.0),
        }
    }
}

/// The ten classes, in the order of [`classes`].
const CLASSES: [Class; 10] = [
    class("Alarm_bell_ringing", short(0.3, 1.2, 4.0), struck::alarm),
    class("Blender", Length::Long { beyond_10_s: 0.25 }, motors::blender),
    class("Cat", short(0.25, 0.8, 3.0), calls::cat),
    class("Dishes", short(0.2, 0.5, 2.0), struck::dishes),
    class("Dog", short(0.2, 0.6, 2.5), calls::dog),
    class("Electric_shaver_toothbrush", Length::Long { beyond_10_s: 0.35 }, motors::shaver),
    class("Frying", Length::Long { beyond_10_s: 0.5 }, fluids::frying),
    class("Running_water", Length::Long { beyond_10_s: 0.3 }, fluids::water),
    class("Speech", short(0.3, 1.1, 4.0), calls::speech),
    class("Vacuum_cleaner", Length::Long { beyond_10_s: 0.45 }, motors::vacuum),
];

const fn class(name: &'static str, length: Length, sketch: Sketch) -> Class {
    Class { name, length, sketch }
}

const fn short(least: f64, median: f64, most: f64) -> Length {
    Length::Short { least, median, most }
}

const BACKGROUNDS: [(&str, Sketch); 5] = [
    ("fan", backgrounds::fan),
    ("far_voices", backgrounds::far_voices),
    ("room_hum", backgrounds::room_hum),
    ("street", backgrounds::street),
    ("wind", backgrounds::wind),
];

/// Returns the version of the soundbank, which is part of a dataset's fingerprint. The version changes with any sample.
pub fn version() -> u32 {
    1
}

/// Returns the names of the ten classes, sorted.
pub fn classes() -> Vec<String> {
    CLASSES.iter().map(|class| class.name.to_owned()).collect()
}

/// Returns the number of files of a class in a subset: 40, 8 or 16, the same for every class.
pub fn n_events(subset: Subset, class: usize) -> usize {
    assert!(class < CLASSES.len(), "class {class} of {}", CLASSES.len());
    match subset {
        Subset::Train => 40,
        Subset::Validation => 8,
        Subset::Eval => 16,
    }
}

/// Synthesises event `index` of `class` (its position in [`classes`]): mono samples at [`RATE`], peak within [0.1,
/// 0.9].
pub fn event(subset: Subset, class: usize, index: usize) -> Vec<f32> {
    assert!(index < n_events(subset, class), "event {index} of {}", n_events(subset, class));
    let key = seed(subset).named("event").child(class as u64).child(index as u64);
    let class = &CLASSES[class];
    let length_s = class.length.draw(&mut key.named("length").stream());
    let mut source = (class.sketch)(key.named("source"), length_s);
    if let Length::Short { most, .. } = class.length {
        source.truncate(samples(most));
    }
    recording::record(&source, key.named("recording"))
}

/// Returns the names of a subset's backgrounds as `group/file`. [`background`] takes positions in this list.
pub fn backgrounds(subset: Subset) -> Vec<String> {
    let per_group = match subset {
        Subset::Train => 3,
        Subset::Validation => 1,
        Subset::Eval => 2,
    };
    let names = BACKGROUNDS.iter().flat_map(|&(group, _)| (0..per_group).map(move |i| format!("{group}/{i:03}")));
    names.collect()
}

/// Synthesises background `index` of a subset: 15 to 20 s of mono samples at [`RATE`], peak within [0.1, 0.9].
pub fn background(subset: Subset, index: usize) -> Vec<f32> {
    let n = backgrounds(subset).len();
    assert!(index < n, "background {index} of {n}");
    let (_, sketch) = BACKGROUNDS[index / (n / BACKGROUNDS.len())];
    let key = seed(subset).named("background").child(index as u64);
    let length_s = key.named("length").stream().uniform(15.0, 20.0);
    let mut source = sketch(key.named("source"), length_s);
    source.truncate(samples(length_s));
    recording::record(&source, key.named("recording"))
}

fn seed(subset: Subset) -> Key {
    Key::new(SEED).named(subset.name())
}

/// Returns the number of samples in `s` seconds.
fn samples(s: f64) -> usize {
    (s * f64::from(RATE)).round() as usize
}

/// Samples `at`, a function of time in seconds, for `length_s` seconds.
fn render(length_s: f64, mut at: impl FnMut(f64) -> f64) -> Vec<f64> {
    (0..samples(length_s)).map(|i| at(i as f64 / f64::from(RATE))).collect()
}
