//! Finding the register tiles that suit a device: candidates that fit, checked against their oracle, then timed in turns.
//!
//! In: a device, and the layers of a model with the chunks of a step. Out: for every kernel and layer what was tried, what
//! each took, and the choice.

mod candidates;
mod layer;
mod search;

use crate::Result;
use crate::bench::Samples;
use crate::gpu::Gpu;
use crate::kernels::conv::ConvShape;
use crate::kernels::{Case, conv_forward, conv_input_grad, conv_weight_grad};
use crate::model::tiles::{self, Choice, Layer, Tile};

pub use candidates::candidates;
use layer::LayerTensors;
pub use layer::Standing;
use search::search;

/// What became of a candidate.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It computes what it should; milliseconds of one dispatch.
    Timed(Samples),
    /// It does not compile, or computes something else.
    Refused(String),
}

/// A candidate.
#[derive(Debug, Clone)]
pub struct Tried {
    /// Its knobs.
    pub tile: Tile,
    /// What became of it.
    pub verdict: Verdict,
}

impl Tried {
    /// Its times, unless it was refused.
    pub fn samples(&self) -> Option<&Samples> {
        match &self.verdict {
            Verdict::Timed(samples) => Some(samples),
            Verdict::Refused(_) => None,
        }
    }
}

/// All candidates of one kernel on one layer, the one in use first.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The layer.
    pub layer: Layer,
    /// Chunks it was timed on.
    pub chunks: usize,
    /// The candidates.
    pub tried: Vec<Tried>,
    chosen: usize,
}

impl Tuned {
    /// The fastest, where it is faster than the shipped one beyond the noise; the shipped one otherwise.
    fn new(layer: Layer, chunks: usize, tried: Vec<Tried>) -> Self {
        let median = |tried: &Tried| tried.samples().map_or(f64::INFINITY, Samples::median);
        let fastest = (0..tried.len()).min_by(|a, b| median(&tried[*a]).total_cmp(&median(&tried[*b]))).unwrap_or(0);
        let beyond_noise = match (tried[fastest].samples(), tried[0].samples()) {
            (Some(fastest), Some(shipped)) => fastest.interval()[1] < shipped.interval()[0],
            (fastest, _) => fastest.is_some(),
        };
        Self { layer, chunks, tried, chosen: if beyond_noise { fastest } else { 0 } }
    }

    /// The shipped tile.
    pub fn shipped(&self) -> &Tried {
        &self.tried[0]
    }

    /// The tile to use.
    pub fn chosen(&self) -> &Tried {
        &self.tried[self.chosen]
    }

    /// The same as a choice.
    pub fn choice(&self) -> Choice {
        Choice { layer: self.layer, chunks: self.chunks, tile: self.chosen().tile }
    }
}

/// Which kernels are tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kernel {
    /// The forward pass
    Forward,
    /// The gradient of the input
    InputGrad,
    /// The gradients of weights and biases
    WeightGrad,
}

/// Tunes `kernels` on the layers of `shapes`, the input's first, each of one member, in batches of `segments` segments. `gpu`
/// carries no tiles of its own. Kernels read what they do in a training step on a store of one shard, without `frame` normalisation.
/// Codes of pool winners are packed as the forward pass's choice packs them, so that is found first. `done` is told of each
/// finished kernel and layer.
///
/// # Errors
/// What the device reports, except for candidates, which may fail.
pub fn tune(
    gpu: &Gpu,
    shapes: &[ConvShape],
    segments: usize,
    kernels: &[Kernel],
    done: &mut dyn FnMut(&Tuned),
) -> Result<Vec<Tuned>> {
    let tensors = |index: usize| {
        let standing = Standing { first: index == 0, last: index + 1 == shapes.len() };
        LayerTensors::new(gpu, shapes[index], standing, segments)
    };
    let mut all = Vec::new();
    let mut push = |tuned: Tuned| {
        done(&tuned);
        all.push(tuned);
    };
    let mut per_word: Vec<usize> =
        shapes.iter().map(|shape| tiles::forward(gpu, shape).argmax_per_word(shape)).collect();
    if kernels.contains(&Kernel::Forward) {
        for (index, shape) in shapes.iter().enumerate() {
            let tensors = tensors(index)?;
            let shipped = Tile::ConvForward(tiles::forward(gpu, shape));
            let tuned = search(gpu, &tensors, candidates(gpu.class(), shape, shipped), [per_word[index], 1])?;
            if let Tile::ConvForward(tile) = tuned.chosen().tile {
                per_word[index] = tile.argmax_per_word(shape);
            }
            push(tuned);
        }
    }
    for (index, shape) in shapes.iter().enumerate() {
        let tensors = tensors(index)?;
        let words = [per_word[index], if index > 0 { per_word[index - 1] } else { 1 }];
        if kernels.contains(&Kernel::WeightGrad) {
            let (tile, splits) = tiles::weight_grad(gpu, shape);
            let shipped = Tile::ConvWeightGrad { tile, splits };
            push(search(gpu, &tensors, candidates(gpu.class(), shape, shipped), words)?);
        }
        if kernels.contains(&Kernel::InputGrad) && index > 0 {
            let shipped = Tile::ConvInputGrad(tiles::input_grad(gpu, shape));
            push(search(gpu, &tensors, candidates(gpu.class(), shape, shipped), words)?);
        }
    }
    Ok(all)
}

/// The comparison of `tile` on the layer of `shape`, where it stands, with the oracle, with as many codes in a word of this layer and of the
/// one below. Few chunks are enough: a tile's code does not depend on their number.
pub fn check(shape: &ConvShape, Standing { first, last }: Standing, tile: &Tile, words: [usize; 2]) -> Case {
    let few = ConvShape { chunks: CHECKED, ..*shape };
    match *tile {
        Tile::ConvForward(tile) => conv_forward::check(few, tile, first),
        Tile::ConvInputGrad(tile) => conv_input_grad::check(few, tile, words, last),
        Tile::ConvWeightGrad { tile, .. } => conv_weight_grad::check(few, tile, words[0], first, last),
    }
}

/// Chunks of a comparison with the oracle.
const CHECKED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::Architecture;

    fn tuned(times: &[Option<&[f64]>]) -> Tuned {
        let config = Config::default();
        let shape = Architecture::new(&config.model, &config.features, 10).conv_shape(1, 1, 10);
        let gpu = Gpu::noop();
        let tried = |(index, times): (usize, &Option<&[f64]>)| Tried {
            tile: candidates(gpu.class(), &shape, Tile::ConvForward(tiles::forward(&gpu, &shape)))[index],
            verdict: match times {
                Some(times) => Verdict::Timed(Samples::new(times.to_vec()).unwrap()),
                None => Verdict::Refused("wrong".into()),
            },
        };
        Tuned::new(Layer::of(&shape), 10, times.iter().enumerate().map(tried).collect())
    }

    #[test]
    fn the_shipped_tile_stays_unless_another_is_faster_beyond_the_noise() {
        let slow = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 10.8];
        let alike = [9.9, 10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7];
        let fast = [5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7, 5.8];
        assert_eq!(tuned(&[Some(&slow), Some(&alike)]).chosen, 0);
        assert_eq!(tuned(&[Some(&slow), Some(&alike), Some(&fast)]).chosen, 2);
        assert_eq!(tuned(&[Some(&fast), Some(&slow), None]).chosen, 0);
        assert_eq!(tuned(&[None, Some(&slow), Some(&fast)]).chosen, 2);
        assert_eq!(tuned(&[None, None]).chosen, 0);
    }
}
