//! The common part of an embedder and a tagger of segments: chunks go in, values of segments come out.

use crate::Result;
use crate::data::audio::AudioStream;
use crate::data::features::{Chunk, Cutter, Series};

/// A model that computes values of segments from their chunks, which arrive in batches. The values of a segment depend
/// neither on its distribution over batches nor on other segments in them.
pub trait SegmentModel {
    /// Returns the number of chunks that one batch may have.
    fn room(&self) -> usize;

    /// Makes a cutter of a signal into the model's chunks.
    fn cutter(&self, series: Series) -> Cutter;

    /// Begins anew: gives up all segments that are not finished.
    fn begin(&mut self);

    /// Adds the next chunks of one or several series of segments, at most [`SegmentModel::room`]. `progress` is called
    /// with the number of chunks that were finished since the last call.
    ///
    /// # Errors
    /// Errors of the device.
    fn push(&mut self, chunks: &[Chunk<'_>], progress: &mut dyn FnMut(usize)) -> Result<()>;

    /// Waits for all chunks and returns the values of the segments that were finished since [`SegmentModel::begin`], in
    /// the order of their last chunks, as `[member][segment · value]`.
    ///
    /// # Errors
    /// Errors of the device.
    fn finish(&mut self, progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>>;
}

/// Computes the values of segments of `stream`, which is at the rate of the features: of all of it, of its consecutive
/// windows, or both. Memory holds the values and the audio of a batch, whatever the length of the file.
///
/// Returns the number of samples, and `[member][segment · value]`: the whole first, then the windows in their order.
/// `progress` is called after each batch.
///
/// # Errors
/// Errors of the stream and of the device.
pub fn stream_values(
    model: &mut dyn SegmentModel,
    stream: &mut AudioStream,
    series: Series,
    progress: &mut dyn FnMut(&AudioStream),
) -> Result<(usize, Vec<Vec<f32>>)> {
    let room = model.room();
    let mut cutter = model.cutter(series);
    model.begin();
    while !cutter.is_over() {
        match stream.next_block()? {
            Some(block) => cutter.push(block),
            None => cutter.end(),
        }
        loop {
            let chunks = cutter.next_chunks(room);
            if chunks.is_empty() {
                break;
            }
            model.push(&chunks, &mut |_| {})?;
            progress(stream);
        }
    }
    let mut values = model.finish(&mut |_| {})?;
    if series.whole && series.window_chunks.is_some() {
        // The whole ends last.
        for values in &mut values {
            let of_segment = values.len() / (1 + cutter.n_windows());
            values.rotate_right(of_segment);
        }
    }
    Ok((cutter.n_samples(), values))
}
