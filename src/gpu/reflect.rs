//! Reflection of WGSL sources with naga: bindings, workgroup size, workgroup memory, and the size of the immediate.
//!
//! The pipeline layouts are made from the result, so the host repeats none of these declarations. The size of the
//! immediate also decides what the recording writes to it: the row alone, or the row and a table of digits.

use std::collections::BTreeMap;

use naga::{AddressSpace, ScalarKind, TypeInner};

use super::kernel::Kernel;
use super::tensor::Binding;
use crate::{Error, Result};

/// Interface of one compiled kernel.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// Declarations by binding number.
    pub bindings: BTreeMap<u32, Declaration>,
    /// Size of `var<immediate>` in bytes: 0, 4 for the step, or 64 for the step and the sixteen hexadecimal digits.
    pub immediate_bytes: u32,
    /// Invocations per workgroup along x, y and z.
    pub workgroup: [u32; 3],
    /// Size of `var<workgroup>` in bytes.
    pub workgroup_bytes: u32,
}

/// Binding that the source declares.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    pub name: String,
    pub ty: wgpu::BufferBindingType,
    /// Smallest size of the buffer in bytes; an array without a length counts as one element.
    pub bytes: u32,
    /// Scalar type, `f32`, `u32` or `i32`; `None` for structs.
    pub scalar: Option<&'static str>,
}

/// Parses `wgsl` and reads its interface. The parsed module is returned for compilation, because parsing takes as long
/// as all other work on a kernel whose binary the driver has cached.
pub(super) fn reflect(kernel: &str, wgsl: &str) -> Result<(Interface, naga::Module)> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| Error::kernel(kernel, e.emit_to_string(wgsl)))?;
    let entry = match module.entry_points.as_slice() {
        [one] => one,
        several => return Err(Error::kernel(kernel, format!("{} entry points, expected one", several.len()))),
    };
    let layout = |ty: naga::Handle<naga::Type>| module.types[ty].inner.size(module.to_ctx());
    let mut interface = Interface {
        bindings: BTreeMap::new(),
        immediate_bytes: 0,
        workgroup: entry.workgroup_size,
        workgroup_bytes: 0,
    };
    for (_, variable) in module.global_variables.iter() {
        match variable.space {
            AddressSpace::Immediate => interface.immediate_bytes = layout(variable.ty),
            AddressSpace::WorkGroup => interface.workgroup_bytes += layout(variable.ty).next_multiple_of(16),
            AddressSpace::Uniform | AddressSpace::Storage { .. } => {
                let (Some(binding), Some(name)) = (&variable.binding, &variable.name) else {
                    return Err(Error::kernel(kernel, "a buffer without @group and @binding"));
                };
                let ty = match variable.space {
                    AddressSpace::Storage { access } => {
                        wgpu::BufferBindingType::Storage { read_only: !access.contains(naga::StorageAccess::STORE) }
                    }
                    _ => wgpu::BufferBindingType::Uniform,
                };
                let (bytes, scalar) = (layout(variable.ty), scalar(&module, variable.ty));
                let declaration = Declaration { name: name.clone(), ty, bytes, scalar };
                interface.bindings.insert(binding.binding, declaration);
            }
            _ => {}
        }
    }
    Ok((interface, module))
}

/// Returns the scalar type that an array, vector or atomic consists of.
fn scalar(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Option<&'static str> {
    match &module.types[ty].inner {
        TypeInner::Array { base, .. } => scalar(module, *base),
        TypeInner::Scalar(s) | TypeInner::Vector { scalar: s, .. } | TypeInner::Atomic(s) => match (s.kind, s.width) {
            (ScalarKind::Float, 4) => Some("f32"),
            (ScalarKind::Uint, 4) => Some("u32"),
            (ScalarKind::Sint, 4) => Some("i32"),
            _ => None,
        },
        _ => None,
    }
}

impl Interface {
    /// Returns the tensors of `kernel` in the order of the declarations; every name and scalar type must agree.
    pub fn match_bindings(&self, kernel: &dyn Kernel) -> Result<Vec<(u32, Binding)>> {
        let mut given: BTreeMap<&'static str, Binding> = kernel.bindings().into_iter().collect();
        let mut matched = Vec::new();
        for (number, declared) in &self.bindings {
            let binding = given.remove(declared.name.as_str()).ok_or_else(|| {
                Error::kernel(
                    kernel.name(),
                    format!("the source binds `{}` at {number}, the host gives no tensor of that name", declared.name),
                )
            })?;
            if let (Some(host), Some(source)) = (binding.scalar, declared.scalar)
                && host != source
            {
                return Err(Error::kernel(
                    kernel.name(),
                    format!("`{}` is {source} in the source, tensor {} is {host}", declared.name, binding.tensor),
                ));
            }
            matched.push((*number, binding));
        }
        match given.keys().next() {
            Some(name) => Err(Error::kernel(
                kernel.name(),
                format!("the host gives a tensor `{name}` that the source does not bind"),
            )),
            None => Ok(matched),
        }
    }

    /// Checks, before compilation, that a dispatch of `grid` workgroups stays within `limits`. wgpu does not check
    /// workgroup memory, and an error of the driver does not name the kernel.
    pub fn fits(&self, kernel: &str, grid: [u32; 3], limits: &wgpu::Limits) -> Result<()> {
        let invocations: u32 = self.workgroup.iter().product();
        let storage =
            self.bindings.values().filter(|b| matches!(b.ty, wgpu::BufferBindingType::Storage { .. })).count();
        let sizes = [
            limits.max_compute_workgroup_size_x,
            limits.max_compute_workgroup_size_y,
            limits.max_compute_workgroup_size_z,
        ];
        let axis = limits.max_compute_workgroups_per_dimension;
        let checks = [
            (
                "invocations per workgroup",
                u64::from(invocations),
                u64::from(limits.max_compute_invocations_per_workgroup),
            ),
            (
                "bytes of workgroup memory",
                u64::from(self.workgroup_bytes),
                u64::from(limits.max_compute_workgroup_storage_size),
            ),
            ("bytes of immediates", u64::from(self.immediate_bytes), u64::from(limits.max_immediate_size)),
            ("storage buffers", storage as u64, u64::from(limits.max_storage_buffers_per_shader_stage)),
            ("workgroups along x", u64::from(grid[0]), u64::from(axis)),
            ("workgroups along y", u64::from(grid[1]), u64::from(axis)),
            ("workgroups along z", u64::from(grid[2]), u64::from(axis)),
            ("invocations along x", u64::from(self.workgroup[0]), u64::from(sizes[0])),
            ("invocations along y", u64::from(self.workgroup[1]), u64::from(sizes[1])),
            ("invocations along z", u64::from(self.workgroup[2]), u64::from(sizes[2])),
        ];
        match checks.iter().find(|(_, needed, limit)| needed > limit) {
            Some((what, needed, limit)) => {
                Err(Error::kernel(kernel, format!("needs {needed} {what}, the adapter allows {limit}")))
            }
            None => Ok(()),
        }
    }
}
