//! E trained on prototypical loss (SPEC §4.3): supports and queries are embedded in one batch, the prototype of a class
//! is the mean of its supports, and the loss is the cross-entropy over the queries' distances to the prototypes.

use super::metric::EmbeddingBatch;
use crate::Result;
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::distances::Distances;
use crate::kernels::distances_grad::{DistancesGrad, PairSide};
use crate::kernels::prototype_loss::PrototypeLoss;
use crate::kernels::prototypes::ClassPrototypes;
use crate::kernels::rows::MemberRows;
use crate::train::StepContext;

/// Pushes all kernels up to the partial gradients. `losses` receives the loss of each batch in parts,
/// `[step, member, part]`.
pub(in crate::train) fn push(
    context: &StepContext<'_>,
    examples: &Examples,
    losses: &Tensor<f32>,
    recording: &mut Recording,
) -> Result<()> {
    let StepContext { gpu, config, population, schedule, .. } = context;
    let settings = &config.prototypes;
    let [_, members, batch_size] = schedule.batches.dims();
    let way = settings.way.unwrap_or(population.architecture.classes);
    // A batch holds the supports, class by class, then the queries.
    let supports = way * settings.support;
    let queries = batch_size - supports;
    let matrix = [members, queries, way];
    let prototypes = gpu.tensor("prototypes", &[members, way, population.architecture.embedding()])?;
    let (distances, grad_distances) = (gpu.tensor("distances", &matrix)?, gpu.tensor("grad_distances", &matrix)?);

    let embedded = EmbeddingBatch::push(context, examples, settings.normalise, recording)?;
    let part = |tensor: &Tensor<f32>, first, count| MemberRows { tensor: tensor.clone(), first, count };
    let (support, query) = (part(&embedded.rows, 0, supports), part(&embedded.rows, supports, queries));
    recording.push(ClassPrototypes { support, prototypes: prototypes.clone() });
    let centres = MemberRows::all(&prototypes);
    recording.push(Distances { lhs: query.clone(), rhs: centres.clone(), distances: distances.clone() });
    recording.push(PrototypeLoss { distances, grad_input: grad_distances.clone(), losses: losses.clone() });
    recording.push(DistancesGrad {
        grad_output: grad_distances.clone(),
        rows: query.clone(),
        others: centres.clone(),
        side: PairSide::Lhs,
        repeat: 1,
        grad_input: part(&embedded.d_rows, supports, queries),
    });
    recording.push(DistancesGrad {
        grad_output: grad_distances,
        rows: centres,
        others: query,
        side: PairSide::Rhs,
        repeat: settings.support,
        grad_input: part(&embedded.d_rows, 0, supports),
    });
    embedded.push_back(context, recording)
}
