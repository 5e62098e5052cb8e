//! embed.safetensors: E layer by layer in evaluation, and max-pooling of ties (SPEC §2). The normalised embeddings
//! belong to the methods that use distances.

use weaklabel::config::Normalise;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::conv::{ConvShape, ConvTile, PackedWeights, WeightBinding};
use weaklabel::kernels::conv_forward::ConvForward;
use weaklabel::kernels::conv_input_grad::ConvInputGrad;
use weaklabel::kernels::dropout::Dropout;
use weaklabel::kernels::grad_output::GradOutput;
use weaklabel::kernels::input::Input;
use weaklabel::kernels::pool_argmax::{LeakyDropout, PooledGrad, WindowGrad};
use weaklabel::kernels::population::Member;
use weaklabel::model::{Activations, Mode, Pass};

use crate::file::{File, assert_close};
use crate::network::{VALUE, architecture, batch, population};

#[test]
fn every_layer_and_the_embedding_agree() {
    let file = File::load("embed.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let golden = |case: &str, what: &str| file.get(&format!("{case}.{what}"));
    // One case has the layers, and with them the pool windows of all.
    let layers = file.cases(".pool0")[0];
    let architecture = architecture(&file, "", golden(layers, "input"), Some(&format!("{layers}.")));
    for case in file.cases(".embedding") {
        let input = golden(case, "input");
        let batch = batch(&architecture, input);
        let population = population(&gpu, &file, "", architecture.clone(), batch);
        let activations = Activations::new(&gpu, &population, batch, Mode::Evaluate).unwrap();
        let input = Input::Dense(gpu.tensor_from("input", &input.shape, &input.f32()).unwrap());
        let mut recording = Recording::new("embed");
        let pass = Pass { gpu: &gpu, population: &population, activations: &activations };
        pass.embed_forward(&mut recording, &input, Normalise::None);
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        for (layer, pooled) in activations.pooled.iter().enumerate() {
            let name = format!("{case}.pool{layer}");
            if let Some(reference) = file.find(&name) {
                assert_close(&name, &gpu.read(pooled).unwrap(), reference, VALUE);
            }
        }
        let found = gpu.read(&activations.embedding).unwrap();
        assert_close(&format!("{case}.embedding"), &found, golden(case, "embedding"), VALUE);
    }
}

/// Added to all inputs so that LeakyReLU hands them on as they are; small integers stay exact.
const LIFT: f32 = 100.0;

/// Weights that hand every channel on unchanged, in a layout of `size` elements.
fn identity(
    gpu: &Gpu,
    shape: &ConvShape,
    size: usize,
    at: impl Fn(usize) -> usize,
    biases: Vec<usize>,
) -> PackedWeights {
    let mut packed = vec![0.0; size];
    (0..shape.inputs).for_each(|channel| packed[at(channel)] = 1.0);
    biases.into_iter().for_each(|bias| packed[bias] = LIFT);
    let tensor = gpu.tensor_from("packed", &[size], &packed).unwrap();
    PackedWeights { tensor, first: 0, stride: size / 4, members: 1, binding: WeightBinding::Storage }
}

#[test]
fn the_first_of_equal_maxima_wins_and_gets_the_whole_gradient() {
    let file = File::load("embed.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".upstream") {
        let golden = |what: &str| file.get(&format!("{case}.{what}"));
        let (input, output) = (golden("input"), golden("output"));
        let [items, channels, time, mel] = input.shape[..] else { panic!("{case}.input: {:?}", input.shape) };
        let pool = [time / output.shape[2], mel / output.shape[3]];
        let shape =
            ConvShape { members: 1, chunks: items, inputs: channels, outputs: channels, time, mel, kernel: 1, pool };
        let tile = ConvTile { windows: [1, 1], channel_vectors: 1, lanes: 1, workgroup: 32 };
        let members = gpu.tensor_from("members", &[1], &[Member::new(1)]).unwrap();
        let pooled = gpu.tensor("pooled", &shape.output_shape()).unwrap();
        let routes = PooledGrad::new(&gpu, "routes", &shape.output_shape(), 1).unwrap();
        let biases = (0..channels).map(|channel| shape.bias_at(channel)).collect();
        let mut recording = Recording::new("max-pool");
        recording.push(ConvForward {
            shape,
            layer: 0,
            slope: 0.0,
            input: Input::Dense(gpu.tensor_from("input", &shape.input_shape(), &input.f32()).unwrap()),
            packed: identity(&gpu, &shape, shape.forward_quads() * 4, |c| shape.forward_at(c, c, 0), biases),
            output: pooled.clone(),
            pool_argmax: Some(routes.argmax.clone()),
            members: members.clone(),
            dropout: Dropout::Off,
            tile,
        });
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        let maxima: Vec<f32> = gpu.read(&pooled).unwrap().iter().map(|x| x - LIFT).collect();
        assert_close(&format!("{case}.output"), &maxima, output, 0.0);

        gpu.write(&routes.gradients, 0, &golden("upstream").f32());
        let below = vec![WindowGrad::new(0, WindowGrad::POSITIVE); input.values.len()];
        let below = PooledGrad::from(&gpu, "below", &shape.input_shape(), &below, 1).unwrap();
        let mut recording = Recording::new("max-pool gradient");
        recording.push(ConvInputGrad {
            shape,
            activation: LeakyDropout { slope: 0.0, scale: 1.0 },
            grad_output: GradOutput::Stored(routes.clone()),
            packed: identity(&gpu, &shape, shape.backward_quads() * 4, |c| shape.backward_at(c, c, 0), vec![]),
            grad_input: below.clone(),
            members,
            tile,
        });
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        let gradient = gpu.read(&below.gradients).unwrap();
        assert_close(&format!("{case}.grad"), &gradient, golden("grad"), 0.0);
    }
}
