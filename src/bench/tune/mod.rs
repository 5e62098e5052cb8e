//! Tuning of register tiles for a device: candidates that fit are compared with their oracle, then timed in turns.
//!
//! In: a device, and the layers of a model with the chunks of a step. Out: for every kernel and layer the candidates,
//! their times, and the choice.

mod candidates;
mod layer;
mod search;

use crate::Result;
use crate::bench::Samples;
use crate::gpu::Gpu;
use crate::kernels::conv::ConvShape;
use crate::kernels::{Case, conv_forward, conv_input_grad, conv_weight_grad};
use crate::model::tiles::{Choice, Tile, TiledLayer, Tiles};

pub use candidates::candidates;
pub use layer::LayerPosition;
use layer::LayerTensors;
use search::search;

/// Outcome of trying a candidate.
#[derive(Debug, Clone)]
pub enum CandidateOutcome {
    /// Times of one dispatch, in milliseconds, of a candidate with correct results.
    Timed(Samples),
    /// Reason why the candidate was refused: the kernel does not compile or its result is wrong.
    Refused(String),
}

/// A candidate that was tried.
#[derive(Debug, Clone)]
pub struct Tried {
    /// Kernel and tile.
    pub tile: Tile,
    /// Outcome of the check and the timing.
    pub outcome: CandidateOutcome,
}

impl Tried {
    /// Returns the candidate's times, unless it was refused.
    pub fn samples(&self) -> Option<&Samples> {
        match &self.outcome {
            CandidateOutcome::Timed(samples) => Some(samples),
            CandidateOutcome::Refused(_) => None,
        }
    }
}

/// Candidates of one kernel on one layer; the shipped tile is the first.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// Layer that the kernel belongs to.
    pub layer: TiledLayer,
    /// Number of chunks in the timed kernels.
    pub chunks: usize,
    /// Candidates with their outcomes.
    pub tried: Vec<Tried>,
    chosen: usize,
}

impl Tuned {
    /// Chooses the fastest tile if it is faster than the shipped one beyond the noise, otherwise the shipped one.
    fn new(layer: TiledLayer, chunks: usize, tried: Vec<Tried>) -> Self {
        let median = |tried: &Tried| tried.samples().map_or(f64::INFINITY, Samples::median);
        let fastest = (0..tried.len()).min_by(|a, b| median(&tried[*a]).total_cmp(&median(&tried[*b]))).unwrap_or(0);
        let beyond_noise = match (tried[fastest].samples(), tried[0].samples()) {
            (Some(fastest), Some(shipped)) => fastest.interval()[1] < shipped.interval()[0],
            (fastest, _) => fastest.is_some(),
        };
        Self { layer, chunks, tried, chosen: if beyond_noise { fastest } else { 0 } }
    }

    /// Returns the shipped tile.
    pub fn shipped(&self) -> &Tried {
        &self.tried[0]
    }

    /// Returns the tile to use.
    pub fn chosen(&self) -> &Tried {
        &self.tried[self.chosen]
    }

    /// Returns the tile to use as a choice for its layer.
    pub fn choice(&self) -> Choice {
        Choice { layer: self.layer, chunks: self.chunks, tile: self.chosen().tile }
    }
}

/// Kernel that can be tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum TunedKernel {
    /// The forward pass
    Forward,
    /// The gradient of the input
    InputGrad,
    /// The gradients of weights and biases
    WeightGrad,
}

