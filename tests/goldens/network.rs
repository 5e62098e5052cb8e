//! The networks of a file of reference values on the GPU: layers as its tensors say, its weights, its batches.

use weaklabel::config::{FeatureConfig, ModelConfig, Normalise};
use weaklabel::gpu::{Gpu, Recording};
use weaklabel::kernels::dropout::Dropout;
use weaklabel::kernels::input::Input;
use weaklabel::model::{Activations, Architecture, BatchShape, Mode, Pass, Population, Supervision, Tiles};

use crate::file::{File, Golden, assert_close};

/// SPEC's tolerance for values.
pub const VALUE: f64 = 1e-5;
/// SPEC's tolerance for gradients.
pub const GRADIENT: f64 = 1e-4;

/// The layers whose weights are `<weights><name>` in `file`, for inputs like `input` `[segment, frame, band]`. Pool
/// windows and chunk length follow from the tensors `<pooled>pool0` … where there are such, and are SPEC's where not.
pub fn architecture(file: &File, weights: &str, input: &Golden, pooled: Option<&str>) -> Architecture {
    let features = FeatureConfig { bands: input.shape[2], ..FeatureConfig::default() };
    let mut model = ModelConfig::default();
    let shape = |name: &str| file.find(&format!("{weights}{name}")).map(|tensor| tensor.shape.as_slice());
    let convs: Vec<_> = (0..).map_while(|layer| shape(&format!("cnn.conv{layer}.weight"))).collect();
    model.filters = convs.iter().map(|shape| shape[0]).collect();
    model.kernel = convs[0][2];
    let linears: Vec<_> = (0..).map_while(|layer| shape(&format!("fc.linear{layer}.bias"))).collect();
    let classes = linears.split_last().map_or(1, |(last, hidden)| {
        model.hidden = hidden.iter().map(|shape| shape[0]).collect();
        last[0]
    });
    if let Some(prefix) = pooled {
        let pooled = |layer: usize| &file.get(&format!("{prefix}pool{layer}")).shape;
        model.chunk_frames = input.shape[0] * input.shape[1] / pooled(0)[0];
        let mut plane = [model.chunk_frames, input.shape[2]];
        let mut pool = |layer: usize| {
            let [time, mel] = std::mem::replace(&mut plane, [pooled(layer)[2], pooled(layer)[3]]);
            [time / plane[0], mel / plane[1]]
        };
        model.pools = (0..convs.len()).map(&mut pool).collect();
    }
    assert_eq!(model.pools.len(), convs.len(), "pool windows and convolutions");
    let architecture = Architecture::new(&model, &features, classes);
    for parameter in architecture.parameters() {
        if let Some(found) = shape(&parameter.name) {
            assert_eq!(found, parameter.shape, "{}", parameter.name);
        }
    }
    architecture
}

/// One model with the weights `<weights><name>` of `file`, for steps on `batch`.
pub fn population(gpu: &Gpu, file: &File, weights: &str, architecture: Architecture, batch: BatchShape) -> Population {
    let population = Population::new(gpu, &Tiles::default(), architecture, &[1], batch).unwrap();
    load_weights(gpu, &population, file, weights);
    population
}

/// Gives the one model of `population` the weights `<weights><name>` of `file`. G's are zeros in a file of E alone.
pub fn load_weights(gpu: &Gpu, population: &Population, file: &File, weights: &str) {
    let architecture = &population.architecture;
    let mut values = vec![0.0; architecture.elements()];
    for parameter in architecture.parameters() {
        match file.find(&format!("{weights}{}", parameter.name)) {
            Some(tensor) => values[parameter.first..][..parameter.len()].copy_from_slice(&tensor.f32()),
            None => assert!(parameter.name.starts_with("fc."), "no weights for {}", parameter.name),
        }
    }
    gpu.write(&population.state, 0, &values);
    population.use_parameters(gpu, &population.state).unwrap();
}

/// One model's batch of as many segments as `input` `[segment, frame, band]` has.
pub fn batch(architecture: &Architecture, input: &Golden) -> BatchShape {
    assert_eq!(input.shape[1] % architecture.chunk_frames, 0, "a segment is a whole number of chunks");
    BatchShape { segments: input.shape[0], chunks: input.shape[1] / architecture.chunk_frames }
}

/// A forward and a backward pass of the case `<case>…` of `file` with the weights of the same file.
pub struct Run {
    pub population: Population,
    pub activations: Activations,
    pub loss: f32,
}

impl Run {
    /// Computes both passes.
    pub fn of(gpu: &Gpu, file: &File, case: &str, architecture: Architecture, dropout: Vec<Dropout>) -> Self {
        let (input, targets) = (file.get(&format!("{case}input")), file.get(&format!("{case}targets")));
        let batch = batch(&architecture, input);
        let population = population(gpu, file, "", architecture, batch);
        let activations = Activations::new(gpu, &population, batch, Mode::Train { dropout }).unwrap();
        let input = Input::Dense(gpu.tensor_from("input", &input.shape, &input.f32()).unwrap());
        let slots: Vec<u32> = (0..batch.segments as u32).collect();
        let losses = gpu.tensor("losses", &[1, 1, population.division.splits]).unwrap();
        let mut recording = Recording::new("pass");
        let supervision = Supervision {
            targets: gpu.tensor_from("targets", &targets.shape, &targets.f32()).unwrap(),
            batches: gpu.tensor_from("batches", &[1, 1, batch.segments], &slots).unwrap(),
            losses: losses.clone(),
        };
        let pass = Pass { gpu, population: &population, activations: &activations };
        pass.embed_forward(&mut recording, &input, Normalise::None);
        pass.tag_step(&mut recording, supervision, true);
        pass.embed_backward(&mut recording, &input, Normalise::None).unwrap();
        gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
        let loss = gpu.read(&losses).unwrap().iter().sum();
        Self { population, activations, loss }
    }

    /// Compares embedding, logits, loss and the gradients of logits, embedding and every parameter.
    pub fn compare(&self, gpu: &Gpu, file: &File, case: &str) {
        let against = |what: &str, found: &[f32], tolerance: f64| {
            let name = format!("{case}{what}");
            assert_close(&name, found, file.get(&name), tolerance);
        };
        let gradients = self.activations.gradients();
        let tagged = gpu.read(&gradients.tagger).unwrap();
        let [_, _, _, units] = gradients.tagger.dims();
        let classes = self.population.architecture.classes;
        let logits = |from: usize| -> Vec<f32> {
            tagged
                .chunks(2 * units)
                .flat_map(|of_slot| &of_slot[from + units - classes..][..classes])
                .copied()
                .collect()
        };
        against("embedding", &gpu.read(&self.activations.embedding).unwrap(), VALUE);
        against("logits", &logits(0), VALUE);
        against("loss", &[self.loss], VALUE);
        against("grad.logits", &logits(units), GRADIENT);
        against("grad.embedding", &gpu.read(&gradients.embedding).unwrap(), GRADIENT);
        let found = self.population.gradients(gpu).unwrap();
        for parameter in self.population.architecture.parameters() {
            against(&format!("grad.{}", parameter.name), &found[parameter.first..][..parameter.len()], GRADIENT);
        }
    }
}
