//! Settings of a training that suit clips of one's own, chosen from the data where nobody set them. The defaults of the
//! configuration are the paper's, whose clips have one event with known times.

use toml::Value;

use super::dataset::Dataset;
use crate::Result;
use crate::base::printable::counted;
use crate::config::{BatchSampling, Config, Crop, SetKeys};
use crate::data::clips::{LeftOut, Subset};

/// Longest training segment that is chosen, in seconds. Longer ones can be set.
const MOST_SECONDS: f64 = 10.0;
/// Share of the training clips that a segment holds as a whole.
const WHOLE: f64 = 0.9;

/// A setting that was chosen from the data.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSetting {
    /// Key of the configuration.
    pub key: &'static str,
    /// Its value.
    pub value: Value,
    /// Why the value suits the data.
    pub reason: String,
}

impl Dataset {
    /// Returns the settings that suit the dataset better than those of `config`, leaving out the keys in `set`. There
    /// are none for mixed clips, nor for a folder that [`generate`](super::generate::generate) wrote.
    ///
    /// - `train.crop` is `whole` if a training clip has labels without times, or several events.
    /// - `train.seconds` is then long enough for nine training clips in ten, at most 10 s. For random crops it is
    ///   `train.clip_s`.
    /// - `train.sampling` is `balanced`.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`] when the process is asked to end.
    pub fn own_settings(&self, config: &Config, set: &SetKeys) -> Result<Vec<OwnSetting>> {
        let Some(clips) = self.clip_set().filter(|_| self.variant().is_none()) else { return Ok(Vec::new()) };
        let (mut chosen, mut crop) = (Vec::new(), config.train.crop);
        let mut choose = |key: &'static str, value: Value, reason: String| {
            let unset = !set.contains(key);
            if unset {
                chosen.push(OwnSetting { key, value, reason });
            }
            unset
        };
        let train = &clips.clips[Subset::Train as usize];
        let weak = train.iter().filter(|clip| clip.is_weak()).count();
        let several = train.iter().filter(|clip| clip.event_count() > 1).count();
        if weak + several > 0 {
            let reason = match weak {
                0 => format!("{} with several events", counted(several, "training clip")),
                _ => format!("{} with labels without times", counted(weak, "training clip")),
            };
            if choose("train.crop", Value::String("whole".into()), reason) {
                crop = Crop::Whole;
            }
        }
        if crop != Crop::Event {
            let key = if crop == Crop::Random { "train.clip_s" } else { "train.seconds" };
            if !set.contains(key) {
                let mut seconds: Vec<f64> = self.train_seconds()?.iter().flatten().copied().collect();
                seconds.sort_by(f64::total_cmp);
                let most = (seconds.len() as f64 * WHOLE).ceil() as usize;
                if let Some(longest) = seconds.get(most.max(1) - 1) {
                    let reason = format!(
                        "nine training clips in ten last at most {longest:.2} s, and no more than 10 s is chosen"
                    );
                    // A random crop fits into the part of the clip that it is taken from.
                    let crop_s = if crop == Crop::Random { config.train.seconds } else { 0.0 };
                    choose(key, Value::Float(whole_chunks(config, *longest).max(crop_s)), reason);
                }
            }
        }
        if config.train.sampling != BatchSampling::Balanced {
            let reason = "every class equally often, in epochs as long as the data".into();
            choose("train.sampling", Value::String("balanced".into()), reason);
        }
        Ok(chosen)
    }

    /// Returns a warning about training segments that may miss what their labels say: parts of clips that have labels
    /// without times. `remedy` says what to do.
    ///
    /// # Errors
    /// [`crate::Error::Stopped`] when the process is asked to end.
    pub fn missed_labels(&self, config: &Config, remedy: &str) -> Result<Option<LeftOut>> {
        let n = self.len(Subset::Train);
        if !(0..n).any(|index| self.is_weak(Subset::Train, index)) {
            return Ok(None);
        }
        let seconds = self.train_seconds()?;
        // A clip may be half a frame longer than the segment that holds it.
        let frame_s = config.features.hop as f64 / f64::from(config.features.rate);
        let longer = |index: &usize| seconds[*index].is_some_and(|s| s > config.train.seconds + frame_s);
        let parts = (0..n).filter(|index| self.is_weak(Subset::Train, *index)).filter(longer).count();
        Ok((parts > 0).then(|| {
            LeftOut::warning(format!(
                "{parts} of {n} training clips have labels without times and are longer than a segment of {} s, which may \
                 miss what is labelled: {remedy}",
                config.train.seconds
            ))
        }))
    }
}

/// Returns `seconds`, rounded up to whole chunks of the model, at most [`MOST_SECONDS`].
fn whole_chunks(config: &Config, seconds: f64) -> f64 {
    let frame_s = config.features.hop as f64 / f64::from(config.features.rate);
    let chunk = config.model.chunk_frames;
    let frames = config.features.frames(seconds.min(MOST_SECONDS));
    let most = (config.features.frames(MOST_SECONDS) / chunk).max(1);
    let chunks = frames.div_ceil(chunk).clamp(1, most);
    // Rounded to a microsecond, so that a configuration says 5 and not 5.000000000000001.
    ((chunks * chunk) as f64 * frame_s * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_whole_chunks() {
        let of = |seconds| whole_chunks(&Config::default(), seconds);
        assert_eq!(
            [0.0, 0.1, 0.2, 0.21, 4.99, 5.0, 9.99, 10.0, 3600.0].map(of),
            [0.2, 0.2, 0.2, 0.4, 5.0, 5.0, 10.0, 10.0, 10.0]
        );
        let mut config = Config::default();
        config.model.chunk_frames = 300;
        assert_eq!([1.0, 5.0, 20.0].map(|seconds| whole_chunks(&config, seconds)), [3.0, 6.0, 9.0]);
    }
}
