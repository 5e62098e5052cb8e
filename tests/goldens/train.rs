//! train.safetensors: a whole training, replayed in one go (SPEC §4.1).

use weaklabel::base::counter_rng::Key;
use weaklabel::bench::tune::candidates;
use weaklabel::config::{Normalise, OptimiserConfig};
use weaklabel::gpu::{AdapterChoice, DeviceClass, Gpu, Recording};
use weaklabel::kernels::adam::factors;
use weaklabel::kernels::dropout::Dropout;
use weaklabel::kernels::input::{Gathered, Input};
use weaklabel::kernels::population::ScheduleStep;
use weaklabel::model::{Activations, BatchShape, Mode, OptimiserStep, Pass, Population, Supervision, Tiles};

use crate::file::{File, Golden, assert_close};
use crate::network::{VALUE, architecture, load_weights};

/// Tolerances of the reference's README for what twenty steps of rounding may do: Adam turns the rounding of gradients
/// near zero into full steps.
const FINAL: f64 = 1e-4;
const TRAVELLED: f64 = 1e-3;

#[test]
fn a_training_takes_the_same_course() {
    let file = File::load("train.safetensors");
    follow(&file, &Gpu::open(&AdapterChoice::default()).unwrap(), &Tiles::default());
}

/// With tiles that the tuner may choose, drawn for every kernel and layer.
#[test]
fn a_training_takes_the_same_course_with_other_tiles() {
    let file = File::load("train.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let architecture = architecture(&file, "start.", file.get("data"), None);
    let mut stream = Key::new(7).stream();
    let mut tiles = Tiles::default().in_use(gpu.class(), &architecture, 10);
    for choice in &mut tiles.0 {
        // Those of GPUs compile quickly everywhere.
        let all = candidates(DeviceClass::Discrete, &choice.layer.shape(choice.chunks), choice.tile);
        choice.tile = all[1 + stream.below(all.len() - 1)];
    }
    follow(&file, &gpu, &tiles);
}

/// The training of `file` on `gpu` with `tiles`.
fn follow(file: &File, gpu: &Gpu, tiles: &Tiles) {
    let (data, batches) = (file.get("data"), file.get("batches"));
    let (examples, [steps, slots]) = (data.shape[0], [batches.shape[0], batches.shape[1]]);
    let architecture = architecture(file, "start.", data, None);
    let classes = architecture.classes;
    let mut targets = vec![0.0; examples * classes];
    file.get("labels").i32().iter().enumerate().for_each(|(i, label)| targets[i * classes + *label as usize] = 1.0);
    let batch = BatchShape { segments: slots, chunks: data.shape[1] / architecture.chunk_frames };
    let population = Population::new(gpu, tiles, architecture, &[1], batch).unwrap();
    load_weights(gpu, &population, file, "start.");
    let mode = Mode::Train { dropout: vec![Dropout::Off; population.architecture.n_dropouts()] };
    let activations = Activations::new(gpu, &population, batch, mode).unwrap();
    let optimiser = OptimiserConfig::default();
    let schedule: Vec<ScheduleStep> = (1..=steps as u32)
        .map(|t| {
            let (step_size, decay) = factors(&optimiser, t);
            ScheduleStep { t, step_size: step_size as f32, decay: decay as f32 }
        })
        .collect();
    let schedule = gpu.tensor_from("schedule", &[steps, 1], &schedule).unwrap();
    let ids: Vec<u32> = batches.i32().into_iter().map(|id| id as u32).collect();
    let ids = gpu.tensor_from("batches", &[steps, 1, slots], &ids).unwrap();
    let shares = population.division.splits;
    let losses = gpu.tensor("losses", &[steps, 1, shares]).unwrap();

    let mut step = Recording::new("train step");
    let store = gpu.tensor_from("data", &data.shape, &data.f32()).unwrap();
    let input = Input::Gathered(Gathered { store, batches: ids.clone() });
    let pass = Pass { gpu, population: &population, activations: &activations };
    pass.embed_forward(&mut step, &input, Normalise::None);
    let targets = gpu.tensor_from("targets", &[examples, classes], &targets).unwrap();
    let supervision = Supervision { targets, batches: ids, losses: losses.clone() };
    pass.tag_step(&mut step, supervision, true);
    pass.embed_backward(&mut step, &input, Normalise::None).unwrap();
    let made = gpu.tensor("made", &[steps, 1]).unwrap();
    let parameters = 0..population.architecture.elements();
    population.push_step(&mut step, OptimiserStep { optimiser, schedule, made, parameters });
    gpu.replay(&step.resolve(gpu).unwrap(), 0..steps as u32).unwrap();

    let losses: Vec<f32> = gpu.read(&losses).unwrap().chunks(shares).map(|parts| parts.iter().sum()).collect();
    let course = file.get("loss");
    assert_eq!(losses.len(), course.values.len(), "losses");
    for (t, (found, expected)) in losses.iter().zip(&course.values).enumerate() {
        assert_close(&format!("loss[{t}]"), &[*found], &Golden { shape: vec![], values: vec![*expected] }, VALUE);
    }
    let state = gpu.read(&population.state).unwrap();
    for parameter in population.architecture.parameters() {
        let found = &state[parameter.first..][..parameter.len()];
        let [first, last] = ["start", "final"].map(|when| file.get(&format!("{when}.{}", parameter.name)));
        assert_close(&format!("final.{}", parameter.name), found, last, FINAL);
        let moved: Vec<f32> = found.iter().zip(first.f32()).map(|(now, then)| now - then).collect();
        let expected = last.values.iter().zip(&first.values).map(|(now, then)| now - then).collect();
        let expected = Golden { shape: first.shape.clone(), values: expected };
        assert_close(&format!("travelled {}", parameter.name), &moved, &expected, TRAVELLED);
    }
}
