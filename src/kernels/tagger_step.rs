//! `tagger_step`: one training step of G on a batch: forward pass, loss and backward pass (SPEC §§3, 4.1).

use crate::Result;
use crate::base::counter_rng::Key;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::conv_weight_grad::PartialsAt;
use crate::kernels::dropout::{Dropout, RandomMask};
use crate::kernels::forms::{needs_uniform_hint, tagger_splits, uniform_slots};
use crate::kernels::layout::padded;
use crate::kernels::linear::{self, LinearShape, LinearWeights, pack};
use crate::kernels::population::{Member, ScheduleStep};
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Largest number of examples that a thread computes at a time; their sums must stay in registers.
const MAX_EXAMPLES_PER_PASS: usize = 16;

/// Largest number of outputs that a thread computes at a time; all of them reuse each loaded input value.
const MAX_OUTPUTS_PER_THREAD: usize = 4;

/// One layer of G.
#[derive(Clone)]
pub struct TaggerLayer {
    /// Sizes of the layer; the rows are the examples of a batch.
    pub shape: LinearShape,
    /// Weights and biases.
    pub packed: LinearWeights,
    /// Location of the layer's partial gradients, one per split of the batch.
    pub at: PartialsAt,
}

/// Division of a batch among threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// Splits of a member's batch; each is one workgroup with its own partial sums.
    pub splits: usize,
    /// Threads per workgroup.
    pub workgroup: usize,
}

impl Division {
    /// Returns the division of `batch_size` examples for the device class of `gpu`. A software adapter gets few splits,
    /// because it has few cores and every partial sum costs time; a GPU gets many threads.
    pub fn of(gpu: &Gpu, batch_size: usize) -> Self {
        let (examples_per_split, [fewest, most], workgroup) = tagger_splits(gpu.class());
        Self { splits: batch_size.div_ceil(examples_per_split).clamp(fewest, most), workgroup }
    }
}

/// One training step of G: forward pass, binary cross-entropy, and backward pass.
pub struct TaggerStep {
    /// Layers of G in order.
    pub layers: Vec<TaggerLayer>,
    /// Number of the first layer, which enters the dropout counter.
    pub first_layer: usize,
    /// LeakyReLU slope below zero; every layer but the last has this activation.
    pub slope: f64,
    /// Dropout after LeakyReLU. An injected mask covers a single hidden layer.
    pub dropout: Dropout,
    /// Embeddings, `[member, slot, dimension]`.
    pub embedding: Tensor<f32>,
    /// Values and gradients of the outputs of all layers, `[member, slot, 2, unit]`; the last units are the logits.
    pub activations: Tensor<f32>,
    /// Gradient of the embeddings, `[member, slot, dimension]`; `None` where G is trained alone.
    pub grad_input: Option<Tensor<f32>>,
    /// Partial sums of all layers.
    pub partials: Tensor<f32>,
    /// Targets, `[example, class]`, 0 or 1.
    pub targets: Tensor<f32>,
    /// Example ids, `[step, member, slot]`.
    pub batches: Tensor<u32>,
    /// Loss, `[step, member, split]`: the share of each split in the mean over batch and classes.
    pub losses: Tensor<f32>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Division of the batch.
    pub division: Division,
    /// True if the shader needs the hint that indices are equal in the whole workgroup (llvmpipe).
    pub uniform_hint: bool,
}

impl TaggerStep {
    /// Returns the examples per pass: at most [`MAX_EXAMPLES_PER_PASS`], and such that passes divide a split evenly.
    fn examples_per_pass(&self) -> usize {
        let [_, _, batch_size] = self.batches.dims();
        let split = batch_size.div_ceil(self.division.splits);
        split.div_ceil(split.div_ceil(MAX_EXAMPLES_PER_PASS))
    }

    /// Returns the outputs per thread: as many as possible while the widest layer still occupies all threads.
    fn outputs_per_thread(&self) -> usize {
        let widest = self.layers.iter().map(|layer| layer.shape.outputs).max().unwrap_or(1);
        (widest / self.division.workgroup).clamp(1, MAX_OUTPUTS_PER_THREAD)
    }
}

