//! E and G trained together on binary cross-entropy (SPEC §4.1).

use crate::Result;
use crate::config::Normalise;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::train::StepContext;

/// Pushes all kernels up to the partial gradients. `losses` receives the loss of each batch in parts,
/// `[step, member, part]`.
pub(in crate::train) fn push(
    context: &StepContext<'_>,
    examples: &Examples,
    losses: &Tensor<f32>,
    recording: &mut Recording,
) -> Result<()> {
    let activations = context.segment_activations(examples)?;
    let pass = context.pass(&activations);
    let input = context.push_input(recording, examples)?;
    pass.embed_forward(recording, &input, Normalise::None);
    pass.tag_step(recording, context.supervision(examples, losses), true);
    pass.embed_backward(recording, &input, Normalise::None)
}
