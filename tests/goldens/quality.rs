//! metrics.safetensors, what is said about embeddings: class means, F(x), confusion, scatter and silhouette (SPEC §5,
//! the paper's equations 4 and 5).

use weaklabel::gpu::{AdapterChoice, Gpu, Kernel, Recording, Tensor};
use weaklabel::kernels::class_means::{ClassMeans, NO_CLASS};
use weaklabel::kernels::confusion_matrix::ConfusionMatrix;
use weaklabel::kernels::distances::Distances;
use weaklabel::kernels::nearest::Nearest;
use weaklabel::kernels::population::Member;
use weaklabel::kernels::rows::MemberRows;
use weaklabel::kernels::scatter::Scatter;
use weaklabel::kernels::score::{Criterion, Score, Stopping, mean_recall};
use weaklabel::kernels::silhouette::Silhouette;

use crate::file::{File, Golden, assert_close};
use crate::network::VALUE;

fn run(gpu: &Gpu, kernel: impl Kernel + 'static) {
    let mut recording = Recording::new("golden");
    recording.push(kernel);
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
}

/// Embeddings of one member with their classes.
struct Set {
    embeddings: Tensor<f32>,
    labels: Tensor<u32>,
}

impl Set {
    fn load(gpu: &Gpu, embeddings: &Golden, labels: &[u32]) -> Self {
        let shape = [1, embeddings.shape[0], embeddings.shape[1]];
        Self {
            embeddings: gpu.tensor_from("embeddings", &shape, &embeddings.f32()).unwrap(),
            labels: gpu.tensor_from("labels", &[labels.len()], labels).unwrap(),
        }
    }

    /// Class means and sizes.
    fn centroids(&self, gpu: &Gpu, classes: usize) -> (Tensor<f32>, Tensor<u32>) {
        let [_, _, dimensions] = self.embeddings.dims();
        let means = gpu.tensor("means", &[1, classes, dimensions]).unwrap();
        let counts = gpu.tensor("counts", &[classes]).unwrap();
        let (stored, labels) = (self.embeddings.clone(), self.labels.clone());
        run(gpu, ClassMeans { stored, labels, means: means.clone(), counts: counts.clone() });
        (means, counts)
    }

    /// The nearest of `means` for each embedding, and the counts per class.
    fn nearest(&self, gpu: &Gpu, means: &Tensor<f32>, present: &Tensor<u32>) -> (Tensor<u32>, Tensor<u32>) {
        let [_, n, _] = self.embeddings.dims();
        let [_, classes, _] = means.dims();
        let distances = gpu.tensor("distances", &[1, n, classes]).unwrap();
        let (a, b) = (MemberRows::all(&self.embeddings), MemberRows::all(means));
        run(gpu, Distances { lhs: a, rhs: b, distances: distances.clone() });
        let nearest = gpu.tensor("nearest", &[1, n]).unwrap();
        let counts = gpu.tensor("counts", &[1, classes, 3]).unwrap();
        let (labels, present) = (self.labels.clone(), present.clone());
        run(gpu, Nearest { distances, labels, present, nearest: nearest.clone(), counts: counts.clone() });
        (nearest, counts)
    }
}

fn labels(golden: &Golden) -> Vec<u32> {
    golden.i32().iter().map(|label| *label as u32).collect()
}

/// F(x) in % as `score` forms it from the counts, to stop training; it clears them.
fn f_on_the_gpu(gpu: &Gpu, counts: &Tensor<u32>) -> f64 {
    let members = gpu.tensor_from("members", &[1], &[Member::new(1)]).unwrap();
    let stopping = Stopping { epochs: 1, min_epochs: 0, patience: 0 };
    run(gpu, Score { counts: counts.clone(), members: members.clone(), stopping, criterion: Criterion::MeanRecall });
    f64::from(gpu.read(&members).unwrap()[0].score)
}

fn scalar(value: f64) -> Golden {
    Golden { shape: vec![], values: vec![value] }
}

