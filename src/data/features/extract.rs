//! Extraction of log-mel features into the store, in batches of bounded size. The CPU prepares a batch while the GPU
//! computes the batch before.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::front_end::FrontEnd;
use super::store::ExampleStore;
use crate::base::stop;
use crate::config::FeatureConfig;
use crate::gpu::{Gpu, Recording, Resolved};
use crate::kernels::spectrum::FFT_LENGTHS;
use crate::{Error, Result};

/// Size of the audio that is staged for the GPU at a time, in bytes.
const BATCH_BYTES: usize = 16 << 20;

/// Computes the log-mel features of `count` examples of exactly `frames` frames each, not yet standardised (SPEC §1).
///
/// `audio(i)` returns the mono samples of example `i` at `config.rate`, and whatever else the caller knows of the
/// example, which comes back in the order of the examples. rayon's threads call it once for each example, in any order.
/// `progress` is called with the number of examples whose audio is ready.
///
/// # Errors
/// [`Error::Stopped`] when the process is asked to end; any error of `audio`; [`Error::Config`] if frames of this
/// geometry cannot be computed; errors of the device.
pub fn extract<T: Send>(
    gpu: &Gpu,
    config: &FeatureConfig,
    count: usize,
    frames: usize,
    audio: &(dyn Fn(usize) -> Result<(Vec<f32>, T)> + Sync),
    progress: &(dyn Fn(usize) + Sync),
) -> Result<(ExampleStore, Vec<T>)> {
    check(config)?;
    let store = ExampleStore::new(gpu, count, frames, config.bands)?;
    let mut batch = SegmentBatch::new(gpu, config, count.max(1), frames)?;
    let ready = AtomicUsize::new(0);
    let mut of_examples = Vec::with_capacity(count);
    for shard in store.shards() {
        let mut recording = Recording::new("features");
        batch.front_end.push(gpu, &mut recording, &shard.tensor)?;
        let recording = recording.resolve(gpu)?;
        for (row, start) in (0..shard.count).step_by(batch.lengths.len()).enumerate() {
            let used = batch.lengths.len().min(shard.count - start);
            of_examples.extend(batch.fill(used, &|i| {
                stop::check()?;
                let example = audio(shard.first + start + i)?;
                progress(ready.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(example)
            })?);
            batch.run(gpu, &recording, row as u32, used)?;
        }
    }
    gpu.wait()?;
    Ok((store, of_examples))
}

/// A batch of segments that go to the GPU together: audio on the host, and the kernels that compute features from it.
struct SegmentBatch {
    samples: Vec<f32>,
    lengths: Vec<u32>,
    front_end: FrontEnd,
}

impl SegmentBatch {
    fn new(gpu: &Gpu, config: &FeatureConfig, count: usize, frames: usize) -> Result<Self> {
        // Later samples do not reach the last frame.
        let samples = (frames - 1) * config.hop + config.fft / 2;
        let magnitude_bytes = frames * (config.fft / 2 + 1) * size_of::<f32>();
        let bindable = usize::try_from(gpu.max_binding_bytes()).unwrap_or(usize::MAX);
        let segments = (BATCH_BYTES / (samples * size_of::<f32>())).min(bindable / magnitude_bytes).min(65_535);
        let segments = segments.clamp(1, count);
        let front_end = FrontEnd::new(gpu, config, segments, samples, frames, 0)?;
        Ok(Self { samples: vec![0.0; front_end.audio.len()], lengths: vec![0; segments], front_end })
    }

    /// Fills segments 0..used with audio and returns what came with it; the rest of the batch is empty.
    fn fill<T: Send>(
        &mut self,
        used: usize,
        audio: &(dyn Fn(usize) -> Result<(Vec<f32>, T)> + Sync),
    ) -> Result<Vec<T>> {
        let stride = self.samples.len() / self.lengths.len();
        self.lengths[used..].fill(0);
        let segments = self.samples.par_chunks_exact_mut(stride).zip(&mut self.lengths).take(used).enumerate();
        let fill = |(i, (samples, length)): (usize, (&mut [f32], &mut u32))| {
            let (signal, of_example) = audio(i)?;
            let kept = signal.len().min(stride);
            samples[..kept].copy_from_slice(&signal[..kept]);
            *length = kept as u32;
            Ok(of_example)
        };
        segments.map(fill).collect()
    }

    /// Uploads the batch while the GPU computes the batch before, waits for that batch, then queues this one. Waiting
    /// keeps at most two batches staged.
    fn run(&self, gpu: &Gpu, recording: &Resolved, row: u32, used: usize) -> Result<()> {
        let stride = self.samples.len() / self.lengths.len();
        gpu.write(&self.front_end.audio, 0, &self.samples[..used * stride]);
        gpu.write(&self.front_end.lengths, 0, &self.lengths);
        gpu.wait()?;
        gpu.replay(recording, row..row + 1)
    }
}

/// Checks that frames of this geometry can be computed.
pub(super) fn check(config: &FeatureConfig) -> Result<()> {
    let FeatureConfig { window, fft, hop, bands, low_hz, high_hz, .. } = *config;
    let nyquist = f64::from(config.rate) / 2.0;
    let fail = |key: &str, reason: String| Err(Error::config(format!("features.{key}"), reason));
    if !fft.is_power_of_two() || !FFT_LENGTHS.contains(&fft) {
        let (low, high) = (FFT_LENGTHS.start(), FFT_LENGTHS.end());
        return fail("fft", format!("{fft} is not a power of two from {low} to {high}"));
    }
    if window == 0 || window > fft {
        return fail("window", format!("a window of {window} samples does not fit an FFT of {fft}"));
    }
    if hop == 0 {
        return fail("hop", "frames must advance by at least one sample".into());
    }
    if bands == 0 {
        return fail("bands", "there must be at least one mel band".into());
    }
    if !(0.0 <= low_hz && low_hz < high_hz && high_hz <= nyquist) {
        return fail("high_hz", format!("bands from {low_hz} to {high_hz} Hz are not within 0 to {nyquist} Hz"));
    }
    if config.log_offset.is_nan() || config.log_offset < f64::from(f32::MIN_POSITIVE) {
        return fail("log_offset", format!("{} leaves the logarithm of silence undefined", config.log_offset));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometry_that_cannot_be_computed_names_its_key() {
        let refused = |change: &dyn Fn(&mut FeatureConfig)| {
            let mut config = FeatureConfig::default();
            change(&mut config);
            check(&config).unwrap_err().to_string()
        };
        assert!(check(&FeatureConfig::default()).is_ok());
        assert!(refused(&|c| c.fft = 500).starts_with("features.fft"));
        assert!(refused(&|c| c.fft = 8192).starts_with("features.fft"));
        assert!(refused(&|c| c.window = 600).starts_with("features.window"));
        assert!(refused(&|c| c.hop = 0).starts_with("features.hop"));
        assert!(refused(&|c| c.bands = 0).starts_with("features.bands"));
        assert!(refused(&|c| c.high_hz = 9000.0).starts_with("features.high_hz"));
        assert!(refused(&|c| c.log_offset = 0.0).starts_with("features.log_offset"));
    }
}
