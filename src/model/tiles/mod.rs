//! The register tiles of the convolutions: measured tiles where a layer has any, and the shipped tiles of the device's
//! class otherwise.
//!
//! [`Tiles`] holds the measured ones. Whoever builds kernels gets it as a parameter and asks it for the tile of each
//! kernel.

mod file;
mod shipped;

use serde::{Deserialize, Serialize};

use super::Architecture;
use crate::gpu::DeviceClass;
use crate::kernels::conv::{ConvShape, ConvTile};
use crate::kernels::conv_weight_grad::WeightTile;

pub use file::TileFile;

/// A convolution layer, without the numbers of models and chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TiledLayer {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Time steps before the pool.
    pub time: usize,
    /// Mel positions before the pool.
    pub mel: usize,
    /// Side length of the kernel.
    pub side: usize,
    /// Pool window as [time, mel].
    pub pool: [usize; 2],
}

impl TiledLayer {
    /// Returns the layer of `shape`.
    pub fn of(shape: &ConvShape) -> Self {
        let ConvShape { inputs, outputs, time, mel, kernel, pool, .. } = *shape;
        Self { inputs, outputs, time, mel, side: kernel, pool }
    }

    /// Returns the layer's shape for one model and `chunks` chunks.
    pub fn shape(&self, chunks: usize) -> ConvShape {
        let Self { inputs, outputs, time, mel, side, pool } = *self;
        ConvShape { members: 1, chunks, inputs, outputs, time, mel, kernel: side, pool }
    }
}

/// The tuning parameters of one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tile {
    /// Tile of the forward pass.
    ConvForward(ConvTile),
    /// Tile of the gradient of the input.
    ConvInputGrad(ConvTile),
    /// Tile of the gradients of weights and biases.
    ConvWeightGrad {
        /// Part of the gradients that one thread sums.
        tile: WeightTile,
        /// Number of partial sums of every parameter.
        #[serde(alias = "slices")]
        splits: usize,
    },
}

impl Tile {
    /// Returns the kernel's name.
    pub fn kernel(&self) -> &'static str {
        match self {
            Self::ConvForward(_) => "conv_forward",
            Self::ConvInputGrad(_) => "conv_input_grad",
            Self::ConvWeightGrad { .. } => "conv_weight_grad",
        }
    }

    /// Checks that the kernel can use this tile on `layer`.
    ///
    /// # Errors
    /// The reason why the tile does not fit.
    pub fn fits(&self, layer: &TiledLayer) -> Result<(), String> {
        let shape = layer.shape(1);
        match self {
            Self::ConvForward(tile) => tile.fits(&shape, shape.outputs),
            Self::ConvInputGrad(tile) => tile.fits(&shape, shape.inputs),
            Self::ConvWeightGrad { tile, splits } => {
                tile.fits(&shape)?;
                if *splits == 0 { Err("no split".into()) } else { Ok(()) }
            }
        }
    }
}

impl std::fmt::Display for Tile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConvForward(ConvTile { windows: [t, m], channel_vectors, lanes, workgroup })
            | Self::ConvInputGrad(ConvTile { windows: [t, m], channel_vectors, lanes, workgroup }) => {
                write!(f, "{t}×{m} windows, {channel_vectors} channel vectors, {lanes} lanes, {workgroup} threads")
            }
            Self::ConvWeightGrad { tile: WeightTile { windows, inputs, outputs, lanes, workgroup }, splits } => {
                write!(
                    f,
                    "{windows} windows, {inputs} in, {outputs} out, {lanes} lanes, {workgroup} threads, {splits} splits"
                )
            }
        }
    }
}

/// A tile for a layer, measured with a certain number of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The layer.
    pub layer: TiledLayer,
    /// Chunks per model.
    pub chunks: usize,
    /// The kernel and its tuning parameters.
    pub tile: Tile,
}

/// Choices that replace the shipped tiles of their layers. The default has no choices: every layer has shipped tiles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tiles(pub Vec<Choice>);

