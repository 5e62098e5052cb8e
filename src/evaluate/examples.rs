//! A subset's segments of one length: features and targets on the GPU, labels on the host.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::Result;
use crate::config::Config;
use crate::features::{ExampleStore, extract};
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::gather::Gather;
use crate::kernels::input::{Gathered, Input};
use crate::model::Architecture;
use crate::scenes::{Cuts, Dataset, Labels, Segment, Subset};

/// What is heard in an example.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// Classes, ascending.
    pub labels: Vec<usize>,
    /// Class of the dominant event.
    pub dominant: Option<usize>,
    /// How long that event is heard in the clip, in seconds.
    pub duration_s: f64,
    /// The share of the segment that it covers.
    pub covered: f64,
}

impl Heard {
    /// One event over the whole example.
    pub fn one(class: usize, seconds: f64) -> Self {
        Self { labels: vec![class], dominant: Some(class), duration_s: seconds, covered: 1.0 }
    }
}

/// Segments of one length on the GPU.
pub struct Examples {
    /// Log-mel features.
    pub store: ExampleStore,
    /// 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// What is heard in each example.
    pub heard: Vec<Heard>,
    /// Class of each example's dominant event, `[example]`; [`NO_CLASS`] without one.
    pub dominant: Tensor<u32>,
}

impl Examples {
    /// Examples from features that are on the GPU already.
    ///
    /// # Errors
    /// What making tensors may report.
    pub fn new(gpu: &Gpu, store: ExampleStore, heard: Vec<Heard>, classes: usize) -> Result<Self> {
        assert_eq!(store.len(), heard.len(), "one set of labels for each example");
        let mut targets = vec![0.0; heard.len() * classes];
        for (example, heard) in heard.iter().enumerate() {
            heard.labels.iter().for_each(|label| targets[example * classes + label] = 1.0);
        }
        let dominant: Vec<u32> = heard.iter().map(|heard| heard.dominant.map_or(NO_CLASS, |c| c as u32)).collect();
        Ok(Self {
            store,
            targets: gpu.tensor_from("targets", &[heard.len(), classes], &targets)?,
            dominant: gpu.tensor_from("dominant classes", &[heard.len()], &dominant)?,
            heard,
        })
    }

    /// The log-mel features of one subset, cut to segments of `seconds`, not standardised yet.
    ///
    /// # Errors
    /// The error of [`Dataset::need`] when the subset is empty; what mixing, decoding and the device may report.
    pub fn load(
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        subset: Subset,
        seconds: f64,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        let mut lengths = load_lengths(gpu, config, dataset, subset, &[seconds], progress)?;
        Ok(lengths.swap_remove(0))
    }

