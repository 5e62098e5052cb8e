//! Validators of a training stage: they count predictions on the validation examples, and the counts give the
//! validation score (SPEC §5).

use super::{Embedder, Embedding, Examples, Scorer};
use crate::Result;
use crate::config::{Normalise, WatchedScore};
use crate::gpu::{Gpu, Recording, Resolved, Tensor};
use crate::kernels::average_precision::AveragePrecision;
use crate::kernels::class_means::ClassMeans;
use crate::kernels::confusion::Confusion;
use crate::kernels::distances::Distances;
use crate::kernels::gather_rows::GatherRows;
use crate::kernels::nearest::Nearest;
use crate::kernels::rows::MemberRows;
use crate::kernels::score::Criterion;
use crate::model::{Activations, BatchShape, Mode, Pass, Population};

/// A validator: counts the correct and wrong predictions of a population on the validation examples, on the GPU.
pub trait Validator {
    /// Queues the counting, which adds to [`Validator::counts`].
    ///
    /// # Errors
    /// Errors of the device.
    fn queue(&self, gpu: &Gpu) -> Result<()>;

    /// Returns true positives, false positives and false negatives, `[member, class, 3]`.
    fn counts(&self) -> &Tensor<u32>;

    /// Returns the rule that forms the score.
    fn criterion(&self) -> Criterion;

    /// Returns the class probabilities of all examples, `[member][example · class]`; `None` from a validator of E alone.
    /// It may add to [`Validator::counts`].
    ///
    /// # Errors
    /// Errors of the device.
    fn probabilities(&self, gpu: &Gpu) -> Result<Option<Vec<Vec<f32>>>> {
        let _ = gpu;
        Ok(None)
    }
}

/// Validates E and G by their macro-F1 or mAP.
impl Validator for Scorer {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.queue(gpu)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.counts
    }

    fn criterion(&self) -> Criterion {
        self.criterion()
    }

    fn probabilities(&self, gpu: &Gpu) -> Result<Option<Vec<Vec<f32>>>> {
        self.probabilities(gpu).map(Some)
    }
}

/// Class means of the embeddings of a training set (the paper's equation 4).
pub struct ClassCentroids {
    embedder: Embedder,
    recording: Resolved,
    /// Class means, `[member, class, dimension]`; zero for a class without examples.
    pub means: Tensor<f32>,
    /// Number of examples of each class, `[class]`.
    pub sizes: Tensor<u32>,
    normalise: Normalise,
}

impl ClassCentroids {
    /// Makes class means over `train`, with embeddings that are normalised as `normalise` requires.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
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

    /// Queues the embedding of the training set and the computation of its class means.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.embedder.queue(gpu)?;
        gpu.replay(&self.recording, 0..1)
    }
}

/// Classification of examples by their nearest class mean.
pub struct NearestCentroid {
    embedder: Embedder,
    recording: Resolved,
    /// Nearest class of each example, `[member, example]`.
    pub nearest: Tensor<u32>,
    /// True positives, false positives, false negatives, `[member, class, 3]`. Every run adds to them; the caller
    /// clears them.
    pub counts: Tensor<u32>,
}

impl NearestCentroid {
    /// Makes a classifier that compares `examples` with `centroids`.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(gpu: &Gpu, population: &Population, centroids: &ClassCentroids, examples: &Examples) -> Result<Self> {
        let (members, classes) = (population.members, population.architecture.classes);
        let embedder = Embedder::new(gpu, population, examples, centroids.normalise, Embedding::ForDistances)?;
        let distances = gpu.tensor("distances to means", &[members, examples.len(), classes])?;
        let nearest = gpu.tensor("nearest", &[members, examples.len()])?;
        let counts = gpu.tensor("counts", &[members, classes, 3])?;
        let mut recording = Recording::new("nearest class means");
        recording.push(Distances {
            lhs: MemberRows::all(&embedder.embeddings),
            rhs: MemberRows::all(&centroids.means),
            distances: distances.clone(),
        });
        recording.push(Nearest {
            distances,
            labels: examples.dominant.clone(),
            present: centroids.sizes.clone(),
            nearest: nearest.clone(),
            counts: counts.clone(),
        });
        Ok(Self { embedder, recording: recording.resolve(gpu)?, nearest, counts })
    }

    /// Returns the embeddings of the examples, `[member, example, dimension]`.
    pub fn embeddings(&self) -> &Tensor<f32> {
        &self.embedder.embeddings
    }

    /// Queues the embedding of the examples and the comparison with the class means, which must be queued already.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.embedder.queue(gpu)?;
        gpu.replay(&self.recording, 0..1)
    }
}

