//! `triplet_loss`: mean hinge loss over triplets and its gradient with respect to the distances (SPEC §4.2, the paper's
//! equation 2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random, random_below};

const WORKGROUP: usize = 64;

/// Triplet loss, the mean of max(0, D_ap − D_an + margin), and its gradient.
pub struct TripletLoss {
    /// Squared distances, `[member, slot, slot]`.
    pub distances: Tensor<f32>,
    /// Slots of anchor, positive and negative, `[member, triplet, 3]`.
    pub triplets: Tensor<u32>,
    /// Gradient of the loss with respect to the distances, `[member, slot, slot]`.
    pub grad_input: Tensor<f32>,
    /// Losses of all steps and members, in this order.
    pub losses: Tensor<f32>,
    /// Margin δ.
    pub margin: f64,
}

impl Kernel for TripletLoss {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/triplet_loss.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [members, batch_size, _] = self.distances.dims();
        let [_, triplets, _] = self.triplets.dims();
        vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("TRIPLETS", triplets.into()),
            ("MARGIN", self.margin.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.distances, self.triplets, self.grad_input, self.losses]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.distances.dims();
        [1, 1, members]
    }

    fn work(&self) -> Work {
        let bytes = (self.grad_input.len() + self.triplets.len() * 3) * 4;
        Work { flops: 2.0 * self.triplets.len() as f64, bytes: bytes as f64 }
    }
}

/// Computes loss and gradient of one member; `distances` is `[slot, slot]` of a batch of `batch_size` examples.
pub fn oracle(batch_size: usize, distances: &[f64], triplets: &[u32], margin: f64) -> (f64, Vec<f64>) {
    let n = (triplets.len() / 3) as f64;
    let (mut loss, mut grad_input) = (0.0, vec![0.0; batch_size * batch_size]);
    for triplet in triplets.chunks(3) {
        let [anchor, positive, negative] = [0, 1, 2].map(|i| triplet[i] as usize);
        let (positive, negative) = (anchor * batch_size + positive, anchor * batch_size + negative);
        let hinge = distances[positive] - distances[negative] + margin;
        if hinge > 0.0 {
            loss += hinge / n;
            grad_input[positive] += 1.0 / n;
            grad_input[negative] -= 1.0 / n;
        }
    }
    (loss, grad_input)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, members: usize, batch_size: usize, count: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (distances, values) = random(gpu, "distances", &[members, batch_size, batch_size])?;
            let triplets: Vec<u32> = random_below("triplets", members * count * 3, batch_size);
            let (mut losses, mut grad_input) = (vec![0.0; members], Vec::new());
            for member in 0..members {
                let of_member = &values[member * batch_size * batch_size..][..batch_size * batch_size];
                let (loss, gradient) = oracle(batch_size, of_member, &triplets[member * count * 3..][..count * 3], 0.5);
                losses.push(loss);
                grad_input.extend(gradient);
            }
            let stale = vec![7.0; members * batch_size * batch_size];
            let kernel = TripletLoss {
                distances,
                triplets: gpu.tensor_from("triplets", &[members, count, 3], &triplets)?,
                grad_input: gpu.tensor_from("grad_input", &[members, batch_size, batch_size], &stale)?,
                losses: gpu.tensor("losses", &[2, members])?,
                margin: 0.5,
            };
            let expected =
                vec![Expectation::close(&kernel.losses, losses), Expectation::close(&kernel.grad_input, grad_input)];
            Ok(CaseRun::new(kernel, expected).at_step(1))
        })
    };
    vec![case("few examples, shared pairs", 1, 4, 40), case("more examples than invocations, two members", 2, 70, 30)]
}