impl Tiles {
    /// Finds the choice for the layer of `shape` that `pick` accepts and whose number of chunks is nearest in ratio.
    /// The number of models is ignored, because a model trains to the same bits alone and among others.
    fn nearest<T>(&self, shape: &ConvShape, pick: impl Fn(&Tile) -> Option<T>) -> Option<T> {
        let layer = TiledLayer::of(shape);
        let of_layer = self.0.iter().filter(|choice| choice.layer == layer);
        let distance = |chunks: usize| (chunks as f64 / shape.chunks as f64).ln().abs();
        let wanted = of_layer.filter_map(|choice| Some((distance(choice.chunks), pick(&choice.tile)?)));
        wanted.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, picked)| picked)
    }

    /// Returns the tile of the forward pass of a layer on a device of `class`.
    pub fn forward(&self, class: DeviceClass, shape: &ConvShape) -> ConvTile {
        let measured = |tile: &Tile| if let Tile::ConvForward(tile) = tile { Some(*tile) } else { None };
        self.nearest(shape, measured).unwrap_or_else(|| shipped::forward(class, shape))
    }

    /// Returns the tile of the gradient of a layer's input on a device of `class`.
    pub fn input_grad(&self, class: DeviceClass, shape: &ConvShape) -> ConvTile {
        let measured = |tile: &Tile| if let Tile::ConvInputGrad(tile) = tile { Some(*tile) } else { None };
        self.nearest(shape, measured).unwrap_or_else(|| shipped::input_grad(class, shape))
    }

    /// Returns the tile of the gradients of a layer's weights and biases on a device of `class`, and the number of
    /// partial sums.
    pub fn weight_grad(&self, class: DeviceClass, shape: &ConvShape) -> (WeightTile, usize) {
        let measured =
            |tile: &Tile| if let Tile::ConvWeightGrad { tile, splits } = tile { Some((*tile, *splits)) } else { None };
        let (tile, splits) = self.nearest(shape, measured).unwrap_or_else(|| {
            let tile = shipped::weight_grad(class, shape);
            (tile, shipped::splits(class, shape, &tile))
        });
        (tile, splits.min(tile.strips(shape)))
    }

    /// Returns the tiles with which a device of `class` trains on `chunks` chunks: these choices for the layers that
    /// have one, shipped tiles for the others. The result gives devices of all classes the same tiles.
    pub fn in_use(&self, class: DeviceClass, architecture: &Architecture, chunks: usize) -> Self {
        let mut choices = self.0.clone();
        for index in 0..architecture.convs.len() {
            let shape = architecture.conv_shape(index, 1, chunks);
            let layer = TiledLayer::of(&shape);
            let (tile, splits) = self.weight_grad(class, &shape);
            let mut used = vec![Tile::ConvForward(self.forward(class, &shape)), Tile::ConvWeightGrad { tile, splits }];
            if index > 0 {
                used.push(Tile::ConvInputGrad(self.input_grad(class, &shape)));
            }
            for tile in used {
                let known = |choice: &Choice| choice.layer == layer && choice.tile.kernel() == tile.kernel();
                if !choices.iter().any(known) {
                    choices.push(Choice { layer, chunks, tile });
                }
            }
        }
        Self(choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const CLASS: DeviceClass = DeviceClass::Cpu;

    fn architecture() -> Architecture {
        let config = Config::default();
        Architecture::new(&config.model, &config.features, 10)
    }

    #[test]
    fn a_choice_replaces_the_shipped_tile_of_its_layer_and_the_nearest_counts() {
        let (first, second) = (architecture().conv_shape(0, 3, 500), architecture().conv_shape(1, 3, 500));
        let shipped = [&first, &second].map(|shape| Tiles::default().forward(CLASS, shape));
        let chosen = |channel_vectors| ConvTile { windows: [1, 2], channel_vectors, lanes: 1, workgroup: 64 };
        let choice = |chunks, vectors| Choice {
            layer: TiledLayer::of(&first),
            chunks,
            tile: Tile::ConvForward(chosen(vectors)),
        };
        let tiles = Tiles(vec![choice(10, 1), choice(400, 2), choice(2000, 4)]);
        assert_ne!(shipped[0], chosen(2));
        assert_eq!([&first, &second].map(|shape| tiles.forward(CLASS, shape)), [chosen(2), shipped[1]]);
        assert_eq!(tiles.forward(CLASS, &ConvShape { chunks: 60, ..first }), chosen(1));
        assert_eq!(tiles.forward(CLASS, &ConvShape { chunks: 70, members: 1, ..first }), chosen(2));
        assert_eq!(tiles.forward(CLASS, &ConvShape { chunks: 1_000_000, ..first }), chosen(4));
    }

    #[test]
    fn tiles_in_use_fix_every_kernel_and_change_nothing() {
        let architecture = architecture();
        let all = |tiles: &Tiles, class| -> Vec<_> {
            let shapes = (0..4).map(|layer| architecture.conv_shape(layer, 1, 50));
            shapes
                .map(|s| (tiles.forward(class, &s), tiles.input_grad(class, &s), tiles.weight_grad(class, &s)))
                .collect()
        };
        let before = all(&Tiles::default(), CLASS);
        let tiles = Tiles::default().in_use(CLASS, &architecture, 50);
        // The gradient of the features is never computed.
        assert_eq!(tiles.0.len(), 3 * 4 - 1);
        assert!(tiles.0.iter().all(|choice| choice.tile.fits(&choice.layer).is_ok()), "{tiles:?}");
        assert_eq!(all(&tiles, CLASS), before);
        assert_eq!(tiles.in_use(CLASS, &architecture, 50), tiles);
        let other = DeviceClass::Discrete;
        assert_ne!(all(&Tiles::default(), other), before);
        assert_eq!(all(&tiles, other)[1..], before[1..], "the first layer has no gradient of its input");
    }
}
