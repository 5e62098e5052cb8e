//! `distances`: squared Euclidean distances between two sets of rows (SPEC §4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::rows::MemberRows;
use crate::kernels::{Case, CaseRun, Expectation, random};

const WORKGROUP: usize = 64;
/// Side of the square of distances that one thread computes.
const TILE: usize = 4;

/// Squared distances between the rows of `lhs` and the rows of `rhs`, for each member.
pub struct Distances {
    /// Embeddings that form the rows of the matrix.
    pub lhs: MemberRows,
    /// Embeddings that form the columns of the matrix.
    pub rhs: MemberRows,
    /// Squared distances, `[member, row of lhs, row of rhs]`.
    pub distances: Tensor<f32>,
}

impl Kernel for Distances {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("metric/distances.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants =
            vec![("DIMENSIONS", self.lhs.dimensions().into()), ("TILE", TILE.into()), ("WORKGROUP", WORKGROUP.into())];
        constants.extend(self.lhs.constants(["LHS_ROWS", "LHS_FIRST", "LHS_STRIDE"]));
        constants.extend(self.rhs.constants(["RHS_ROWS", "RHS_FIRST", "RHS_STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.lhs, self.rhs, self.distances]
    }

    fn grid(&self) -> [usize; 3] {
        let tiles = self.lhs.count.div_ceil(TILE) * self.rhs.count.div_ceil(TILE);
        [tiles.div_ceil(WORKGROUP), 1, self.lhs.members()]
    }

    fn work(&self) -> Work {
        let loaded = (self.lhs.count + self.rhs.count) * self.lhs.dimensions() * self.lhs.members();
        Work {
            flops: 3.0 * (self.distances.len() * self.lhs.dimensions()) as f64,
            bytes: ((loaded + self.distances.len()) * 4) as f64,
        }
    }
}

/// Computes ‖a_i − b_j‖² for the rows of one member, of `dimensions` values each.
pub fn oracle(dimensions: usize, lhs: &[f64], rhs: &[f64]) -> Vec<f64> {
    let distance = |lhs: &[f64], rhs: &[f64]| lhs.iter().zip(rhs).map(|(x, y)| (x - y).powi(2)).sum();
    lhs.chunks(dimensions).flat_map(|lhs| rhs.chunks(dimensions).map(move |rhs| distance(lhs, rhs))).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, members: usize, [lhs_rows, rhs_rows]: [usize; 2], dimensions: usize, first: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let (lhs, of_lhs) = random(gpu, "lhs", &[members, lhs_rows + first, dimensions])?;
            let (rhs, of_rhs) = random(gpu, "rhs", &[members, rhs_rows + 2 * first, dimensions])?;
            let (lhs, rhs) = (
                MemberRows { tensor: lhs, first, count: lhs_rows },
                MemberRows { tensor: rhs, first: 2 * first, count: rhs_rows },
            );
            let distances = gpu.tensor("distances", &[members, lhs_rows, rhs_rows])?;
            let (of_lhs, of_rhs) = (lhs.select(&of_lhs), rhs.select(&of_rhs));
            let of_member = |(lhs, rhs): (&[f64], &[f64])| oracle(dimensions, lhs, rhs);
            let expected = of_lhs
                .chunks(lhs_rows * dimensions)
                .zip(of_rhs.chunks(rhs_rows * dimensions))
                .flat_map(of_member)
                .collect();
            let kernel = Distances { lhs, rhs, distances: distances.clone() };
            Ok(CaseRun::new(kernel, vec![Expectation::close(&distances, expected)]))
        })
    };
    vec![
        case("whole tiles", 1, [8, 12], 16, 0),
        case("odd sizes, later rows, two members", 2, [13, 7], 130, 3),
        case("one row, one dimension", 3, [1, 1], 1, 0),
    ]
}
