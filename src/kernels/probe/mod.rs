//! Kernels that measure the device: peak arithmetic, memory bandwidths, and the cost of a dispatch. Like all kernels
//! they have oracles, because the speed of a wrong result is meaningless.

pub mod copy;
pub mod multiply_add;
pub mod touch;
pub mod workgroup_load;

pub use copy::Copy;
pub use multiply_add::MultiplyAdd;
pub use touch::Touch;
pub use workgroup_load::WorkgroupLoad;
