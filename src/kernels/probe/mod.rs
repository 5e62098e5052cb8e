//! Kernels that measure the device: the peaks of arithmetic and memory, and the cost of a dispatch. Each has an oracle as
//! other kernels have, because the speed of wrong results would say nothing.

pub mod copy;
pub mod multiply_add;
pub mod touch;
pub mod workgroup_load;

pub use copy::Copy;
pub use multiply_add::MultiplyAdd;
pub use touch::Touch;
pub use workgroup_load::WorkgroupLoad;
