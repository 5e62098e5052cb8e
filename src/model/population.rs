//! Several models of one architecture on the GPU: parameters, moments, gradients, and the packed weights that kernels
//! read.

use std::ops::Range;

use super::tiles::Tiles;
use super::{Architecture, BatchShape, initial_parameters};
use crate::Result;
use crate::config::OptimiserConfig;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::adam::Adam;
use crate::kernels::conv::{ConvShape, PackedWeights};
use crate::kernels::conv_weight_grad::PartialsAt;
use crate::kernels::keep_best::KeepBest;
use crate::kernels::layout::{Layout, Span, padded};
use crate::kernels::linear::LinearWeights;
use crate::kernels::pack::Pack;
use crate::kernels::population::{Member, ScheduleStep};
use crate::kernels::tagger_step::Division;

/// The models that train together, one per seed.
pub struct Population {
    /// Layers of all models.
    pub architecture: Architecture,
    /// Number of models.
    pub members: usize,
    /// Parameters, first moments and second moments, `[member, 3, parameter]`.
    pub state: Tensor<f32>,
    /// Parameters of the best epoch, `[member, parameter]`.
    pub best: Tensor<f32>,
    /// Progress, `[member]`.
    pub progress: Tensor<Member>,
    /// Measured register tiles, with which all kernels of the population are built.
    pub tiles: Tiles,
    /// Division of a batch among the workgroups of G's training step.
    pub division: Division,
    pub(super) partials: Tensor<f32>,
    pub(super) partials_at: Vec<PartialsAt>,
    layout: Layout,
}

/// A step of the optimiser: its settings, its schedule, and what it changes.
pub struct OptimiserStep {
    /// Settings of the optimiser.
    pub optimiser: OptimiserConfig,
    /// Step numbers and Adam factors, `[row, member]`.
    pub schedule: Tensor<ScheduleStep>,
    /// Tensor that receives the numbers of the executed steps, `[row, member]`.
    pub made: Tensor<u32>,
    /// Range of the parameters that are updated. All others keep their values.
    pub parameters: Range<usize>,
}

impl Population {
    /// Makes one model with initial parameters for each of `seeds`. A training step takes a batch of the shape `batch`.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config), before anything is allocated, naming the key whose value needs more
    /// than the adapter can bind; errors of tensor allocation.
    pub fn new(gpu: &Gpu, tiles: &Tiles, architecture: Architecture, seeds: &[u64], batch: BatchShape) -> Result<Self> {
        let members = seeds.len();
        architecture.check_fits(members, gpu.max_binding_bytes())?;
        let division = Division::of(gpu, batch.segments);
        let splits_of_conv = |layer: usize| {
            let shape = architecture.conv_shape(layer, members, batch.all_chunks());
            tiles.weight_grad(gpu.class(), &shape).1
        };
        let mut splits: Vec<usize> = (0..architecture.convs.len()).map(splits_of_conv).collect();
        splits.resize(splits.len() + architecture.n_linears(), division.splits);
        let (layers, places) = lay_out(&architecture, members, &splits);
        let elements = architecture.elements();
        let partials: usize = layers.iter().map(|span| (span.count * span.splits) as usize).sum();
        let packed = layers
            .iter()
            .map(|s| {
                (s.forward + s.forward_stride * members as u32).max(s.backward + s.backward_stride * members as u32)
            })
            .max();
        let mut state = vec![0.0; members * 3 * elements];
        for (member, seed) in seeds.iter().enumerate() {
            let initial = initial_parameters(&architecture, *seed);
            state[member * 3 * elements..][..elements].copy_from_slice(&initial);
        }
        let progress: Vec<Member> = seeds.iter().map(|seed| Member::new(*seed)).collect();
        let at =
            |span: &Span| PartialsAt { stride: partials, first: span.partials as usize, splits: span.splits as usize };
        Ok(Self {
            members,
            state: gpu.tensor_from("state", &[members, 3, elements], &state)?,
            best: gpu.tensor("best", &[members, elements])?,
            progress: gpu.tensor_from("progress", &[members], &progress)?,
            tiles: tiles.clone(),
            division,
            partials: gpu.tensor("partials", &[members, partials])?,
            partials_at: layers.iter().map(at).collect(),
            layout: Layout::new(gpu, layers, &places, packed.unwrap_or(0) as usize)?,
            architecture,
        })
    }

    /// Pushes the optimiser's step on the gradients of the backward pass.
    pub fn push_step(&self, recording: &mut Recording, step: OptimiserStep) {
        let OptimiserStep { optimiser, schedule, made, parameters } = step;
        recording.push(Adam {
            state: self.state.clone(),
            partials: self.partials.clone(),
            layout: self.layout.clone(),
            schedule,
            members: self.progress.clone(),
            made,
            optimiser,
            parameters,
        });
    }

    /// Pushes the kernel that packs `parameters` for the following passes: [`Population::state`] to train,
    /// [`Population::best`] to evaluate.
    pub fn push_use(&self, recording: &mut Recording, parameters: &Tensor<f32>) {
        recording.push(Pack { parameters: parameters.clone(), layout: self.layout.clone() });
    }

