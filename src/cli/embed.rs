//! `weaklabel embed`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::Session;
use super::audio_files::{Answer, AudioFiles, FileModel};
use super::output::{print, print_data, print_json};
use super::trained::{TrainedModels, listed};
use super::windows::Windows;
use crate::base::printable::counted;
use crate::config::seconds;
use crate::evaluate::{Embedding, Models, SegmentEmbedder};
use crate::output::{Bounds, EmbeddingFormat, EmbeddingRow, Embeddings};
use crate::{Error, Result};

const AFTER_HELP: &str = "\
Examples:
  weaklabel embed run *.wav -o embeddings.npy
  weaklabel embed run street.wav --every 1s --seed 3

One row for each FILE, in the order given, or with --every for each of its windows. A FILE is cut into windows \
before its features are computed, as training cuts clips into segments: what lies beside a window has no influence on \
it. The last window ends with the file.

An embedding is of one model: of a run with several seeds, choose one with --seed.

A FILE that cannot be used is reported and has one row of NaN without onset and offset, so the rows of a .npy file \
can be counted; the exit code is 6 then, or 3 when there was no other. A FILE may have any length: it is embedded \
while it is read.";

/// `weaklabel embed`: embeddings of audio files.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Embed {
    /// The model.
    #[command(flatten)]
    pub trained: TrainedModels,
    /// Audio files of any rate and number of channels: WAV, FLAC, Ogg, MP3, M4A, AIFF and others
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Embed consecutive windows of this length, whole chunks of 0.2 s, as in 1s or 600ms, instead of whole files
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub every: Option<f64>,
    /// Leave out the normalisation of triplet and prototype runs: the embeddings that the classifier reads, not those
    /// between which distances are taken
    #[arg(long)]
    pub raw: bool,
    /// Write a .npy, .safetensors or .tsv file, not a table on stdout
    ///
    /// .npy: an array [rows, dimensions] of f32. .safetensors: the same as the tensor `embeddings`, with file, onset
    /// and offset of every row as JSON in the metadata, under `rows`. .tsv: filename, onset, offset, and a column for
    /// each dimension; a name with control characters is a JSON string, as `weaklabel predict --help` says.
    #[arg(short, long, value_name = "OUT")]
    pub out: Option<PathBuf>,
}

impl FileModel for SegmentEmbedder<'_> {
    fn values(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> {
        self.embed(segments, progress)
    }
}

/// A row as a line of JSON.
#[derive(Debug, Serialize)]
struct EmbeddingLine<'a> {
    #[serde(flatten)]
    row: &'a EmbeddingRow,
    /// `None` when the file could not be used.
    embedding: Option<&'a [f32]>,
}

impl Embed {
    /// Embeds all files.
    ///
    /// # Errors
    /// [`Error::Partly`] when some file could not be used; [`Error::Usage`] for an output or a window that cannot be;
    /// whatever models and device report.
    pub fn run(self, session: &Session) -> Result<()> {
        let out = self.out.as_deref().map(|path| Ok((path, format(path)?))).transpose()?;
        self.trained.configuration(session, |_| {})?;
        let models = self.trained.read()?;
        let [(_, description)] = &models[..] else {
            let seeds: Vec<u64> = models.iter().map(|(_, description)| description.seed).collect();
            let message = format!("an embedding is of one model: choose one with --seed, of {}", listed(&seeds));
            return Err(Error::Usage(message));
        };
        let windows = Windows::or_whole(self.every, description)?;
        let gpu = session.open_gpu()?;
        let models = Models::new(&gpu, &session.tiles(&gpu)?, &models)?;
        let embedding = if self.raw { Embedding::ForTagging } else { Embedding::ForDistances };
        let mut embedder = SegmentEmbedder::new(&gpu, &models, embedding, usize::MAX)?;
        let dimensions = embedder.dimensions();
        let mut all = Embeddings::new(dimensions);
        let mut header = true;
        let mut files = AudioFiles::new(session, &self.files, &windows, "embedding");
        files.each(&mut embedder, &mut |path, answer| {
            push(&mut all, path, answer.ok());
            if out.is_none() {
                session.progress.suspend(|| show(&all, session.options.json, header))?;
                (all, header) = (Embeddings::new(dimensions), false);
            }
            Ok(())
        })?;
        if let Some((path, format)) = out.filter(|_| !files.none_used()) {
            all.write(path, format)?;
            summarise(&all, path, session.options.json)?;
        }
        files.finish()
    }
}

/// The format that `path` asks for, if there is a folder to write it to.
fn format(path: &Path) -> Result<EmbeddingFormat> {
    let name = path.display();
    let known = || Error::Usage(format!("-o {name}: the ending must be .npy, .safetensors or .tsv"));
    let format = EmbeddingFormat::of(path).ok_or_else(known)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") && !folder.is_dir() => {
            Err(Error::Usage(format!("-o {name}: there is no folder {}", folder.display())))
        }
        _ => Ok(format),
    }
}

/// Adds the rows of one file.
fn push(all: &mut Embeddings, path: &Path, answer: Option<Answer>) {
    let file = path.display().to_string();
    let Some(Answer { parts, values, .. }) = answer else {
        let nothing = vec![f32::NAN; all.dimensions];
        return all.push(EmbeddingRow { file, bounds: None }, &nothing);
    };
    // There is one model, and so one list of values.
    for (part, values) in parts.iter().zip(values[0].chunks_exact(all.dimensions)) {
        let bounds = Some(Bounds { onset: part.onset_s, offset: part.offset_s });
        all.push(EmbeddingRow { file: file.clone(), bounds }, values);
    }
}

/// Prints rows.
fn show(rows: &Embeddings, json: bool, header: bool) -> Result<()> {
    if json {
        let values = rows.values.chunks_exact(rows.dimensions);
        return rows
            .rows
            .iter()
            .zip(values)
            .try_for_each(|(row, values)| print_json(&EmbeddingLine { row, embedding: row.bounds.map(|_| values) }));
    }
    let mut text = Vec::new();
    rows.write_tsv(&mut text, header).map_err(|e| Error::io("write", "standard output", e))?;
    print_data(&String::from_utf8_lossy(&text))
}

/// Says what was written.
fn summarise(all: &Embeddings, path: &Path, json: bool) -> Result<()> {
    let (out, dimensions) = (path.display().to_string(), all.dimensions);
    if json {
        return print_json(&json!({"out": out, "dimensions": dimensions, "rows": all.rows}));
    }
    print(&format!("{out}: {} of {dimensions} dimensions\n", counted(all.rows.len(), "embedding")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_refused_before_anything_is_computed() {
        assert_eq!(format(Path::new("e.npy")).unwrap(), EmbeddingFormat::Npy);
        let message = |path: &str| format(Path::new(path)).unwrap_err().to_string();
        assert_eq!(message("e.csv"), "-o e.csv: the ending must be .npy, .safetensors or .tsv");
        assert_eq!(message("no/such/e.npy"), "-o no/such/e.npy: there is no folder no/such");
    }
}
