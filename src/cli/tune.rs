//! `weaklabel tune`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::tiles::cache_path;
use super::{Session, output};
use crate::bench::tune::{CandidateOutcome, Tried, Tuned, TunedKernel, tune};
use crate::gpu::Gpu;
use crate::model::Architecture;
use crate::model::tiles::{Choice, TileFile, Tiles};
use crate::output::Table;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel tune
  weaklabel tune --frames 20,100 --kernel forward -o tiles.json
  weaklabel train -o run --tiles tiles.json";

/// `weaklabel tune`: find the register tiles of the convolutions that are fastest on this adapter.
///
/// Every candidate that fits is compared with 64-bit arithmetic, then all are timed in turns. A shipped tile stays
/// unless another is faster beyond the noise. Other commands find the tiles again by adapter and driver; a training
/// never tunes by itself, and keeps the tiles it was begun with.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tune {
    /// Lengths of the segments in frames of 10 ms
    #[arg(long, value_name = "N,…", default_value = "20,100,1000", value_delimiter = ',')]
    pub frames: Vec<usize>,
    /// Examples per step
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub batch: usize,
    /// The kernels to tune
    #[arg(long, value_enum, value_delimiter = ',', default_value = "forward,input-grad,weight-grad")]
    pub kernel: Vec<TunedKernel>,
    /// Write the tiles to a file for --tiles, not to the cache
    #[arg(short, long, alias = "output", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Classes of the model: they do not change a convolution.
const CLASSES: usize = 10;

impl Tune {
    /// Runs the command.
    ///
    /// # Errors
    /// The errors of [`Session::open_gpu`]; [`Error::Io`] naming the file that cannot be written; what the device
    /// reports.
    pub fn run(self, session: &Session) -> Result<()> {
        let config = session.options.configuration(|config| config.train.batch = self.batch)?;
        let chunk = config.model.chunk_frames;
        if self.frames.iter().any(|frames| *frames == 0 || !frames.is_multiple_of(chunk)) {
            return Err(Error::Usage(format!("--frames must be a multiple of {chunk}")));
        }
        let gpu = session.open_gpu()?;
        let path = self.out.clone().map_or_else(|| cache_path(&gpu), Ok)?;
        let architecture = Architecture::new(&config.model, &config.features, CLASSES);
        let layers = architecture.convs.len();
        let mut chunks: Vec<usize> = self.frames.iter().map(|frames| self.batch * frames / chunk).collect();
        chunks.sort_unstable();
        chunks.dedup();
        let of_length = self.kernel.iter().map(|k| if *k == TunedKernel::InputGrad { layers - 1 } else { layers });
        let task = session.progress.task("tuning", (of_length.sum::<usize>() * chunks.len()) as u64);
        let mut all = Vec::new();
        for chunks in chunks {
            let shapes: Vec<_> = (0..layers).map(|layer| architecture.conv_shape(layer, 1, chunks)).collect();
            all.extend(tune(&gpu, &shapes, self.batch, &self.kernel, &mut |_| task.advance(1))?);
        }
        task.finish();
        for (tuned, tried) in all.iter().flat_map(|tuned| tuned.tried.iter().map(move |tried| (tuned, tried))) {
            if let CandidateOutcome::Refused(reason) = &tried.outcome {
                let (kernel, layer) = (tried.tile.kernel(), tuned.layer.shape(1).layer());
                tracing::warn!("{kernel} {layer} with {}: {reason}", tried.tile);
            }
        }
        let file = file(&gpu, &path, &all);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), |folder| std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e)))?;
        file.write(&path)?;
        if session.options.json {
            return output::print_json(&file);
        }
        output::print(&format!("{}\n{}\nTiles: {}\n", table(&all), gpu.adapter().name, path.display()))
    }
}

/// The file with the choices of `all` and with the choices that `path` holds for other layers.
fn file(gpu: &Gpu, path: &std::path::Path, all: &[Tuned]) -> TileFile {
    let choices: Vec<Choice> = all.iter().map(Tuned::choice).collect();
    let replaced = |old: &Choice| {
        let same =
            |new: &Choice| (new.layer, new.chunks, new.tile.kernel()) == (old.layer, old.chunks, old.tile.kernel());
        choices.iter().any(same)
    };
    let before = TileFile::read(path).ok().filter(|file| file.is_of(gpu));
    let (old, old_candidates) = before.map(|file| (file.tiles.0, file.candidates)).unwrap_or_default();
    let kept: Vec<Choice> = old.into_iter().filter(|old| !replaced(old)).collect();
    let still = |candidate: &Value| {
        let measured = serde_json::from_value::<Choice>(candidate["choice"].clone());
        measured.is_ok_and(|choice| !replaced(&choice))
    };
    let mut file = TileFile::new(gpu, Tiles([kept, choices.clone()].concat()));
    file.candidates = old_candidates.into_iter().filter(still).collect();
    file.candidates.extend(all.iter().flat_map(|tuned| tuned.tried.iter().map(|tried| candidate(tuned, tried))));
    file
}

fn candidate(tuned: &Tuned, tried: &Tried) -> Value {
    let choice = Choice { tile: tried.tile, ..tuned.choice() };
    match &tried.outcome {
        CandidateOutcome::Timed(samples) => json!({"choice": choice, "ms": samples.sorted()}),
        CandidateOutcome::Refused(reason) => json!({"choice": choice, "refused": reason}),
    }
}

/// A table with a row for each kernel, layer and number of chunks.
fn table(all: &[Tuned]) -> Table {
    let header = ["kernel", "chunks", "tried", "shipped, ms", "chosen, ms", "ratio", "chosen tile"];
    let mut table = Table::new(header.map(String::from).to_vec());
    for tuned in all {
        let (shipped, chosen) = (tuned.shipped(), tuned.chosen());
        let ms = |tried: &Tried| tried.samples().map(crate::bench::Samples::median);
        let shown = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{ms:.3}"));
        let ratio = ms(chosen).zip(ms(shipped)).map(|(chosen, shipped)| chosen / shipped);
        let unchanged = chosen.tile == shipped.tile;
        table.push(vec![
            format!("{} {}", chosen.tile.kernel(), tuned.layer.shape(1).layer()),
            tuned.chunks.to_string(),
            tuned.tried.len().to_string(),
            shown(ms(shipped)),
            shown(ms(chosen)),
            ratio.map_or("–".into(), |ratio| format!("{ratio:.2}")),
            if unchanged { "the shipped one".into() } else { chosen.tile.to_string() },
        ]);
    }
    table
}
