//! Candidates: register tiles that are worth trying on a class of device.

use crate::gpu::DeviceClass;
use crate::kernels::conv::{ConvShape, ConvTile};
use crate::kernels::conv_weight_grad::WeightTile;
use crate::model::tiles::{Tile, TiledLayer};

/// Returns tiles for the kernel of `shipped` on `shape` without repetitions: `shipped` first, then others that fit.
pub fn candidates(class: DeviceClass, shape: &ConvShape, shipped: Tile) -> Vec<Tile> {
    let layer = TiledLayer::of(shape);
    let more = match shipped {
        Tile::ConvForward(tile) => {
            let packed = tile.argmax_per_word(shape);
            let tiles = conv_tiles(class, shape, shape.outputs).into_iter();
            // With fewer codes per word, the backward pass loses more time than the tile gains.
            tiles.filter(|tile| tile.argmax_per_word(shape) >= packed).map(Tile::ConvForward).collect()
        }
        Tile::ConvInputGrad(_) => conv_tiles(class, shape, shape.inputs).into_iter().map(Tile::ConvInputGrad).collect(),
        Tile::ConvWeightGrad { splits, .. } => weight_tiles(class, shape, splits),
    };
    let mut found = vec![shipped];
    for tile in more {
        if tile.fits(&layer).is_ok() && !found.contains(&tile) {
            found.push(tile);
        }
    }
    found
}

/// Returns the thread layouts to try, `(lanes, workgroup)`.
fn forms(class: DeviceClass) -> &'static [(usize, usize)] {
    match class {
        // In a workgroup of one row of lanes, all threads share their indices, so their loads have uniform addresses.
        DeviceClass::Llvmpipe => &[(8, 8)],
        DeviceClass::Cpu => &[(1, 32)],
        DeviceClass::Integrated | DeviceClass::Discrete => &[(1, 32), (1, 64), (1, 128), (8, 64), (16, 64)],
    }
}

/// Returns the range of sums per thread. With fewer sums, loads dominate; with more, the sums do not stay in registers
/// or compilation is slow.
fn sums(class: DeviceClass) -> std::ops::RangeInclusive<usize> {
    match class {
        DeviceClass::Llvmpipe => 16..=160,
        DeviceClass::Cpu => 32..=256,
        DeviceClass::Integrated | DeviceClass::Discrete => 8..=96,
    }
}

/// Returns the row length, half of it, and so on, down to one.
fn halves(row: usize) -> Vec<usize> {
    let mut found: Vec<usize> = std::iter::successors(Some(row), |n| (*n > 1).then(|| n.div_ceil(2))).collect();
    found.dedup();
    found
}

fn conv_tiles(class: DeviceClass, shape: &ConvShape, channels: usize) -> Vec<ConvTile> {
    let [along, across] = shape.windows();
    let mut found = Vec::new();
    for &(lanes, workgroup) in forms(class) {
        for high in [1, 2, along] {
            for wide in halves(across) {
                for channel_vectors in [1, 2, 4] {
                    let tile = ConvTile { windows: [high, wide], channel_vectors, lanes, workgroup };
                    if sums(class).contains(&tile.sums(shape)) && tile.fits(shape, channels).is_ok() {
                        found.push(tile);
                    }
                }
            }
        }
    }
    found
}

fn weight_tiles(class: DeviceClass, shape: &ConvShape, splits: usize) -> Vec<Tile> {
    let [_, across] = shape.windows();
    let window = shape.pool[0] * shape.pool[1];
    // On software adapters the shipped number of splits keeps all cores busy, so more splits have no benefit.
    let all_splits = if class.is_software() { vec![splits] } else { vec![splits, splits * 4] };
    let outputs: &[usize] = if class == DeviceClass::Llvmpipe { &[1, 2] } else { &[1, 2, 4] };
    let mut found = Vec::new();
    let forms: &[(usize, usize)] = if class.is_software() { forms(class) } else { &[(1, 64), (8, 64), (16, 64)] };
    for &(lanes, workgroup) in forms {
        for windows in halves(across).into_iter().filter(|windows| windows * window <= 64) {
            for inputs in [1, 2, 4, 8] {
                for &outputs in outputs {
                    let tile = WeightTile { windows, inputs, outputs, lanes, workgroup };
                    let sums = inputs * outputs * shape.taps();
                    if sums <= if class.is_software() { 160 } else { 72 } && tile.fits(shape).is_ok() {
                        found.extend(all_splits.iter().map(|&splits| Tile::ConvWeightGrad { tile, splits }));
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::{Architecture, Tiles};

    #[test]
    fn every_layer_has_candidates_that_fit_on_every_class() {
        let config = Config::default();
        let architecture = Architecture::new(&config.model, &config.features, 10);
        let tiles = Tiles::default();
        let classes = [DeviceClass::Llvmpipe, DeviceClass::Cpu, DeviceClass::Integrated, DeviceClass::Discrete];
        for (layer, class) in (0..4).flat_map(|layer| classes.map(|class| (layer, class))) {
            let shape = architecture.conv_shape(layer, 1, 50);
            let (tile, splits) = tiles.weight_grad(class, &shape);
            for shipped in [
                Tile::ConvForward(tiles.forward(class, &shape)),
                Tile::ConvInputGrad(tiles.input_grad(class, &shape)),
                Tile::ConvWeightGrad { tile, splits },
            ] {
                let all = candidates(class, &shape, shipped);
                assert_eq!(all[0], shipped);
                assert!(
                    (3..300).contains(&all.len()),
                    "{class:?}, layer {layer}: {} of {}",
                    all.len(),
                    shipped.kernel()
                );
                assert!(all.iter().all(|tile| tile.fits(&TiledLayer::of(&shape)).is_ok()));
            }
        }
    }
}
