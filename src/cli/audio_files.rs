//! The audio files of a command line: they are answered for in their order, and a file that cannot be used does not end
//! the command.
//!
//! Short files are read together, on all threads, and computed in common batches. A long file is a stream: its answer
//! takes no more memory than a short one's, and has the same bits as if the file had been read as a whole.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Session;
use super::windows::{Window, Windows};
use crate::data::audio::{AudioStream, decode_at};
use crate::evaluate::{SegmentModel, stream_values};
use crate::output::Task;
use crate::{Error, Result};

/// Files are read together while they take up at most this on the disk.
const GROUP_BYTES: u64 = 16 << 20;
/// Most files that are read together.
const GROUP_FILES: usize = 64;
/// The most samples of a file that is read together with others: a minute at 16 kHz. A longer file is a stream.
const SHORT_SAMPLES: usize = 1 << 20;

/// The files of a command line, and the number of files that could not be used.
pub struct AudioFiles<'a> {
    paths: &'a [PathBuf],
    windows: &'a Windows,
    task: Task,
    failed: usize,
    /// Reason why the only file cannot be used.
    reason: Option<Error>,
}

/// A file in memory.
struct AudioFile {
    seconds: f64,
    /// Mono, at the rate of the features.
    samples: Vec<f32>,
    parts: Vec<Window>,
}

/// The models' answer about a file.
#[derive(Debug)]
pub struct Answer {
    /// The file's length in seconds.
    pub seconds: f64,
    /// The parts of the file.
    pub parts: Vec<Window>,
    /// Values of every part, `[model][part · value]`.
    pub values: Vec<Vec<f32>>,
}

/// A model of which files are asked: of segments in memory, or of their chunks.
pub trait FileModel: SegmentModel {
    /// Computes the values of segments, `[model][segment · value]`, and reports the number of chunks done since its
    /// last report.
    fn values(&mut self, segments: &[&[f32]], progress: &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>>;
}

/// Takes a file's answer, or the reason why it cannot be used.
pub type Take<'a> = dyn FnMut(&Path, Result<Answer, String>) -> Result<()> + 'a;

impl<'a> AudioFiles<'a> {
    /// The files at `paths`, which are cut into `windows`; `doing` names the work in the progress display.
    pub fn new(session: &Session, paths: &'a [PathBuf], windows: &'a Windows, doing: &str) -> Self {
        let task = session.progress.task(doing, paths.len() as u64);
        Self { paths, windows, task, failed: 0, reason: None }
    }

    /// Asks `model` about all files, and calls `take` for each file in their order. Reasons why files cannot be used
    /// are logged; for a single file the reason is the error of the command.
    ///
    /// # Errors
    /// The errors of `model` and `take`.
    pub fn each(&mut self, model: &mut dyn FileModel, take: &mut Take<'_>) -> Result<()> {
        let mut rest = self.paths;
        while !rest.is_empty() {
            self.task.set((self.paths.len() - rest.len()) as u64);
            let (group, later) = rest.split_at(read_together(rest));
            rest = later;
            self.task.message(format!("{}: reading", group[0].display()));
            let mut short = Vec::new();
            for (path, file) in group.iter().zip(self.read(group)) {
                match file {
                    Some(file) => short.push((path, file)),
                    None => {
                        self.answer(std::mem::take(&mut short), model, take)?;
                        let answer = self.stream(path, model);
                        self.report(path, answer, take)?;
                    }
                }
            }
            self.answer(short, model, take)?;
        }
        self.task.message("");
        self.task.set(self.paths.len() as u64);
        Ok(())
    }

    /// Reads the short files of a group on all threads. `None` stands for a file that is long, or cannot be used.
    fn read(&self, group: &[PathBuf]) -> Vec<Option<AudioFile>> {
        if group.len() == 1 {
            return vec![None];
        }
        group.par_iter().map(|path| AudioFile::read(path, self.windows)).collect()
    }

