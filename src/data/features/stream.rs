//! Examples that are too many for the GPU, read from a file while the GPU computes.
//!
//! The rows of a schedule are replayed in windows. A thread reads the examples of the next window from the file while
//! the GPU computes the window before. They are written into one tensor behind all queued rows, and standardised there.

use std::sync::mpsc;
use std::thread;

use super::raw::{FeatureShape, RawFeatures};
use super::scaling::Scaling;
use super::shard::Shard;
use super::windows::windows;
use crate::gpu::{Gpu, QueueMark, Recording, Resolved, Tensor};
use crate::{Error, Result};

/// A stream of examples into the tensors of a window.
pub struct FeatureStream {
    source: Box<dyn RawFeatures>,
    /// Number of examples of the source.
    examples: usize,
    /// Number of values of an example.
    values: usize,
    /// Number of examples of a window.
    room: usize,
    /// Tensors of the window, each with the recording that standardises it.
    shards: Vec<(Shard, Resolved)>,
}

impl FeatureStream {
    /// Makes a stream from `source`, whose examples have this `shape`, into the shards of a window.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(
        gpu: &Gpu,
        source: Box<dyn RawFeatures>,
        shape: FeatureShape,
        window: &[Shard],
        scaling: &Scaling<'_>,
    ) -> Result<Self> {
        let shards = window.iter().map(|shard| {
            let mut recording = Recording::new("standardise");
            recording.push(scaling.kernel(gpu, &shard.tensor)?);
            Ok((shard.clone(), recording.resolve(gpu)?))
        });
        let shards = shards.collect::<Result<_>>()?;
        let room = window.iter().map(|shard| shard.count).sum();
        Ok(Self { source, examples: shape.examples, values: shape.values(), room, shards })
    }

    /// Runs `recording` like [`Gpu::replay_while`] for all rows of `ids`, `[row, slot]`, from row `first` on. Before
    /// the rows of a window run, its examples are in the window's tensors, and `positions` says where.
    ///
    /// # Errors
    /// The errors of [`Gpu::replay`] and of the source; [`Error::Config`] if one row reads more examples than a window
    /// holds.
    pub fn replay_while(
        &self,
        gpu: &Gpu,
        recording: &Resolved,
        (first, ids): (u32, &[u32]),
        positions: &Tensor<u32>,
        go_on: &mut dyn FnMut(u32) -> bool,
    ) -> Result<bool> {
        if self.source.is_planned() {
            return Ok(true);
        }
        let [_, members, slots] = positions.dims();
        let per_row = members * slots;
        let (windows, places) = windows(ids, per_row, self.room, self.examples).map_err(|needed| {
            let reason = format!(
                "a step reads {needed} examples and a window of streamed features holds {}: use smaller batches or fewer \
                 seeds at a time, or raise train.memory",
                self.room
            );
            Error::config("train.memory", reason)
        })?;
        gpu.write(positions, first as usize * per_row, &places);
        thread::scope(|scope| {
            let (filled, next) = mpsc::sync_channel::<Result<Vec<f32>>>(1);
            let (empty, emptied) = mpsc::channel();
            // One buffer is read while the other one is uploaded.
            for _ in 0..2.min(windows.len()) {
                let _ = empty.send(vec![0.0; self.room * self.values]);
            }
            let to_read = &windows;
            scope.spawn(move || {
                for window in to_read {
                    let Ok(mut buffer) = emptied.recv() else { return };
                    let values = &mut buffer[..window.examples.len() * self.values];
                    let read = self.source.read(&window.examples, values);
                    if filled.send(read.map(|()| buffer)).is_err() {
                        return;
                    }
                }
            });
            let mut queued: Option<QueueMark> = None;
            for window in &windows {
                let Ok(buffer) = next.recv() else { return Ok(false) };
                let buffer = buffer?;
                self.upload(gpu, &buffer[..window.examples.len() * self.values])?;
                let _ = empty.send(buffer);
                let (start, end) = (first + window.rows.start, first + window.rows.end);
                if !gpu.replay_while(recording, start..end, &mut |row| go_on(window.rows.start + row))? {
                    return Ok(false);
                }
                // With two windows queued, the copies of their examples wait in memory. The window before must be done
                // before another one is added.
                if let Some(before) = queued.replace(gpu.mark()) {
                    gpu.wait_for_mark(before)?;
                }
            }
            Ok(true)
        })
    }

    /// Queues the upload of `values` into the tensors of the window and their standardisation.
    fn upload(&self, gpu: &Gpu, values: &[f32]) -> Result<()> {
        let mut rest = values;
        for (shard, standardise) in &self.shards {
            let (part, behind) = rest.split_at(rest.len().min(shard.count * self.values));
            if part.is_empty() {
                break;
            }
            gpu.write(&shard.tensor, 0, part);
            gpu.replay(standardise, 0..1)?;
            rest = behind;
        }
        Ok(())
    }
}
