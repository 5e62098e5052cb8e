//! `--every TIME`: the parts of a file that the models answer for.

use std::ops::Range;

use crate::data::features::{Chunking, Series};
use crate::model::checkpoint::Description;
use crate::{Error, Result};

/// A part of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Begin in seconds.
    pub onset_s: f64,
    /// End in seconds.
    pub offset_s: f64,
    /// Range of samples at the rate of the features.
    pub samples: Range<usize>,
}

/// The parts of a file that the models answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    chunking: Chunking,
    rate: u32,
    /// The file as a whole.
    whole: bool,
    /// Chunks of a window, if windows are asked for.
    chunks: Option<usize>,
}

impl Windows {
    /// The file as a whole and, with `every`, its consecutive windows of that many seconds after it, for the models
    /// that `description` is of.
    ///
    /// # Errors
    /// [`Error::Usage`] unless windows are whole chunks.
    pub fn and_whole(every: Option<f64>, description: &Description) -> Result<Self> {
        let (features, frames) = (&description.features, description.model.chunk_frames);
        let chunks = |seconds: f64| match features.frames(seconds) {
            n if n > 0 && n.is_multiple_of(frames) => Ok(n / frames),
            _ => {
                let chunk_s = (frames * features.hop) as f64 / f64::from(features.rate);
                Err(Error::Usage(format!("--every {seconds}: windows are multiples of {chunk_s} s, the models' chunk")))
            }
        };
        let chunking = Chunking { hop: features.hop, frames };
        Ok(Self { chunking, rate: features.rate, whole: true, chunks: every.map(chunks).transpose()? })
    }

    /// The consecutive windows of a file, or the file as a whole without `every`.
    ///
    /// # Errors
    /// The errors of [`Windows::and_whole`].
    pub fn or_whole(every: Option<f64>, description: &Description) -> Result<Self> {
        Ok(Self { whole: every.is_none(), ..Self::and_whole(every, description)? })
    }

    /// Division of segments into chunks.
    pub fn chunking(&self) -> Chunking {
        self.chunking
    }

    /// The segments of a file that arrives as a stream; they are those of [`Windows::of`].
    pub fn series(&self) -> Series {
        Series { whole: self.whole, window_chunks: self.chunks }
    }

    /// The rate of the samples in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The parts of a file of `n` samples and `seconds` length. The last window ends with the file.
    pub fn of(&self, n: usize, seconds: f64) -> Vec<Window> {
        let mut parts = Vec::new();
        if self.whole {
            parts.push(Window { onset_s: 0.0, offset_s: seconds, samples: 0..n });
        }
        let ranges = self.chunks.map_or(Vec::new(), |chunks| self.chunking.windows(n, chunks));
        let count = ranges.len();
        for (index, samples) in ranges.into_iter().enumerate() {
            let [onset_s, end_s] = [samples.start, samples.end].map(|at| at as f64 / f64::from(self.rate));
            parts.push(Window { onset_s, offset_s: if index + 1 == count { seconds } else { end_s }, samples });
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FeatureConfig, Method, ModelConfig, Normalise};

    fn description() -> Description {
        Description {
            classes: vec!["a".into()],
            features: FeatureConfig::default(),
            model: ModelConfig::default(),
            method: Method::Classifier,
            normalise: Normalise::None,
            mean: vec![0.0; 64],
            std: vec![1.0; 64],
            seed: 1,
            epoch: 0,
            thresholds: None,
        }
    }

    #[test]
    fn windows_meet_and_end_with_the_file() {
        let window = |onset_s, offset_s, samples| Window { onset_s, offset_s, samples };
        let whole = [window(0.0, 1.50001, 0..24_000)];
        let parts = [window(0.0, 0.6, 0..9600), window(0.6, 1.2, 9600..19_200), window(1.2, 1.50001, 19_200..24_000)];
        let of = |windows: Result<Windows>| windows.unwrap().of(24_000, 1.50001);
        assert_eq!(of(Windows::or_whole(Some(0.6), &description())), parts);
        let both = of(Windows::and_whole(Some(0.6), &description()));
        assert_eq!((&both[..1], &both[1..]), (&whole[..], &parts[..]));
        assert_eq!(of(Windows::and_whole(None, &description())), whole);
        assert_eq!(of(Windows::or_whole(None, &description())), whole);
    }

    #[test]
    fn windows_that_are_not_whole_chunks_are_refused() {
        for every in [0.3, 0.0, -0.2, 0.001, f64::NAN, f64::INFINITY] {
            let message = Windows::or_whole(Some(every), &description()).unwrap_err().to_string();
            assert!(message.starts_with(&format!("--every {every}")) && message.contains("0.2 s"), "{message}");
        }
        // Longer than any file is one window.
        assert_eq!(Windows::or_whole(Some(1e15), &description()).unwrap().of(3200, 0.2).len(), 1);
    }
}