impl Kernel for TaggerStep {
    fn source(&self) -> ShaderSource {
        let grad_input = match self.grad_input {
            Some(_) => "linear/grad_input_on.wgsl",
            None => "linear/grad_input_off.wgsl",
        };
        ShaderSource::file("linear/tagger_step.wgsl")
            .fill("grad_input", grad_input)
            .fill("dropout", self.dropout.file())
            .fill_all(uniform_slots(self.uniform_hint))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let hidden = self.layers.len() - 1;
        assert!(hidden < 2 || !matches!(self.dropout, Dropout::Injected { .. }), "one mask, {hidden} hidden layers");
        assert!(self.layers.iter().all(|layer| layer.at.splits == self.division.splits), "a split for each split");
        let of_layers = |value: &dyn Fn(&TaggerLayer) -> usize| -> Constant {
            self.layers.iter().map(|layer| value(layer) as u32).collect::<Vec<_>>().into()
        };
        let units_before =
            |layer: usize| -> u32 { self.layers[..layer].iter().map(|layer| layer.shape.outputs as u32).sum() };
        let layers = 0..self.layers.len();
        let to: Vec<u32> = layers.clone().map(units_before).collect();
        let from: Vec<u32> = layers.map(|layer| units_before(layer.saturating_sub(1))).collect();
        let [members, batch_size, _, units] = self.activations.dims();
        let [_, classes] = self.targets.dims();
        let mut constants = vec![
            ("MEMBERS", members.into()),
            ("BATCH_SIZE", batch_size.into()),
            ("CLASSES", classes.into()),
            ("LAYERS", self.layers.len().into()),
            ("FIRST_LAYER", self.first_layer.into()),
            ("UNITS", units.into()),
            ("SLOPE", self.slope.into()),
            ("PARTIALS", self.layers[0].at.stride.into()),
            ("SPLITS", self.division.splits.into()),
            ("EXAMPLES_PER_PASS", self.examples_per_pass().into()),
            ("OUTPUTS_PER_THREAD", self.outputs_per_thread().into()),
            ("WORKGROUP", self.division.workgroup.into()),
            ("IN", of_layers(&|layer| layer.shape.inputs)),
            ("OUT", of_layers(&|layer| layer.shape.outputs)),
            ("INPUT_START", from.into()),
            ("OUTPUT_START", to.into()),
            ("PACKED_AT", of_layers(&|layer| layer.packed.first)),
            ("PACKED", of_layers(&|layer| layer.packed.stride)),
            ("PARTIALS_AT", of_layers(&|layer| layer.at.first)),
        ];
        constants.extend(self.dropout.constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![
            self.embedding,
            self.activations,
            self.partials,
            self.targets,
            self.batches,
            self.losses,
            self.members
        ];
        bindings.push(("packed", self.layers[0].packed.tensor.binding()));
        bindings.extend(self.grad_input.as_ref().map(|grad_input| ("grad_input", grad_input.binding())));
        bindings.extend(self.dropout.binding());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [_, members, _] = self.batches.dims();
        [self.division.splits, 1, members]
    }

    fn layer(&self) -> String {
        let widths = self.layers.iter().map(|layer| layer.shape.outputs);
        let widths: Vec<_> = [self.layers[0].shape.inputs].into_iter().chain(widths).map(|n| n.to_string()).collect();
        widths.join("→")
    }

    fn work(&self) -> Work {
        let weights: usize = self.layers.iter().map(|layer| layer.shape.inputs * layer.shape.outputs).sum();
        let [_, members, batch_size] = self.batches.dims();
        let elements = 2 * self.embedding.len() + 2 * self.activations.len() + 2 * weights * members;
        Work { flops: 6.0 * (members * batch_size * weights) as f64, bytes: (elements * 4) as f64 }
    }
}

/// Computes the loss of one batch, the mean of max(x, 0) − x·y + ln(1 + e^−|x|), and its gradient with respect to the
/// logits.
pub fn cross_entropy(logits: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
    let n = logits.len() as f64;
    let element = |(x, y): (&f64, &f64)| x.max(0.0) - x * y + (-x.abs()).exp().ln_1p();
    let sigmoid = |x: f64| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    let loss = logits.iter().zip(targets).map(element).sum::<f64>() / n;
    (loss, logits.iter().zip(targets).map(|(x, y)| (sigmoid(*x) - y) / n).collect())
}

/// Properties of a case.
struct TaggerStepCase {
    members: usize,
    batch_size: usize,
    /// Widths of the layers: input, hidden units, classes.
    widths: &'static [usize],
    division: Division,
    dropout: f64,
    /// True if E is trained too, so that the kernel writes the gradient of the embeddings.
    wants_grad_input: bool,
    /// Factor of the embeddings; a large one produces extreme logits.
    spread: f64,
}

fn prepare(gpu: &Gpu, setting: &TaggerStepCase) -> Result<CaseRun> {
    let TaggerStepCase { members, batch_size, widths, division, dropout: p, wants_grad_input, spread } = *setting;
    let (first_layer, slope, n_steps, step, examples) = (4, 0.2, 2, 1, batch_size + 3);
    let (dimension, classes) = (widths[0], widths[widths.len() - 1]);
    let shapes: Vec<LinearShape> = widths
        .windows(2)
        .map(|pair| LinearShape { members, rows: batch_size, inputs: pair[0], outputs: pair[1] })
        .collect();
    let (_, mut values) = random(gpu, "embedding", &[members, batch_size, dimension])?;
    values.iter_mut().for_each(|x| *x = f64::from((*x * spread) as f32));
    let as_f32 = |values: &[f64]| values.iter().map(|x| *x as f32).collect::<Vec<_>>();
    let embedding = gpu.tensor_from("embedding", &[members, batch_size, dimension], &as_f32(&values))?;
    let mut stream = Key::new(4).stream();
    let targets: Vec<f32> = (0..examples * classes).map(|_| f32::from(u8::from(stream.chance(0.3)))).collect();
    let ids: Vec<u32> = (0..n_steps * members * batch_size).map(|_| stream.below(examples) as u32).collect();
    let population: Vec<Member> = (0..members).map(|m| Member::new(m as u64)).collect();
    let steps: Vec<ScheduleStep> =
        (0..n_steps * members).map(|i| ScheduleStep { t: 3 + i as u32, step_size: 0.0, decay: 0.0 }).collect();
    let schedule = gpu.tensor_from("schedule", &[n_steps, members], &steps)?;
    let dropout = if p > 0.0 { Dropout::Random { p, schedule } } else { Dropout::Off };

    let mut packed = Vec::new();
    let mut parameters = Vec::new();
    let (mut layers, mut partials) = (Vec::new(), 0);
    for (index, shape) in shapes.iter().enumerate() {
        let (_, of_layer) = random(gpu, &format!("parameters{index}"), &[members, shape.parameters()])?;
        layers.push((packed.len(), partials));
        packed.extend(pack(shape, &of_layer));
        packed.resize(packed.len().next_multiple_of(64), 0.0);
        partials += padded(shape.parameters()) * division.splits;
        parameters.push(of_layer);
    }
    let tensor = gpu.tensor_from("packed", &[packed.len()], &packed)?;
    let at = |first: usize| PartialsAt { stride: partials, first, splits: division.splits };
    let layers: Vec<TaggerLayer> = shapes
        .iter()
        .zip(layers)
        .map(|(shape, (first, partials))| TaggerLayer {
            shape: *shape,
            packed: LinearWeights { tensor: tensor.clone(), first, stride: shape.parameters(), members },
            at: at(partials),
        })
        .collect();

    // Forward pass: the outputs of every layer, and the factor that activation and dropout applied to each of them.
    let mut inputs = vec![values];
    let mut factors: Vec<Vec<f64>> = vec![vec![1.0; members * batch_size * dimension]];
    for (index, shape) in shapes.iter().enumerate() {
        let outputs = linear::oracle(shape, &inputs[index], &parameters[index]);
        let factor = |(element, x): (usize, &f64)| {
            let (member, element) = (element / (batch_size * shape.outputs), element % (batch_size * shape.outputs));
            let (key, t) = (population[member].dropout_key, steps[step * members + member].t);
            let mask = RandomMask { key, t, layer: first_layer + index, p };
            let kept = p == 0.0 || mask.keeps(element / 4, element % 4);
            match (index + 1 < shapes.len(), kept) {
                (false, _) => 1.0,
                (true, true) => dropout.scale() * if *x > 0.0 { 1.0 } else { slope },
                (true, false) => 0.0,
            }
        };
        let of_layer: Vec<f64> = outputs.iter().enumerate().map(factor).collect();
        inputs.push(outputs.iter().zip(&of_layer).map(|(x, factor)| x * factor).collect());
        factors.push(of_layer);
    }
    let logits = &inputs[shapes.len()];
    let (mut losses, mut grad_output) = (vec![0.0; step * members * division.splits], Vec::new());
    for member in 0..members {
        let chosen = &ids[(step * members + member) * batch_size..][..batch_size];
        let wanted: Vec<f64> =
            chosen.iter().flat_map(|id| &targets[*id as usize * classes..][..classes]).map(|y| f64::from(*y)).collect();
        let of_member = &logits[member * batch_size * classes..][..batch_size * classes];
        grad_output.extend(cross_entropy(of_member, &wanted).1);
        for split in 0..division.splits {
            let [first, end] = [split, split + 1].map(|split| split * batch_size / division.splits * classes);
            let weight = (end - first) as f64 / (batch_size * classes) as f64;
            let part = (end > first).then(|| cross_entropy(&of_member[first..end], &wanted[first..end]).0 * weight);
            losses.push(part.unwrap_or(0.0));
        }
    }
    // Backward pass: the gradients of every split separately.
    let split_of =
        |slot: usize| (0..division.splits).rfind(|split| split * batch_size / division.splits <= slot).unwrap_or(0);
    let units: usize = widths[1..].iter().sum();
    let mut activations = vec![0.0; members * batch_size * 2 * units];
    let mut expected_partials = vec![0.0; members * partials];
    let mut end = units;
    for (index, shape) in shapes.iter().enumerate().rev() {
        end -= shape.outputs;
        for (element, (value, gradient)) in inputs[index + 1].iter().zip(&grad_output).enumerate() {
            let at = element / shape.outputs * 2 * units + end + element % shape.outputs;
            activations[at] = *value;
            activations[at + units] = *gradient;
        }
        for split in 0..division.splits {
            let mut of_split = grad_output.clone();
            for (element, gradient) in of_split.iter_mut().enumerate() {
                *gradient *= f64::from(u8::from(split_of(element / shape.outputs % batch_size) == split));
            }
            let ones = |_: usize, _: usize| 1.0;
            let (_, gradients) = linear::backward_oracle(shape, &inputs[index], &parameters[index], &of_split, ones);
            for (member, gradients) in gradients.chunks(shape.parameters()).enumerate() {
                let at = member * partials + layers[index].at.first + split * padded(shape.parameters());
                expected_partials[at..][..shape.parameters()].copy_from_slice(gradients);
            }
        }
        let factor = |member: usize, element: usize| factors[index][member * batch_size * shape.inputs + element];
        (grad_output, _) = linear::backward_oracle(shape, &inputs[index], &parameters[index], &grad_output, factor);
    }

    let grad_input = gpu.tensor("grad_input", &[members, batch_size, dimension])?;
    let kernel = TaggerStep {
        layers,
        first_layer,
        slope,
        dropout,
        embedding,
        activations: gpu.tensor("activations", &[members, batch_size, 2, units])?,
        grad_input: wants_grad_input.then(|| grad_input.clone()),
        partials: gpu.tensor("partials", &[members, partials])?,
        targets: gpu.tensor_from("targets", &[examples, classes], &targets)?,
        batches: gpu.tensor_from("batches", &[n_steps, members, batch_size], &ids)?,
        losses: gpu.tensor("losses", &[n_steps, members, division.splits])?,
        members: gpu.tensor_from("members", &[members], &population)?,
        division,
        // Workgroups of more than eight threads belong to other adapters, which need no hint.
        uniform_hint: needs_uniform_hint(gpu) && division.workgroup == 8,
    };
    let mut expected = vec![
        Expectation::close(&kernel.activations, activations),
        Expectation::close(&kernel.partials, expected_partials),
        Expectation::close(&kernel.losses, losses),
    ];
    if wants_grad_input {
        expected.push(Expectation::close(&grad_input, grad_output));
    }
    Ok(CaseRun::new(kernel, expected).at_step(step as u32))
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, setting: TaggerStepCase| Case::new(name, move |gpu| prepare(gpu, &setting));
    let alone = Division { splits: 1, workgroup: 8 };
    let usual = TaggerStepCase {
        members: 1,
        batch_size: 10,
        widths: &[130, 32, 10],
        division: alone,
        dropout: 0.2,
        wants_grad_input: true,
        spread: 1.0,
    };
    vec![
        case("the paper's G", TaggerStepCase { ..usual }),
        case(
            "three members, two hidden layers",
            TaggerStepCase { members: 3, batch_size: 7, widths: &[13, 9, 5, 3], ..usual },
        ),
        case(
            "no hidden layer, extreme logits",
            TaggerStepCase { members: 2, widths: &[20, 11], spread: 12.0, ..usual },
        ),
        case("G alone", TaggerStepCase { wants_grad_input: false, dropout: 0.0, ..usual }),
        case("more examples than at a time", TaggerStepCase { batch_size: 53, widths: &[9, 6, 4], ..usual }),
        case(
            "more examples and outputs than at a time",
            TaggerStepCase { batch_size: 37, widths: &[30, 29, 10], ..usual },
        ),
        case(
            "splits, of which some are shorter",
            TaggerStepCase {
                members: 2,
                batch_size: 50,
                widths: &[40, 17, 5],
                division: Division { splits: 8, workgroup: 128 },
                ..usual
            },
        ),
        case(
            "more splits than examples",
            TaggerStepCase {
                batch_size: 3,
                widths: &[8, 5, 2],
                division: Division { splits: 8, workgroup: 32 },
                ..usual
            },
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        let (logits, targets) = ([0.3, -2.0, 5.0, -0.1], [1.0, 0.0, 0.0, 1.0]);
        let (_, gradient) = cross_entropy(&logits, &targets);
        for index in 0..4 {
            let loss = |by: f64| {
                let mut nudged = logits;
                nudged[index] += by;
                cross_entropy(&nudged, &targets).0
            };
            assert!(((loss(1e-6) - loss(-1e-6)) / 2e-6 - gradient[index]).abs() < 1e-8);
        }
    }
}
