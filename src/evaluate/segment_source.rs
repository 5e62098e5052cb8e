//! Loading of examples: the clips of a subset become segments of one or several lengths, and these become log-mel.

use rayon::prelude::*;

use super::{Examples, SegmentLabels};
use crate::Result;
use crate::config::{Crop, FeatureConfig};
use crate::data::features::extract;
use crate::data::scenes::{ClipSegments, Dataset, Labels, Segment, Subset};
use crate::gpu::Gpu;

/// Segments of the clips of one subset, by their lengths.
#[derive(Clone, Copy)]
pub struct SegmentSource<'a> {
    /// Dataset with the clips.
    pub dataset: &'a Dataset,
    /// Subset from which every clip is taken.
    pub subset: Subset,
    /// Lengths in seconds. Every clip gives one segment of each.
    pub seconds: &'a [f64],
}

impl SegmentSource<'_> {
    /// Returns the labels of the segments, `[length][clip]`. Classes and dominant events equal those from
    /// [`SegmentSource::load`]; durations, lengths and coverage are 0. No clip is mixed, no feature is computed, and
    /// few clips are read ([`Dataset::segment_labels`]).
    ///
    /// # Errors
    /// The errors of [`Dataset::segment_labels`].
    pub fn labels(&self) -> Result<Vec<Vec<SegmentLabels>>> {
        let Self { dataset, subset, seconds } = *self;
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

    /// Computes the log-mel features of the segments, not yet standardised, and returns the examples of each length.
    /// Each clip is mixed only once. Where a clip is shorter than its segment, the rest counts in no mean, except with
    /// [`Crop::Event`], whose segments are filled up with silence. `progress` is called with the number of finished
    /// clips.
    ///
    /// # Errors
    /// The error of [`Dataset::need`] if the subset is empty; errors of mixing, decoding and the device.
    pub fn load(
        &self,
        gpu: &Gpu,
        features: &FeatureConfig,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Examples>> {
        let Self { dataset, subset, seconds } = *self;
        dataset.need(&[subset])?;
        let count = dataset.len(subset);
        // The longest segments are extracted while clips are mixed. The shorter ones wait on the host; they take a
        // tenth of the memory.
        let longest = (0..seconds.len()).max_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(0);
        let mix = |index: usize| {
            let mut segments = segment_of(dataset, subset, index, seconds, features)?;
            Ok((std::mem::take(&mut segments[longest].samples), segments))
        };
        let frames = |length: usize| features.frames(seconds[length]);
        let (of_longest, clips) = extract(gpu, features, count, frames(longest), &mix, progress)?;
        let mut of_longest = Some(of_longest);
        let examples = |length: usize| {
            let store = match of_longest.take_if(|_| length == longest) {
                Some(store) => store,
                None => {
                    let audio = |index: usize| {
                        let segments: &Vec<LabelledSegment> = &clips[index];
                        Ok((segments[length].samples.clone(), ()))
                    };
                    extract(gpu, features, count, frames(length), &audio, &|_| {})?.0
                }
            };
            let labels = clips.iter().map(|segments| segments[length].labels.clone()).collect();
            let examples = Examples::new(gpu, store, labels, dataset.classes().len())?;
            if dataset.crop() == Crop::Event {
                return Ok(examples);
            }
            let real: Vec<u32> = clips.iter().map(|segments| segments[length].real_frames).collect();
            examples.with_real_frames(gpu, &real)
        };
        (0..seconds.len()).map(examples).collect()
    }
}

/// A segment of a clip with its labels.
pub(super) struct LabelledSegment {
    /// Mono samples at the rate of the features.
    pub samples: Vec<f32>,
    pub labels: SegmentLabels,
    /// Number of frames before the end of the clip.
    pub real_frames: u32,
}

/// Mixes or reads clip `index` of `subset` and returns its segments of the lengths `seconds`.
pub(super) fn segment_of(
    dataset: &Dataset,
    subset: Subset,
    index: usize,
    seconds: &[f64],
    features: &FeatureConfig,
) -> Result<Vec<LabelledSegment>> {
    let ClipSegments { segments, dominant, duration_s } = dataset.segments(subset, index, seconds)?;
    let of_segment = |Segment { samples, labels, covered }: Segment| {
        let audio_s = samples.len() as f64 / f64::from(features.rate);
        let labels = SegmentLabels { classes: labels, dominant, duration_s, covered, audio_s };
        LabelledSegment { samples, labels, real_frames: features.frames(audio_s) as u32 }
    };
    Ok(segments.into_iter().map(of_segment).collect())
}
