//! What a stage of training is watched by: counts from which the validation score is formed (SPEC §5).

use super::{Embedder, Embedding, Examples, Scorer};
use crate::Result;
use crate::config::Normalise;
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::class_means::ClassMeans;
use crate::kernels::confusion::Confusion;
use crate::kernels::distances::Distances;
use crate::kernels::gather_rows::GatherRows;
use crate::kernels::nearest::Nearest;
use crate::kernels::rows::MemberRows;
use crate::kernels::score::Criterion;
use crate::model::{Activations, Batch, Population, tag_forward};

/// Counts, on the GPU, how well a population does on the validation examples.
pub trait Judge {
    /// Queues the counting; counts are added to what [`Judge::counts`] holds.
    ///
    /// # Errors
    /// What the device reports.
    fn queue(&self, gpu: &Gpu) -> Result<()>;

    /// True positives, false positives, false negatives, `[member, class, 3]`.
    fn counts(&self) -> &Tensor<u32>;

    /// How a score is formed from them.
    fn criterion(&self) -> Criterion;
}

/// Watches the macro-F1 of E and G.
impl Judge for Scorer {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.queue(gpu)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.counts
    }

    fn criterion(&self) -> Criterion {
        Criterion::MacroF1
    }
}

/// Class means of the embeddings of a training set (the paper's equation 4).
pub struct Centres {
    embedder: Embedder,
    recording: Resolved,
    /// `[member, class, dimension]`; zeros for a class without examples.
    pub means: Tensor<f32>,
    /// Examples of each class, `[class]`.
    pub sizes: Tensor<u32>,
    normalise: Normalise,
}

impl Centres {
    /// Class means over `train`, whose embeddings are normalised as `normalise` says.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(gpu: &Gpu, population: &Population, train: &Examples, normalise: Normalise) -> Result<Self> {
        let (members, classes) = (population.members, population.architecture.classes);
        let embedder = Embedder::new(gpu, population, train, normalise, Embedding::ForDistances)?;
        let means = gpu.tensor("class means", &[members, classes, population.architecture.embedding()])?;
        let sizes = gpu.tensor("class sizes", &[classes])?;
        let mut recording = Recording::new("class means");
        recording.push(ClassMeans {
            stored: embedder.embeddings.clone(),
            labels: train.dominant.clone(),
            means: means.clone(),
            counts: sizes.clone(),
        });
        Ok(Self { embedder, recording: recording.resolve(gpu)?, means, sizes, normalise })
    }

    /// Queues the embedding of the training set and its means.
    ///
    /// # Errors
    /// What the device reports.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.embedder.queue(gpu)?;
        gpu.replay(&self.recording, 0..1)
    }
}

/// Examples by their nearest class mean.
pub struct NearestCentre {
    embedder: Embedder,
    recording: Resolved,
    /// Nearest class of each example, `[member, example]`.
    pub nearest: Tensor<u32>,
    /// True positives, false positives, false negatives, `[member, class, 3]`; added up until somebody clears them.
    pub counts: Tensor<u32>,
}

impl NearestCentre {
    /// Compares `examples` with `centres`.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(gpu: &Gpu, population: &Population, centres: &Centres, examples: &Examples) -> Result<Self> {
        let (members, classes) = (population.members, population.architecture.classes);
        let embedder = Embedder::new(gpu, population, examples, centres.normalise, Embedding::ForDistances)?;
        let distances = gpu.tensor("distances to means", &[members, examples.len(), classes])?;
        let nearest = gpu.tensor("nearest", &[members, examples.len()])?;
        let counts = gpu.tensor("counts", &[members, classes, 3])?;
        let mut recording = Recording::new("nearest class means");
        recording.push(Distances {
            lhs: MemberRows::all(&embedder.embeddings),
            rhs: MemberRows::all(&centres.means),
            distances: distances.clone(),
        });
        recording.push(Nearest {
            distances,
            labels: examples.dominant.clone(),
            present: centres.sizes.clone(),
            nearest: nearest.clone(),
            counts: counts.clone(),
        });
        Ok(Self { embedder, recording: recording.resolve(gpu)?, nearest, counts })
    }

    /// Embeddings of the examples, `[member, example, dimension]`.
    pub fn embeddings(&self) -> &Tensor<f32> {
        &self.embedder.embeddings
    }

    /// Queues the embedding of the examples and the comparison with means that are queued already.
    ///
    /// # Errors
    /// What the device reports.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.embedder.queue(gpu)?;
        gpu.replay(&self.recording, 0..1)
    }
}

/// Watches F(x): the share of examples whose nearest class mean, over the training set, is their own (the paper's
/// equation 5).
pub struct Separation {
    centres: Centres,
    examples: NearestCentre,
}

impl Separation {
    /// Class means over `train`, judged on `examples`.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        train: &Examples,
        examples: &Examples,
        normalise: Normalise,
    ) -> Result<Self> {
        let centres = Centres::new(gpu, population, train, normalise)?;
        let examples = NearestCentre::new(gpu, population, &centres, examples)?;
        Ok(Self { centres, examples })
    }
}

impl Judge for Separation {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.centres.queue(gpu)?;
        self.examples.queue(gpu)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.examples.counts
    }

    fn criterion(&self) -> Criterion {
        Criterion::MeanRecall
    }
}

/// Watches the macro-F1 of G on embeddings that are on the GPU already.
pub struct Tagging {
    recording: Resolved,
    counts: Tensor<u32>,
}

impl Tagging {
    /// G on all of `embeddings`, `[member, example, dimension]`, of `examples`; an output above `threshold` is a tag.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        embeddings: &Tensor<f32>,
        examples: &Examples,
        threshold: f64,
    ) -> Result<Self> {
        let (members, segments) = (population.members, examples.len());
        let ids: Vec<u32> = (0..members).flat_map(|_| 0..segments as u32).collect();
        let batches = gpu.tensor_from("evaluation batch", &[1, members, segments], &ids)?;
        let batch = Batch { members, segments, chunks: 1 };
        let activations = Activations::new(gpu, &population.architecture, batch, false)?;
        let counts = gpu.tensor("counts", &[members, population.architecture.classes, 3])?;
        let mut recording = Recording::new("tag");
        recording.push(GatherRows {
            stored: embeddings.clone(),
            batches: batches.clone(),
            input: activations.embedding.clone(),
        });
        tag_forward(gpu, &mut recording, population, &activations);
        recording.push(Confusion {
            outputs: activations.probabilities().clone(),
            targets: examples.targets.clone(),
            batches,
            counts: counts.clone(),
            threshold,
        });
        Ok(Self { recording: recording.resolve(gpu)?, counts })
    }
}

impl Judge for Tagging {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        gpu.replay(&self.recording, 0..1)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.counts
    }

    fn criterion(&self) -> Criterion {
        Criterion::MacroF1
    }
}
