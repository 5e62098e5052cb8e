//! Scoring a population on all examples of a store, batch by batch, on the GPU (SPEC §5).

use std::ops::Range;

use super::Examples;
use crate::Result;
use crate::config::{Normalise, WatchedScore};
use crate::data::features::Feed;
use crate::gpu::{DeviceClass, Gpu, Recording, Resolved, Tensor};
use crate::kernels::average_precision::AveragePrecision;
use crate::kernels::confusion::Confusion;
use crate::kernels::gather::NO_EXAMPLE;
use crate::kernels::score::Criterion;
use crate::kernels::store_rows::StoreRows;
use crate::model::{Activations, BatchShape, Mode, Pass, Population};

/// The division of examples into batches of equal size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Number of batches.
    pub rows: usize,
    /// Number of examples of one batch.
    pub segments: usize,
}

impl BatchPlan {
    /// Plans batches for `examples` of `chunks` chunks each. A batch has about as many chunks as keep the device busy,
    /// and the batches are so even that little of the last one stays empty.
    pub fn new(class: DeviceClass, members: usize, examples: usize, chunks: usize) -> Self {
        let rows = examples.div_ceil((Self::chunks(class, members) / chunks).max(1));
        Self { rows, segments: examples.div_ceil(rows) }
    }

    /// Returns the number of chunks per member that keeps the device busy.
    pub fn chunks(class: DeviceClass, members: usize) -> usize {
        (if class.is_software() { 256 } else { 2048 } / members).max(1)
    }

    /// Makes the batches of all examples in order, the same for every member.
    ///
    /// # Errors
    /// Errors of making a tensor.
    pub fn batches(&self, gpu: &Gpu, members: usize, examples: &Examples) -> Result<OrderedBatches> {
        let ids = self.ids(members, examples.len());
        let tensor = gpu.tensor_from("evaluation batches", &[self.rows, members, self.segments], &ids)?;
        Ok(OrderedBatches { feed: Feed::new(gpu, &examples.store, &tensor)?, ids })
    }

    /// Returns the example ids, `[row, member, slot]`.
    fn ids(&self, members: usize, examples: usize) -> Vec<u32> {
        let Self { rows, segments } = *self;
        let id = |slot: usize| if slot < examples { slot as u32 } else { NO_EXAMPLE };
        let of_row = |row: usize| (0..members).flat_map(move |_| (0..segments).map(move |slot| row * segments + slot));
        (0..rows).flat_map(of_row).map(id).collect()
    }
}

/// The batches of all examples of a store in order.
pub struct OrderedBatches {
    /// Ids and positions on the GPU.
    pub feed: Feed,
    /// Ids on the host, `[row, member, slot]`.
    ids: Vec<u32>,
}

impl OrderedBatches {
    /// Queues `recording` for `rows`.
    ///
    /// # Errors
    /// The errors of [`Feed::replay_while`].
    pub fn replay(&self, gpu: &Gpu, recording: &Resolved, rows: Range<usize>) -> Result<()> {
        let [_, members, slots] = self.feed.ids.dims();
        let ids = &self.ids[rows.start * members * slots..rows.end * members * slots];
        self.feed.replay_while(gpu, recording, (rows.start as u32, ids), &mut |_| true).map(|_| ())
    }
}

/// A scorer of a population on one store of examples.
pub struct Scorer {
    plan: BatchPlan,
    batches: OrderedBatches,
    recording: Resolved,
    examples: usize,
    output: Tensor<f32>,
    /// True positives, false positives, false negatives, `[member, class, 3]`. Every run adds to them; the caller
    /// clears them.
    pub counts: Tensor<u32>,
    /// Average precision of the outputs of all examples, and its results `[member, class]`, where it is watched.
    ranking: Option<(Resolved, Tensor<f32>)>,
}

