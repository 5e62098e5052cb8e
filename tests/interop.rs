//! Models on disk in PyTorch: modules with the documented names give the same probabilities within 1e-5.
//!
//! Needs `python3` with torch and safetensors; without them the test says that it was left out. `WEAKLABEL_MODEL` names a
//! `best*.safetensors` of a run that is compared as well.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use weaklabel::config::{FeatureConfig, Method, ModelConfig, Normalise};
use weaklabel::counter_rng::Key;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::model::checkpoint::{Description, read_model, write_model};
use weaklabel::model::{Activations, Architecture, Batch, Mode, Population, forward, initial_parameters};

/// Whether `python3` has what the script imports.
fn python_has_torch() -> bool {
    Command::new("python3")
        .args(["-c", "import torch, safetensors"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Seeded random inputs `[segment, frame, band]` and what the model at `path` makes of them, written beside each other.
fn write_examples(path: &Path, model: &Path) {
    let (parameters, description) = read_model(model).unwrap();
    let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
    let batch = Batch { members: 1, segments: 7, chunks: 3 };
    let shape = [batch.segments, batch.chunks * architecture.chunk_frames, architecture.bands];
    let mut stream = Key::new(2020).named("inputs").stream();
    let inputs: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();

    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let population = Population::new(&gpu, architecture, &[description.seed], batch.segments * batch.chunks).unwrap();
    gpu.write(&population.state, 0, &parameters);
    population.use_parameters(&gpu, &population.state).unwrap();
    let activations = Activations::new(&gpu, &population.architecture, batch, false).unwrap();
    gpu.write(&activations.input, 0, &inputs);
    let mut recording = Recording::new("evaluate");
    forward(&gpu, &mut recording, &population, &activations, &Mode::Evaluate);
    gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
    let probabilities = gpu.read(&activations.output).unwrap();
    let of_inputs = TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(&inputs)).unwrap();
    let of_model = vec![batch.segments, population.architecture.classes];
    let of_model = TensorView::new(Dtype::F32, of_model, bytemuck::cast_slice(&probabilities)).unwrap();
    serialize_to_file([("inputs", of_inputs), ("probabilities", of_model)], None, path).unwrap();
}

/// A model with weights so large that its probabilities differ.
fn write_random_model(path: &Path, model: ModelConfig, bands: usize, classes: usize) {
    let features = FeatureConfig { bands, ..FeatureConfig::default() };
    let architecture = Architecture::new(&model, &features, classes);
    let parameters: Vec<f32> = initial_parameters(&architecture, 5).into_iter().map(|weight| weight * 2.4).collect();
    let classes = (0..classes).map(|class| format!("class {class}")).collect();
    let (mean, std) = (vec![0.0; bands], vec![1.0; bands]);
    let (method, normalise) = (Method::Classifier, Normalise::None);
    let description = Description { classes, features, model, method, normalise, mean, std, seed: 5, epoch: 0 };
    write_model(path, &architecture, &parameters, &description).unwrap();
}

#[test]
fn pytorch_gives_the_same_probabilities() {
    if !python_has_torch() {
        println!("left out: python3 with torch and safetensors is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [default, other] = ["default.safetensors", "other.safetensors"].map(|name| folder.path().join(name));
    write_random_model(&default, ModelConfig::default(), 64, 10);
    let model = ModelConfig {
        chunk_frames: 12,
        filters: vec![5, 6, 9],
        pools: vec![[2, 2], [1, 4], [3, 1]],
        kernel: 5,
        slope: 0.1,
        hidden: 7,
        ..ModelConfig::default()
    };
    write_random_model(&other, model, 40, 3);
    let from_a_run = std::env::var_os("WEAKLABEL_MODEL").map(PathBuf::from);
    for model in [default, other].into_iter().chain(from_a_run) {
        let examples = folder.path().join("examples.safetensors");
        write_examples(&examples, &model);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/pytorch_model.py");
        let output = Command::new("python3").arg(script).arg(&model).arg(&examples).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        print!("{said}");
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
