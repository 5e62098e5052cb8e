//! Tagging of whole clips, each over its own length: no part is cut out of a clip, and no silence is added to one.

use rayon::prelude::*;

use super::{Models, SegmentLabels, Tagger};
use crate::Result;
use crate::base::stop;
use crate::data::scenes::{ClipSegments, Dataset, Subset};
use crate::gpu::Gpu;

/// Length of a segment that is longer than any clip, in seconds.
const LONGEST_S: f64 = 1e9;
/// Number of samples that are read before they are tagged.
const ROOM: usize = 4 << 20;

/// Tags every clip of `subset` as a whole with every model. Returns the class probabilities, `[member][clip · class]`,
/// and the clips' labels. `progress` is called with the number of clips that were finished since the last call.
///
/// # Errors
/// [`crate::Error::Stopped`] when the process is asked to end; errors of reading the clips and of the device.
pub fn tag_whole_clips(
    gpu: &Gpu,
    models: &Models,
    dataset: &Dataset,
    subset: Subset,
    progress: &dyn Fn(u64),
) -> Result<(Vec<Vec<f32>>, Vec<SegmentLabels>)> {
    let mut tagger = Tagger::new(gpu, models, usize::MAX)?;
    let (mut probabilities, mut labels) = (vec![Vec::new(); models.seeds.len()], Vec::new());
    let clips: Vec<usize> = (0..dataset.len(subset)).collect();
    let mut audio: Vec<Vec<f32>> = Vec::new();
    for some in clips.chunks(rayon::current_num_threads()) {
        stop::check()?;
        let read = some.par_iter().map(|clip| dataset.segments(subset, *clip, &[LONGEST_S]));
        for ClipSegments { mut segments, dominant, duration_s } in read.collect::<Result<Vec<_>>>()? {
            let whole = segments.swap_remove(0);
            let audio_s = whole.samples.len() as f64 / f64::from(models.description.features.rate);
            labels.push(SegmentLabels { classes: whole.labels, dominant, duration_s, covered: whole.covered, audio_s });
            audio.push(whole.samples);
        }
        if audio.iter().map(Vec::len).sum::<usize>() >= ROOM || labels.len() == clips.len() {
            let whole: Vec<&[f32]> = audio.iter().map(Vec::as_slice).collect();
            let outputs = tagger.probabilities(&whole, &mut |_| {})?;
            probabilities.iter_mut().zip(outputs).for_each(|(all, part)| all.extend(part));
            progress(audio.len() as u64);
            audio.clear();
        }
    }
    Ok((probabilities, labels))
}
