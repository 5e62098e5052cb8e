//! The open device, which creates all buffers, collects the driver's errors and counts memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::adapter::{self, AdapterChoice, AdapterDescription, AdapterKind};
use super::compile_count::CompileCallback;
use super::memory::{Allocation, Memory};
use super::pipeline::PipelineCache;
use super::resolved::Resolved;
use super::tensor::{Element, Tensor};
use super::wgsl::Loads;
use crate::{Error, Result};

/// Classes of devices that need different tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceClass {
    /// Mesa's Vulkan on the CPU (lavapipe) from version 25 on. A load costs as much as tens of multiply-adds unless the
    /// compiler knows its address to be uniform, and a dispatch costs tens of microseconds.
    Llvmpipe,
    /// Another software adapter, such as lavapipe of Mesa 22.3. Uniform addresses do not make loads cheaper.
    Cpu,
    /// A GPU that shares memory with the CPU.
    Integrated,
    /// A GPU with its own memory.
    Discrete,
}

impl DeviceClass {
    fn of(adapter: &AdapterDescription) -> Self {
        let mesa = adapter.driver.split_once("Mesa ").and_then(|(_, version)| version.split('.').next()?.parse().ok());
        match adapter.kind {
            AdapterKind::Cpu if adapter.name.contains("llvmpipe") && mesa.is_some_and(|version: u32| version >= 25) => {
                Self::Llvmpipe
            }
            AdapterKind::Cpu => Self::Cpu,
            AdapterKind::Integrated => Self::Integrated,
            AdapterKind::Discrete | AdapterKind::Virtual | AdapterKind::Other => Self::Discrete,
        }
    }

    /// Whether devices of this class compute on the CPU.
    pub fn is_software(self) -> bool {
        matches!(self, Self::Llvmpipe | Self::Cpu)
    }
}

/// An error from one of the driver's callbacks, kept until the next [`Gpu::check`].
#[derive(Debug, Clone)]
enum Fault {
    Lost(String),
    Refused(String),
}

/// An open device with its queue, through which everything on the GPU is made.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    pub(super) pipelines: PipelineCache,
    adapter: AdapterDescription,
    /// The adapter; `None` for devices without a driver.
    pub(super) handle: Option<wgpu::Adapter>,
    class: DeviceClass,
    fault: Arc<Mutex<Option<Fault>>>,
    /// Recordings replayed during a [`Gpu::capture`]; `None` at other times.
    pub(super) observed: Mutex<Option<Vec<Resolved>>>,
    pub(super) on_compiling: Option<CompileCallback>,
    memory: Arc<Memory>,
    buffers: AtomicUsize,
}

impl Gpu {
    /// Opens the adapter that `choice` names, with all its limits and, if it supports them, timestamps.
    ///
    /// # Errors
    /// [`Error::Adapter`] when no adapter matches or the driver refuses to open it.
    pub fn open(choice: &AdapterChoice) -> Result<Self> {
        let (adapter, description) = adapter::choose(choice)?;
        Self::connect(adapter, description)
    }

