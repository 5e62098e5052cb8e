//! `bce`: binary cross-entropy from logits and its gradient (SPEC §4.1, the paper's equation 1).

use crate::Result;
use crate::counter_rng::Key;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Tensor, Work};
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "bce", cases };

const WORKGROUP: usize = 64;

/// Binary cross-entropy of a batch and its gradient.
pub struct Bce {
    /// `[member, slot, class]`.
    pub logits: Tensor<f32>,
    /// 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// Ids, `[row, member, slot]`.
    pub batches: Tensor<u32>,
    /// `[member, slot, class]`.
    pub d_logits: Tensor<f32>,
    /// Mean over batch and classes, `[row, member]`.
    pub losses: Tensor<f32>,
}

impl Kernel for Bce {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Vec<&'static str> {
        vec![
            include_str!("../../shaders/loss/bce.wgsl"),
            include_str!("../../shaders/lib/row.wgsl"),
            include_str!("../../shaders/lib/math.wgsl"),
        ]
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![
            ("MEMBERS", self.logits.size(0).into()),
            ("SLOTS", self.logits.size(1).into()),
            ("CLASSES", self.logits.size(2).into()),
            ("WORKGROUP", WORKGROUP.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![
            ("logits", self.logits.binding()),
            ("targets", self.targets.binding()),
            ("batches", self.batches.binding()),
            ("d_logits", self.d_logits.binding()),
            ("losses", self.losses.binding()),
        ]
    }

    fn grid(&self) -> [usize; 3] {
        [1, 1, self.logits.size(0)]
    }

    fn work(&self) -> Work {
        Work { flops: 40.0 * self.logits.len() as f64, bytes: (self.logits.len() * 12) as f64 }
    }
}

/// `(loss, ∂loss/∂logits)` of one batch: max(x, 0) − x·y + ln(1 + e^−|x|), mean over all elements.
pub fn oracle(logits: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
    let n = logits.len() as f64;
    let element = |(x, y): (&f64, &f64)| x.max(0.0) - x * y + (-x.abs()).exp().ln_1p();
    let sigmoid = |x: f64| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    let loss = logits.iter().zip(targets).map(element).sum::<f64>() / n;
    (loss, logits.iter().zip(targets).map(|(x, y)| (sigmoid(*x) - y) / n).collect())
}

fn trial(gpu: &Gpu, members: usize, slots: usize, classes: usize, spread: f64) -> Result<Trial> {
    let (examples, rows, row) = (slots + 3, 2, 1);
    let (_, mut values) = random(gpu, "logits", &[members, slots, classes])?;
    values.iter_mut().for_each(|x| *x = f64::from((*x * spread) as f32));
    let logits =
        gpu.tensor_from("logits", &[members, slots, classes], &values.iter().map(|x| *x as f32).collect::<Vec<_>>())?;
    let mut stream = Key::new(4).stream();
    let targets: Vec<f32> = (0..examples * classes).map(|_| f32::from(u8::from(stream.chance(0.3)))).collect();
    let ids: Vec<u32> = (0..rows * members * slots).map(|_| stream.below(examples) as u32).collect();
    let (mut losses, mut gradients) = (vec![0.0; rows * members], Vec::new());
    for member in 0..members {
        let chosen = &ids[(row * members + member) * slots..][..slots];
        let wanted: Vec<f64> =
            chosen.iter().flat_map(|id| &targets[*id as usize * classes..][..classes]).map(|y| f64::from(*y)).collect();
        let (loss, d_logits) = oracle(&values[member * slots * classes..][..slots * classes], &wanted);
        losses[row * members + member] = loss;
        gradients.extend(d_logits);
    }
    let kernel = Bce {
        logits,
        targets: gpu.tensor_from("targets", &[examples, classes], &targets)?,
        batches: gpu.tensor_from("batches", &[rows, members, slots], &ids)?,
        d_logits: gpu.tensor("d_logits", &[members, slots, classes])?,
        losses: gpu.tensor("losses", &[rows, members])?,
    };
    let expected = vec![Expectation::close(&kernel.losses, losses), Expectation::close(&kernel.d_logits, gradients)];
    Ok(Trial::new(kernel, expected).at_row(row as u32))
}

fn cases() -> Vec<Case> {
    vec![
        Case::new("one batch of ten", |gpu| trial(gpu, 1, 10, 10, 1.0)),
        Case::new("extreme logits, three members", |gpu| trial(gpu, 3, 7, 3, 60.0)),
        Case::new("more elements than invocations", |gpu| trial(gpu, 2, 50, 11, 5.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        let (logits, targets) = ([0.3, -2.0, 5.0, -0.1], [1.0, 0.0, 0.0, 1.0]);
        let (_, gradient) = oracle(&logits, &targets);
        for index in 0..4 {
            let loss = |by: f64| {
                let mut nudged = logits;
                nudged[index] += by;
                oracle(&nudged, &targets).0
            };
            assert!(((loss(1e-6) - loss(-1e-6)) / 2e-6 - gradient[index]).abs() < 1e-8);
        }
    }
}
