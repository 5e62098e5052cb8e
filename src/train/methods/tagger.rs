//! G trained alone, on embeddings that are computed once and stay on the GPU (SPEC §4.4).

use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::gather_rows::GatherRows;
use crate::train::StepContext;

/// Pushes all kernels up to the partial gradients of G. `losses` receives the loss of each batch in parts,
/// `[step, member, part]`.
pub(in crate::train) fn push(
    context: &StepContext<'_>,
    embeddings: &Tensor<f32>,
    examples: &Examples,
    losses: &Tensor<f32>,
    recording: &mut Recording,
) -> Result<()> {
    let activations = context.activations(1)?;
    recording.push(GatherRows {
        stored: embeddings.clone(),
        batches: context.schedule.batches.clone(),
        input: activations.embedding.clone(),
    });
    context.pass(&activations).tag_step(recording, context.supervision(examples, losses), false);
    Ok(())
}