    /// Pushes the kernel that copies the parameters of the members that improved to [`Population::best`].
    pub fn push_keep_best(&self, recording: &mut Recording) {
        recording.push(KeepBest { state: self.state.clone(), best: self.best.clone(), members: self.progress.clone() });
    }

    /// Packs `parameters` for all passes from now on.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn use_parameters(&self, gpu: &Gpu, parameters: &Tensor<f32>) -> Result<()> {
        let mut recording = Recording::new("use parameters");
        self.push_use(&mut recording, parameters);
        gpu.replay(&recording.resolve(gpu)?, 0..1)
    }

    /// Reads the gradients of the last backward pass, `[member, parameter]`. The partial sums are added in the same
    /// order as in [`Adam`].
    ///
    /// # Errors
    /// Errors of the readback.
    pub fn gradients(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        let partials = gpu.read(&self.partials)?;
        let mut gradients = Vec::with_capacity(self.members * self.architecture.elements());
        let [_, of_one] = self.partials.dims();
        for of_member in partials.chunks(of_one) {
            for span in &self.layout.layers {
                let (count, splits) = (span.count as usize, span.splits as usize);
                let of_layer = &of_member[span.partials as usize..][..count * splits];
                gradients.extend((0..count).map(|i| (0..splits).map(|split| of_layer[split * count + i]).sum::<f32>()));
            }
        }
        Ok(gradients)
    }

    pub(super) fn forward_weights(&self, gpu: &Gpu, layer: usize) -> PackedWeights {
        self.conv_weights(gpu, self.layout.layers[layer].forward, self.conv_shape(layer).forward_sizes())
    }

    pub(super) fn backward_weights(&self, gpu: &Gpu, layer: usize) -> PackedWeights {
        self.conv_weights(gpu, self.layout.layers[layer].backward, self.conv_shape(layer).backward_sizes())
    }

    fn conv_weights(&self, gpu: &Gpu, first: u32, sizes: [usize; 2]) -> PackedWeights {
        PackedWeights::new(gpu, &self.layout.packed, first as usize, sizes, self.members)
    }

    fn conv_shape(&self, layer: usize) -> ConvShape {
        self.architecture.conv_shape(layer, self.members, 1)
    }

    pub(super) fn linear_weights(&self, layer: usize) -> LinearWeights {
        let span = &self.layout.layers[self.architecture.convs.len() + layer];
        LinearWeights {
            tensor: self.layout.packed.clone(),
            first: span.forward as usize,
            stride: span.forward_stride as usize,
            members: self.members,
        }
    }
}

/// Computes the span of every layer, and the positions of every parameter in the forward and transposed layouts of its
/// layer. The gradients of layer k, counted over E's layers and then G's, are computed in `splits[k]` partial sums.
fn lay_out(architecture: &Architecture, members: usize, splits: &[usize]) -> (Vec<Span>, Vec<[Option<usize>; 2]>) {
    let (mut spans, mut places) = (Vec::new(), Vec::new());
    let (mut first, mut partials, mut packed) = (0, 0, 0);
    let mut region = |elements: usize| {
        let start = packed;
        packed = (packed + elements * members).next_multiple_of(PackedWeights::ALIGNMENT);
        start as u32
    };
    let mut push = |count: usize, splits: usize, forward: [usize; 2], backward: [usize; 2]| {
        let count = padded(count);
        spans.push(Span {
            first: first as u32,
            count: count as u32,
            partials: partials as u32,
            splits: splits as u32,
            forward: forward[0] as u32,
            forward_stride: forward[1] as u32,
            backward: backward[0] as u32,
            backward_stride: backward[1] as u32,
            first_group: 0,
        });
        first += count;
        partials += count * splits;
    };
    let (of_convs, of_linears) = splits.split_at(architecture.convs.len());
    for (layer, &splits) in of_convs.iter().enumerate() {
        let shape = architecture.conv_shape(layer, members, 1);
        // The gradient of the features is never computed, so the first layer has no transposed layout.
        let transposed = layer > 0;
        for index in 0..shape.outputs * shape.inputs * shape.taps() {
            let (out, input, tap) =
                (index / shape.taps() / shape.inputs, index / shape.taps() % shape.inputs, index % shape.taps());
            let backward = transposed.then(|| shape.backward_at(out, input, tap));
            places.push([Some(shape.forward_at(out, input, tap)), backward]);
        }
        places.extend((0..shape.outputs).map(|out| [Some(shape.bias_at(out)), None]));
        places.resize(padded(places.len()), [None; 2]);
        let (forward, backward) = (shape.forward_quads() * 4, if transposed { shape.backward_quads() * 4 } else { 0 });
        push(shape.parameters(), splits, [region(forward) as usize, forward], [region(backward) as usize, backward]);
    }
    for (layer, &splits) in of_linears.iter().enumerate() {
        let shape = architecture.linear_shape(layer, members, 1);
        for index in 0..shape.outputs * shape.inputs {
            places.push([Some(shape.weight_at(index / shape.inputs, index % shape.inputs)), None]);
        }
        places.extend((0..shape.outputs).map(|out| [Some(shape.bias_at(out)), None]));
        places.resize(padded(places.len()), [None; 2]);
        push(shape.parameters(), splits, [region(shape.parameters()) as usize, shape.parameters()], [0, 0]);
    }
    (spans, places)
}
