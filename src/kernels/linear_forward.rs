//! `linear_forward`: a fully connected layer in evaluation, with LeakyReLU or a sigmoid (SPEC §3).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::forms::{linear_rows, needs_uniform_hint, uniform_slots};
use crate::kernels::linear::{LinearShape, LinearWeights, oracle, pack};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation, random};

/// Division of rows and outputs among threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearTile {
    /// Rows per thread; a thread computes one output of each row.
    pub rows: usize,
    /// Threads per workgroup; neighbouring threads compute neighbouring outputs.
    pub workgroup: usize,
    /// True if the shader needs the hint that indices are equal in the whole workgroup (llvmpipe).
    pub uniform_hint: bool,
}

impl LinearTile {
    /// Returns the tile for `rows` rows on the device class of `gpu`.
    pub fn of(gpu: &Gpu, rows: usize) -> Self {
        let (most, workgroup) = linear_rows(gpu.class());
        Self { rows: rows.min(most), workgroup, uniform_hint: needs_uniform_hint(gpu) }
    }
}

/// Activation after a fully connected layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// LeakyReLU with the given slope below zero.
    Leaky(f64),
    /// Sigmoid, 1 / (1 + e^−x).
    Sigmoid,
}

/// Forward pass of a fully connected layer with its activation, in evaluation.
pub struct LinearForward {
    /// Sizes of the layer.
    pub shape: LinearShape,
    /// Input, `[member, row, in]`.
    pub input: Tensor<f32>,
    /// Weights and biases.
    pub packed: LinearWeights,
    /// Output, `[member, row, out]`.
    pub output: Tensor<f32>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Activation of the outputs.
    pub activation: Activation,
    /// Division of the work among threads.
    pub tile: LinearTile,
}

impl Kernel for LinearForward {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("linear/linear_forward.wgsl").fill_all(uniform_slots(self.tile.uniform_hint))
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let (sigmoid, slope) = match self.activation {
            Activation::Leaky(slope) => (false, slope),
            Activation::Sigmoid => (true, 1.0),
        };
        let mut constants = vec![
            ("PACKED", self.packed.stride.into()),
            ("SIGMOID", sigmoid.into()),
            ("SLOPE", slope.into()),
            ("ROWS_PER_THREAD", self.tile.rows.into()),
            ("WORKGROUP", self.tile.workgroup.into()),
        ];
        constants.extend(self.shape.constants());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.input, self.packed, self.output, self.members]
    }

    fn grid(&self) -> [usize; 3] {
        let LinearTile { rows, workgroup, .. } = self.tile;
        [self.shape.outputs.div_ceil(workgroup), self.shape.rows.div_ceil(rows), self.shape.members]
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

fn prepare(gpu: &Gpu, shape: LinearShape, activation: Activation, tile: LinearTile) -> Result<CaseRun> {
    let LinearShape { members, rows, inputs, outputs } = shape;
    let (input, inputs) = random(gpu, "input", &[members, rows, inputs])?;
    let (_, parameters) = random(gpu, "parameters", &[members, shape.parameters()])?;
    let followed = |x: f64| match activation {
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Leaky(slope) => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
    };
    let expected = oracle(&shape, &inputs, &parameters).into_iter().map(followed).collect();
    let packed = pack(&shape, &parameters);
    let output = gpu.tensor("output", &[members, rows, outputs])?;
    let kernel = LinearForward {
        shape,
        input,
        packed: LinearWeights {
            tensor: gpu.tensor_from("packed", &[packed.len()], &packed)?,
            first: 0,
            stride: shape.parameters(),
            members,
        },
        output: output.clone(),
        members: gpu.tensor_from("members", &[members], &vec![Member::new(1); members])?,
        activation,
        tile,
    };
    Ok(CaseRun::new(kernel, vec![Expectation::close(&output, expected)]))
}

pub(super) fn cases() -> Vec<Case> {
    let shape = |members, rows, inputs, outputs| LinearShape { members, rows, inputs, outputs };
    let case = |name: &str, shape: LinearShape, activation: Activation| {
        Case::new(name, move |gpu| prepare(gpu, shape, activation, LinearTile::of(gpu, shape.rows)))
    };
    let as_on_gpus = LinearTile { rows: 4, workgroup: 32, uniform_hint: false };
    vec![
        case("hidden units", shape(2, 7, 130, 32), Activation::Leaky(0.2)),
        case("more rows than a thread has", shape(1, 81, 13, 9), Activation::Leaky(0.1)),
        case("probabilities", shape(3, 11, 5, 3), Activation::Sigmoid),
        Case::new("as on GPUs", move |gpu| prepare(gpu, shape(2, 9, 40, 50), Activation::Leaky(0.2), as_on_gpus)),
    ]
}
