//! Kernels that measure the device: what arithmetic, memory and dispatches can do at best. They have their oracles as all
//! others, since a figure of wrong results would say nothing.

pub mod copy;
pub mod multiply_add;
pub mod touch;
pub mod workgroup_load;

pub use copy::Copy;
pub use multiply_add::MultiplyAdd;
pub use touch::Touch;
pub use workgroup_load::WorkgroupLoad;
