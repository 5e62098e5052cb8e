//! Networks of other depths than the default's: their gradients against differences of a model in f64, and their way
//! through training, checkpoint and evaluation.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use weaklabel::Result;
use weaklabel::base::counter_rng::Key;
use weaklabel::config::{Config, FeatureConfig, Method, ModelConfig, Normalise};
use weaklabel::evaluate::{Examples, Models, Scorer};
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::dropout::{Dropout, RandomMask};
use weaklabel::kernels::input::Input;
use weaklabel::kernels::population::{Member, ScheduleStep};
use weaklabel::kernels::tagger_step;
use weaklabel::kernels::{chunk_mean, conv_forward, linear};
use weaklabel::model::checkpoint::{Description, TrainingState, read_model, write_model};
use weaklabel::model::{Activations, Architecture, BatchShape, Mode, Pass, Population, Supervision, Tiles};
use weaklabel::train::{EpochReport, Observer, Trainer, random_data};

/// Chunks of 12 frames and 32 bands, and layers of odd widths: two convolutions to six, no hidden layer to four.
fn models() -> [ModelConfig; 4] {
    let model = |filters: &[usize], pools: &[[usize; 2]], hidden: &[usize]| ModelConfig {
        chunk_frames: 12,
        filters: filters.into(),
        pools: pools.into(),
        hidden: hidden.into(),
        ..ModelConfig::default()
    };
    let six = [[2, 2], [1, 2], [2, 2], [1, 2], [3, 2], [1, 1]];
    [
        model(&[5, 7], &[[4, 4], [3, 4]], &[]),
        model(&[3, 9, 5], &[[2, 2], [2, 4], [3, 2]], &[9, 7]),
        model(&[3, 5, 7, 9, 5, 3], &six, &[6, 5, 4, 7]),
        model(&[3, 5, 7, 9, 5, 3], &six, &[]),
    ]
}

const CLASSES: usize = 5;

fn features() -> FeatureConfig {
    FeatureConfig { bands: 32, ..FeatureConfig::default() }
}

/// One member's training step in f64.
struct Reference<'a> {
    architecture: &'a Architecture,
    batch: BatchShape,
    input: &'a [f64],
    targets: &'a [f64],
    member: Member,
    t: u32,
}

impl Reference<'_> {
    /// Mean loss with `parameters`, under the masks of layers numbered from the first convolution to the last hidden
    /// layer.
    fn loss(&self, parameters: &[f64]) -> f64 {
        let Self { architecture, batch, .. } = self;
        let (slope, p) = (architecture.slope, architecture.dropout);
        let n_convs = architecture.convs.len();
        let dropout = |layer: usize, block: usize, lane: usize| {
            let mask = RandomMask { key: self.member.dropout_key, t: self.t, layer, p };
            if mask.keeps(block, lane) { 1.0 / (1.0 - p) } else { 0.0 }
        };
        let mut values = self.input.to_vec();
        let layers = architecture.parameters();
        let parameters: Vec<f64> = layers.iter().flat_map(|p| &parameters[p.first..][..p.len()]).copied().collect();
        let mut rest = parameters.as_slice();
        let mut take = |count: usize| rest.split_off(..count).unwrap();
        for layer in 0..n_convs {
            let shape = architecture.conv_shape(layer, 1, batch.segments * batch.chunks);
            let blocks = shape.blocks_per_window();
            let dropout =
                |_: usize, window: usize, position: usize| dropout(layer, window * blocks + position / 4, position % 4);
            values = conv_forward::oracle(&shape, slope, &values, take(shape.parameters()), dropout).0;
        }
        let [channels, time, mel] = architecture.last();
        values = chunk_mean::oracle(&[1, batch.segments, batch.chunks, channels, time, mel], &values);
        for layer in 0..architecture.n_linears() {
            let shape = architecture.linear_shape(layer, 1, batch.segments);
            values = linear::oracle(&shape, &values, take(shape.parameters()));
            if layer < architecture.hidden.len() {
                for (index, x) in values.iter_mut().enumerate() {
                    *x *= dropout(n_convs + layer, index / 4, index % 4) * if *x > 0.0 { 1.0 } else { slope };
                }
            }
        }
        tagger_step::cross_entropy(&values, self.targets).0
    }
}

