//! `linear_forward`: a fully connected layer with what follows it (SPEC §3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Tensor, Work};
use crate::kernels::dropout::{Dropout, keeps};
use crate::kernels::linear::{LinearShape, LinearWeights, oracle, pack};
use crate::kernels::population::{Member, Step};
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "linear_forward", cases };

const WORKGROUP: usize = 64;

/// What follows a fully connected layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// Nothing: logits.
    None,
    /// LeakyReLU with this slope, then dropout.
    Leaky(f64),
    /// 1 / (1 + e^−x).
    Sigmoid,
}

/// A fully connected layer with what follows it.
pub struct LinearForward {
    /// Sizes of the layer.
    pub shape: LinearShape,
    /// Its number, which enters the dropout counter.
    pub layer: usize,
    /// `[member, row, in]`.
    pub input: Tensor<f32>,
    /// Weights and biases.
    pub packed: LinearWeights,
    /// `[member, row, out]`.
    pub output: Tensor<f32>,
    /// `[member]`.
    pub members: Tensor<Member>,
    /// What follows.
    pub activation: Activation,
    /// What is dropped after LeakyReLU.
    pub dropout: Dropout,
}

impl Kernel for LinearForward {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Vec<&'static str> {
        let mut source = vec![
            include_str!("../../shaders/linear/linear_forward.wgsl"),
            include_str!("../../shaders/lib/member.wgsl"),
            include_str!("../../shaders/lib/math.wgsl"),
        ];
        source.extend(self.dropout.needs_row().then_some(include_str!("../../shaders/lib/row.wgsl")));
        source.extend(self.dropout.source());
        source
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let (activation, slope) = match self.activation {
            Activation::None => (0_usize, 1.0),
            Activation::Leaky(slope) => (1, slope),
            Activation::Sigmoid => (2, 1.0),
        };
        let mut constants = vec![
            ("LAYER", self.layer.into()),
            ("PACKED", self.packed.stride.into()),
            ("ACTIVATION", activation.into()),
            ("SLOPE", slope.into()),
            ("WORKGROUP", WORKGROUP.into()),
        ];
        constants.extend(self.shape.constants());
        constants.extend(self.dropout.constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = vec![
            ("input", self.input.binding()),
            ("packed", self.packed.binding()),
            ("output", self.output.binding()),
            ("members", self.members.binding()),
        ];
        bindings.extend(self.dropout.binding());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        [(self.shape.rows * self.shape.outputs).div_ceil(WORKGROUP), 1, self.shape.members]
    }

    fn layer(&self) -> String {
        self.shape.layer()
    }

    fn work(&self) -> Work {
        Work {
            flops: 2.0 * (self.output.len() * self.shape.inputs) as f64,
            bytes: ((self.input.len() + self.output.len() + self.shape.parameters() * self.shape.members) * 4) as f64,
        }
    }
}

fn trial(gpu: &Gpu, shape: LinearShape, activation: Activation, random_masks: bool) -> Result<Trial> {
    let (layer, p, row) = (4, 0.2, 1);
    let LinearShape { members, rows, inputs, outputs } = shape;
    let (input, inputs) = random(gpu, "input", &[members, rows, inputs])?;
    let (_, parameters) = random(gpu, "parameters", &[members, shape.parameters()])?;
    let population: Vec<Member> = (0..members).map(|m| Member::new(m as u64)).collect();
    let steps: Vec<Step> = (0..2 * members).map(|i| Step { t: 3 + i as u32, step_size: 0.0, decay: 0.0 }).collect();
    let dropout = if random_masks {
        Dropout::Random { p, schedule: gpu.tensor_from("schedule", &[2, members], &steps)? }
    } else {
        Dropout::Off
    };
    let scale = dropout.scale();
    let followed = |(index, x): (usize, f64)| match activation {
        Activation::None => x,
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Leaky(slope) => {
            let (member, element) = (index / (rows * outputs), index % (rows * outputs));
            let t = steps[row * members + member].t;
            let kept = !random_masks || keeps(&population[member], t, layer as u32, element as u32 / 4, element % 4, p);
            if kept { scale * if x > 0.0 { x } else { slope * x } } else { 0.0 }
        }
    };
    let expected = oracle(&shape, &inputs, &parameters).into_iter().enumerate().map(followed).collect();
    let packed = pack(&shape, &parameters);
    let output = gpu.tensor("output", &[members, rows, outputs])?;
    let kernel = LinearForward {
        shape,
        layer,
        input,
        packed: LinearWeights {
            tensor: gpu.tensor_from("packed", &[packed.len()], &packed)?,
            first: 0,
            stride: shape.parameters(),
            members,
        },
        output: output.clone(),
        members: gpu.tensor_from("members", &[members], &population)?,
        activation,
        dropout,
    };
    Ok(Trial::new(kernel, vec![Expectation::close(&output, expected)]).at_row(row as u32))
}

fn cases() -> Vec<Case> {
    let shape = |members, rows, inputs, outputs| LinearShape { members, rows, inputs, outputs };
    let case = |name: &str, shape: LinearShape, activation: Activation, masks: bool| {
        Case::new(name, move |gpu| trial(gpu, shape, activation, masks))
    };
    vec![
        case("logits", shape(1, 10, 32, 10), Activation::None, false),
        case("hidden, evaluation", shape(2, 7, 130, 32), Activation::Leaky(0.2), false),
        case("hidden, training", shape(2, 7, 13, 9), Activation::Leaky(0.1), true),
        case("probabilities", shape(3, 11, 5, 3), Activation::Sigmoid, false),
    ]
}
