//! Standardisation (SPEC §1): mean and standard deviation of every band over a whole store, merged in f64, and the
//! normalisation with them.

use super::statistics::Statistics;
use super::store::ExampleStore;
use crate::gpu::{Gpu, Recording};
use crate::kernels::{moments, standardise as kernel};
use crate::{Error, Result};

/// Count, means and sums of squared deviations of a set of frames; two sets can be merged exactly (Chan, Golub, LeVeque
/// 1979).
#[derive(Debug, Clone, PartialEq)]
pub struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl RunningMoments {
    /// Makes the moments of no frame.
    pub fn empty(bands: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; bands], squares: vec![0.0; bands] }
    }

    /// Computes the moments of all frames of `store`, or of the `real_frames` of each example. The GPU sums over one
    /// example; examples are merged in f64, in their order.
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming the examples whose features are not finite, or if the device wrote no feature at
    /// all; other errors of the device.
    pub fn of(gpu: &Gpu, store: &ExampleStore, real_frames: Option<&[u32]>) -> Result<Self> {
        Self::of_named(gpu, store, real_frames, &|example| format!("example {example}"))
    }

    /// Computes what [`RunningMoments::of`] computes. Errors call an example by its `name`.
    fn of_named(
        gpu: &Gpu,
        store: &ExampleStore,
        real_frames: Option<&[u32]>,
        name: &dyn Fn(usize) -> String,
    ) -> Result<Self> {
        let mut total = Self::empty(store.bands);
        total.merge_block(gpu, store, real_frames, name)?;
        Ok(total)
    }

    /// Adds the frames of `store`. The result is the same however a subset is divided into stores. Errors call an
    /// example of `store` by its `name`.
    ///
    /// # Errors
    /// The errors of [`RunningMoments::of`].
    pub fn merge_block(
        &mut self,
        gpu: &Gpu,
        store: &ExampleStore,
        real_frames: Option<&[u32]>,
        name: &dyn Fn(usize) -> String,
    ) -> Result<()> {
        let on_gpu = real_frames.map(|frames| gpu.tensor_from("real frames", &[frames.len()], frames)).transpose()?;
        let mut untouched = !store.is_empty();
        for shard in store.shards() {
            let real = on_gpu.clone().map(|frames| (frames, shard.first));
            let kernel = moments::BandMoments { real_frames: real, ..moments::BandMoments::new(gpu, &shard.tensor)? };
            let output = kernel.moments.clone();
            let mut recording = Recording::new("moments");
            recording.push(kernel);
            gpu.replay(&recording.resolve(gpu)?, 0..1)?;
            let values = gpu.read(&output)?;
            let examples = values.chunks_exact(2 * store.bands);
            if let Some((first, more)) = not_finite(examples.clone()) {
                let first = name(shard.first + first);
                let others = if more == 0 { String::new() } else { format!(" and of {more} examples behind it") };
                let reason = "are not finite: its audio may hold values that are no numbers, so listen to it, and convert it \
                              or leave it out";
                return Err(Error::Tolerance(format!("the features of {first}{others} {reason}")));
            }
            untouched &= values.iter().all(|&x| x == 0.0);
            for (index, example) in (shard.first..).zip(examples) {
                let frames = real_frames.map_or(store.frames, |frames| (frames[index] as usize).clamp(1, store.frames));
                self.merge(&Self::of_example(frames, example));
            }
        }
        if untouched {
            return Err(Error::Tolerance(
                "every feature is exactly zero: the adapter computed nothing, it may be out of memory".into(),
            ));
        }
        Ok(())
    }

    /// Makes the moments of one example from its means and squared deviations, `[band, 2]`.
    fn of_example(frames: usize, moments: &[f32]) -> Self {
        let column = |i: usize| moments.iter().skip(i).step_by(2).map(|&x| f64::from(x)).collect();
        Self { count: frames as f64, mean: column(0), squares: column(1) }
    }

    /// Adds the frames of `other`.
    pub fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let share = other.count / count;
        for (band, (mean, squares)) in self.mean.iter_mut().zip(&mut self.squares).enumerate() {
            let delta = other.mean[band] - *mean;
            *mean += delta * share;
            *squares += other.squares[band] + delta * delta * self.count * share;
        }
        self.count = count;
    }

    /// Returns mean and standard deviation (divisor n) of the frames.
    pub fn statistics(&self) -> Statistics {
        let std = self.squares.iter().map(|squares| (squares / self.count.max(1.0)).sqrt());
        Statistics { mean: self.mean.clone(), std: std.collect() }
    }
}

