//! grads_bce.safetensors: E and G trained end to end, values and gradients of every parameter (SPEC §§2, 3, 4.1).

use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::conv_weight_grad::PartialsAt;
use weaklabel::kernels::dropout::Dropout;
use weaklabel::kernels::linear::{LinearShape, LinearWeights};
use weaklabel::kernels::population::Member;
use weaklabel::kernels::tagger_step::{Division, TaggerLayer, TaggerStep};

use crate::file::{File, assert_close};
use crate::network::{GRADIENT, Run, VALUE, architecture};

#[test]
fn values_and_gradients_of_every_parameter_agree() {
    let file = File::load("grads_bce.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".input") {
        let case = format!("{case}.");
        let architecture = architecture(&file, "", file.get(&format!("{case}input")), None);
        let dropout = vec![Dropout::Off; architecture.n_dropouts()];
        Run::of(&gpu, &file, &case, architecture, dropout).compare(&gpu, &file, &case);
    }
}

/// Mean losses and gradients of logits `[member, slot, class]`; the same targets for every member. G has one layer,
/// which hands its input on as it is.
fn bce(gpu: &Gpu, shape: [usize; 3], logits: &[f32], targets: &[f32], examples: &[u32]) -> [Vec<f32>; 2] {
    let [members, slots, classes] = shape;
    let layer = LinearShape { members, rows: slots, inputs: classes, outputs: classes };
    let mut identity = vec![0.0; layer.parameters()];
    (0..classes).for_each(|class| identity[layer.weight_at(class, class)] = 1.0);
    let packed = LinearWeights {
        tensor: gpu.tensor_from("packed", &[members * identity.len()], &identity.repeat(members)).unwrap(),
        first: 0,
        stride: identity.len(),
        members,
    };
    let division = Division { splits: 1, ..Division::of(gpu, 1) };
    let d_logits = gpu.tensor("d_logits", &shape).unwrap();
    let kernel = TaggerStep {
        layers: vec![TaggerLayer {
            shape: layer,
            packed,
            at: PartialsAt { stride: identity.len(), first: 0, splits: 1 },
        }],
        first_layer: 0,
        slope: 0.0,
        dropout: Dropout::Off,
        embedding: gpu.tensor_from("logits", &shape, logits).unwrap(),
        activations: gpu.tensor("activations", &[members, slots, 2, classes]).unwrap(),
        grad_input: Some(d_logits.clone()),
        partials: gpu.tensor("partials", &[members, identity.len()]).unwrap(),
        targets: gpu.tensor_from("targets", &[targets.len() / classes, classes], targets).unwrap(),
        batches: gpu.tensor_from("batches", &[1, members, slots], examples).unwrap(),
        losses: gpu.tensor("losses", &[1, members, 1]).unwrap(),
        members: gpu.tensor_from("members", &[members], &vec![Member::new(0); members]).unwrap(),
        division,
        uniform_hint: false,
    };
    let losses = kernel.losses.clone();
    let mut recording = Recording::new("bce");
    recording.push(kernel);
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
    [gpu.read(&losses).unwrap(), gpu.read(&d_logits).unwrap()]
}

#[test]
fn the_loss_is_stable_at_extreme_logits() {
    let file = File::load("grads_bce.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".loss_elements") {
        let golden = |what: &str| file.get(&format!("{case}.{what}"));
        let (logits, targets) = (golden("logits").f32(), golden("targets").f32());
        let n = logits.len();
        let slots: Vec<u32> = (0..n as u32).collect();
        let [mean, gradient] = bce(&gpu, [1, n, 1], &logits, &targets, &slots);
        assert_close(&format!("{case}.loss"), &mean, golden("loss"), VALUE);
        assert_close(&format!("{case}.grad"), &gradient, golden("grad"), GRADIENT);
        // As many members with one element each: every loss by itself.
        let [elements, _] = bce(&gpu, [n, 1, 1], &logits, &targets, &slots);
        for (index, (found, expected)) in elements.iter().zip(&golden("loss_elements").values).enumerate() {
            // WGSL lets an adapter flush what is below the smallest normal number to zero.
            let allowed = VALUE * expected + f64::from(f32::MIN_POSITIVE);
            let error = (f64::from(*found) - expected).abs();
            println!("{case}.loss_elements[{index}] {:>16} {error:.1e}", logits[index]);
            assert!(error <= allowed, "loss of {} is {found:e}, expected {expected:e}", logits[index]);
        }
    }
}
