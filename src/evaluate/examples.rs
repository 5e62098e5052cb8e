//! Segments of one length of a subset: features and targets on the GPU, labels on the host.

use rayon::prelude::*;

use crate::Result;
use crate::config::Config;
use crate::data::features::{ExampleStore, extract};
use crate::data::scenes::{ClipSegments, Dataset, Labels, Segment, Subset};
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::class_means::NO_CLASS;
use crate::kernels::gather::Gather;
use crate::kernels::input::{Gathered, Input};
use crate::model::Architecture;

/// The labels of an example.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentLabels {
    /// Classes audible in the example, ascending.
    pub classes: Vec<usize>,
    /// Class of the dominant event; `None` without an event.
    pub dominant: Option<usize>,
    /// Length of the dominant event in the clip, in seconds.
    pub duration_s: f64,
    /// Fraction of the segment that the dominant event covers.
    pub covered: f64,
}

impl SegmentLabels {
    /// Makes the labels of an example with one event over its whole length.
    pub fn one(class: usize, seconds: f64) -> Self {
        Self { classes: vec![class], dominant: Some(class), duration_s: seconds, covered: 1.0 }
    }
}

/// Segments of one length on the GPU.
pub struct Examples {
    /// Log-mel features.
    pub store: ExampleStore,
    /// Targets, 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// Labels of each example.
    pub labels: Vec<SegmentLabels>,
    /// Class of each example's dominant event, `[example]`; [`NO_CLASS`] without one.
    pub dominant: Tensor<u32>,
}

impl Examples {
    /// Makes examples from features on the GPU.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, store: ExampleStore, labels: Vec<SegmentLabels>, classes: usize) -> Result<Self> {
        assert_eq!(store.len(), labels.len(), "one set of labels for each example");
        let mut targets = vec![0.0; labels.len() * classes];
        for (example, labels) in labels.iter().enumerate() {
            labels.classes.iter().for_each(|label| targets[example * classes + label] = 1.0);
        }
        let dominant: Vec<u32> = labels.iter().map(|labels| labels.dominant.map_or(NO_CLASS, |c| c as u32)).collect();
        Ok(Self {
            store,
            targets: gpu.tensor_from("targets", &[labels.len(), classes], &targets)?,
            dominant: gpu.tensor_from("dominant classes", &[labels.len()], &dominant)?,
            labels,
        })
    }

    /// Computes the log-mel features of one subset, as segments of `seconds`, not yet standardised.
    ///
    /// # Errors
    /// The error of [`Dataset::need`] if the subset is empty; errors of mixing, decoding and the device.
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

    /// Returns the number of chunks of one segment in `architecture`.
    pub fn chunks(&self, architecture: &Architecture) -> usize {
        self.store.frames / architecture.chunk_frames
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the examples of a batch as the first layer's input. If the store is one tensor, the layer reads the
    /// examples in place. Otherwise copies are pushed, with one kernel for each shard.
    ///
    /// # Errors
    /// Errors of making the tensor for the copies.
    pub fn push_input(&self, gpu: &Gpu, recording: &mut Recording, batches: &Tensor<u32>) -> Result<Input> {
        if let [shard] = self.store.shards() {
            return Ok(Input::Gathered(Gathered { store: shard.tensor.clone(), batches: batches.clone() }));
        }
        let ExampleStore { frames, bands, .. } = self.store;
        let [_, members, batch_size] = batches.dims();
        let input = gpu.tensor("input", &[members, batch_size, frames, bands])?;
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

/// Returns the labels of the segments of one subset, `[length][clip]`. Classes and dominant events equal those from
/// [`load_lengths`]; durations and coverage are 0. No clip is mixed, no feature is computed, and few clips are read
/// ([`Dataset::segment_labels`]).
///
/// # Errors
/// The errors of [`Dataset::segment_labels`].
pub fn segment_labels(dataset: &Dataset, subset: Subset, seconds: &[f64]) -> Result<Vec<Vec<SegmentLabels>>> {
    let of_clip = |index: usize| dataset.segment_labels(subset, index, seconds);
    let clips = (0..dataset.len(subset)).into_par_iter().map(of_clip).collect::<Result<Vec<Labels>>>()?;
    let of_length = |length: usize| {
        let labels = |clip: &Labels| SegmentLabels {
            classes: clip.segments[length].clone(),
            dominant: clip.dominant,
            ..SegmentLabels::default()
        };
        clips.iter().map(labels).collect()
    };
    Ok((0..seconds.len()).map(of_length).collect())
}

/// Loads the clips of a subset as segments of several lengths, and mixes each clip only once. `progress` is called with
/// the number of finished clips.
///
/// # Errors
/// The errors of [`Examples::load`].
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
    // The longest segments are extracted while clips are mixed. The shorter ones wait on the host; they take a tenth of
    // the memory.
    let longest = (0..seconds.len()).max_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(0);
    let mix = |index: usize| {
        let ClipSegments { mut segments, dominant, duration_s } = dataset.segments(subset, index, seconds)?;
        let of_segment = |segment: &mut Segment| SegmentLabels {
            classes: std::mem::take(&mut segment.labels),
            dominant,
            duration_s,
            covered: segment.covered,
        };
        let labels: Vec<SegmentLabels> = segments.iter_mut().map(of_segment).collect();
        Ok((std::mem::take(&mut segments[longest].samples), (labels, segments)))
    };
    let frames = |length: usize| config.features.frames(seconds[length]);
    let (of_longest, clips) = extract(gpu, &config.features, count, frames(longest), &mix, progress)?;
    let mut of_longest = Some(of_longest);
    let examples = |length: usize| {
        let store = match of_longest.take_if(|_| length == longest) {
            Some(store) => store,
            None => {
                let audio = |index: usize| {
                    let (_, segments): &(_, Vec<Segment>) = &clips[index];
                    Ok((segments[length].samples.clone(), ()))
                };
                extract(gpu, &config.features, count, frames(length), &audio, &|_| {})?.0
            }
        };
        let labels = clips.iter().map(|(labels, _)| labels[length].clone()).collect();
        Examples::new(gpu, store, labels, dataset.classes().len())
    };
    (0..seconds.len()).map(examples).collect()
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
            let examples = Examples::new(&gpu, store, vec![SegmentLabels::one(0, 1.0); count], 2).unwrap();
            let batches = gpu.tensor("batches", &[7, 2, 1]).unwrap();
            let mut recording = Recording::new("input");
            match examples.push_input(&gpu, &mut recording, &batches).unwrap() {
                Input::Gathered(gathered) => {
                    assert_eq!(shards, 1);
                    gathered.store.expect_shape(&[count, frames, 64]);
                }
                Input::Dense(input) => input.expect_shape(&[2, 1, frames, 64]),
            }
            let copies = if shards == 1 { 0 } else { shards };
            assert_eq!(recording.resolve(&gpu).unwrap().len(), copies);
        }
    }
}
