//! The values that change from step to step, computed for a whole epoch and uploaded once.

use super::Episodes;
use crate::Result;
use crate::config::OptimiserConfig;
use crate::data::features::{ExampleStore, Feed};
use crate::gpu::{Gpu, Tensor};
use crate::kernels::adam::factors;
use crate::kernels::population::ScheduleStep;

/// Tensors that hold the schedule of one epoch.
pub struct Schedule {
    /// Ids of the examples, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// Step numbers and Adam factors, `[step, member]`.
    pub steps: Tensor<ScheduleStep>,
    /// Places of the examples of `batches`.
    pub feed: Feed,
}

/// The schedule of one epoch on the host, one row per step.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochRows {
    /// Ids of the examples, `[step, member, slot]`.
    pub batches: Vec<u32>,
    /// Step numbers and Adam factors, `[step, member]`.
    pub steps: Vec<ScheduleStep>,
}

/// Returns the step number of row `row` in epoch `epoch`, for epochs of `rows` steps: Adam's t, counted from 1.
pub(super) fn step_number(epoch: usize, rows: usize, row: usize) -> u32 {
    (epoch * rows + row + 1) as u32
}

impl EpochRows {
    /// Computes the rows of epoch `epoch` for the models with these optimisers and seeds.
    pub fn new(episodes: &dyn Episodes, optimisers: &[OptimiserConfig], seeds: &[u64], epoch: usize) -> Self {
        let of_members: Vec<Vec<Vec<u32>>> = seeds.iter().map(|seed| episodes.epoch(*seed, epoch)).collect();
        let rows = episodes.steps();
        let step = |row: usize, optimiser: &OptimiserConfig| {
            let t = step_number(epoch, rows, row);
            let (step_size, decay) = factors(optimiser, t);
            ScheduleStep { t, step_size: step_size as f32, decay: decay as f32 }
        };
        Self {
            batches: (0..rows)
                .flat_map(|row| of_members.iter().flat_map(move |batches| &batches[row]))
                .copied()
                .collect(),
            steps: (0..rows).flat_map(|row| optimisers.iter().map(move |optimiser| step(row, optimiser))).collect(),
        }
    }
}

impl Schedule {
    /// Allocates room for `rows` rows of `members` batches of `batch_size` examples.
    ///
    /// # Errors
    /// Errors of tensor allocation.
    pub fn new(gpu: &Gpu, rows: usize, members: usize, batch_size: usize) -> Result<Self> {
        let batches = gpu.tensor("batches", &[rows, members, batch_size])?;
        Ok(Self { steps: gpu.tensor("steps", &[rows, members])?, feed: Feed::of(&batches), batches })
    }

    /// Has the batches read `store`, which may be streamed.
    ///
    /// # Errors
    /// Errors of tensor allocation.
    pub fn reading(self, gpu: &Gpu, store: &ExampleStore) -> Result<Self> {
        Ok(Self { feed: Feed::new(gpu, store, &self.batches)?, ..self })
    }

    /// Uploads the rows of an epoch. The write is queued, so steps queued before it still read the old rows.
    pub fn upload(&self, gpu: &Gpu, rows: &EpochRows) {
        gpu.write(&self.batches, 0, &rows.batches);
        gpu.write(&self.steps, 0, &rows.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Sampler;

    #[test]
    fn rows_follow_each_other_over_epochs_and_members_stand_side_by_side() {
        let labels: Vec<Vec<usize>> = (0..12).map(|i| vec![i % 2]).collect();
        let sampler = Sampler::new(&labels, &["a".into(), "b".into()], 4, "train.batch").unwrap();
        let [slow, fast] = [1e-3, 1e-2].map(|lr| OptimiserConfig { lr, ..OptimiserConfig::default() });
        let rows = EpochRows::new(&sampler, &[slow.clone(), fast], &[1, 2], 2);
        assert_eq!(rows.steps.iter().map(|s| s.t).collect::<Vec<_>>(), [7, 7, 8, 8, 9, 9]);
        assert_eq!(rows.batches[4..8], sampler.epoch(2, 2)[0]);
        assert_eq!(rows.batches[8..12], sampler.epoch(1, 2)[1]);
        assert!(rows.steps.chunks(2).all(|of_row| of_row[1].step_size > 9.0 * of_row[0].step_size));
        let alone = EpochRows::new(&sampler, &[slow], &[2], 2);
        assert_eq!(alone.batches[..4], rows.batches[4..8]);
    }
}
