//! Profiles of recordings: dispatches run one by one, timed by the device's timestamps or, on adapters without
//! timestamps, by the host's clock.

use std::time::Instant;

use super::device::Gpu;
use super::kernel::Work;
use super::resolved::{Dispatch, Resolved};
use crate::Result;

/// One dispatch of a profiled recording.
#[derive(Debug, Clone)]
pub struct KernelTime {
    /// Name of the kernel.
    pub name: &'static str,
    /// Layer that the kernel computes; empty for kernels that a model runs once.
    pub layer: String,
    /// Seconds of each repetition, ascending.
    pub times: Vec<f64>,
    /// Work of the dispatch.
    pub work: Work,
}

impl KernelTime {
    /// Returns the names of kernel and layer.
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.layer).trim_end().to_string()
    }

    /// Returns the median of the repetitions in seconds.
    pub fn seconds(&self) -> f64 {
        self.times[self.times.len() / 2]
    }
}

/// Shortest measurement by the host's clock in seconds, much longer than the time of a submit.
const CLOCKED_S: f64 = 0.005;
const MOST_REPEATS: u32 = 4096;

impl Gpu {
    /// Whether the device itself can time dispatches.
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Runs one row of `recording` `repeats` times, at least once, and times every dispatch. Each dispatch has its own
    /// pass, so the sum of the times is a little larger than the time of a replay. Without timestamps, each dispatch is
    /// repeated alone until the host's clock can measure its time.
    ///
    /// # Errors
    /// The errors of [`Gpu::replay`].
    pub fn profile(&self, recording: &Resolved, row: u32, repeats: usize) -> Result<Vec<KernelTime>> {
        let (dispatches, repeats) = (&recording.0.dispatches, repeats.max(1));
        let times = match self.has_timestamps() {
            true => self.by_timestamps(dispatches, row, repeats)?,
            false => dispatches
                .iter()
                .map(|dispatch| self.by_clock(dispatch, row, repeats))
                .collect::<Result<Vec<Vec<f64>>>>()?,
        };
        let of_dispatch = |(dispatch, mut times): (&Dispatch, Vec<f64>)| {
            times.sort_by(f64::total_cmp);
            KernelTime { name: dispatch.name, layer: dispatch.layer.clone(), times, work: dispatch.work }
        };
        Ok(dispatches.iter().zip(times).map(of_dispatch).collect())
    }

    /// Measures each of `dispatches` by timestamps. Returns seconds, `[dispatch][repetition]`.
    fn by_timestamps(&self, dispatches: &[Dispatch], row: u32, repeats: usize) -> Result<Vec<Vec<f64>>> {
        let count = 2 * dispatches.len() as u32;
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
        let mut times = vec![Vec::with_capacity(repeats); dispatches.len()];
        for _ in 0..repeats {
            let mut encoder =
                self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("profile") });
            for (index, dispatch) in dispatches.iter().enumerate() {
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
        Ok(times)
    }

    /// Measures one dispatch by the host's clock. Each of the `repeats` results, in seconds, is the mean over enough
    /// dispatches in a row for the clock's resolution.
    fn by_clock(&self, dispatch: &Dispatch, row: u32, repeats: usize) -> Result<Vec<f64>> {
        let run = |count: u32| -> Result<f64> {
            let label = Some(dispatch.name);
            let start = Instant::now();
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
            {
                let descriptor = wgpu::ComputePassDescriptor { label, timestamp_writes: None };
                let mut pass = encoder.begin_compute_pass(&descriptor);
                (0..count).for_each(|_| dispatch.encode(&mut pass, row));
            }
            self.queue.submit([encoder.finish()]);
            self.wait()?;
            Ok(start.elapsed().as_secs_f64())
        };
        self.wait()?;
        let mut count = 1;
        while run(count)? < CLOCKED_S && count < MOST_REPEATS {
            count *= 2;
        }
        (0..repeats).map(|_| Ok(run(count)? / f64::from(count))).collect()
    }
}
