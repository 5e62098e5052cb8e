//! Mixing the channels down to mono and converting the sampling rate, block by block as frames are decoded, up to a
//! limit of their number.

use std::time::Duration;

use super::RATES;
use super::reader::{Frames, StreamLayout};
use super::resample::{Conversion, resampled_len};

/// Magnitude beyond which samples were probably integers that were stored as floats: 24 dB above full scale.
const TOO_LOUD: f32 = 16.0;

/// Ratio of powers below which channels cancel each other out: 20 dB below the power that the mean of uncorrelated
/// channels has.
const CANCELLED: f64 = 0.01;

/// The requested sampling rate and the largest length of decoded sound.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecodeTarget {
    /// Sampling rate in Hz; `None` for the file's own rate.
    pub rate: Option<u32>,
    /// Largest number of samples.
    pub max_samples: usize,
}

/// The mono sound of a file while the file is decoded.
pub(super) struct Mixdown {
    layout: StreamLayout,
    /// Sampling rate of the mono samples in Hz.
    rate: u32,
    n_frames: u64,
    levels: Levels,
    /// Channel means of the most recent frames.
    means: Vec<f32>,
    conversion: Option<Conversion>,
    max_samples: usize,
}

impl Mixdown {
    /// Begins the mixdown of a file with `layout`.
    pub fn new(target: DecodeTarget, layout: StreamLayout) -> Result<Self, String> {
        let rate = layout.rate;
        if layout.channels == 0 {
            return Err("bad channel count 0".into());
        }
        if !RATES.contains(&rate) {
            return Err(format!("bad sample rate {rate} Hz"));
        }
        let wanted = target.rate.unwrap_or(rate);
        let mixdown = Self {
            layout,
            rate: wanted,
            n_frames: 0,
            levels: Levels::default(),
            means: Vec::new(),
            conversion: (wanted != rate).then(|| Conversion::new(rate, wanted)),
            max_samples: target.max_samples,
        };
        if let Frames::There(n_frames) = layout.frames {
            mixdown.allow(n_frames)?;
        }
        Ok(mixdown)
    }

    /// Returns the sampling rate of the mono samples in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Returns the layout of the file.
    pub fn layout(&self) -> StreamLayout {
        self.layout
    }

    /// Returns the length in seconds of the frames received so far.
    pub fn seconds(&self) -> f64 {
        self.n_frames as f64 / f64::from(self.layout.rate)
    }

    /// Returns an error if a file of `n_frames` frames is longer than allowed.
    fn allow(&self, n_frames: u64) -> Result<(), String> {
        let of_file = self.layout.rate;
        if resampled_len(n_frames, of_file, self.rate) <= self.max_samples {
            return Ok(());
        }
        let length = match self.layout.frames.number() {
            Some(claimed) if claimed >= n_frames => duration(claimed, of_file),
            _ => format!("more than {}", duration(n_frames, of_file)),
        };
        let (most, rate) = (self.max_samples, self.rate);
        Err(format!(
            "too long: it lasts {length}, and at most {most} samples are read, at {rate} Hz {}; cut it into parts, for \
             example with: ffmpeg -i IN -f segment -segment_time 3600 OUT%03d.flac",
            duration(most as u64, rate)
        ))
    }

    /// Adds the next frames, whose channels are adjacent, and appends to `samples` the mono samples that are ready.
    pub fn push(&mut self, interleaved: &[f32], samples: &mut Vec<f32>) -> Result<(), String> {
        self.means.clear();
        for frame in interleaved.chunks_exact(self.layout.channels.into()) {
            if frame.iter().any(|x| !x.is_finite()) {
                return Err(format!("sample {} is not finite", self.n_frames + self.means.len() as u64));
            }
            self.means.push(self.levels.mean(frame));
        }
        self.n_frames += self.means.len() as u64;
        self.allow(self.n_frames)?;
        match &mut self.conversion {
            Some(conversion) => conversion.push(&self.means, samples),
            None => samples.extend_from_slice(&self.means),
        }
        Ok(())
    }

    /// Ends the file: appends the last samples to `samples` and returns the warnings, after those that the format's
    /// reader has found.
    pub fn finish(&mut self, mut warnings: Vec<String>, samples: &mut Vec<f32>) -> Result<Vec<String>, String> {
        if self.n_frames == 0 {
            let reasons: String = warnings.iter().map(|warning| format!(": {warning}")).collect();
            return Err(format!("no samples{reasons}"));
        }
        if let Some(conversion) = self.conversion.take() {
            conversion.finish(samples);
        }
        warnings.extend(self.levels.warnings(self.layout.channels));
        Ok(warnings)
    }
}

/// Formats the length of `n` frames at `rate` Hz in hours, minutes and whole seconds.
fn duration(n: u64, rate: u32) -> String {
    humantime::format_duration(Duration::from_secs(n / u64::from(rate))).to_string()
}

/// Levels of the channels and of their mean.
#[derive(Default)]
struct Levels {
    /// The largest magnitude in any channel.
    peak: f32,
    /// Sum over the frames of the channels' mean power.
    of_channels: f64,
    /// Sum over the frames of the mean's power.
    of_mean: f64,
}

impl Levels {
    /// Returns the mean of a frame and adds the frame to the levels.
    fn mean(&mut self, frame: &[f32]) -> f32 {
        let (mut sum, mut power) = (0.0, 0.0);
        for &x in frame {
            self.peak = self.peak.max(x.abs());
            sum += f64::from(x);
            power += f64::from(x) * f64::from(x);
        }
        let n = frame.len() as f64;
        self.of_channels += power / n;
        self.of_mean += (sum / n) * (sum / n);
        (sum / n) as f32
    }

    /// Returns warnings about levels that are probably mistakes.
    fn warnings(&self, channels: u16) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.peak > TOO_LOUD {
            let full_scales = [7, 15, 23, 31].map(|bits| 1_u64 << bits);
            let full_scale = full_scales.into_iter().find(|&scale| self.peak <= scale as f32).unwrap_or(1 << 31);
            warnings.push(format!(
                "its samples reach {}, while full scale is 1: if they are integers stored as floats, divide them, for \
                 example with: ffmpeg -i IN -af volume=1/{full_scale} OUT.wav",
                self.peak
            ));
        }
        if self.of_mean * f64::from(channels) < CANCELLED * self.of_channels {
            let way = if self.of_mean == 0.0 { "to silence" } else { "nearly to silence" };
            warnings.push(format!(
                "its {channels} channels cancel each other out, {way}: if one has the wrong polarity, keep the other, for \
                 example with: ffmpeg -i IN -af pan='mono|c0=c0' OUT.wav"
            ));
        }
        warnings
    }
}
