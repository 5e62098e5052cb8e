//! Where the time of a recording goes: the same dispatches, one pass each, between two timestamps.

use super::device::Gpu;
use super::kernel::Work;
use super::recording::Resolved;
use crate::{Error, Result};

/// One dispatch of a profiled recording.
#[derive(Debug, Clone)]
pub struct KernelTime {
    /// The kernel.
    pub name: &'static str,
    /// Median over the repetitions, in seconds.
    pub seconds: f64,
    /// What it had to do.
    pub work: Work,
}

impl Gpu {
    /// Runs one row of `recording` `repeats` times and times every dispatch. Passes of their own make the sum a little
    /// larger than the time of a replay.
    ///
    /// # Errors
    /// [`Error::Adapter`] when the adapter has no timestamps; otherwise as [`Gpu::replay`].
    pub fn profile(&self, recording: &Resolved, row: u32, repeats: usize) -> Result<Vec<KernelTime>> {
        if !self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Err(Error::Adapter(format!(
                "{} has no timestamp queries, so kernels cannot be timed on it",
                self.adapter().name
            )));
        }
        let count = 2 * recording.dispatches.len() as u32;
        let queries = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = super::Tensor::<u32>::new(
            self.buffer("timestamps", u64::from(count) * 8, usage)?,
            "timestamps",
            &[count as usize * 2],
        );
        let mut download = self.download(&resolved)?;
        let mut times = vec![Vec::with_capacity(repeats); recording.dispatches.len()];
        for _ in 0..repeats {
            let mut encoder =
                self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("profile") });
            for (index, dispatch) in recording.dispatches.iter().enumerate() {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(dispatch.name),
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(2 * index as u32),
                        end_of_pass_write_index: Some(2 * index as u32 + 1),
                    }),
                });
                dispatch.encode(&mut pass, row);
            }
            encoder.resolve_query_set(&queries, 0..count, resolved.buffer(), 0);
            self.queue.submit([encoder.finish()]);
            download.queue(self);
            let words = download.fetch(self)?;
            let ticks: Vec<u64> = words.chunks_exact(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32).collect();
            for (times, pair) in times.iter_mut().zip(ticks.chunks_exact(2)) {
                times
                    .push(pair[1].saturating_sub(pair[0]) as f64 * f64::from(self.queue.get_timestamp_period()) * 1e-9);
            }
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or_default()
        };
        Ok(recording
            .dispatches
            .iter()
            .zip(&mut times)
            .map(|(dispatch, times)| KernelTime { name: dispatch.name, seconds: median(times), work: dispatch.work })
            .collect())
    }
}
