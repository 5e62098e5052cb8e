//! Quality of an embedding: how well it separates the classes, independent of a tagger (SPEC §5).

use serde::{Deserialize, Serialize};

use super::{ClassCentroids, Examples, NearestCentroid};
use crate::Result;
use crate::gpu::{Gpu, Recording};
use crate::kernels::class_means::ClassMeans;
use crate::kernels::confusion_matrix::ConfusionMatrix;
use crate::kernels::scatter::Scatter;
use crate::kernels::score::mean_recall;
use crate::kernels::silhouette::Silhouette;
use crate::model::Population;

/// The quality of one embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// F(x) in % (the paper's equation 5), with class means over the training set.
    pub f: f64,
    /// Ratio tr(S_w + S_b)/tr(S_w) of total to within-class scatter.
    pub scatter: f64,
    /// Mean silhouette with Euclidean distances.
    pub silhouette: f64,
    /// Number of examples by class and nearest class mean, `[class][nearest class]`.
    pub confusion: Vec<Vec<u32>>,
}

/// A set of examples as embedded by every member.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedExamples {
    /// Quality of each member's embedding.
    pub quality: Vec<Quality>,
    /// The first member's embeddings, `[example][dimension]`.
    pub first: Vec<Vec<f32>>,
}

/// Measures how well every member embeds `examples`. `centroids` are the class means of the training set; the caller
/// must have queued them.
///
/// # Errors
/// Errors of making tensors, compiling kernels, and of the device.
pub fn embedding_quality(
    gpu: &Gpu,
    population: &Population,
    centroids: &ClassCentroids,
    examples: &Examples,
) -> Result<EmbeddedExamples> {
    let (members, classes, n) = (population.members, population.architecture.classes, examples.len());
    let dimensions = population.architecture.embedding();
    let nearest = NearestCentroid::new(gpu, population, centroids, examples)?;
    nearest.queue(gpu)?;
    let (stored, labels) = (nearest.embeddings().clone(), examples.dominant.clone());
    let matrix = gpu.tensor("confusion", &[members, classes, classes])?;
    let means = gpu.tensor("own class means", &[members, classes, dimensions])?;
    let counts = gpu.tensor("own class sizes", &[classes])?;
    let (ratio, samples) = (gpu.tensor("scatter ratio", &[members])?, gpu.tensor("silhouette", &[members, n])?);
    let mut recording = Recording::new("embedding quality");
    recording.push(ConfusionMatrix {
        nearest: nearest.nearest.clone(),
        labels: labels.clone(),
        matrix: matrix.clone(),
    });
    recording.push(ClassMeans {
        stored: stored.clone(),
        labels: labels.clone(),
        means: means.clone(),
        counts: counts.clone(),
    });
    recording.push(Scatter { stored: stored.clone(), labels: labels.clone(), means, counts, ratio: ratio.clone() });
    recording.push(Silhouette { stored: stored.clone(), labels, samples: samples.clone(), classes });
    gpu.replay(&recording.resolve(gpu)?, 0..1)?;
    let (counts, matrix) = (gpu.read(&nearest.counts)?, gpu.read(&matrix)?);
    let (ratio, samples) = (gpu.read(&ratio)?, gpu.read(&samples)?);
    // The silhouettes of examples without a class are zero and do not count.
    let labelled = examples.labels.iter().filter(|labels| labels.dominant.is_some()).count().max(1);
    let quality = |member: usize| Quality {
        f: mean_recall(&counts[member * classes * 3..][..classes * 3]),
        scatter: f64::from(ratio[member]),
        silhouette: samples[member * n..][..n].iter().map(|s| f64::from(*s)).sum::<f64>() / labelled as f64,
        confusion: matrix[member * classes * classes..][..classes * classes].chunks(classes).map(Vec::from).collect(),
    };
    let first = gpu.read(&stored)?[..n * dimensions].chunks(dimensions).map(Vec::from).collect();
    Ok(EmbeddedExamples { quality: (0..members).map(quality).collect(), first })
}
