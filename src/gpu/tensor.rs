//! A typed GPU buffer with a shape.

use std::marker::PhantomData;
use std::sync::Arc;

use super::memory::Allocation;

/// An element type that a storage buffer can hold: a scalar, or a fixed group of scalars without padding.
pub trait Element: bytemuck::Pod {
    /// WGSL scalar of which the element is made: `f32`, `u32` or `i32`. `None` for groups of mixed scalars, whose type
    /// is not checked.
    const SCALAR: Option<&'static str>;
}

impl Element for f32 {
    const SCALAR: Option<&'static str> = Some("f32");
}
impl Element for u32 {
    const SCALAR: Option<&'static str> = Some("u32");
}
impl Element for i32 {
    const SCALAR: Option<&'static str> = Some("i32");
}

/// A buffer on the GPU with a shape, row-major, last axis fastest. Clones share the buffer.
pub struct Tensor<T> {
    allocation: Arc<Allocation>,
    name: String,
    shape: Vec<usize>,
    element: PhantomData<T>,
}

impl<T> Clone for Tensor<T> {
    fn clone(&self) -> Self {
        let allocation = Arc::clone(&self.allocation);
        Self { allocation, name: self.name.clone(), shape: self.shape.clone(), element: PhantomData }
    }
}

impl<T: Element> Tensor<T> {
    pub(super) fn new(allocation: Arc<Allocation>, name: &str, shape: &[usize]) -> Self {
        Self { allocation, name: name.into(), shape: shape.into(), element: PhantomData }
    }

    /// Returns the tensor's name, which error messages and debuggers show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the numbers of elements along all axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the numbers of elements along all `N` axes: `let [members, rows, dimensions] = embedding.dims();`.
    /// Panics if the tensor has another number of axes. A wrong shape is an error in the crate, not in its input.
    #[track_caller]
    pub fn dims<const N: usize>(&self) -> [usize; N] {
        let Ok(dims) = self.shape.as_slice().try_into() else {
            panic!("{}: shape {:?}, expected {N} axes", self.name, self.shape)
        };
        dims
    }

    /// Returns the total number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Panics unless the shape is `expected`. A wrong shape is an error in the crate, not in its input.
    pub fn expect_shape(&self, expected: &[usize]) {
        assert!(self.shape == expected, "{}: shape {:?}, expected {expected:?}", self.name, self.shape);
    }

    /// Binds the whole buffer.
    pub fn binding(&self) -> Binding {
        self.range(0, self.len())
    }

    /// Binds `count` elements from `first` on. The first byte must be aligned to 256 bytes.
    pub fn range(&self, first: usize, count: usize) -> Binding {
        assert!(first + count <= self.len(), "{}: {count} elements at {first} of {:?}", self.name, self.shape);
        Binding {
            allocation: self.allocation(),
            offset: (first * size_of::<T>()) as u64,
            bytes: (count * size_of::<T>()) as u64,
            tensor: self.name.clone(),
            scalar: T::SCALAR,
        }
    }

    pub(super) fn buffer(&self) -> &wgpu::Buffer {
        &self.allocation.buffer
    }

    pub(super) fn allocation(&self) -> Arc<Allocation> {
        Arc::clone(&self.allocation)
    }
}

/// A tensor as bound by a kernel, with its element type erased.
#[derive(Clone)]
pub struct Binding {
    pub(super) allocation: Arc<Allocation>,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) tensor: String,
    pub(super) scalar: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use crate::gpu::Gpu;

    #[test]
    #[should_panic(expected = "rows: shape [2, 3], expected 3 axes")]
    fn a_tensor_of_another_number_of_axes_is_named() {
        let rows = Gpu::noop().tensor::<f32>("rows", &[2, 3]).unwrap();
        let [members, count] = rows.dims();
        assert_eq!((members, count), (2, 3));
        let [_, _, _] = rows.dims();
    }
}