    /// Opens a device of `adapter` with its own queue.
    ///
    /// # Errors
    /// [`Error::Adapter`] when the adapter lacks immediates or the driver refuses to open it.
    pub(super) fn connect(adapter: wgpu::Adapter, description: AdapterDescription) -> Result<Self> {
        if !adapter.features().contains(wgpu::Features::IMMEDIATES) {
            return Err(Error::Adapter(format!(
                "{} does not support immediates, which every native driver of the last years does: update the driver",
                description.name
            )));
        }
        let optional = wgpu::Features::TIMESTAMP_QUERY;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("weaklabel"),
            required_features: wgpu::Features::IMMEDIATES | (adapter.features() & optional),
            // Only requested limits are granted, and the default of 128 MiB would waste most of a large GPU's memory.
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::Adapter(format!("{} cannot be opened: {e}", description.name)))?;
        Ok(Self::new(device, queue, description, Some(adapter)))
    }

    /// Makes a device without a driver, which validates shaders, layouts and dispatches but computes nothing. It has
    /// WebGPU's default limits except for 64 bytes of immediates, as WebGPU in browsers has, and 16 storage buffers, as
    /// D3D12 has.
    pub fn noop() -> Self {
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("noop"),
            required_features: wgpu::Features::IMMEDIATES,
            required_limits: wgpu::Limits {
                max_immediate_size: 64,
                max_storage_buffers_per_shader_stage: 16,
                ..Default::default()
            },
            ..Default::default()
        };
        let (device, queue) = wgpu::Device::noop(&descriptor);
        let info = device.adapter_info();
        let description = AdapterDescription {
            index: 0,
            name: info.name,
            backend: info.backend.to_str().to_string(),
            driver: info.driver,
            kind: AdapterKind::Other,
            pci: adapter::PciId { bus: String::new(), id: String::new() },
            limits: adapter::AdapterLimits {
                buffer: descriptor.required_limits.max_buffer_size,
                storage_binding: descriptor.required_limits.max_storage_buffer_binding_size,
                uniform_binding: descriptor.required_limits.max_uniform_buffer_binding_size,
                storage_buffers: descriptor.required_limits.max_storage_buffers_per_shader_stage,
                workgroup_bytes: descriptor.required_limits.max_compute_workgroup_storage_size,
                workgroup_invocations: descriptor.required_limits.max_compute_invocations_per_workgroup,
                workgroups_per_axis: descriptor.required_limits.max_compute_workgroups_per_dimension,
                memory: None,
            },
            subgroup_size: [info.subgroup_min_size, info.subgroup_max_size],
            features: vec![],
        };
        Self::new(device, queue, description, None)
    }

    /// Makes a device with the limits of the adapter that `choice` names, but without its driver. The device makes,
    /// validates and counts everything as the device of [`Gpu::open`] would, and computes nothing. The memory that some
    /// work needs can so be measured before anything is allocated.
    ///
    /// # Errors
    /// The errors of [`Gpu::open`].
    pub fn dry_run(choice: &AdapterChoice) -> Result<Self> {
        let (adapter, description) = adapter::choose(choice)?;
        // Limits against which kernels and tensors are checked.
        let limits = adapter.limits();
        let required_limits = wgpu::Limits {
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_uniform_buffer_binding_size: limits.max_uniform_buffer_binding_size,
            max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
            max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
            max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
            max_compute_workgroup_size_x: limits.max_compute_workgroup_size_x,
            max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            max_immediate_size: limits.max_immediate_size,
            ..Default::default()
        };
        let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor {
            label: Some("on paper"),
            required_features: wgpu::Features::IMMEDIATES,
            required_limits,
            ..Default::default()
        });
        Ok(Self::new(device, queue, description, None))
    }

    fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        adapter: AdapterDescription,
        handle: Option<wgpu::Adapter>,
    ) -> Self {
        let fault = Arc::new(Mutex::new(None));
        let first = |fault: &Arc<Mutex<Option<Fault>>>, found: Fault| {
            let mut slot = fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            slot.get_or_insert(found);
        };
        let (on_error, on_loss) = (Arc::clone(&fault), Arc::clone(&fault));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            first(&on_error, Fault::Refused(error.to_string()));
        }));
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                first(&on_loss, Fault::Lost(message));
            }
        });
        let class = DeviceClass::of(&adapter);
        let limits = device.limits();
        Self {
            device,
            queue,
            limits,
            pipelines: PipelineCache::default(),
            adapter,
            handle,
            class,
            fault,
            observed: Mutex::default(),
            on_compiling: None,
            memory: Arc::default(),
            buffers: AtomicUsize::new(0),
        }
    }

    /// Sets `callback`, which is called while kernels are compiled: that takes seconds on some drivers.
    pub fn on_compiling(&mut self, callback: CompileCallback) {
        self.on_compiling = Some(callback);
    }

    /// Returns the description of the device's adapter.
    pub fn adapter(&self) -> &AdapterDescription {
        &self.adapter
    }

    /// Returns the class of the device, which decides the choice of tiles.
    pub fn class(&self) -> DeviceClass {
        self.class
    }

    /// Returns the same device treated as one of `class`, with the kernels, tiles and shader forms of that class.
    #[must_use]
    pub fn taken_for(self, class: DeviceClass) -> Self {
        Self { class, ..self }
    }

    /// Returns the form of loops over loads for this driver. SwiftShader compiles each load to branches, and the time
    /// and memory for compiling a kernel grow steeply with their number.
    pub(super) fn loads(&self) -> Loads {
        if self.adapter.name.contains("SwiftShader") { Loads::Rolled } else { Loads::Unrolled }
    }

    /// Returns the size in bytes of the largest storage binding. Longer tensors must be sharded.
    pub fn max_binding_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Returns the memory in bytes that a program may well take: nine tenths of what the adapter reports, or half of it
    /// where the adapter computes on the CPU, whose memory others need too. `None` where nothing is reported.
    pub fn memory_to_use(&self) -> Option<u64> {
        let memory = self.adapter.limits.memory?;
        Some(if self.class.is_software() { memory / 2 } else { memory / 10 * 9 })
    }

    /// Returns the number of bytes of all tensors and staging buffers in use.
    pub fn live_bytes(&self) -> u64 {
        self.memory.live()
    }

    /// Returns the largest number of bytes that were in use at a time.
    pub fn peak_bytes(&self) -> u64 {
        self.memory.peak()
    }

    /// Returns the number of buffers made so far, which a training loop must not raise.
    pub fn buffers_made(&self) -> usize {
        self.buffers.load(Ordering::Relaxed)
    }

    /// Allocates a tensor of zeros. `shape` is in elements, row-major, last axis fastest.
    ///
    /// # Errors
    /// [`Error::Kernel`] naming the tensor when it exceeds a limit of the adapter or its memory.
    pub fn tensor<T: Element>(&self, name: &str, shape: &[usize]) -> Result<Tensor<T>> {
        let bytes = (shape.iter().product::<usize>() * size_of::<T>()).max(size_of::<T>()) as u64;
        if bytes > self.max_binding_bytes() {
            return Err(Error::kernel(
                name,
                format!(
                    "{shape:?} takes {bytes} bytes, {} binds at most {}: use fewer examples per batch or fewer members",
                    self.adapter.name,
                    self.max_binding_bytes()
                ),
            ));
        }
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::UNIFORM
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        Ok(Tensor::new(self.buffer(name, bytes, usage)?, name, shape))
    }

    /// Allocates a tensor with the given contents, row-major.
    ///
    /// # Errors
    /// The errors of [`Gpu::tensor`].
    pub fn tensor_from<T: Element>(&self, name: &str, shape: &[usize], values: &[T]) -> Result<Tensor<T>> {
        let tensor = self.tensor(name, shape)?;
        self.write(&tensor, 0, values);
        Ok(tensor)
    }

    /// Writes `values` into `tensor` from element `offset` on. The write takes effect after the replays queued before
    /// it and before those queued after it.
    pub fn write<T: Element>(&self, tensor: &Tensor<T>, offset: usize, values: &[T]) {
        assert!(
            offset + values.len() <= tensor.len(),
            "{}: {} values at {offset} do not fit {:?}",
            tensor.name(),
            values.len(),
            tensor.shape()
        );
        if !values.is_empty() {
            self.queue.write_buffer(tensor.buffer(), (offset * size_of::<T>()) as u64, bytemuck::cast_slice(values));
        }
    }

    pub(super) fn buffer(&self, name: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<Arc<Allocation>> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let size = bytes.next_multiple_of(4);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(name),
            size,
            usage,
            mapped_at_creation: false,
        });
        if let Some(error) = pollster::block_on(memory.pop()) {
            return Err(Error::kernel(
                name,
                format!(
                    "{} has no room for {size} bytes ({} are in use): {error}",
                    self.adapter.name,
                    self.live_bytes()
                ),
            ));
        }
        self.buffers.fetch_add(1, Ordering::Relaxed);
        Ok(Allocation::new(buffer, &self.memory))
    }

    /// Fails with the first error that the driver has reported, if there is one.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], or [`Error::Kernel`] for an operation that the driver refused.
    pub fn check(&self) -> Result<()> {
        let fault = self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match fault {
            None => Ok(()),
            Some(Fault::Lost(reason)) => Err(Error::DeviceLost { adapter: self.adapter.name.clone(), reason }),
            Some(Fault::Refused(reason)) => Err(Error::kernel(&self.adapter.name, reason)),
        }
    }

    /// Waits until the queue is empty.
    ///
    /// # Errors
    /// The errors of [`Gpu::check`].
    pub fn wait(&self) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(|_| ()).map_err(|e| Error::DeviceLost { adapter: self.adapter.name.clone(), reason: e.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_follows_from_kind_name_and_driver() {
        let class = |kind: AdapterKind, name: &str, driver: &str| {
            let described = Gpu::noop().adapter().clone();
            DeviceClass::of(&AdapterDescription { kind, name: name.into(), driver: driver.into(), ..described })
        };
        let llvmpipe = "llvmpipe (LLVM 15.0.6, 256 bits)";
        let new = "llvmpipe Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)";
        assert_eq!(class(AdapterKind::Cpu, llvmpipe, new), DeviceClass::Llvmpipe);
        assert_eq!(class(AdapterKind::Cpu, llvmpipe, "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)"), DeviceClass::Cpu);
        assert_eq!(class(AdapterKind::Cpu, llvmpipe, "llvmpipe"), DeviceClass::Cpu);
        assert_eq!(class(AdapterKind::Cpu, "Microsoft Basic Render Driver", ""), DeviceClass::Cpu);
        assert_eq!(
            class(AdapterKind::Integrated, "AMD Radeon Graphics (RADV)", "radv Mesa 25.0.7"),
            DeviceClass::Integrated
        );
        assert_eq!(class(AdapterKind::Discrete, "NVIDIA H100", "NVIDIA 580.1"), DeviceClass::Discrete);
        assert_eq!(class(AdapterKind::Virtual, "virtio", ""), DeviceClass::Discrete);
    }
}
