//! E trained on triplet loss (SPEC §4.2): anchors, positives and negatives are embedded in one batch, and the hinge
//! loss over the triplets is computed from the distance matrix of the batch.

use super::metric::EmbeddingBatch;
use crate::Result;
use crate::config::{Sampling, TripletGradient};
use crate::evaluate::Examples;
use crate::gpu::{Recording, Tensor};
use crate::kernels::distances::Distances;
use crate::kernels::distances_grad::{DistancesGrad, PairSide};
use crate::kernels::mine_negatives::{MineNegatives, Mining};
use crate::kernels::rows::MemberRows;
use crate::kernels::triplet_loss::TripletLoss;
use crate::train::StepContext;

/// Pushes all kernels up to the partial gradients. `losses` receives the loss of each batch in parts,
/// `[step, member, part]`.
pub(in crate::train) fn push(
    context: &StepContext<'_>,
    examples: &Examples,
    losses: &Tensor<f32>,
    recording: &mut Recording,
) -> Result<()> {
    let StepContext { gpu, config, schedule, .. } = context;
    let settings = &config.triplets;
    let [_, members, batch_size] = schedule.batches.dims();
    let mining = match settings.sampling {
        Sampling::Random => None,
        Sampling::SemiHard => Some(Mining::SemiHard),
        Sampling::Hard => Some(Mining::Hard),
    };
    // A batch holds the anchors, then the positives, then the negatives. Mined negatives are taken from the anchors and
    // positives instead: such a batch has no negatives, and `% batch_size` names the anchor itself as its negative until
    // `MineNegatives` overwrites it.
    let anchors = batch_size / if mining.is_some() { 2 } else { 3 };
    let of_anchor = |k: usize| [k, anchors + k, (2 * anchors + k) % batch_size].map(|slot| slot as u32);
    let ids: Vec<u32> = (0..members).flat_map(|_| (0..anchors).flat_map(of_anchor)).collect();
    let triplets = gpu.tensor_from("triplets", &[members, anchors, 3], &ids)?;
    let distances = gpu.tensor("distances", &[members, batch_size, batch_size])?;
    let grad_distances = gpu.tensor("grad_distances", &[members, batch_size, batch_size])?;

    let embedded = EmbeddingBatch::push(context, examples, settings.normalise, recording)?;
    let rows = MemberRows::all(&embedded.rows);
    recording.push(Distances { lhs: rows.clone(), rhs: rows.clone(), distances: distances.clone() });
    if let Some(mining) = mining {
        recording.push(MineNegatives {
            distances: distances.clone(),
            labels: examples.dominant.clone(),
            batches: schedule.batches.clone(),
            triplets: triplets.clone(),
            mining,
        });
    }
    recording.push(TripletLoss {
        distances,
        triplets,
        grad_input: grad_distances.clone(),
        losses: losses.clone(),
        margin: settings.margin,
    });
    recording.push(DistancesGrad {
        grad_output: grad_distances,
        rows: rows.clone(),
        others: rows,
        side: match settings.gradient {
            TripletGradient::All => PairSide::Same,
            TripletGradient::Anchor => PairSide::Lhs,
        },
        repeat: 1,
        grad_input: MemberRows::all(&embedded.d_rows),
    });
    embedded.push_back(context, recording)
}