/// Two members, so that each finds its own part of every tensor; dropout, so that every layer has its own number.
#[test]
fn gradients_of_every_layer_agree_with_differences_of_the_loss_in_f64() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let seeds = [3, 4];
    let batch = BatchShape { segments: 3, chunks: 2 };
    for model in models() {
        let architecture = Architecture::new(&model, &features(), CLASSES);
        let elements = architecture.elements();
        let frames = batch.chunks * architecture.chunk_frames;
        let mut stream = Key::new(9).stream();
        let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| stream.normal() as f32).collect() };
        let inputs = draw(seeds.len() * batch.segments * frames * architecture.bands);
        let targets: Vec<f32> =
            draw(batch.segments * CLASSES).into_iter().map(|x| f32::from(u8::from(x > 0.5))).collect();
        let steps: Vec<ScheduleStep> =
            (0..seeds.len() as u32).map(|m| ScheduleStep { t: 7 + m, step_size: 0.0, decay: 0.0 }).collect();

        let population = Population::new(&gpu, &Tiles::default(), architecture, &seeds, batch).unwrap();
        let architecture = &population.architecture;
        // So large that values neither fade nor grow from layer to layer.
        let mut state = gpu.read(&population.state).unwrap();
        state.iter_mut().for_each(|weight| *weight *= 2.4);
        gpu.write(&population.state, 0, &state);
        population.use_parameters(&gpu, &population.state).unwrap();
        let shape = [seeds.len(), batch.segments, frames, architecture.bands];
        let input = Input::Dense(gpu.tensor_from("input", &shape, &inputs).unwrap());
        let schedule = gpu.tensor_from("schedule", &[1, seeds.len()], &steps).unwrap();
        let dropout = Dropout::Random { p: architecture.dropout, schedule };
        let mode = Mode::Train { dropout: vec![dropout; architecture.n_dropouts()] };
        let activations = Activations::new(&gpu, &population, batch, mode).unwrap();
        let shares = population.division.splits;
        let losses = gpu.tensor("losses", &[1, seeds.len(), shares]).unwrap();
        let slots: Vec<u32> = (0..seeds.len()).flat_map(|_| 0..batch.segments as u32).collect();
        let mut recording = Recording::new("pass");
        let supervision = Supervision {
            targets: gpu.tensor_from("targets", &[batch.segments, CLASSES], &targets).unwrap(),
            batches: gpu.tensor_from("batches", &[1, seeds.len(), batch.segments], &slots).unwrap(),
            losses: losses.clone(),
        };
        let pass = Pass { gpu: &gpu, population: &population, activations: &activations };
        pass.embed_forward(&mut recording, &input, Normalise::None);
        pass.tag_step(&mut recording, supervision, true);
        pass.embed_backward(&mut recording, &input, Normalise::None).unwrap();
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        let losses: Vec<f32> = gpu.read(&losses).unwrap().chunks(shares).map(|parts| parts.iter().sum()).collect();
        let gradients = population.gradients(&gpu).unwrap();

        let double = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let targets = double(&targets);
        for (member, seed) in seeds.into_iter().enumerate() {
            let inputs = double(&inputs[member * inputs.len() / 2..][..inputs.len() / 2]);
            let mut parameters = double(&state[member * 3 * elements..][..elements]);
            let reference = Reference {
                architecture,
                batch,
                input: &inputs,
                targets: &targets,
                member: Member::new(seed),
                t: steps[member].t,
            };
            let expected = reference.loss(&parameters);
            assert!((f64::from(losses[member]) / expected - 1.0).abs() < 1e-5, "{} {expected}", losses[member]);
            for parameter in architecture.parameters() {
                let (mut error, mut size) = (0.0, 0.0);
                for index in (0..parameter.len()).step_by(parameter.len().div_ceil(7)) {
                    let index = parameter.first + index;
                    let mut nudged = |by: f64| {
                        parameters[index] += by;
                        let loss = reference.loss(&parameters);
                        parameters[index] -= by;
                        loss
                    };
                    let difference = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
                    error += (f64::from(gradients[member * elements + index]) - difference).powi(2);
                    size += difference.powi(2);
                }
                let (error, size) = (error.sqrt(), size.sqrt());
                println!("{} of seed {seed}: {error:.1e} of {size:.1e}", parameter.name);
                // What no output depends on has no gradient at all.
                assert!(error <= 1e-4 * size, "{:?}: {} of seed {seed}", model.hidden, parameter.name);
            }
        }
    }
}

/// Notes the losses of a training.
struct Losses(Vec<f64>);

impl Observer for Losses {
    fn should_continue(&mut self, _: u64) -> bool {
        true
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        self.0.extend(reports.iter().map(|report| report.loss));
        Ok(())
    }

    fn checkpoint(&mut self, _: &TrainingState) -> Result<()> {
        Ok(())
    }
}

#[test]
#[ignore = "slow"]
fn a_model_of_any_depth_trains_and_comes_back_from_its_file_to_the_same_scores() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scores = |population: &Population, examples: &Examples| {
        Scorer::new(&gpu, population, examples, Normalise::None, 0.5).unwrap().probabilities(&gpu).unwrap().concat()
    };
    // The second stage of a method on distances trains G alone.
    for (index, (model, method)) in models().into_iter().zip(Method::all().into_iter().cycle()).enumerate() {
        let mut config = Config { model, features: features(), ..Config::default() };
        config.train.method = method;
        (config.train.seeds, config.train.epochs, config.tagger.epochs) = (vec![6], Some(1), 1);
        (config.train.batch, config.tagger.batch) = (2 * CLASSES, CLASSES);
        let data = random_data(&gpu, &config, CLASSES, 2 * config.model.chunk_frames).unwrap();
        let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
        let mut losses = Losses(Vec::new());
        assert!(trainer.run(&mut losses).unwrap());
        let stages = if method == Method::Classifier { 1 } else { 2 };
        assert!(losses.0.len() == stages && losses.0.iter().all(|loss| loss.is_finite()), "{:?}", losses.0);

        let best = trainer.training_state().unwrap().best;
        let population = trainer.population();
        population.use_parameters(&gpu, &population.best).unwrap();
        // A member that has come to its end computes nothing more.
        gpu.write(&population.progress, 0, &[Member::new(6)]);
        let before = scores(population, &data.validation);
        assert!(before.iter().all(|p| (0.0..=1.0).contains(p)) && before.iter().any(|p| *p != before[0]));

        let path = folder.path().join(format!("{index}.safetensors"));
        let description = Description {
            classes: data.classes.clone(),
            features: config.features.clone(),
            model: config.model.clone(),
            method,
            normalise: Normalise::None,
            mean: vec![0.0; config.features.bands],
            std: vec![1.0; config.features.bands],
            seed: 6,
            epoch: 0,
            thresholds: None,
        };
        write_model(&path, &population.architecture, &best, &description).unwrap();
        let read = read_model(&path).unwrap();
        assert_eq!(read, (best, description));
        let models = Models::new(&gpu, &Tiles::default(), &[read]).unwrap();
        assert_eq!(scores(&models.population, &data.validation), before, "{:?}", config.model);
    }
}