/// Finds the first run of consecutive examples that have a value which is not finite: the position of its first
/// example, and the number of those behind it.
fn not_finite<'a>(mut examples: impl Iterator<Item = &'a [f32]> + Clone) -> Option<(usize, usize)> {
    let bad = |moments: &[f32]| moments.iter().any(|x| !x.is_finite());
    let first = examples.position(bad)?;
    Some((first, examples.take_while(|moments| bad(moments)).count()))
}

/// Computes mean and standard deviation of every band over all frames of `store`, or over the `real_frames` of each
/// example, those before the end of its clip.
///
/// # Errors
/// The errors of [`RunningMoments::of`].
pub fn statistics(gpu: &Gpu, store: &ExampleStore, real_frames: Option<&[u32]>) -> Result<Statistics> {
    Ok(RunningMoments::of(gpu, store, real_frames)?.statistics())
}

/// Computes the statistics that [`statistics`] computes. Errors call an example by its `name`.
///
/// # Errors
/// The errors of [`RunningMoments::of`].
pub fn statistics_of_named(
    gpu: &Gpu,
    store: &ExampleStore,
    real_frames: Option<&[u32]>,
    name: &dyn Fn(usize) -> String,
) -> Result<Statistics> {
    Ok(RunningMoments::of_named(gpu, store, real_frames, name)?.statistics())
}

/// Replaces every feature x of `store` by (x − mean) / (√(std² + ε) + ε) of its band.
///
/// # Errors
/// Errors of the device.
pub fn standardise(gpu: &Gpu, store: &ExampleStore, statistics: &Statistics, epsilon: f64) -> Result<()> {
    for shard in store.shards() {
        let mut recording = Recording::new("standardise");
        recording.push(kernel::Standardise::new(gpu, &shard.tensor, &statistics.mean, &statistics.std, epsilon)?);
        gpu.replay(&recording.resolve(gpu)?, 0..1)?;
    }
    gpu.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_equals_one_pass_over_everything() {
        let values: Vec<f64> = (0..100).map(|i| 1e3 + f64::from(i * i % 37)).collect();
        let moments = |part: &[f64]| {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let squares = part.iter().map(|x| (x - mean).powi(2)).sum();
            RunningMoments { count: part.len() as f64, mean: vec![mean], squares: vec![squares] }
        };
        let mut merged = RunningMoments::empty(1);
        for part in [&values[..1], &values[1..40], &values[40..]] {
            merged.merge(&moments(part));
        }
        let (merged, whole) = (merged.statistics(), moments(&values).statistics());
        assert!((merged.mean[0] - whole.mean[0]).abs() < 1e-10);
        assert!((merged.std[0] - whole.std[0]).abs() < 1e-10);
    }

    #[test]
    fn a_constant_band_has_no_deviation_however_it_is_merged() {
        let mut merged = RunningMoments::empty(1);
        for frames in [1, 7, 1000] {
            merged.merge(&RunningMoments::of_example(frames, &[-4.6051702, 0.0]));
        }
        let constant = Statistics { mean: vec![f64::from(-4.6051702_f32)], std: vec![0.0] };
        assert_eq!(merged.statistics(), constant);
        // Training with these statistics is refused.
        let message = constant.checked().unwrap_err().to_string();
        assert!(
            message.contains("1 of 1 mel bands, band 0 first") && message.contains("features.high_hz"),
            "{message}"
        );
        let varied = Statistics { mean: vec![0.0], std: vec![1e-9] };
        assert_eq!(varied.clone().checked().unwrap(), varied);
    }

    #[test]
    fn examples_that_are_not_finite_are_named() {
        let examples = |values: &'static [f32]| values.chunks_exact(2);
        assert_eq!(not_finite(examples(&[0.0, 1.0, 2.0, 3.0])), None);
        assert_eq!(not_finite(examples(&[0.0, 1.0, f32::NAN, 3.0])), Some((1, 0)));
        let two = &[f32::NAN, 1.0, 2.0, f32::INFINITY, 0.0, 0.0, f32::NAN, 0.0];
        assert_eq!(not_finite(examples(two)), Some((0, 1)));
    }
}
