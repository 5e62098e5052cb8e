//! `distances_grad`: gradient of squared distances with respect to one set of rows (SPEC §4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Source, Tensor, Work};
use crate::kernels::rows::Rows;
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "distances_grad", cases };

const WORKGROUP: usize = 64;

/// Which side of the distance matrix the rows are on whose gradient is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Its rows.
    A,
    /// Its columns.
    B,
    /// Both: the matrix is that of the rows among themselves.
    Both,
}

/// Σ_j 2·upstream·(row − other_j) for every row.
pub struct DistancesGrad {
    /// Gradients of the distances, `[member, row of a, row of b]`.
    pub upstream: Tensor<f32>,
    /// The rows whose gradient is formed.
    pub rows: Rows,
    /// The rows of the other side.
    pub others: Rows,
    /// Where the rows stand in the matrix.
    pub side: Side,
    /// Each row is the mean of so many consecutive rows of `gradient`, and each of them gets its share.
    pub repeat: usize,
    /// Receives the gradients.
    pub gradient: Rows,
}

impl Kernel for DistancesGrad {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Source {
        let pairs = match self.side {
            Side::A => "metric/side_a.wgsl",
            Side::B => "metric/side_b.wgsl",
            Side::Both => "metric/side_both.wgsl",
        };
        Source::file("metric/distances_grad.wgsl").fill("pairs", pairs)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = vec![
            ("DIMENSIONS", self.rows.dimensions().into()),
            ("OUT_FIRST", self.gradient.first.into()),
            ("OUT_STRIDE", self.gradient.tensor.size(1).into()),
            ("REPEAT", self.repeat.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ];
        constants.extend(self.rows.constants(["ROWS", "ROWS_FIRST", "ROWS_STRIDE"]));
        constants.extend(self.others.constants(["OTHERS", "OTHERS_FIRST", "OTHERS_STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![
            ("upstream", self.upstream.binding()),
            ("rows", self.rows.tensor.binding()),
            ("others", self.others.tensor.binding()),
            ("gradient", self.gradient.tensor.binding()),
        ]
    }

    fn grid(&self) -> [usize; 3] {
        [(self.rows.count * self.rows.dimensions()).div_ceil(WORKGROUP), 1, self.rows.members()]
    }

    fn work(&self) -> Work {
        let pairs = self.upstream.len() * self.rows.dimensions();
        let written = self.gradient.count * self.rows.dimensions() * self.rows.members();
        Work { flops: 3.0 * pairs as f64, bytes: ((self.upstream.len() + pairs + written) * 4) as f64 }
    }
}

/// The gradient of one member's rows, before it is shared; `upstream` is `[row of a, row of b]`.
pub fn oracle(dimensions: usize, side: Side, upstream: &[f64], rows: &[f64], others: &[f64]) -> Vec<f64> {
    let (n, m) = (rows.len() / dimensions, others.len() / dimensions);
    let of_pair = |i: usize, j: usize| match side {
        Side::A => upstream[i * m + j],
        Side::B => upstream[j * n + i],
        Side::Both => upstream[i * n + j] + upstream[j * n + i],
    };
    let of = |index: usize| {
        let (i, d) = (index / dimensions, index % dimensions);
        (0..m).map(|j| 2.0 * of_pair(i, j) * (rows[index] - others[j * dimensions + d])).sum()
    };
    (0..rows.len()).map(of).collect()
}

fn cases() -> Vec<Case> {
    let case = |name: &str, side: Side, [n, m]: [usize; 2], repeat: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<Trial> {
            let (members, dimensions) = (2, 9);
            let (rows, of_rows) = random(gpu, "rows", &[members, n + 1, dimensions])?;
            let rows = Rows { tensor: rows, first: 1, count: n };
            let (others, of_others) = match side {
                Side::Both => (rows.clone(), of_rows.clone()),
                _ => {
                    let (others, of_others) = random(gpu, "others", &[members, m, dimensions])?;
                    (Rows::all(&others), of_others)
                }
            };
            let shape = if side == Side::B { [members, m, n] } else { [members, n, m] };
            let (upstream, of_upstream) = random(gpu, "upstream", &shape)?;
            // A row before the written ones and one behind them stay zero.
            let out = gpu.tensor("gradient", &[members, n * repeat + 2, dimensions])?;
            let gradient = Rows { tensor: out.clone(), first: 1, count: n * repeat };
            let (chosen, of_others) = (rows.select(&of_rows), others.select(&of_others));
            let mut expected = Vec::new();
            for member in 0..members {
                let part =
                    |values: &[f64], rows: usize| values[member * rows * dimensions..][..rows * dimensions].to_vec();
                let upstream = &of_upstream[member * n * m..][..n * m];
                let whole = oracle(dimensions, side, upstream, &part(&chosen, n), &part(&of_others, m));
                expected.extend(vec![0.0; dimensions]);
                for row in whole.chunks(dimensions) {
                    (0..repeat).for_each(|_| expected.extend(row.iter().map(|g| g / repeat as f64)));
                }
                expected.extend(vec![0.0; dimensions]);
            }
            let kernel = DistancesGrad { upstream, rows, others, side, repeat, gradient };
            Ok(Trial::new(kernel, vec![Expectation::close(&out, expected)]))
        })
    };
    vec![
        case("rows of the matrix", Side::A, [5, 7], 1),
        case("columns, each the mean of three", Side::B, [4, 6], 3),
        case("among themselves", Side::Both, [6, 6], 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::distances;

    /// Σ upstream·D is quadratic, so central differences of it are exact up to rounding.
    #[test]
    fn the_oracle_is_the_slope_of_the_distances() {
        let (n, m, size) = (3, 4, 2);
        let wave = |k: usize, phase: f64| (0..k).map(|i| (i as f64 * 1.7 + phase).sin()).collect::<Vec<f64>>();
        let (a, b) = (wave(n * size, 0.0), wave(m * size, 1.0));
        let loss = |upstream: &[f64], a: &[f64], b: &[f64]| -> f64 {
            distances::oracle(size, a, b).iter().zip(upstream).map(|(d, u)| d * u).sum()
        };
        let slope = |values: &[f64], at: usize, loss: &dyn Fn(&[f64]) -> f64| {
            let moved =
                |h: f64| values.iter().enumerate().map(|(i, x)| x + if i == at { h } else { 0.0 }).collect::<Vec<_>>();
            (loss(&moved(0.5)) - loss(&moved(-0.5))) / 1.0
        };
        let upstream = wave(n * m, 2.0);
        for (at, gradient) in oracle(size, Side::A, &upstream, &a, &b).iter().enumerate() {
            assert!((gradient - slope(&a, at, &|a| loss(&upstream, a, &b))).abs() < 1e-12);
        }
        for (at, gradient) in oracle(size, Side::B, &upstream, &b, &a).iter().enumerate() {
            assert!((gradient - slope(&b, at, &|b| loss(&upstream, &a, b))).abs() < 1e-12);
        }
        let upstream = wave(n * n, 3.0);
        for (at, gradient) in oracle(size, Side::Both, &upstream, &a, &a).iter().enumerate() {
            assert!((gradient - slope(&a, at, &|a| loss(&upstream, a, a))).abs() < 1e-12);
        }
    }
}