    /// Chunks of one segment, as `architecture` cuts them.
    pub fn chunks(&self, architecture: &Architecture) -> usize {
        self.store.frames / architecture.chunk_frames
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.heard.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// The examples of a batch as the first layer's input: where they lie when the store is one tensor; otherwise their copies are
    /// pushed, one kernel for each shard.
    ///
    /// # Errors
    /// What making the tensor of the copies may report.
    pub fn push_input(&self, gpu: &Gpu, recording: &mut Recording, batches: &Tensor<u32>) -> Result<Input> {
        if let [shard] = self.store.shards() {
            return Ok(Input::Gathered(Gathered { store: shard.tensor.clone(), batches: batches.clone() }));
        }
        let ExampleStore { frames, bands, .. } = self.store;
        let input = gpu.tensor("input", &[batches.size(1), batches.size(2), frames, bands])?;
        for shard in self.store.shards() {
            recording.push(Gather {
                shard: shard.tensor.clone(),
                first: shard.first,
                count: shard.count,
                batches: batches.clone(),
                input: input.clone(),
            });
        }
        Ok(Input::Dense(input))
    }
}

/// The labels of the segments of one subset, `[length][clip]`, equal to those that [`load_lengths`] finds; durations and
/// covered shares stay 0. No clip is mixed and no feature computed, and few clips are read ([`Dataset::heard`]).
///
/// # Errors
/// The same as those of [`Dataset::heard`].
pub fn heard_in(dataset: &Dataset, subset: Subset, seconds: &[f64]) -> Result<Vec<Vec<Heard>>> {
    let of_clip = |index: usize| dataset.heard(subset, index, seconds);
    let clips = (0..dataset.len(subset)).into_par_iter().map(of_clip).collect::<Result<Vec<Labels>>>()?;
    let of_length = |length: usize| {
        let heard = |clip: &Labels| Heard {
            labels: clip.segments[length].clone(),
            dominant: clip.dominant,
            ..Heard::default()
        };
        clips.iter().map(heard).collect()
    };
    Ok((0..seconds.len()).map(of_length).collect())
}

/// The same clips as segments of several lengths; each clip is mixed once. `progress` is called with the clips done.
///
/// # Errors
/// As [`Examples::load`].
pub fn load_lengths(
    gpu: &Gpu,
    config: &Config,
    dataset: &Dataset,
    subset: Subset,
    seconds: &[f64],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Examples>> {
    dataset.need(&[subset])?;
    let count = dataset.len(subset);
    // The longest segments are extracted while clips are mixed; the shorter ones wait on the host, a tenth of its size.
    let longest = (0..seconds.len()).max_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(0);
    let waiting: Vec<Mutex<Vec<Segment>>> = (0..count).map(|_| Mutex::default()).collect();
    let heard: Vec<Mutex<Vec<Heard>>> = (0..count).map(|_| Mutex::default()).collect();
    let mix = |index: usize| {
        let Cuts { mut segments, dominant, duration_s } = dataset.cut(subset, index, seconds)?;
        let of_segment = |segment: &mut Segment| Heard {
            labels: std::mem::take(&mut segment.labels),
            dominant,
            duration_s,
            covered: segment.covered,
        };
        *hold(&heard[index]) = segments.iter_mut().map(of_segment).collect();
        let chosen = std::mem::take(&mut segments[longest].samples);
        *hold(&waiting[index]) = segments;
        Ok(chosen)
    };
    let frames = |length: usize| config.features.frames(seconds[length]);
    let first = extract(gpu, &config.features, count, frames(longest), &mix, progress)?;
    let mut stores = vec![(longest, first)];
    for length in (0..seconds.len()).filter(|length| *length != longest) {
        let take = |index: usize| Ok(std::mem::take(&mut hold(&waiting[index])[length].samples));
        stores.push((length, extract(gpu, &config.features, count, frames(length), &take, &|_| {})?));
    }
    stores.sort_by_key(|(length, _)| *length);
    let classes = dataset.classes().len();
    let examples = |(length, store): (usize, ExampleStore)| {
        let heard = heard.iter().map(|heard| std::mem::take(&mut hold(heard)[length])).collect();
        Examples::new(gpu, store, heard, classes)
    };
    stores.into_iter().map(examples).collect()
}

/// A lock whose holder may have panicked: what it guards is replaced whole.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_where_it_lies_or_copied_from_several_shards() {
        let gpu = Gpu::noop();
        let frames = 100_000;
        let most = (gpu.max_binding_bytes() / (frames * 64 * 4) as u64) as usize;
        for (count, shards) in [(most, 1), (2 * most + 1, 3)] {
            let store = ExampleStore::new(&gpu, count, frames, 64).unwrap();
            let examples = Examples::new(&gpu, store, vec![Heard::one(0, 1.0); count], 2).unwrap();
            let batches = gpu.tensor("batches", &[7, 2, 1]).unwrap();
            let mut recording = Recording::new("input");
            match examples.push_input(&gpu, &mut recording, &batches).unwrap() {
                Input::Gathered(gathered) => assert_eq!((shards, gathered.store.size(0)), (1, count)),
                Input::Dense(input) => input.expect_shape(&[2, 1, frames, 64]),
            }
            let copies = if shards == 1 { 0 } else { shards };
            assert_eq!(recording.resolve(&gpu).unwrap().len(), copies);
        }
    }
}
