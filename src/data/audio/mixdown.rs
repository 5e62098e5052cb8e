//! Mixing the channels down to mono and converting the sampling rate, block by block as frames are decoded. Only the
//! result is held in memory, up to a limit.

use std::time::Duration;

use super::resample::{Conversion, resampled_len};
use super::{Audio, Decoded, RATES};

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
    rate: u32,
    channels: u16,
    /// Number of frames of the whole file according to its header, if the header has it.
    pub claimed: Option<u64>,
    n_frames: u64,
    levels: Levels,
    /// Channel means of the most recent frames.
    means: Vec<f32>,
    conversion: Option<Conversion>,
    audio: Audio,
    max_samples: usize,
}

impl Mixdown {
    /// Begins the mixdown of a file with `channels` channels at `rate` Hz.
    pub fn new(target: DecodeTarget, rate: u32, channels: u16) -> Result<Self, String> {
        if channels == 0 {
            return Err("bad channel count 0".into());
        }
        if !RATES.contains(&rate) {
            return Err(format!("bad sample rate {rate} Hz"));
        }
        let wanted = target.rate.unwrap_or(rate);
        Ok(Self {
            rate,
            channels,
            claimed: None,
            n_frames: 0,
            levels: Levels::default(),
            means: Vec::new(),
            conversion: (wanted != rate).then(|| Conversion::new(rate, wanted)),
            audio: Audio { rate: wanted, samples: Vec::new() },
            max_samples: target.max_samples,
        })
    }

    /// Returns the number of whole frames received so far.
    pub fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// Returns an error if a file of `n_frames` frames is longer than allowed.
    pub fn allow(&self, n_frames: u64) -> Result<(), String> {
        if resampled_len(n_frames, self.rate, self.audio.rate) <= self.max_samples {
            return Ok(());
        }
        let length = match self.claimed {
            Some(claimed) if claimed >= n_frames => duration(claimed, self.rate),
            _ => format!("more than {}", duration(n_frames, self.rate)),
        };
        let (most, rate) = (self.max_samples, self.audio.rate);
        Err(format!(
            "too long: it lasts {length}, and at most {most} samples are read, at {rate} Hz {}; cut it into parts, for \
             example with: ffmpeg -i IN -f segment -segment_time 3600 OUT%03d.flac",
            duration(most as u64, rate)
        ))
    }

    /// Adds the next frames; the samples of a frame's channels are adjacent.
    pub fn push(&mut self, interleaved: &[f32]) -> Result<(), String> {
        self.means.clear();
        for frame in interleaved.chunks_exact(self.channels.into()) {
            if frame.iter().any(|x| !x.is_finite()) {
                return Err(format!("sample {} is not finite", self.n_frames + self.means.len() as u64));
            }
            self.means.push(self.levels.mean(frame));
        }
        self.n_frames += self.means.len() as u64;
        self.allow(self.n_frames)?;
        let (n, samples) = (self.means.len(), &mut self.audio.samples);
        let ready = self.conversion.as_ref().map_or(n, |conversion| conversion.ready(n));
        if samples.try_reserve(ready).or_else(|_| samples.try_reserve_exact(ready)).is_err() {
            return Err(format!("there is no memory for more than {} of its samples", samples.len()));
        }
        match &mut self.conversion {
            Some(conversion) => conversion.push(&self.means, &mut self.audio.samples),
            None => self.audio.samples.extend_from_slice(&self.means),
        }
        Ok(())
    }

    /// Ends the file and returns its sound. `warnings` are those that the format's reader has found.
    pub fn finish(mut self, mut warnings: Vec<String>) -> Result<Decoded, String> {
        if self.n_frames == 0 {
            let reasons: String = warnings.iter().map(|warning| format!(": {warning}")).collect();
            return Err(format!("no samples{reasons}"));
        }
        if let Some(conversion) = self.conversion {
            conversion.finish(&mut self.audio.samples);
        }
        warnings.extend(self.levels.warnings(self.channels));
        let seconds = self.n_frames as f64 / f64::from(self.rate);
        Ok(Decoded { audio: self.audio, channels: self.channels, seconds, warnings })
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
