//! Tiles that the tuner may choose against the oracles.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use weaklabel::base::counter_rng::Key;
use weaklabel::bench::tune::{LayerPosition, candidates, check};
use weaklabel::config::Config;
use weaklabel::gpu::{AdapterChoice, DeviceClass, Gpu};
use weaklabel::model::Architecture;
use weaklabel::model::tiles::Tiles;

/// Of the candidates of every kernel and layer, some drawn at random: of this adapter's class, and of GPUs, whose
/// kernels have another form. `WEAKLABEL_SAMPLE` draws others.
#[test]
fn candidates_agree_with_the_oracles() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = Config::default();
    let architecture = Architecture::new(&config.model, &config.features, 10);
    let seed = std::env::var("WEAKLABEL_SAMPLE").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut stream = Key::new(seed).stream();
    let (mut tried, mut failures) = (0, Vec::new());
    for choice in Tiles::default().in_use(gpu.class(), &architecture, 3).0 {
        for class in [gpu.class(), DeviceClass::Discrete] {
            let shape = choice.layer.shape(choice.chunks);
            let all = candidates(class, &shape, choice.tile);
            let tile = all[stream.below(all.len())];
            let words = [(); 2].map(|()| [1, 2, 4, 8][stream.below(4)]);
            println!("{} {}: {tile}, {words:?} codes in a word", tile.kernel(), shape.layer());
            tried += 1;
            let stands = |layer: usize| architecture.conv_shape(layer, 1, choice.chunks) == shape;
            let training_state = LayerPosition { first: stands(0), last: stands(architecture.convs.len() - 1) };
            if let Err(error) = check(&shape, training_state, &tile, words).run(&gpu) {
                failures.push(format!("{tile}: {error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {tried} failed:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(tried, 2 * (3 * 4 - 1));
}
