//! E and G together on binary cross-entropy (SPEC §4.1).

use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::Recording;
use crate::kernels::bce::Bce;
use crate::model::{backward, forward};
use crate::train::step::StepContext;

/// Pushes everything up to the partial gradients.
pub(in crate::train) fn push(context: &StepContext<'_>, examples: &Examples, recording: &mut Recording) -> Result<()> {
    let StepContext { gpu, population, schedule, .. } = context;
    let activations = context.activations(examples.chunks(&population.architecture))?;
    let mode = context.mode();
    examples.push_gather(recording, &schedule.batches, &activations.input);
    forward(gpu, recording, population, &activations, &mode);
    recording.push(Bce {
        logits: activations.output.clone(),
        targets: examples.targets.clone(),
        batches: schedule.batches.clone(),
        d_logits: activations.gradients().logits.clone(),
        losses: context.losses.clone(),
    });
    backward(gpu, recording, population, &activations, &mode);
    Ok(())
}
