//! `distances`: squared Euclidean distances between two sets of rows (SPEC §4).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Source, Tensor, Work};
use crate::kernels::rows::Rows;
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "distances", cases };

const WORKGROUP: usize = 64;
/// Rows and columns that one thread computes.
const TILE: usize = 4;

/// All distances between the rows of `a` and those of `b`, member by member.
pub struct Distances {
    /// The rows of the matrix.
    pub a: Rows,
    /// Its columns.
    pub b: Rows,
    /// `[member, row of a, row of b]`.
    pub distances: Tensor<f32>,
}

impl Kernel for Distances {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Source {
        Source::file("metric/distances.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants =
            vec![("DIMENSIONS", self.a.dimensions().into()), ("TILE", TILE.into()), ("WORKGROUP", WORKGROUP.into())];
        constants.extend(self.a.constants(["A_ROWS", "A_FIRST", "A_STRIDE"]));
        constants.extend(self.b.constants(["B_ROWS", "B_FIRST", "B_STRIDE"]));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![("a", self.a.tensor.binding()), ("b", self.b.tensor.binding()), ("distances", self.distances.binding())]
    }

    fn grid(&self) -> [usize; 3] {
        let tiles = self.a.count.div_ceil(TILE) * self.b.count.div_ceil(TILE);
        [tiles.div_ceil(WORKGROUP), 1, self.a.members()]
    }

    fn work(&self) -> Work {
        let loaded = (self.a.count + self.b.count) * self.a.dimensions() * self.a.members();
        Work {
            flops: 3.0 * (self.distances.len() * self.a.dimensions()) as f64,
            bytes: ((loaded + self.distances.len()) * 4) as f64,
        }
    }
}

/// ‖a_i − b_j‖² of the rows of one member, of `dimensions` values each.
pub fn oracle(dimensions: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
    a.chunks(dimensions).flat_map(|a| b.chunks(dimensions).map(move |b| distance(a, b))).collect()
}

fn cases() -> Vec<Case> {
    let case = |name: &str, members: usize, [a_rows, b_rows]: [usize; 2], dimensions: usize, first: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<Trial> {
            let (a, of_a) = random(gpu, "a", &[members, a_rows + first, dimensions])?;
            let (b, of_b) = random(gpu, "b", &[members, b_rows + 2 * first, dimensions])?;
            let (a, b) =
                (Rows { tensor: a, first, count: a_rows }, Rows { tensor: b, first: 2 * first, count: b_rows });
            let distances = gpu.tensor("distances", &[members, a_rows, b_rows])?;
            let (of_a, of_b) = (a.select(&of_a), b.select(&of_b));
            let of_member = |(a, b): (&[f64], &[f64])| oracle(dimensions, a, b);
            let expected =
                of_a.chunks(a_rows * dimensions).zip(of_b.chunks(b_rows * dimensions)).flat_map(of_member).collect();
            let kernel = Distances { a, b, distances: distances.clone() };
            Ok(Trial::new(kernel, vec![Expectation::close(&distances, expected)]))
        })
    };
    vec![
        case("whole tiles", 1, [8, 12], 16, 0),
        case("odd sizes, later rows, two members", 2, [13, 7], 130, 3),
        case("one row, one dimension", 3, [1, 1], 1, 0),
    ]
}
