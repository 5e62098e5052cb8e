//! `normalise_grad`: backward pass of the scaling to unit length (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::normalise::constants;
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Gradient of the rows before they were normalised.
pub struct NormaliseGrad {
    /// Rows before normalisation, `[member, row, dimension]`.
    pub embedding: Tensor<f32>,
    /// Gradient of the normalised rows, `[member, row, dimension]`.
    pub grad_output: Tensor<f32>,
    /// Gradient of `embedding`, `[member, row, dimension]`.
    pub grad_input: Tensor<f32>,
}

impl Kernel for NormaliseGrad {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/normalise_grad.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        constants(&self.embedding)
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.embedding, self.grad_output, self.grad_input]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, rows, _] = self.embedding.dims();
        [rows, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 7.0 * self.embedding.len() as f64, bytes: (self.embedding.len() * 20) as f64 }
    }
}

/// Computes the gradient of one row.
pub fn oracle(row: &[f64], grad_output: &[f64]) -> Vec<f64> {
    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let along: f64 = row.iter().zip(grad_output).map(|(x, g)| x * g).sum();
    let slope = if length > 1e-12 { along / length.powi(2) } else { 0.0 };
    row.iter().zip(grad_output).map(|(x, g)| (g - x * slope) / length.max(1e-12)).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 3]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [_, _, dimensions] = shape;
            let (embedding, of_embedding) = random(gpu, "embedding", &shape)?;
            let (grad_output, of_normalised) = random(gpu, "grad_output", &shape)?;
            let grad_input = gpu.tensor("grad_input", &shape)?;
            let rows = of_embedding.chunks(dimensions).zip(of_normalised.chunks(dimensions));
            let expected = rows.flat_map(|(row, gradient)| oracle(row, gradient)).collect();
            let kernel = NormaliseGrad { embedding, grad_output, grad_input: grad_input.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&grad_input, expected)]))
        })
    };
    vec![case("shorter than a workgroup", [1, 3, 5]), case("an embedding, two members", [2, 7, 130])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::normalise;

    #[test]
    fn the_oracle_is_the_slope_of_normalise() {
        let row = [0.3, -1.2, 0.7, 2.0];
        let weights = [1.0, -0.5, 0.25, 2.0];
        let loss = |row: &[f64]| normalise::oracle(row).iter().zip(weights).map(|(z, w)| z * w).sum::<f64>();
        for (at, gradient) in oracle(&row, &weights).iter().enumerate() {
            let moved =
                |h: f64| row.iter().enumerate().map(|(i, x)| x + if i == at { h } else { 0.0 }).collect::<Vec<_>>();
            let slope = (loss(&moved(1e-5)) - loss(&moved(-1e-5))) / 2e-5;
            assert!((gradient - slope).abs() < 1e-9, "{gradient} {slope}");
        }
    }
}
