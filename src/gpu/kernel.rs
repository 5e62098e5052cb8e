//! The interface of a kernel: WGSL source, constants, tensors by name, and grid.

use super::source::ShaderSource;
use super::tensor::Binding;

/// The value of a WGSL `const`.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// `const NAME: u32 = …u;`
    U32(u32),
    /// `const NAME: f32 = …;`
    F32(f32),
    /// `const NAME: array<u32, N> = …;`, indexed in the source by constants only.
    U32s(Vec<u32>),
    /// `const NAME: array<f32, N> = …;`, indexed in the source by constants only.
    F32s(Vec<f32>),
    /// `alias NAME = …;`, a type.
    Type(&'static str),
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

/// The work of one dispatch, from which GFLOP/s and GB/s are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Floating-point operations required by the mathematics, where a multiply-add counts as two.
    pub flops: f64,
    /// Bytes that must be read or written at least once.
    pub bytes: f64,
}

/// A kernel bound to its tensors. Implementors are structs whose fields are the bindings by name and the tuning
/// parameters.
pub trait Kernel: Send + Sync {
    /// Returns the WGSL file, and the files that fill its slots.
    fn source(&self) -> ShaderSource;

    /// Returns the name, which error messages, profiles and the labels of GPU objects show: that of the source, the
    /// WGSL file's name without its extension.
    fn name(&self) -> &'static str {
        self.source().name()
    }

    /// Returns values for the `const` lines of the source: shapes, hyper-parameters, tuning parameters.
    fn constants(&self) -> Vec<(&'static str, Constant)>;

    /// Returns the tensor for every `@binding`, by the variable's name.
    fn bindings(&self) -> Vec<(&'static str, Binding)>;

    /// Returns the numbers of workgroups along x, y and z.
    fn grid(&self) -> [usize; 3];

    /// Returns the work of one dispatch.
    fn work(&self) -> Work;

    /// Returns a label of the layer that the kernel computes, for kernels that a model runs for several layers:
    /// channels and plane, `16→32 5×16`.
    fn layer(&self) -> String {
        String::new()
    }
}

/// Lists tensors of a kernel for [`Kernel::bindings`], each under its field's name, where the shader's variable has the
/// same name: `bindings![self.x, self.y]` is `vec![("x", self.x.binding()), ("y", self.y.binding())]`.
#[macro_export]
macro_rules! bindings {
    ($($kernel:ident.$tensor:ident),+ $(,)?) => {
        vec![$((stringify!($tensor), $kernel.$tensor.binding())),+]
    };
}