    /// Answers for files in memory.
    fn answer(
        &mut self,
        files: Vec<(&PathBuf, AudioFile)>,
        model: &mut dyn FileModel,
        take: &mut Take<'_>,
    ) -> Result<()> {
        let Some((name, _)) = files.first() else { return Ok(()) };
        let name = name.display();
        let segments: Vec<&[f32]> = files.iter().flat_map(|(_, file)| file.segments()).collect();
        let chunks: usize = segments.iter().map(|segment| self.windows.chunking().count(segment.len())).sum();
        let mut done = 0;
        let values = model.values(&segments, &mut |more| {
            done += more;
            self.task.message(format!("{name}: {:.0} %", 100.0 * done as f64 / chunks as f64));
            self.task.advance(0);
        })?;
        let (mut first, all) = (0, segments.len());
        for (path, AudioFile { seconds, parts, .. }) in files {
            let of_parts = |values: &Vec<f32>| {
                let size = values.len() / all;
                values[first * size..][..parts.len() * size].to_vec()
            };
            let answer = Answer { seconds, values: values.iter().map(of_parts).collect(), parts };
            first += answer.parts.len();
            self.report(path, Ok(answer), take)?;
        }
        Ok(())
    }

    /// Answers for a file while it is read.
    fn stream(&self, path: &Path, model: &mut dyn FileModel) -> Result<Answer> {
        let name = path.display();
        let mut stream = AudioStream::open(path, self.windows.rate())?;
        let progress = &mut |stream: &AudioStream| {
            let read = stream.seconds();
            let done = match stream.claimed_seconds() {
                Some(claimed) => format!("{:.0} %", 100.0 * (read / claimed).min(1.0)),
                None => format!("{:.0} min", read / 60.0),
            };
            self.task.message(format!("{name}: {done}"));
            self.task.advance(0);
        };
        let (n_samples, values) = stream_values(model, &mut stream, self.windows.series(), progress)?;
        stream.log_warnings();
        let seconds = stream.seconds();
        Ok(Answer { seconds, parts: self.windows.of(n_samples, seconds), values })
    }

    /// Hands over an answer, or the reason why there is none.
    fn report(&mut self, path: &Path, answer: Result<Answer>, take: &mut Take<'_>) -> Result<()> {
        match answer.and_then(|answer| answer.checked(path)) {
            Ok(answer) => take(path, Ok(answer)),
            Err(error) if !is_about_file(&error) => Err(error),
            Err(error) => {
                self.failed += 1;
                if self.paths.len() == 1 {
                    // The error is the command's own.
                    self.reason = Some(error);
                    return Ok(());
                }
                let reason = error.with_causes();
                tracing::error!("{reason}");
                take(path, Err(reason))
            }
        }
    }

    /// Whether none of the files could be used.
    pub fn none_used(&self) -> bool {
        self.failed == self.paths.len()
    }

    /// Ends the task.
    ///
    /// # Errors
    /// [`Error::Partly`] when some of several files could not be used; of a single one, the reason.
    pub fn finish(self) -> Result<()> {
        self.task.finish();
        match (self.reason, self.failed) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, failed) => Err(Error::Partly { what: "files could not be used", failed, all: self.paths.len() }),
        }
    }
}

impl Answer {
    /// The answer for the file at `path`, if its numbers are finite.
    fn checked(self, path: &Path) -> Result<Self> {
        if self.values.iter().flatten().all(|x| x.is_finite()) {
            return Ok(self);
        }
        Err(Error::audio(path, "its samples are too large: full scale is 1"))
    }
}

/// Whether an error is one of a file, and others may still be used; and not one of the device.
fn is_about_file(error: &Error) -> bool {
    matches!(error, Error::Audio { .. } | Error::Io { .. })
}

/// The number of `paths`, from the first on, that are read together.
fn read_together(paths: &[PathBuf]) -> usize {
    let mut bytes = 0;
    let fits = |path: &&PathBuf| {
        bytes += size(path);
        bytes <= GROUP_BYTES
    };
    paths.iter().take(GROUP_FILES).take_while(fits).count().max(1)
}

/// Bytes of a file; 0 of one that cannot be read.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl AudioFile {
    /// Reads a short file that can be used.
    fn read(path: &Path, windows: &Windows) -> Option<Self> {
        let decoded = decode_at(path, windows.rate(), SHORT_SAMPLES).ok()?;
        decoded.log_warnings(path);
        let (seconds, samples) = (decoded.seconds, decoded.audio.samples);
        let parts = windows.of(samples.len(), seconds);
        Some(Self { seconds, samples, parts })
    }

    fn segments(&self) -> impl Iterator<Item = &[f32]> {
        self.parts.iter().map(|part| &self.samples[part.samples.clone()])
    }
}
