//! The GPU runtime: tensors, kernels, recordings and their replay. The only module that names wgpu or naga; it knows no
//! audio and no model.
//!
//! In: kernels (WGSL, constants, tensors) pushed onto a [`Recording`]. Out: a [`Resolved`] list of dispatches that
//! [`Gpu::replay`] runs for any number of schedule rows without a CPU–GPU wait, and [`Gpu::read`] for the results.

pub mod adapter;
mod compile;
mod compile_count;
pub mod device;
mod expression;
pub mod kernel;
mod memory;
mod pipeline;
pub mod profile;
mod readback;
pub mod recording;
mod reflect;
mod replay;
mod resolved;
pub mod source;
pub mod tensor;
mod warmup;
pub mod wgsl;

pub use crate::bindings;
pub use adapter::{AdapterChoice, AdapterDescription, AdapterKind};
pub use compile_count::CompileCallback;
pub use device::{DeviceClass, Gpu};
pub use kernel::{Constant, Kernel, Work};
pub use profile::KernelTime;
pub use readback::Download;
pub use recording::Recording;
pub use replay::QueueMark;
pub use resolved::Resolved;
pub use source::ShaderSource;
pub use tensor::{Binding, Element, Tensor};