/// A validator of E by F(x): the fraction of examples whose nearest class mean, over the training set, is that of their
/// own class (the paper's equation 5).
pub struct CentroidValidator {
    centroids: ClassCentroids,
    examples: NearestCentroid,
}

impl CentroidValidator {
    /// Makes a validator on `examples` with class means over `train`.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        train: &Examples,
        examples: &Examples,
        normalise: Normalise,
    ) -> Result<Self> {
        let centroids = ClassCentroids::new(gpu, population, train, normalise)?;
        let examples = NearestCentroid::new(gpu, population, &centroids, examples)?;
        Ok(Self { centroids, examples })
    }
}

impl Validator for CentroidValidator {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        self.centroids.queue(gpu)?;
        self.examples.queue(gpu)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.examples.counts
    }

    fn criterion(&self) -> Criterion {
        Criterion::MeanRecall
    }
}

/// A validator of G by its macro-F1 or mAP, on embeddings that are on the GPU already.
pub struct TaggerValidator {
    recording: Resolved,
    counts: Tensor<u32>,
    /// Class probabilities, `[member, example, class]`.
    probabilities: Tensor<f32>,
    criterion: Criterion,
}

impl TaggerValidator {
    /// Makes a validator of G on `embeddings`, `[member, example, dimension]`, of all `examples`, which gives the score
    /// `watch`. An output above `threshold` counts as a tag.
    ///
    /// # Errors
    /// Errors of making tensors and compiling kernels.
    pub fn new(
        gpu: &Gpu,
        population: &Population,
        embeddings: &Tensor<f32>,
        examples: &Examples,
        threshold: f64,
        watch: WatchedScore,
    ) -> Result<Self> {
        let (members, segments, classes) = (population.members, examples.len(), population.architecture.classes);
        let ids: Vec<u32> = (0..members).flat_map(|_| 0..segments as u32).collect();
        let batches = gpu.tensor_from("evaluation batch", &[1, members, segments], &ids)?;
        let batch = BatchShape { segments, chunks: 1 };
        let activations = Activations::new(gpu, population, batch, Mode::Evaluate)?;
        let counts = gpu.tensor("counts", &[members, classes, 3])?;
        let mut recording = Recording::new("tag");
        recording.push(GatherRows {
            stored: embeddings.clone(),
            batches: batches.clone(),
            input: activations.embedding.clone(),
        });
        Pass { gpu, population, activations: &activations }.tag_forward(&mut recording);
        recording.push(Confusion {
            outputs: activations.probabilities().clone(),
            targets: examples.targets.clone(),
            batches,
            counts: counts.clone(),
            threshold,
        });
        let probabilities = activations.probabilities().clone();
        let criterion = match watch {
            WatchedScore::MacroF1 => Criterion::MacroF1,
            WatchedScore::Map => {
                let averages = gpu.tensor("average precision", &[members, classes])?;
                // The one batch holds all examples in order.
                recording.push(AveragePrecision {
                    scores: probabilities.clone(),
                    targets: examples.targets.clone(),
                    averages: averages.clone(),
                });
                Criterion::MeanAveragePrecision(averages)
            }
        };
        Ok(Self { recording: recording.resolve(gpu)?, counts, probabilities, criterion })
    }
}

impl Validator for TaggerValidator {
    fn queue(&self, gpu: &Gpu) -> Result<()> {
        gpu.replay(&self.recording, 0..1)
    }

    fn counts(&self) -> &Tensor<u32> {
        &self.counts
    }

    fn criterion(&self) -> Criterion {
        self.criterion.clone()
    }

    fn probabilities(&self, gpu: &Gpu) -> Result<Option<Vec<Vec<f32>>>> {
        self.queue(gpu)?;
        let outputs = gpu.read(&self.probabilities)?;
        let [members, ..] = self.probabilities.dims::<3>();
        Ok(Some(outputs.chunks(outputs.len() / members).map(Vec::from).collect()))
    }
}
