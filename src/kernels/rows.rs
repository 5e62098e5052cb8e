//! Consecutive rows of every member: the sets of embeddings that the metric kernels read and write.

use crate::gpu::{Binding, Constant, Tensor};

/// Consecutive rows of each member in a tensor.
#[derive(Clone)]
pub struct MemberRows {
    /// Tensor that holds the rows, `[member, row, dimension]`.
    pub tensor: Tensor<f32>,
    /// First row of each member.
    pub first: usize,
    /// Number of rows of each member.
    pub count: usize,
}

impl MemberRows {
    /// Selects all rows of `tensor`.
    pub fn all(tensor: &Tensor<f32>) -> Self {
        let [_, count, _] = tensor.dims();
        Self { tensor: tensor.clone(), first: 0, count }
    }

    /// Returns the number of members.
    pub fn members(&self) -> usize {
        let [members, _, _] = self.tensor.dims();
        members
    }

    /// Returns the number of rows of each member in the tensor, selected or not.
    pub(super) fn stride(&self) -> usize {
        let [_, rows, _] = self.tensor.dims();
        rows
    }

    /// Returns the number of values per row.
    pub fn dimensions(&self) -> usize {
        let [_, _, dimensions] = self.tensor.dims();
        dimensions
    }

    /// Binds the whole tensor; the constants say which of its rows are selected.
    pub(super) fn binding(&self) -> Binding {
        self.tensor.binding()
    }

    /// Returns the constants `names` of a shader: number of rows, first row, and rows per member in the tensor.
    pub(super) fn constants(&self, names: [&'static str; 3]) -> [(&'static str, Constant); 3] {
        let [count, first, stride] = names;
        [(count, self.count.into()), (first, self.first.into()), (stride, self.stride().into())]
    }

    /// Returns the selected rows of `values`, which holds the values of the whole tensor.
    pub fn select(&self, values: &[f64]) -> Vec<f64> {
        let [members, stride, dimensions] = self.tensor.dims();
        let of_member =
            |member: usize| &values[(member * stride + self.first) * dimensions..][..self.count * dimensions];
        (0..members).flat_map(of_member).copied().collect()
    }
}
