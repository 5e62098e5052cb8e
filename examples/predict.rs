//! Tags audio files with a trained model: `cargo run --example predict -- model.safetensors FILE...`

#![allow(clippy::print_stdout, reason = "examples print")]

use std::path::Path;

use weaklabel::{AdapterChoice, Error, Gpu, Models, Result, Tagger, Tiles, decode_at, read_model};

/// Files of at most ten minutes at 16 kHz are read.
const MAX_SAMPLES: usize = 600 * 16_000;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let model = args.next().ok_or_else(|| Error::Usage("name a model, then audio files".into()))?;

    let gpu = Gpu::open(&AdapterChoice::default())?;
    let models = Models::new(&gpu, &Tiles::default(), &[read_model(Path::new(&model))?])?;
    let mut tagger = Tagger::new(&gpu, &models, usize::MAX)?;
    for file in args {
        // The model knows the sampling rate of its features.
        let sound = decode_at(Path::new(&file), models.description.features.rate, MAX_SAMPLES)?;
        sound.warnings.iter().for_each(|warning| println!("{}: {warning}", file.display()));
        let probabilities = tagger.probabilities(&[&sound.audio.samples], &mut |_| {})?.swap_remove(0);
        println!("{}", file.display());
        for (class, probability) in models.description.classes.iter().zip(probabilities) {
            println!("  {probability:.3} {class}");
        }
    }
    Ok(())
}