/// Tunes `kernels` on the layers of `shapes`, each with one member, in batches of `segments` segments. The first shape
/// is the network's first layer. Kernels read the same tensors as in a training step on a store of one shard, without
/// `frame` normalisation. The forward pass is tuned first, because its choice decides how the indices of pool maxima
/// are packed. `done` is called for each finished kernel and layer.
///
/// # Errors
/// Errors of the device, except for errors of candidates, which are refused instead.
pub fn tune(
    gpu: &Gpu,
    shapes: &[ConvShape],
    segments: usize,
    kernels: &[TunedKernel],
    done: &mut dyn FnMut(&Tuned),
) -> Result<Vec<Tuned>> {
    let (class, shipped) = (gpu.class(), Tiles::default());
    let tensors = |index: usize| {
        let position = LayerPosition { first: index == 0, last: index + 1 == shapes.len() };
        LayerTensors::new(gpu, shapes[index], position, segments)
    };
    let mut all = Vec::new();
    let mut push = |tuned: Tuned| {
        done(&tuned);
        all.push(tuned);
    };
    let mut per_word: Vec<usize> =
        shapes.iter().map(|shape| shipped.forward(class, shape).argmax_per_word(shape)).collect();
    if kernels.contains(&TunedKernel::Forward) {
        for (index, shape) in shapes.iter().enumerate() {
            let tensors = tensors(index)?;
            let tile = Tile::ConvForward(shipped.forward(class, shape));
            let tuned = search(gpu, &tensors, candidates(class, shape, tile), [per_word[index], 1])?;
            if let Tile::ConvForward(tile) = tuned.chosen().tile {
                per_word[index] = tile.argmax_per_word(shape);
            }
            push(tuned);
        }
    }
    for (index, shape) in shapes.iter().enumerate() {
        let tensors = tensors(index)?;
        let words = [per_word[index], if index > 0 { per_word[index - 1] } else { 1 }];
        if kernels.contains(&TunedKernel::WeightGrad) {
            let (tile, splits) = shipped.weight_grad(class, shape);
            let tile = Tile::ConvWeightGrad { tile, splits };
            push(search(gpu, &tensors, candidates(class, shape, tile), words)?);
        }
        if kernels.contains(&TunedKernel::InputGrad) && index > 0 {
            let tile = Tile::ConvInputGrad(shipped.input_grad(class, shape));
            push(search(gpu, &tensors, candidates(class, shape, tile), words)?);
        }
    }
    Ok(all)
}

/// Creates a case that compares `tile` with the oracle on the layer of `shape` at its position. `words` holds the pool
/// maxima per word of this layer and of the previous one. A few chunks suffice, because a tile's code does not depend
/// on their number.
pub fn check(shape: &ConvShape, LayerPosition { first, last }: LayerPosition, tile: &Tile, words: [usize; 2]) -> Case {
    let few = ConvShape { chunks: CHECKED, ..*shape };
    match *tile {
        Tile::ConvForward(tile) => conv_forward::check(few, tile, first),
        Tile::ConvInputGrad(tile) => conv_input_grad::check(few, tile, words, last),
        Tile::ConvWeightGrad { tile, .. } => conv_weight_grad::check(few, tile, words[0], first, last),
    }
}

/// Number of chunks in a comparison with the oracle.
const CHECKED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::gpu::DeviceClass;
    use crate::model::Architecture;

    fn tuned(times: &[Option<&[f64]>]) -> Tuned {
        let config = Config::default();
        let shape = Architecture::new(&config.model, &config.features, 10).conv_shape(1, 1, 10);
        let class = DeviceClass::Cpu;
        let tried = |(index, times): (usize, &Option<&[f64]>)| Tried {
            tile: candidates(class, &shape, Tile::ConvForward(Tiles::default().forward(class, &shape)))[index],
            outcome: match times {
                Some(times) => CandidateOutcome::Timed(Samples::new(times.to_vec()).unwrap()),
                None => CandidateOutcome::Refused("wrong".into()),
            },
        };
        Tuned::new(TiledLayer::of(&shape), 10, times.iter().enumerate().map(tried).collect())
    }

    #[test]
    fn the_shipped_tile_stays_unless_another_is_faster_beyond_the_noise() {
        let slow = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 10.8];
        let similar = [9.9, 10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7];
        let fast = [5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7, 5.8];
        assert_eq!(tuned(&[Some(&slow), Some(&similar)]).chosen, 0);
        assert_eq!(tuned(&[Some(&slow), Some(&similar), Some(&fast)]).chosen, 2);
        assert_eq!(tuned(&[Some(&fast), Some(&slow), None]).chosen, 0);
        assert_eq!(tuned(&[None, Some(&slow), Some(&fast)]).chosen, 2);
        assert_eq!(tuned(&[None, None]).chosen, 0);
    }
}
