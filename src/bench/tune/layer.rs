//! Tensors of one convolution layer at the size of a training step, and the layer's kernels with any tile.

use std::cell::RefCell;

use crate::Result;
use crate::base::counter_rng::Key;
use crate::gpu::{Gpu, Kernel, Tensor};
use crate::kernels::conv::{ConvShape, PackedWeights};
use crate::kernels::conv_forward::ConvForward;
use crate::kernels::conv_input_grad::ConvInputGrad;
use crate::kernels::conv_weight_grad::{ConvWeightGrad, PartialsAt};
use crate::kernels::dropout::Dropout;
use crate::kernels::grad_output::{EmbeddingMean, GradOutput};
use crate::kernels::input::{Gathered, Input};
use crate::kernels::layout::padded;
use crate::kernels::pool_argmax::{LeakyDropout, PoolArgmax, PooledGrad};
use crate::kernels::population::{Member, ScheduleStep};
use crate::model::tiles::Tile;

/// Position of a layer in a network, which decides which tensors its kernels read in a training step (SPEC §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerPosition {
    /// Whether the layer is the first, which reads examples from their store.
    pub first: bool,
    /// Whether the layer is the last, whose outputs receive the gradient of their mean.
    pub last: bool,
}

const SLOPE: f64 = 0.2;
const DROPOUT: f64 = 0.2;

/// Tensors of one layer for its three kernels.
pub(super) struct LayerTensors {
    pub shape: ConvShape,
    pub position: LayerPosition,
    input: Input,
    output: Tensor<f32>,
    /// Gradient at the pool winners of the input.
    grad_input: Tensor<f32>,
    /// Gradient of the embeddings, `[member, segment, dimension]`.
    grad_embedding: Tensor<f32>,
    forward: PackedWeights,
    backward: PackedWeights,
    members: Tensor<Member>,
    schedule: Tensor<ScheduleStep>,
    /// Pool winners of the output, one tensor for each number of codes per word.
    output_argmax: RefCell<Vec<PoolArgmax>>,
    /// Pool winners of the input, one tensor for each number of codes per word.
    input_argmax: RefCell<Vec<PoolArgmax>>,
}

impl LayerTensors {
    /// Makes the tensors for batches of `segments` segments.
    pub fn new(gpu: &Gpu, shape: ConvShape, position: LayerPosition, segments: usize) -> Result<Self> {
        let random = |name: &str, shape: &[usize]| {
            let mut stream = Key::new(0).named(name).stream();
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.uniform(-1.0, 1.0) as f32).collect();
            gpu.tensor_from(name, shape, &values)
        };
        let packed = |name: &str, sizes: [usize; 2]| -> Result<PackedWeights> {
            Ok(PackedWeights::new(gpu, &random(name, &sizes[..1])?, 0, sizes, 1))
        };
        let step = ScheduleStep { t: 1, step_size: 1e-3, decay: 1.0 };
        let input = if position.first {
            let frames = shape.chunks / segments * shape.time;
            let ids: Vec<u32> = (0..segments as u32).collect();
            Input::Gathered(Gathered {
                store: random("store", &[segments, frames, shape.mel])?,
                batches: gpu.tensor_from("batches", &[1, 1, segments], &ids)?,
            })
        } else {
            Input::Dense(random("input", &shape.input_shape())?)
        };
        Ok(Self {
            input,
            output: random("output", &shape.output_shape())?,
            grad_input: gpu.tensor("grad_input", &shape.input_shape())?,
            grad_embedding: random("grad_embedding", &[1, segments, shape.outputs * shape.windows()[1]])?,
            forward: packed("forward weights", shape.forward_sizes())?,
            backward: packed("backward weights", shape.backward_sizes())?,
            members: gpu.tensor_from("members", &[1], &[Member::new(1)])?,
            schedule: gpu.tensor_from("schedule", &[1, 1], &[step])?,
            output_argmax: RefCell::default(),
            input_argmax: RefCell::default(),
            shape,
            position,
        })
    }

    /// Makes the kernel with `tile`. The array holds the codes per word of this layer and of the previous one.
    pub fn kernel(&self, gpu: &Gpu, tile: &Tile, [of_output, of_input]: [usize; 2]) -> Result<Box<dyn Kernel>> {
        let shape = self.shape;
        let activation = LeakyDropout { slope: SLOPE, scale: 1.0 / (1.0 - DROPOUT) };
        let argmax = |held: &RefCell<Vec<PoolArgmax>>, windows: &[usize], per_word: usize| -> Result<PoolArgmax> {
            let mut held = held.borrow_mut();
            if let Some(codes) = held.iter().find(|codes| codes.per_word == per_word) {
                return Ok(codes.clone());
            }
            held.push(PoolArgmax::new(gpu, "codes", windows, per_word)?);
            Ok(held[held.len() - 1].clone())
        };
        let output_argmax = |per_word: usize| argmax(&self.output_argmax, &shape.output_shape(), per_word);
        let grad_output = || -> Result<GradOutput> {
            let codes = output_argmax(of_output)?;
            if !self.position.last {
                return Ok(GradOutput::Stored(PooledGrad { gradients: self.output.clone(), argmax: codes }));
            }
            let [_, segments, _] = self.grad_embedding.dims();
            let chunks = shape.chunks / segments;
            Ok(GradOutput::Mean(EmbeddingMean {
                grad_output: self.grad_embedding.clone(),
                argmax: codes,
                chunks,
                activation,
            }))
        };
        Ok(match *tile {
            Tile::ConvForward(tile) => Box::new(ConvForward {
                shape,
                layer: 0,
                slope: SLOPE,
                input: self.input.clone(),
                packed: self.forward.clone(),
                output: self.output.clone(),
                pool_argmax: Some(output_argmax(tile.argmax_per_word(&shape))?),
                members: self.members.clone(),
                dropout: Dropout::Random { p: DROPOUT, schedule: self.schedule.clone() },
                tile,
            }),
            Tile::ConvInputGrad(tile) => Box::new(ConvInputGrad {
                shape,
                activation,
                grad_output: grad_output()?,
                packed: self.backward.clone(),
                grad_input: PooledGrad {
                    gradients: self.grad_input.clone(),
                    argmax: argmax(&self.input_argmax, &shape.input_shape(), of_input)?,
                },
                members: self.members.clone(),
                tile,
            }),
            Tile::ConvWeightGrad { tile, splits } => {
                let splits = splits.min(tile.strips(&shape));
                let stride = splits * padded(shape.parameters());
                Box::new(ConvWeightGrad {
                    shape,
                    input: self.input.clone(),
                    grad_output: grad_output()?,
                    partials: gpu.tensor("partials", &[1, stride])?,
                    at: PartialsAt { stride, first: 0, splits },
                    members: self.members.clone(),
                    tile,
                })
            }
        })
    }
}
