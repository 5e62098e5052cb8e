//! `prototype_loss`: softmax cross-entropy of queries over their distances to the prototypes, and its gradient with
//! respect to the distances (SPEC §4.3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Softmax cross-entropy with the negative distances as logits, and its gradient.
pub struct PrototypeLoss {
    /// Squared distances, `[member, query, class]`; the queries are ordered by class.
    pub distances: Tensor<f32>,
    /// Gradient of the loss with respect to the distances, `[member, query, class]`.
    pub grad_input: Tensor<f32>,
    /// Losses of all steps and members, in this order.
    pub losses: Tensor<f32>,
}

impl Kernel for PrototypeLoss {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/prototype_loss.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [members, queries, way] = self.distances.dims();
        vec![
            ("MEMBERS", members.into()),
            ("QUERIES", queries.into()),
            ("WAY", way.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.distances, self.grad_input, self.losses]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.distances.dims();
        [1, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 40.0 * self.distances.len() as f64, bytes: (self.distances.len() * 16) as f64 }
    }
}

/// Computes loss and gradient of one member's `[query, class]` distances.
pub fn oracle(way: usize, distances: &[f64]) -> (f64, Vec<f64>) {
    let queries = distances.len() / way;
    let (mut loss, mut grad_input) = (0.0, Vec::with_capacity(distances.len()));
    for (query, distances) in distances.chunks(way).enumerate() {
        let own = query / (queries / way);
        let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
        let exp: Vec<f64> = distances.iter().map(|d| (nearest - d).exp()).collect();
        let total: f64 = exp.iter().sum();
        // If a query's own class is the nearest, its term of the total is e⁰ = 1; `ln_1p` of the others is then more
        // precise.
        let ln_total = match distances[own] == nearest {
            true => exp.iter().enumerate().filter(|(j, _)| *j != own).map(|(_, e)| e).sum::<f64>().ln_1p(),
            false => total.ln(),
        };
        loss += (distances[own] - nearest + ln_total) / queries as f64;
        grad_input
            .extend(exp.iter().enumerate().map(|(j, e)| (f64::from(u8::from(j == own)) - e / total) / queries as f64));
    }
    (loss, grad_input)
}

pub(super) fn cases() -> Vec<Case> {
    // `apart` is added to the distances from all classes but a query's own.
    let case = |name: &str, [members, way, per_class]: [usize; 3], scale: f64, apart: f64| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let shape = [members, way * per_class, way];
            let (_, values) = random(gpu, "distances", &shape)?;
            let is_own = |at: usize| at % way == at / way % (way * per_class) / per_class;
            let further = |at: usize| if is_own(at) { 0.0 } else { apart };
            let as_f32: Vec<f32> =
                values.iter().enumerate().map(|(at, d)| (d * d * scale + further(at)) as f32).collect();
            let (mut losses, mut grad_input) = (vec![0.0; members], Vec::new());
            for distances in as_f32.chunks(way * per_class * way) {
                let distances: Vec<f64> = distances.iter().map(|d| f64::from(*d)).collect();
                let (loss, gradient) = oracle(way, &distances);
                losses.push(loss);
                grad_input.extend(gradient);
            }
            let kernel = PrototypeLoss {
                distances: gpu.tensor_from("distances", &shape, &as_f32)?,
                grad_input: gpu.tensor("grad_input", &shape)?,
                losses: gpu.tensor("losses", &[2, members])?,
            };
            let expected =
                vec![Expectation::close(&kernel.losses, losses), Expectation::close(&kernel.grad_input, grad_input)];
            Ok(CaseRun::new(kernel, expected).at_step(1))
        })
    };
    vec![
        case("ten classes, one query each", [1, 10, 1], 1.0, 0.0),
        case("many queries, two members", [2, 5, 30], 1.0, 0.0),
        case("far apart: nothing overflows", [1, 4, 2], 1e4, 0.0),
        case("every query next to its own class", [2, 5, 3], 1.0, 25.0),
        case("as near as another class", [1, 2, 4], 0.0, 0.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oracle_s_gradient_is_its_slope() {
        let distances = [0.3, 1.2, 0.7, 2.0, 0.1, 0.4];
        let (_, grad_input) = oracle(3, &[distances, distances].concat()[..9]);
        for (at, gradient) in grad_input.iter().enumerate() {
            let loss = |h: f64| {
                let mut moved = [distances, distances].concat()[..9].to_vec();
                moved[at] += h;
                oracle(3, &moved).0
            };
            assert!((gradient - (loss(1e-5) - loss(-1e-5)) / 2e-5).abs() < 1e-9);
        }
    }
}
