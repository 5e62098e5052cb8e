//! Readback from GPU to host, either at once or as a download that is queued now and fetched later.

use std::marker::PhantomData;
use std::sync::{Arc, mpsc};

use super::device::Gpu;
use super::memory::Allocation;
use super::tensor::{Element, Tensor};
use crate::{Error, Result};

/// A staging buffer for one tensor, made once and reused every epoch.
pub struct Download<T> {
    staging: Arc<Allocation>,
    source: Arc<Allocation>,
    bytes: u64,
    pending: Option<mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>>,
    name: String,
    element: PhantomData<T>,
}

impl Gpu {
    /// Makes a staging buffer for `tensor`.
    ///
    /// # Errors
    /// The errors of [`Gpu::tensor`].
    pub fn download<T: Element>(&self, tensor: &Tensor<T>) -> Result<Download<T>> {
        let bytes = (tensor.len() * size_of::<T>()) as u64;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer(&format!("{} (staging)", tensor.name()), bytes, usage)?;
        Ok(Download {
            staging,
            source: tensor.allocation(),
            bytes,
            pending: None,
            name: tensor.name().into(),
            element: PhantomData,
        })
    }

    /// Reads all elements of `tensor`, row-major, after everything queued so far has run.
    ///
    /// # Errors
    /// The errors of [`Download::fetch`].
    pub fn read<T: Element>(&self, tensor: &Tensor<T>) -> Result<Vec<T>> {
        let mut download = self.download(tensor)?;
        download.queue(self);
        download.fetch(self)
    }
}

impl Gpu {
    /// Reads `count` elements of `tensor` from `first` on, after everything queued so far has run.
    ///
    /// # Errors
    /// The errors of [`Gpu::read`].
    pub fn read_part<T: Element>(&self, tensor: &Tensor<T>, first: usize, count: usize) -> Result<Vec<T>> {
        assert!(
            first + count <= tensor.len(),
            "{}: {count} elements at {first} of {:?}",
            tensor.name(),
            tensor.shape()
        );
        let part = self.tensor(tensor.name(), &[count])?;
        let label = Some(tensor.name());
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        let [at, bytes] = [first, count].map(|elements| (elements * size_of::<T>()) as u64);
        encoder.copy_buffer_to_buffer(tensor.buffer(), at, part.buffer(), 0, bytes);
        self.queue.submit([encoder.finish()]);
        self.read(&part)
    }
}

impl<T: Element> Download<T> {
    /// Queues the copy behind everything submitted so far. Panics if the previous copy was not fetched.
    pub fn queue(&mut self, gpu: &Gpu) {
        assert!(self.pending.is_none(), "{}: queued twice without a fetch", self.name);
        let mut encoder =
            gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(&self.name) });
        let bytes = Some(self.bytes.next_multiple_of(4));
        encoder.copy_buffer_to_buffer(&self.source.buffer, 0, &self.staging.buffer, 0, bytes);
        gpu.queue.submit([encoder.finish()]);
        let (sender, receiver) = mpsc::channel();
        self.staging.buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Sending fails only if the download itself was dropped.
            let _ = sender.send(result);
        });
        self.pending = Some(receiver);
    }

    /// Waits for the queued copy and returns the elements. Panics if no copy was queued.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::Kernel`] when the driver reported an error.
    pub fn fetch(&mut self, gpu: &Gpu) -> Result<Vec<T>> {
        let receiver = self.pending.take().unwrap_or_else(|| panic!("{}: fetched before it was queued", self.name));
        let lost = |reason: String| Error::DeviceLost { adapter: gpu.adapter().name.clone(), reason };
        loop {
            match receiver.try_recv() {
                Ok(result) => break result.map_err(|e| lost(e.to_string()))?,
                Err(mpsc::TryRecvError::Disconnected) => return Err(lost("a readback was dropped".into())),
                Err(mpsc::TryRecvError::Empty) => gpu.wait()?,
            }
        }
        let view = self.staging.buffer.get_mapped_range(..).map_err(|e| lost(e.to_string()))?;
        let values = bytemuck::pod_collect_to_vec(&view[..self.bytes as usize]);
        drop(view);
        self.staging.buffer.unmap();
        gpu.check()?;
        Ok(values)
    }
}
