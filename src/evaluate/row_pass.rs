//! Computations on embeddings alone, for any number of them: tagging, and scaling to unit length.

use crate::Result;
use crate::gpu::{Download, Gpu, Recording, Resolved, Tensor};
use crate::kernels::normalise::NormaliseRows;
use crate::model::{Activations, Pass, Population};

/// A computation on rows of every member, for as many rows at a time as its tensors hold.
pub(super) struct RowPass {
    recording: Resolved,
    /// Rows, `[member, row, dimension]`.
    input: Tensor<f32>,
    /// Results, `[member, row, value]`.
    output: Download<f32>,
}

impl RowPass {
    /// Makes the pass that tags: G on the embeddings of `activations` returns probabilities.
    pub fn tags(gpu: &Gpu, population: &Population, activations: &Activations) -> Result<Self> {
        let mut recording = Recording::new("tag");
        Pass { gpu, population, activations }.tag_forward(&mut recording);
        Self::new(gpu, recording, &activations.embedding, activations.probabilities())
    }

    /// Makes the pass that scales the embeddings of `activations` to unit length.
    pub fn unit_length(gpu: &Gpu, activations: &Activations) -> Result<Self> {
        let embedding = activations.embedding.clone();
        let normalised = gpu.tensor("normalised", embedding.shape())?;
        let mut recording = Recording::new("normalise");
        recording.push(NormaliseRows { embedding: embedding.clone(), normalised: normalised.clone() });
        Self::new(gpu, recording, &embedding, &normalised)
    }

    fn new(gpu: &Gpu, recording: Recording, input: &Tensor<f32>, output: &Tensor<f32>) -> Result<Self> {
        Ok(Self { recording: recording.resolve(gpu)?, input: input.clone(), output: gpu.download(output)? })
    }

    /// Computes the results for `rows`, `[member][row · dimension]`, as `[member][row · value]`.
    pub fn run(&mut self, gpu: &Gpu, rows: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        let [members, room, dimensions] = self.input.dims();
        let count = rows[0].len() / dimensions;
        let mut values = vec![Vec::new(); members];
        for first in (0..count).step_by(room) {
            let used = room.min(count - first);
            for (member, rows) in rows.iter().enumerate() {
                gpu.write(&self.input, member * room * dimensions, &rows[first * dimensions..][..used * dimensions]);
            }
            gpu.replay(&self.recording, 0..1)?;
            self.output.queue(gpu);
            let outputs = self.output.fetch(gpu)?;
            let of_member = outputs.len() / members;
            for (values, outputs) in values.iter_mut().zip(outputs.chunks_exact(of_member)) {
                values.extend_from_slice(&outputs[..used * (of_member / room)]);
            }
        }
        Ok(values)
    }
}
