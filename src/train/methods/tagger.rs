//! G alone, on embeddings that are computed once and stay on the GPU (SPEC §4.4).

use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::bce::Bce;
use crate::kernels::gather_rows::GatherRows;
use crate::model::{tag_backward, tag_forward};
use crate::train::step::StepContext;

/// Pushes everything up to the partial gradients of G.
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
    tag_forward(recording, population, &activations, &mode);
    recording.push(Bce {
        logits: activations.output.clone(),
        targets: examples.targets.clone(),
        batches: schedule.batches.clone(),
        d_logits: activations.gradients().logits.clone(),
        losses: context.losses.clone(),
    });
    tag_backward(gpu, recording, population, &activations, &mode);
    Ok(())
}