impl Scorer {
    /// Makes a scorer of `population` on `examples`. `normalise` is the normalisation of the training method. An output
    /// above `threshold` counts as a tag.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        examples: &Examples,
        normalise: Normalise,
        threshold: f64,
    ) -> Result<Self> {
        Self::watching(gpu, population, examples, normalise, threshold, WatchedScore::MacroF1)
    }

    /// Makes a scorer like [`Scorer::new`] that gives the score `watch`.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn watching(
        gpu: &Gpu,
        population: &Population,
        examples: &Examples,
        normalise: Normalise,
        threshold: f64,
        watch: WatchedScore,
    ) -> Result<Self> {
        let (members, classes) = (population.members, population.architecture.classes);
        let chunks = examples.chunks(&population.architecture);
        let plan = BatchPlan::new(gpu.class(), members, examples.len(), chunks);
        let batches = plan.batches(gpu, members, examples)?;
        let batch = BatchShape { segments: plan.segments, chunks };
        let mut activations = Activations::new(gpu, population, batch, Mode::Evaluate)?;
        let Feed { ids, positions, .. } = &batches.feed;
        activations.padding = examples.padding(&population.architecture, ids, chunks);
        let counts = gpu.tensor("counts", &[members, classes, 3])?;
        let mut recording = Recording::new("evaluate");
        let input = examples.push_input(gpu, &mut recording, positions)?;
        let pass = Pass { gpu, population, activations: &activations };
        pass.embed_forward(&mut recording, &input, normalise);
        pass.tag_forward(&mut recording);
        recording.push(Confusion {
            outputs: activations.probabilities().clone(),
            targets: examples.targets.clone(),
            batches: ids.clone(),
            counts: counts.clone(),
            threshold,
        });
        let ranking = match watch {
            WatchedScore::MacroF1 => None,
            WatchedScore::Map => {
                let scores = gpu.tensor("scores", &[members, examples.len(), classes])?;
                let averages = gpu.tensor("average precision", &[members, classes])?;
                let rows = activations.probabilities().clone();
                recording.push(StoreRows { rows, batches: ids.clone(), stored: scores.clone() });
                let mut ranking = Recording::new("average precision");
                let targets = examples.targets.clone();
                ranking.push(AveragePrecision { scores, targets, averages: averages.clone() });
                Some((ranking.resolve(gpu)?, averages))
            }
        };
        Ok(Self {
            plan,
            batches,
            recording: recording.resolve(gpu)?,
            examples: examples.len(),
            output: activations.probabilities().clone(),
            counts,
            ranking,
        })
    }

    /// Returns the rule that forms the watched score from what [`Scorer::queue`] computes.
    pub fn criterion(&self) -> Criterion {
        match &self.ranking {
            Some((_, averages)) => Criterion::MeanAveragePrecision(averages.clone()),
            None => Criterion::MacroF1,
        }
    }

    /// Queues the scoring of all examples, which adds to [`Scorer::counts`].
    ///
    /// # Errors
    /// Errors of the device.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.batches.replay(gpu, &self.recording, 0..self.plan.rows)?;
        self.ranking.iter().try_for_each(|(ranking, _)| gpu.replay(ranking, 0..1))
    }

    /// Returns the probabilities of all examples, `[member][example · class]`, and adds to [`Scorer::counts`] as well.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn probabilities(&self, gpu: &Gpu) -> Result<Vec<Vec<f32>>> {
        let [members, segments, classes] = self.output.dims();
        let mut probabilities = vec![Vec::with_capacity(self.examples * classes); members];
        for row in 0..self.plan.rows {
            self.batches.replay(gpu, &self.recording, row..row + 1)?;
            let outputs = gpu.read(&self.output)?;
            let present = segments.min(self.examples - row * segments);
            for (member, outputs) in outputs.chunks(segments * classes).enumerate() {
                probabilities[member].extend_from_slice(&outputs[..present * classes]);
            }
        }
        Ok(probabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_cover_all_examples_with_little_waste() {
        for (examples, chunks) in [(1, 1), (10, 50), (750, 1), (750, 5), (751, 50), (3, 1000)] {
            let plan = BatchPlan::new(DeviceClass::Cpu, 1, examples, chunks);
            assert!(plan.rows * plan.segments >= examples, "{plan:?}");
            assert!(plan.rows * plan.segments < examples + plan.rows, "{plan:?}");
            assert!(plan.segments == 1 || plan.segments * chunks <= 256, "{plan:?}");
        }
    }
}
