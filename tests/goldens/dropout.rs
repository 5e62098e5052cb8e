//! dropout.safetensors: values and gradients with given masks (SPEC §2).

use weaklabel::config::ModelConfig;
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::conv::ConvShape;
use weaklabel::kernels::dropout::Dropout;

use crate::file::{File, Golden, assert_close};
use crate::network::{Run, VALUE, architecture, batch};

/// The mask `[chunk, channel, time, mel]` of a convolution as the kernels read it: the positions of every pool window
/// in blocks of four.
fn of_windows(shape: &ConvShape, mask: &Golden) -> Vec<u32> {
    assert_eq!(mask.shape, [shape.chunks, shape.outputs, shape.time, shape.mel], "the mask's shape");
    let ([rows, columns], [windows_t, windows_m]) = (shape.pool, shape.windows());
    let lanes = shape.blocks_per_window() * 4;
    let mut keep = vec![0; shape.chunks * shape.outputs * windows_t * windows_m * lanes];
    for (index, kept) in mask.i32().into_iter().enumerate() {
        let (plane, time, mel) = (index / (shape.time * shape.mel), index / shape.mel % shape.time, index % shape.mel);
        let window = (plane * windows_t + time / rows) * windows_m + mel / columns;
        keep[window * lanes + time % rows * columns + mel % columns] = kept as u32;
    }
    keep
}

/// The mask `[segment, unit]` of a hidden layer in blocks of four.
fn of_units(mask: &Golden) -> Vec<u32> {
    let mut keep: Vec<u32> = mask.i32().into_iter().map(|kept| kept as u32).collect();
    keep.resize(keep.len().next_multiple_of(4), 0);
    keep
}

#[test]
fn values_and_gradients_agree_under_given_masks() {
    let file = File::load("dropout.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let input = file.get("input");
    let architecture = architecture(&file, "", input, Some(""));
    let batch = batch(&architecture, input);
    let convs = architecture.convs.len();
    let masks = (0..convs).map(|layer| {
        let shape = architecture.conv_shape(layer, 1, batch.segments * batch.chunks);
        of_windows(&shape, file.get(&format!("keep.conv{layer}")))
    });
    let inject = |keep: Vec<u32>| Dropout::Injected {
        p: ModelConfig::default().dropout,
        keep: gpu.tensor_from("keep", &[1, keep.len() / 4, 4], &keep).unwrap(),
    };
    let hidden = (0..architecture.hidden.len()).map(|layer| of_units(file.get(&format!("keep.linear{layer}"))));
    let dropout = masks.chain(hidden).map(inject).collect();
    let run = Run::of(&gpu, &file, "", architecture, dropout);
    for (layer, pooled) in run.activations.pooled.iter().enumerate() {
        let name = format!("pool{layer}");
        assert_close(&name, &gpu.read(pooled).unwrap(), file.get(&name), VALUE);
    }
    run.compare(&gpu, &file, "");
}