#[test]
fn embeddings_are_judged_as_specified() {
    let file = File::load("metrics.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".class_means") {
        let golden = |what: &str| file.get(&format!("{case}.{what}"));
        let [classes, dimensions] = golden("class_means").shape[..] else { panic!("{case}.class_means") };
        let train = Set::load(&gpu, golden("train"), &labels(golden("train_labels")));
        let (means, sizes) = train.centroids(&gpu, classes);
        assert_close(&format!("{case}.class_means"), &gpu.read(&means).unwrap(), golden("class_means"), VALUE);

        let of_validation = labels(golden("validation_labels"));
        let validation = Set::load(&gpu, golden("validation"), &of_validation);
        let (nearest, counts) = validation.nearest(&gpu, &means, &sizes);
        assert_eq!(gpu.read(&nearest).unwrap(), labels(golden("nearest")), "{case}.nearest");
        assert!((mean_recall(&gpu.read(&counts).unwrap()) / 100.0 - golden("F").scalar()).abs() < 1e-12, "{case}.F");
        assert!((f_on_the_gpu(&gpu, &counts) / 100.0 - golden("F").scalar()).abs() < 1e-6, "{case}.F on the GPU");

        let matrix = gpu.tensor("matrix", &[1, classes, classes]).unwrap();
        run(&gpu, ConfusionMatrix { nearest, labels: validation.labels.clone(), matrix: matrix.clone() });
        assert_eq!(gpu.read(&matrix).unwrap(), labels(golden("confusion")), "{case}.confusion");

        let (means, counts) = validation.centroids(&gpu, classes);
        let ratio = gpu.tensor("ratio", &[1]).unwrap();
        let (stored, own) = (validation.embeddings.clone(), validation.labels.clone());
        run(&gpu, Scatter { stored: stored.clone(), labels: own.clone(), means, counts, ratio: ratio.clone() });
        assert_close(&format!("{case}.scatter_ratio"), &gpu.read(&ratio).unwrap(), golden("scatter_ratio"), VALUE);

        let samples = gpu.tensor("samples", &[1, of_validation.len()]).unwrap();
        run(&gpu, Silhouette { stored, labels: own, samples: samples.clone(), classes });
        let samples = gpu.read(&samples).unwrap();
        assert_close(&format!("{case}.silhouette_samples"), &samples, golden("silhouette_samples"), VALUE);
        let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / samples.len() as f64;
        assert_close(&format!("{case}.silhouette"), &[mean as f32], &scalar(golden("silhouette").scalar()), VALUE);
        assert_eq!(validation.embeddings.dims(), [1, of_validation.len(), dimensions]);
    }
}

#[test]
fn classes_without_examples_do_not_count() {
    let file = File::load("metrics.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let golden = |what: &str| file.get(&format!("fx.{what}"));
    let train = Set::load(&gpu, golden("train"), &labels(golden("train_labels")));
    let (means, sizes) = train.centroids(&gpu, golden("class_means").shape[0]);
    let missing = file.get("fx_missing.class").scalar() as u32;
    // The examples stay, without a class.
    let of_others: Vec<u32> = labels(golden("validation_labels"))
        .into_iter()
        .map(|label| if label == missing { NO_CLASS } else { label })
        .collect();
    let (_, on_the_gpu) = Set::load(&gpu, golden("validation"), &of_others).nearest(&gpu, &means, &sizes);
    let expected = file.get("fx_missing.F_present").scalar();
    let counts = gpu.read(&on_the_gpu).unwrap();
    assert!((f_on_the_gpu(&gpu, &on_the_gpu) / 100.0 - expected).abs() < 1e-6);
    assert!((mean_recall(&counts) / 100.0 - expected).abs() < 1e-12);
    for (class, share) in file.get("fx_missing.per_class").values.iter().enumerate() {
        let [found, _, lost] = [0, 1, 2].map(|kind| f64::from(counts[class * 3 + kind]));
        match *share < 0.0 {
            true => assert_eq!(found + lost, 0.0, "class {class} is not there"),
            false => assert!((found / (found + lost) - share).abs() < 1e-12, "class {class}"),
        }
    }
}
