//! `mine_negatives`: choice of the negative of every triplet from the batch's distance matrix (SPEC §4.2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

const WORKGROUP: usize = 64;

/// Rule that chooses the negative among the examples of other classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// Nearest example that is farther from the anchor than the positive; if there is none, the farthest example.
    SemiHard,
    /// Nearest example.
    Hard,
}

/// Choice of the negative of every triplet.
pub struct MineNegatives {
    /// Squared distances, `[member, slot, slot]`.
    pub distances: Tensor<f32>,
    /// Classes of the examples, `[example]`.
    pub labels: Tensor<u32>,
    /// Example ids, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// Slots of anchor, positive and negative, `[member, triplet, 3]`. Anchor and positive are inputs, the negative is
    /// written. The batch must hold at least two classes.
    pub triplets: Tensor<u32>,
    /// Rule that chooses the negative.
    pub mining: Mining,
}

impl Kernel for MineNegatives {
    fn source(&self) -> ShaderSource {
        let mining = match self.mining {
            Mining::SemiHard => "metric/mine_semi_hard.wgsl",
            Mining::Hard => "metric/mine_hard.wgsl",
        };
        ShaderSource::file("metric/mine_negatives.wgsl").fill("mining", mining)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, members, batch_size] = self.batches.dims();
        let [_, triplets, _] = self.triplets.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("TRIPLETS", triplets.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.distances, self.labels, self.batches, self.triplets]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, triplets, _] = self.triplets.dims();
        [triplets.div_ceil(WORKGROUP), 1, members]
    }

    fn work(&self) -> Work {
        let [members, triplets, _] = self.triplets.dims();
        let [_, _, batch_size] = self.batches.dims();
        let compared = members * triplets * batch_size;
        Work { flops: 2.0 * compared as f64, bytes: (compared * 12) as f64 }
    }
}

/// Returns the slot of the negative. `from_anchor` holds the anchor's distances, `labels` the class of every slot.
pub fn oracle(from_anchor: &[f64], labels: &[u32], anchor: usize, positive: usize, mining: Mining) -> Option<usize> {
    let others = || (0..labels.len()).filter(|slot| labels[*slot] != labels[anchor]);
    let nearest = |slots: &mut dyn Iterator<Item = usize>| {
        // `min_by` returns the first of equal elements, as the kernel does.
        slots.min_by(|a, b| from_anchor[*a].total_cmp(&from_anchor[*b]))
    };
    let farther = |slot: &usize| from_anchor[*slot] > from_anchor[positive];
    match mining {
        Mining::Hard => nearest(&mut others()),
        Mining::SemiHard => nearest(&mut others().filter(farther))
            .or_else(|| others().rev().max_by(|a, b| from_anchor[*a].total_cmp(&from_anchor[*b]))),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, mining: Mining, ties: bool| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (members, batch_size, step) = (2, 24, 1);
            let (_, mut values) = random(gpu, "distances", &[members, batch_size, batch_size])?;
            values.iter_mut().for_each(|d| *d = if ties { (*d * 2.0).round().abs() } else { d.abs() });
            let as_f32: Vec<f32> = values.iter().map(|d| *d as f32).collect();
            let labels: Vec<u32> = random_below("labels", 40, 4);
            let ids: Vec<u32> = random_below("ids", 2 * members * batch_size, 40);
            let anchors = batch_size / 2;
            let given = |_: usize| (0..anchors).flat_map(|k| [k as u32, (anchors + k) as u32, 0]).collect::<Vec<_>>();
            let triplets: Vec<u32> = (0..members).flat_map(given).collect();
            let mut expected = triplets.clone();
            for (index, triplet) in expected.chunks_mut(3).enumerate() {
                let (member, anchor, positive) = (index / anchors, triplet[0] as usize, triplet[1] as usize);
                let of_slot = |slot: usize| labels[ids[(step * members + member) * batch_size + slot] as usize];
                let labels: Vec<u32> = (0..batch_size).map(of_slot).collect();
                let from_anchor = &values[(member * batch_size + anchor) * batch_size..][..batch_size];
                triplet[2] =
                    oracle(from_anchor, &labels, anchor, positive, mining).map_or(u32::MAX, |slot| slot as u32);
            }
            let triplets = gpu.tensor_from("triplets", &[members, anchors, 3], &triplets)?;
            let kernel = MineNegatives {
                distances: gpu.tensor_from("distances", &[members, batch_size, batch_size], &as_f32)?,
                labels: gpu.tensor_from("labels", &[40], &labels)?,
                batches: gpu.tensor_from("batches", &[2, members, batch_size], &ids)?,
                triplets: triplets.clone(),
                mining,
            };
            Ok(CaseRun::new(kernel, vec![Expectation::exact(&triplets, expected)]).at_step(step as u32))
        })
    };
    vec![
        case("hard", Mining::Hard, false),
        case("hard, ties", Mining::Hard, true),
        case("semi-hard", Mining::SemiHard, false),
        case("semi-hard, ties", Mining::SemiHard, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semi_hard_falls_back_to_the_farthest() {
        let labels = [0, 0, 1, 1, 2];
        let distances = [0.0, 5.0, 3.0, 4.0, 4.0];
        assert_eq!(oracle(&distances, &labels, 0, 1, Mining::SemiHard), Some(3), "the first of the farthest");
        assert_eq!(oracle(&[0.0, 2.0, 3.0, 1.0, 9.0], &labels, 0, 1, Mining::SemiHard), Some(2));
        assert_eq!(oracle(&distances, &labels, 0, 1, Mining::Hard), Some(2));
    }
}
