//! Buffers that are counted for as long as anybody holds them: tensors, staging buffers, recordings that bind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all buffers of a device.
#[derive(Default)]
pub(super) struct Memory {
    live: AtomicU64,
    peak: AtomicU64,
}

impl Memory {
    /// Bytes of the buffers that somebody holds.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// The most they ever were.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// A buffer that is counted. The driver may keep it a little longer, until the work queued on it is done.
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
