//! Prints how similar audio files are to the first one, as the cosine of their embeddings:
//! `cargo run --example embed -- model.safetensors FILE...`

#![allow(clippy::print_stdout, reason = "examples print")]

use std::path::Path;

use weaklabel::{AdapterChoice, Embedding, Error, Gpu, Models, Result, SegmentEmbedder, Tiles, decode_at, read_model};

/// Files of at most ten minutes at 16 kHz are read.
const MAX_SAMPLES: usize = 600 * 16_000;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let model = args.next().ok_or_else(|| Error::Usage("name a model, then audio files".into()))?;
    let files: Vec<_> = args.collect();

    let gpu = Gpu::open(&AdapterChoice::default())?;
    let models = Models::new(&gpu, &Tiles::default(), &[read_model(Path::new(&model))?])?;
    let mut embedder = SegmentEmbedder::new(&gpu, &models, Embedding::ForDistances, usize::MAX)?;

    // All files are embedded together. A file may have any length.
    let rate = models.description.features.rate;
    let sound = |file| Ok(decode_at(Path::new(file), rate, MAX_SAMPLES)?.audio.samples);
    let sounds = files.iter().map(sound).collect::<Result<Vec<Vec<f32>>>>()?;
    let segments: Vec<&[f32]> = sounds.iter().map(Vec::as_slice).collect();
    let embeddings = embedder.embed(&segments, &mut |_| {})?.swap_remove(0);
    let rows: Vec<&[f32]> = embeddings.chunks(embedder.dimensions()).collect();
    for (file, row) in files.iter().zip(&rows) {
        println!("{:+.3} {}", cosine(rows[0], row), file.display());
    }
    Ok(())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
