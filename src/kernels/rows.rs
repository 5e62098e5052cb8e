//! Consecutive rows of every member: the sets of embeddings that the metric kernels read and write.

use crate::gpu::{Constant, Tensor};

/// Consecutive rows of each member of `[member, row, dimension]`.
#[derive(Clone)]
pub struct MemberRows {
    /// `[member, row, dimension]`.
    pub tensor: Tensor<f32>,
    /// First row of each member.
    pub first: usize,
    /// Rows of each member.
    pub count: usize,
}

impl MemberRows {
    /// All rows of `tensor`.
    pub fn all(tensor: &Tensor<f32>) -> Self {
        Self { tensor: tensor.clone(), first: 0, count: tensor.size(1) }
    }

    /// Members.
    pub fn members(&self) -> usize {
        self.tensor.size(0)
    }

    /// Values of a row.
    pub fn dimensions(&self) -> usize {
        self.tensor.size(2)
    }

    /// The constants `names` of a shader: rows, first row, and rows of one member in the tensor.
    pub(super) fn constants(&self, names: [&'static str; 3]) -> [(&'static str, Constant); 3] {
        let [count, first, stride] = names;
        [(count, self.count.into()), (first, self.first.into()), (stride, self.tensor.size(1).into())]
    }

    /// The chosen rows of `values`, the tensor's own, member after member.
    pub fn select(&self, values: &[f64]) -> Vec<f64> {
        let (stride, size) = (self.tensor.size(1), self.dimensions());
        let of_member = |member: usize| &values[(member * stride + self.first) * size..][..self.count * size];
        (0..self.members()).flat_map(of_member).copied().collect()
    }
}
