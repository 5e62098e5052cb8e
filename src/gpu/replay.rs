//! Replay of a resolved recording for many rows, in submits of bounded duration. Two submits are in flight at a time,
//! and there is no other wait.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::device::Gpu;
use super::resolved::Resolved;
use crate::{Error, Result};

/// Longest time that a submit should take, since Windows resets a GPU that does not respond for two seconds.
const SUBMIT_TIME: Duration = Duration::from_millis(250);
const MOST_ROWS: u32 = 4096;

/// A place in the queue of a device.
pub struct QueueMark(wgpu::SubmissionIndex);

impl Gpu {
    /// Runs rows `0..rows` of `recording`, waits, and returns the duration. The queue is empty before and after.
    ///
    /// # Errors
    /// The errors of [`Gpu::replay`].
    pub fn time(&self, recording: &Resolved, rows: u32) -> Result<Duration> {
        self.wait()?;
        let start = Instant::now();
        self.replay(recording, 0..rows)?;
        self.wait()?;
        Ok(start.elapsed())
    }

    /// Runs `work` and returns the recordings that it replayed, each once, in the order of their first replay.
    ///
    /// # Errors
    /// The errors of `work`.
    pub fn capture(&self, work: impl FnOnce() -> Result<()>) -> Result<Vec<Resolved>> {
        let observed = || self.observed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *observed() = Some(Vec::new());
        let done = work();
        let recordings = observed().take().unwrap_or_default();
        done.map(|()| recordings)
    }

    fn note(&self, recording: &Resolved) {
        let mut observed = self.observed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(recordings) = observed.as_mut()
            && !recordings.iter().any(|known| Arc::ptr_eq(&known.0, &recording.0))
        {
            recordings.push(recording.clone());
        }
    }

    /// Runs `recording` once for every row of the schedule. Returns when the last submit is queued, not when it is
    /// done.
    ///
    /// The first submit holds one row. The number of rows doubles while submits take less than half of `SUBMIT_TIME`,
    /// and is halved when one takes longer than `SUBMIT_TIME`. The grouping of rows does not change the results.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::Kernel`] when the driver reported an error; earlier submits may have run.
    pub fn replay(&self, recording: &Resolved, rows: Range<u32>) -> Result<()> {
        self.replay_while(recording, rows, &mut |_| true).map(|_| ())
    }

    /// Runs rows like [`Gpu::replay`], but calls `go_on` before every submit with the number of rows queued so far and
    /// stops when it returns `false`. Returns whether all rows were queued.
    ///
    /// # Errors
    /// The errors of [`Gpu::replay`].
    pub fn replay_while(
        &self,
        recording: &Resolved,
        rows: Range<u32>,
        go_on: &mut dyn FnMut(u32) -> bool,
    ) -> Result<bool> {
        self.note(recording);
        let rows_per_submit = &recording.0.rows_per_submit;
        let mut in_flight: Option<(wgpu::SubmissionIndex, u32)> = None;
        let mut finished = Instant::now();
        let mut next = rows.start;
        while next < rows.end {
            if !go_on(next - rows.start) {
                return Ok(false);
            }
            let count = rows_per_submit.load(Ordering::Relaxed).min(rows.end - next);
            let submitted = self.submit(recording, next..next + count);
            next += count;
            if let Some((previous, rows)) = in_flight.replace((submitted, count)) {
                self.wait_for(previous)?;
                let took = finished.elapsed();
                finished = Instant::now();
                if took > SUBMIT_TIME {
                    rows_per_submit.store((rows / 2).max(1), Ordering::Relaxed);
                } else if took < SUBMIT_TIME / 2 {
                    rows_per_submit.fetch_max((rows * 2).min(MOST_ROWS), Ordering::Relaxed);
                }
            }
            self.check()?;
        }
        Ok(true)
    }

    /// Returns a mark behind all work that is queued so far, for which [`Gpu::wait_for_mark`] waits. Writes that were
    /// queued before it begin.
    pub fn mark(&self) -> QueueMark {
        QueueMark(self.queue.submit([]))
    }

    /// Waits until the work before `mark` is done.
    ///
    /// # Errors
    /// The errors of [`Gpu::wait`].
    pub fn wait_for_mark(&self, mark: QueueMark) -> Result<()> {
        self.wait_for(mark.0)
    }

    fn submit(&self, recording: &Resolved, rows: Range<u32>) -> wgpu::SubmissionIndex {
        let label = Some(recording.name());
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes: None });
            for row in rows {
                recording.0.dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass, row));
            }
        }
        self.queue.submit([encoder.finish()])
    }

    fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        let polled = self.device.poll(poll);
        self.check()?;
        polled
            .map(|_| ())
            .map_err(|e| Error::DeviceLost { adapter: self.adapter().name.clone(), reason: e.to_string() })
    }
}
