//! `distances_grad`: gradient of squared distances with respect to one set of rows (SPEC §4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::rows::MemberRows;
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;

/// Side of the distance matrix whose embeddings receive the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairSide {
    /// Rows of the matrix, the left-hand side.
    Lhs,
    /// Columns of the matrix, the right-hand side.
    Rhs,
    /// Rows and columns: the matrix holds the distances of a set of embeddings to itself.
    Same,
}

/// Gradient Σ_j 2·upstream_ij·(row_i − other_j) of every row i.
pub struct DistancesGrad {
    /// Gradients of the distances, `[member, row of lhs, row of rhs]`.
    pub grad_output: Tensor<f32>,
    /// Embeddings whose gradient is computed.
    pub rows: MemberRows,
    /// Embeddings on the other side of the matrix.
    pub others: MemberRows,
    /// Side of the matrix on which `rows` are.
    pub side: PairSide,
    /// Number of consecutive rows of `grad_input` whose mean is one row of `rows`; each of them receives an equal
    /// share.
    pub repeat: usize,
    /// Gradient of the embeddings.
    pub grad_input: MemberRows,
}

impl Kernel for DistancesGrad {
    fn source(&self) -> ShaderSource {
        let pairs = match self.side {
            PairSide::Lhs => "metric/pairs_lhs.wgsl",
            PairSide::Rhs => "metric/pairs_rhs.wgsl",
            PairSide::Same => "metric/pairs_self.wgsl",
        };
        ShaderSource::file("metric/distances_grad.wgsl").fill("pairs", pairs)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![
            ("DIMENSIONS", self.rows.dimensions().into()),
            ("OUT_FIRST", self.grad_input.first.into()),
            ("OUT_STRIDE", self.grad_input.stride().into()),
            ("REPEAT", self.repeat.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ];
        constants.extend(self.rows.constants(["ROWS", "ROWS_FIRST", "ROWS_STRIDE"]));
        constants.extend(self.others.constants(["OTHERS", "OTHERS_FIRST", "OTHERS_STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.grad_output, self.rows, self.others, self.grad_input]
    }

    fn grid(&self) -> [usize; 3] {
        [(self.rows.count * self.rows.dimensions()).div_ceil(WORKGROUP), 1, self.rows.members()]
    }

    fn work(&self) -> Work {
        let pairs = self.grad_output.len() * self.rows.dimensions();
        let written = self.grad_input.count * self.rows.dimensions() * self.rows.members();
        Work { flops: 3.0 * pairs as f64, bytes: ((self.grad_output.len() + pairs + written) * 4) as f64 }
    }
}

/// Computes the gradient of one member's rows, before division by `repeat`; `grad_output` is `[row of lhs, row of
/// rhs]`.
pub fn oracle(dimensions: usize, side: PairSide, grad_output: &[f64], rows: &[f64], others: &[f64]) -> Vec<f64> {
    let (n, m) = (rows.len() / dimensions, others.len() / dimensions);
    let of_pair = |i: usize, j: usize| match side {
        PairSide::Lhs => grad_output[i * m + j],
        PairSide::Rhs => grad_output[j * n + i],
        PairSide::Same => grad_output[i * n + j] + grad_output[j * n + i],
    };
    let of = |index: usize| {
        let (i, d) = (index / dimensions, index % dimensions);
        (0..m).map(|j| 2.0 * of_pair(i, j) * (rows[index] - others[j * dimensions + d])).sum()
    };
    (0..rows.len()).map(of).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, side: PairSide, [n, m]: [usize; 2], repeat: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (members, dimensions) = (2, 9);
            let (rows, of_rows) = random(gpu, "rows", &[members, n + 1, dimensions])?;
            let rows = MemberRows { tensor: rows, first: 1, count: n };
            let (others, of_others) = match side {
                PairSide::Same => (rows.clone(), of_rows.clone()),
                _ => {
                    let (others, of_others) = random(gpu, "others", &[members, m, dimensions])?;
                    (MemberRows::all(&others), of_others)
                }
            };
            let shape = if side == PairSide::Rhs { [members, m, n] } else { [members, n, m] };
            let (grad_output, of_grad_output) = random(gpu, "grad_output", &shape)?;
            // The row before the written rows and the row after them must stay zero.
            let out = gpu.tensor("grad_input", &[members, n * repeat + 2, dimensions])?;
            let grad_input = MemberRows { tensor: out.clone(), first: 1, count: n * repeat };
            let (chosen, of_others) = (rows.select(&of_rows), others.select(&of_others));
            let mut expected = Vec::new();
            for member in 0..members {
                let part =
                    |values: &[f64], rows: usize| values[member * rows * dimensions..][..rows * dimensions].to_vec();
                let grad_output = &of_grad_output[member * n * m..][..n * m];
                let whole = oracle(dimensions, side, grad_output, &part(&chosen, n), &part(&of_others, m));
                expected.extend(vec![0.0; dimensions]);
                for row in whole.chunks(dimensions) {
                    (0..repeat).for_each(|_| expected.extend(row.iter().map(|g| g / repeat as f64)));
                }
                expected.extend(vec![0.0; dimensions]);
            }
            let kernel = DistancesGrad { grad_output, rows, others, side, repeat, grad_input };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&out, expected)]))
        })
    };
    vec![
        case("rows of the matrix", PairSide::Lhs, [5, 7], 1),
        case("columns, each the mean of three", PairSide::Rhs, [4, 6], 3),
        case("among themselves", PairSide::Same, [6, 6], 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::distances;

    /// Compares the oracle with central differences of Σ upstream·D, which is quadratic: they are exact up to rounding.
    #[test]
    fn the_oracle_is_the_slope_of_the_distances() {
        let (n, m, size) = (3, 4, 2);
        let wave = |k: usize, phase: f64| (0..k).map(|i| (i as f64 * 1.7 + phase).sin()).collect::<Vec<f64>>();
        let (a, b) = (wave(n * size, 0.0), wave(m * size, 1.0));
        let loss = |grad_output: &[f64], a: &[f64], b: &[f64]| -> f64 {
            distances::oracle(size, a, b).iter().zip(grad_output).map(|(d, u)| d * u).sum()
        };
        let slope = |values: &[f64], at: usize, loss: &dyn Fn(&[f64]) -> f64| {
            let moved =
                |h: f64| values.iter().enumerate().map(|(i, x)| x + if i == at { h } else { 0.0 }).collect::<Vec<_>>();
            (loss(&moved(0.5)) - loss(&moved(-0.5))) / 1.0
        };
        let grad_output = wave(n * m, 2.0);
        for (at, grad_input) in oracle(size, PairSide::Lhs, &grad_output, &a, &b).iter().enumerate() {
            assert!((grad_input - slope(&a, at, &|a| loss(&grad_output, a, &b))).abs() < 1e-12);
        }
        for (at, grad_input) in oracle(size, PairSide::Rhs, &grad_output, &b, &a).iter().enumerate() {
            assert!((grad_input - slope(&b, at, &|b| loss(&grad_output, &a, b))).abs() < 1e-12);
        }
        let grad_output = wave(n * n, 3.0);
        for (at, grad_input) in oracle(size, PairSide::Same, &grad_output, &a, &a).iter().enumerate() {
            assert!((grad_input - slope(&a, at, &|a| loss(&grad_output, a, a))).abs() < 1e-12);
        }
    }
}
