//! optim.safetensors: steps of AdamW and Adam from given gradients (SPEC §4).

use weaklabel::config::OptimiserConfig;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::adam::{Adam, factors};
use weaklabel::kernels::layout::{Layout, Span, padded};
use weaklabel::kernels::population::{Member, ScheduleStep};
use weaklabel::kernels::relative_error;

use crate::file::File;
use crate::network::VALUE;

/// The optimisers of the file by name; the third has nothing in common with SPEC's defaults.
fn optimiser(name: &str) -> OptimiserConfig {
    match name {
        "adamw" => OptimiserConfig::default(),
        "adam" => OptimiserConfig { weight_decay: 0.0, ..OptimiserConfig::default() },
        "adamw_alt" => OptimiserConfig { lr: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weight_decay: 0.1 },
        other => panic!("an optimiser called {other}"),
    }
}

/// Parameters, first and second moments `[3, parameter]` after each step, for `gradients` `[step][parameter]`.
fn run(gpu: &Gpu, optimiser: &OptimiserConfig, start: &[f32], gradients: &[&[f32]]) -> Vec<Vec<f32>> {
    let stored = padded(start.len());
    let mut state = start.to_vec();
    state.resize(3 * stored, 0.0);
    let state = gpu.tensor_from("state", &[1, 3, stored], &state).unwrap();
    let partials = gpu.tensor("partials", &[1, stored]).unwrap();
    let schedule: Vec<ScheduleStep> = (1..=gradients.len() as u32)
        .map(|t| {
            let (step_size, decay) = factors(optimiser, t);
            ScheduleStep { t, step_size: step_size as f32, decay: decay as f32 }
        })
        .collect();
    let count = stored as u32;
    let span = Span {
        first: 0,
        count,
        partials: 0,
        splits: 1,
        forward: 0,
        forward_stride: count,
        backward: 0,
        backward_stride: 0,
        first_group: 0,
    };
    let places: Vec<_> = (0..stored).map(|place| [(place < start.len()).then_some(place), None]).collect();
    let mut recording = Recording::new("step");
    recording.push(Adam {
        state: state.clone(),
        partials: partials.clone(),
        layout: Layout::new(gpu, vec![span], &places, stored).unwrap(),
        schedule: gpu.tensor_from("schedule", &[schedule.len(), 1], &schedule).unwrap(),
        members: gpu.tensor_from("members", &[1], &[Member::new(1)]).unwrap(),
        made: gpu.tensor("made", &[gradients.len(), 1]).unwrap(),
        optimiser: optimiser.clone(),
        parameters: 0..stored,
    });
    let recording = recording.resolve(gpu).unwrap();
    let step = |(row, gradient): (usize, &&[f32])| {
        gpu.write(&partials, 0, gradient);
        gpu.replay(&recording, row as u32..row as u32 + 1).unwrap();
        gpu.read(&state).unwrap().chunks(stored).flat_map(|part| &part[..start.len()]).copied().collect()
    };
    gradients.iter().enumerate().map(step).collect()
}

/// Element by element, since the norm of a tensor of moments hides the small ones; each over all steps, since a moment
/// may come close to zero on the way from one sign to the other and has no relative accuracy there.
#[test]
fn every_element_agrees_over_the_steps() {
    let file = File::load("optim.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for tensor in file.cases(".start") {
        let start = file.get(&format!("{tensor}.start")).f32();
        let n = start.len();
        let gradients = file.get(&format!("{tensor}.gradients")).f32();
        let gradients: Vec<&[f32]> = gradients.chunks(n).collect();
        for name in file.cases(&format!(".{tensor}.params")) {
            let states = run(&gpu, &optimiser(name), &start, &gradients);
            for (part, what) in ["params", "m", "v"].into_iter().enumerate() {
                let expected = file.get(&format!("{name}.{tensor}.{what}"));
                assert_eq!(expected.values.len(), states.len() * n, "{name}.{tensor}.{what}: size");
                let error = |element: usize| {
                    let found: Vec<f32> = states.iter().map(|state| state[part * n + element]).collect();
                    let course: Vec<f64> = expected.values.iter().skip(element).step_by(n).copied().collect();
                    relative_error(&found, &course)
                };
                let worst = (0..n).map(error).fold(0.0, f64::max);
                println!("{name}.{tensor}.{what:<24} {worst:.1e}");
                assert!(worst <= VALUE, "{name}.{tensor}.{what}: relative error {worst:.2e} of an element");
            }
        }
    }
}
