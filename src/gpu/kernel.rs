//! What a kernel is: a WGSL source, its constants, its tensors by name and its grid.

use super::source::ShaderSource;
use super::tensor::Binding;

/// The value of a WGSL `const`.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// `const NAME: u32 = …u;`
    U32(u32),
    /// `const NAME: f32 = …;`
    F32(f32),
    /// `const NAME: array<u32, N> = …;`, of which every index in the source is a constant.
    U32s(Vec<u32>),
    /// `const NAME: array<f32, N> = …;`, of which every index in the source is a constant.
    F32s(Vec<f32>),
}

impl From<u32> for Constant {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<usize> for Constant {
    fn from(value: usize) -> Self {
        Self::U32(u32::try_from(value).expect("a kernel constant beyond 32 bits"))
    }
}

impl From<bool> for Constant {
    fn from(value: bool) -> Self {
        Self::U32(value.into())
    }
}

impl From<f64> for Constant {
    fn from(value: f64) -> Self {
        Self::F32(value as f32)
    }
}

impl From<Vec<u32>> for Constant {
    fn from(values: Vec<u32>) -> Self {
        Self::U32s(values)
    }
}

impl From<Vec<f32>> for Constant {
    fn from(values: Vec<f32>) -> Self {
        Self::F32s(values)
    }
}

/// What one dispatch has to do, for GFLOP/s and GB/s.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Floating-point operations that the mathematics asks for (a multiply-add is two).
    pub flops: f64,
    /// Bytes that must be read or written at least once.
    pub bytes: f64,
}

/// A kernel bound to its tensors. Implementors are structs whose fields are the bindings by name, plus tuning knobs.
pub trait Kernel: Send + Sync {
    /// Snake-case name: the WGSL file's stem and the label of everything made for it.
    fn name(&self) -> &'static str;

    /// The WGSL file, and the files that fill its slots.
    fn source(&self) -> ShaderSource;

    /// Values for the `const` lines of the source: shapes, hyper-parameters, knobs.
    fn constants(&self) -> Vec<(&'static str, Constant)>;

    /// The tensor of every `@binding`, by the variable's name.
    fn bindings(&self) -> Vec<(&'static str, Binding)>;

    /// Workgroups along x, y and z.
    fn grid(&self) -> [usize; 3];

    /// What one dispatch has to do.
    fn work(&self) -> Work;

    /// The layer that it computes, for kernels of which a model has several: channels and plane, `16→32 5×16`.
    fn layer(&self) -> String {
        String::new()
    }
}
