//! G trained alone, on embeddings that are computed once and stay on the GPU (SPEC §4.4).

use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::gather_rows::GatherRows;
use crate::model::tag_step;
use crate::train::step::StepContext;

/// Pushes all kernels up to the partial gradients of G.
pub(in crate::train) fn push(
    context: &StepContext<'_>,
    embeddings: &Tensor<f32>,
    examples: &Examples,
    recording: &mut Recording,
) -> Result<()> {
    let StepContext { gpu, population, schedule, .. } = context;
    let activations = context.activations(1)?;
    let mode = context.mode();
    recording.push(GatherRows {
        stored: embeddings.clone(),
        batches: schedule.batches.clone(),
        input: activations.embedding.clone(),
    });
    tag_step(gpu, recording, population, &activations, &mode, context.supervision(examples), false);
    Ok(())
}
