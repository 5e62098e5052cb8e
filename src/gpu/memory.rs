//! GPU memory accounting: a buffer counts for as long as a tensor, a staging buffer or a recording holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Byte counts of all buffers of a device.
#[derive(Default)]
pub(super) struct Memory {
    live: AtomicU64,
    peak: AtomicU64,
}

impl Memory {
    /// Returns the number of bytes of all buffers that are held.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Returns the largest value that [`Memory::live`] ever had.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// A counted buffer. The driver may keep it a little longer than its owners, until the work queued on it is done.
pub(super) struct Allocation {
    pub buffer: wgpu::Buffer,
    bytes: u64,
    memory: Arc<Memory>,
}

impl Allocation {
    pub fn new(buffer: wgpu::Buffer, memory: &Arc<Memory>) -> Arc<Self> {
        let bytes = buffer.size();
        let live = memory.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        memory.peak.fetch_max(live, Ordering::Relaxed);
        Arc::new(Self { buffer, bytes, memory: Arc::clone(memory) })
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        self.memory.live.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
