//! What others make of our models and scores: PyTorch modules with the documented names give the same probabilities
//! within 1e-5, NumPy the same features from what a model says about them, and scikit-learn the same scores of
//! clips with several labels.
//!
//! Needs `python3` with torch, numpy or scikit-learn, and safetensors. `./dev test` installs them when `CI=true`;
//! elsewhere a test that misses one says that it is left out. `WEAKLABEL_MODEL` names a `best*.safetensors` of a run
//! that is compared as well.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use support::python::python_with;
use weaklabel::base::counter_rng::Key;
use weaklabel::config::{Config, FeatureConfig, Method, ModelConfig, Normalise};
use weaklabel::data::features::{extract, standardise, statistics};
use weaklabel::data::scenes::{Dataset, Subset};
use weaklabel::evaluate::{ClassScores, Examples, Scorer, SegmentSource, TagOutputs};
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::input::Input;
use weaklabel::kernels::score::f1;
use weaklabel::model::checkpoint::{Description, read_model, write_model};
use weaklabel::model::{Activations, Architecture, BatchShape, Mode, Pass, Population, Tiles, initial_parameters};
use weaklabel::output::{Results, Scored, SeedSummary};

/// Runs one of the scripts, which must find no difference.
fn agree(python: &Path, script: &str, files: &[&Path]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
    let output = Command::new(python).arg(script).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// Seeded random inputs `[segment, frame, band]` and what the model at `path` makes of them, written beside each other.
fn write_examples(path: &Path, model: &Path) {
    let (parameters, description) = read_model(model).unwrap();
    let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
    let batch = BatchShape { segments: 7, chunks: 3 };
    let shape = [batch.segments, batch.chunks * architecture.chunk_frames, architecture.bands];
    let mut stream = Key::new(2020).named("inputs").stream();
    let inputs: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();

    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let population = Population::new(&gpu, &Tiles::default(), architecture, &[description.seed], batch).unwrap();
    gpu.write(&population.state, 0, &parameters);
    population.use_parameters(&gpu, &population.state).unwrap();
    let activations = Activations::new(&gpu, &population, batch, Mode::Evaluate).unwrap();
    let input = Input::Dense(gpu.tensor_from("input", &shape, &inputs).unwrap());
    let mut recording = Recording::new("evaluate");
    let pass = Pass { gpu: &gpu, population: &population, activations: &activations };
    pass.embed_forward(&mut recording, &input, Normalise::None);
    pass.tag_forward(&mut recording);
    gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
    let probabilities = gpu.read(activations.probabilities()).unwrap();
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
    let description =
        Description { classes, features, model, method, normalise, mean, std, seed: 5, epoch: 0, thresholds: None };
    write_model(path, &architecture, &parameters, &description).unwrap();
}

#[test]
fn pytorch_gives_the_same_probabilities() {
    let Some(python) = python_with("torch, safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [default, other, shallow] = ["default", "other", "shallow"].map(|name| folder.path().join(name));
    write_random_model(&default, ModelConfig::default(), 64, 10);
    let model = ModelConfig {
        chunk_frames: 12,
        filters: vec![5, 6, 9],
        pools: vec![[2, 2], [1, 4], [3, 1]],
        kernel: 5,
        slope: 0.1,
        hidden: vec![7, 6],
        ..ModelConfig::default()
    };
    write_random_model(&other, model, 40, 3);
    let from_a_run = std::env::var_os("WEAKLABEL_MODEL").map(PathBuf::from);
    write_random_model(&shallow, ModelConfig { hidden: vec![], ..ModelConfig::default() }, 64, 10);
    for model in [default, other, shallow].into_iter().chain(from_a_run) {
        let examples = folder.path().join("examples.safetensors");
        write_examples(&examples, &model);
        agree(&python, "pytorch_model.py", &[&model, &examples]);
    }
}

#[test]
fn numpy_makes_the_same_log_mel_from_what_a_model_says() {
    let Some(python) = python_with("numpy, safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [model, examples] = ["model", "examples"].map(|name| folder.path().join(name));
    write_random_model(&model, ModelConfig::default(), 64, 10);
    let (_, Description { features, .. }) = read_model(&model).unwrap();
    let (segments, seconds) = (5, 0.6);
    let samples = (seconds * f64::from(features.rate)) as usize;
    let mut stream = Key::new(16).named("audio").stream();
    let audio: Vec<f32> = (0..segments * samples).map(|_| stream.uniform(-0.5, 0.5) as f32).collect();

    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let frames = features.frames(seconds);
    let segment = |index: usize| Ok((audio[index * samples..][..samples].to_vec(), ()));
    let (store, _) = extract(&gpu, &features, segments, frames, &segment, &|_| {}).unwrap();
    let log_mel = gpu.read(&store.shards()[0].tensor).unwrap();
    let view =
        |shape: &[usize], values| TensorView::new(Dtype::F32, shape.into(), bytemuck::cast_slice(values)).unwrap();
    let tensors =
        [("audio", view(&[segments, samples], &audio)), ("features", view(&[segments, frames, 64], &log_mel))];
    serialize_to_file(tensors, None, &examples).unwrap();
    agree(&python, "numpy_log_mel.py", &[&model, &examples]);
}

/// A model's probabilities for segments of clips with several events, and a class more than these have: one that is
/// neither heard nor predicted. Once the probabilities are as they are, and once rounded, so that many are equal.
#[test]
fn scikit_learn_gives_the_same_scores() {
    let Some(python) = python_with("numpy, sklearn, safetensors") else { return };
    let mut config = Config::default();
    (config.data.train, config.data.validation, config.data.eval) = (10, 10, 60);
    (config.scene.events, config.scene.clip_s) = ([1, 4], 3.0);
    (config.model.filters, config.model.pools) = (vec![16, 32], vec![[4, 4], [5, 8]]);
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let dataset = Dataset::of(&config).unwrap();
    let source = SegmentSource { dataset: &dataset, subset: Subset::Eval, seconds: &[1.0] };
    let examples = source.load(&gpu, &config.features, &|_| {}).unwrap().swap_remove(0);
    standardise(&gpu, &examples.store, &statistics(&gpu, &examples.store, None).unwrap(), config.features.epsilon)
        .unwrap();
    let classes = dataset.classes().len() + 1;
    let examples = Examples::new(&gpu, examples.store, examples.labels, classes).unwrap();
    assert!(examples.labels.iter().any(|labels| labels.classes.len() > 2), "no segment has several labels");

    let architecture = Architecture::new(&config.model, &config.features, classes);
    let mut parameters: Vec<f32> =
        initial_parameters(&architecture, 3).into_iter().map(|weight| 3.0 * weight).collect();
    // The bias of the last class.
    *parameters.last_mut().unwrap() = -100.0;
    let population =
        Population::new(&gpu, &Tiles::default(), architecture, &[3], BatchShape { segments: 1, chunks: 1 }).unwrap();
    gpu.write(&population.state, 0, &parameters);
    population.use_parameters(&gpu, &population.state).unwrap();
    let targets = gpu.read(&examples.targets).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (threshold, steps) in [(0.5, None), (0.3, Some(16.0))] {
        let scorer = Scorer::new(&gpu, &population, &examples, Normalise::None, threshold).unwrap();
        let mut probabilities = scorer.probabilities(&gpu).unwrap().concat();
        let counted = f1(&gpu.read(&scorer.counts).unwrap());
        if let Some(steps) = steps {
            probabilities.iter_mut().for_each(|p| *p = (*p * steps).round() / steps);
        }
        let outputs = TagOutputs { probabilities: &probabilities, labels: &examples.labels, classes };
        let thresholds: Vec<f64> = (0..classes).map(|class| outputs.best_threshold(class)).collect();
        let scores = outputs.scores(threshold, Some(&thresholds));
        let by_class = |score: fn(&ClassScores) -> f64| -> Vec<f64> {
            scores.classes.iter().map(|class| class.as_ref().map_or(-1.0, score)).collect()
        };
        let of_f1 = by_class(|class| class.detection.f1);
        assert!(of_f1.iter().any(|f1| (1.0..99.0).contains(f1)) && of_f1[classes - 1] == -1.0, "{of_f1:?}");
        if steps.is_none() {
            assert_eq!(counted.iter().map(|f1| f1.unwrap_or(-1.0)).collect::<Vec<_>>(), of_f1, "counted on the GPU");
        }
        let scored = Scored {
            method: "classifier",
            train_seconds: 1.0,
            classes: &(0..classes).map(|class| format!("class {class}")).collect::<Vec<_>>(),
            seeds: &[3],
            thresholds: &[Some(thresholds.clone())],
        };
        let results = Results::new(&scored, &[("1".into(), vec![scores.clone()])]);
        let means = &results.scores["1"];
        let mean = |summary: &SeedSummary| vec![summary.mean];
        let doubles = [
            ("threshold", vec![threshold]),
            ("thresholds", thresholds),
            ("f1", of_f1),
            ("precision", by_class(|class| class.detection.precision)),
            ("recall", by_class(|class| class.detection.recall)),
            ("own_f1", by_class(|class| class.own.unwrap().f1)),
            ("average_precision", by_class(|class| class.average_precision)),
            ("roc_auc", by_class(|class| class.roc_auc.unwrap())),
            ("mean_f1", mean(&results.macro_f1["1"])),
            ("mean_precision", mean(&means.precision)),
            ("mean_recall", mean(&means.recall)),
            ("mean_own_f1", mean(means.f1_class_thresholds.as_ref().unwrap())),
            ("mean_average_precision", mean(&means.map)),
            ("mean_roc_auc", mean(means.roc_auc.as_ref().unwrap())),
            ("lwlrap", mean(means.lwlrap.as_ref().unwrap())),
        ];
        let shape = vec![examples.len(), classes];
        let single = |values| TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values)).unwrap();
        let path = folder.path().join("scores.safetensors");
        let tensors = [("probabilities", single(&probabilities)), ("targets", single(&targets))];
        let doubles = doubles.iter().map(|(name, values)| {
            let view = TensorView::new(Dtype::F64, vec![values.len()], bytemuck::cast_slice(values)).unwrap();
            (*name, view)
        });
        let tensors = tensors.into_iter().chain(doubles);
        serialize_to_file(tensors, None, &path).unwrap();
        agree(&python, "scikit_scores.py", &[&path]);
    }
}
