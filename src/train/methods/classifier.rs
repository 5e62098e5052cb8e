//! E and G trained together on binary cross-entropy (SPEC §4.1).

use crate::Result;
use crate::config::Normalise;
use crate::evaluate::Examples;
use crate::gpu::Recording;
use crate::model::{embed_backward, embed_forward, tag_step};
use crate::train::step::StepContext;

/// Pushes all kernels up to the partial gradients.
pub(in crate::train) fn push(context: &StepContext<'_>, examples: &Examples, recording: &mut Recording) -> Result<()> {
    let StepContext { gpu, population, schedule, .. } = context;
    let activations = context.activations(examples.chunks(&population.architecture))?;
    let mode = context.mode();
    let input = examples.push_input(gpu, recording, &schedule.batches)?;
    embed_forward(gpu, recording, population, &input, &activations, &mode, Normalise::None);
    tag_step(gpu, recording, population, &activations, &mode, context.supervision(examples), true);
    embed_backward(gpu, recording, population, &input, &activations, &mode, Normalise::None)
}
