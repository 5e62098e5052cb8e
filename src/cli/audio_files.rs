//! The audio files of a command line: they are answered for in their order, and a file that cannot be used does not end
//! the command.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Session;
use super::windows::{Window, Windows};
use crate::data::audio::{MAX_SAMPLES, decode_at};
use crate::output::Task;
use crate::{Error, Result};

/// Files are read together, on all threads, while they take up at most this on the disk; a larger one is read alone.
const GROUP_BYTES: u64 = 16 << 20;

/// The most samples for each of its bytes that a file may hold to be read together with others: a kilobyte of FLAC can
/// hold an hour of silence. A file that holds more is read alone.
const SAMPLES_PER_BYTE: u64 = 8;

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
pub struct Answer {
    /// The file's length in seconds.
    pub seconds: f64,
    /// The parts of the file.
    pub parts: Vec<Window>,
    /// Values of every part, `[model][part · value]`.
    pub values: Vec<Vec<f32>>,
}

/// Computes the values of segments, `[model][segment · value]`, and reports the number of chunks done since its last
/// report.
pub type Compute<'a> = dyn FnMut(&[&[f32]], &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> + 'a;

/// Takes a file's answer, or the reason why it cannot be used.
pub type Take<'a> = dyn FnMut(&Path, Result<Answer, String>) -> Result<()> + 'a;

impl<'a> AudioFiles<'a> {
    /// The files at `paths`, which are cut into `windows`; `doing` names the work in the progress display.
    pub fn new(session: &Session, paths: &'a [PathBuf], windows: &'a Windows, doing: &str) -> Self {
        let task = session.progress.task(doing, paths.len() as u64);
        Self { paths, windows, task, failed: 0, reason: None }
    }

    /// Calls `compute` on all files, and `take` for each file in their order. Reasons why files cannot be used are
    /// logged; for a single file the reason is the error of the command.
    ///
    /// # Errors
    /// The errors of `compute` and `take`.
    pub fn each(&mut self, compute: &mut Compute<'_>, take: &mut Take<'_>) -> Result<()> {
        let mut rest = self.paths;
        while !rest.is_empty() {
            self.task.set((self.paths.len() - rest.len()) as u64);
            let (group, later) = rest.split_at(read_together(rest));
            rest = later;
            self.task.message(format!("{}: reading", group[0].display()));
            let mut files = Vec::new();
            for (path, file) in group.iter().zip(self.read(group)) {
                match file {
                    // The file may only be too long to be read together with others.
                    Err(_) if group.len() > 1 => match AudioFile::read(path, self.windows, MAX_SAMPLES) {
                        Ok(file) => {
                            self.answer(std::mem::take(&mut files), compute, take)?;
                            self.answer(vec![(path, Ok(file))], compute, take)?;
                        }
                        refused => files.push((path, refused)),
                    },
                    file => files.push((path, file)),
                }
            }
            self.answer(files, compute, take)?;
        }
        self.task.message("");
        self.task.set(self.paths.len() as u64);
        Ok(())
    }

    /// Reads the files of a group on all threads.
    fn read(&self, group: &[PathBuf]) -> Vec<Result<AudioFile>> {
        let most = |path: &Path| match group.len() {
            1 => MAX_SAMPLES,
            _ => size(path).saturating_mul(SAMPLES_PER_BYTE).min(MAX_SAMPLES as u64) as usize,
        };
        group.par_iter().map(|path| AudioFile::read(path, self.windows, most(path))).collect()
    }

    fn answer(
        &mut self,
        files: Vec<(&PathBuf, Result<AudioFile>)>,
        compute: &mut Compute<'_>,
        take: &mut Take<'_>,
    ) -> Result<()> {
        let Some((name, _)) = files.first() else { return Ok(()) };
        let name = name.display();
        let read = files.iter().filter_map(|(_, file)| file.as_ref().ok());
        let segments: Vec<&[f32]> = read.flat_map(AudioFile::segments).collect();
        let chunks: usize = segments.iter().map(|segment| self.windows.chunking().count(segment.len())).sum();
        let mut done = 0;
        let values = compute(&segments, &mut |more| {
            done += more;
            self.task.message(format!("{name}: {:.0} %", 100.0 * done as f64 / chunks as f64));
            self.task.advance(0);
        })?;
        let (mut first, all) = (0, segments.len());
        for (path, file) in files {
            let answer = file.and_then(|AudioFile { seconds, parts, .. }| {
                let of_parts = |values: &Vec<f32>| {
                    let size = values.len() / all;
                    values[first * size..][..parts.len() * size].to_vec()
                };
                let answer = Answer { seconds, values: values.iter().map(of_parts).collect(), parts };
                first += answer.parts.len();
                answer.checked(path)
            });
            match answer {
                Ok(answer) => take(path, Ok(answer))?,
                Err(error) => {
                    self.failed += 1;
                    if self.paths.len() == 1 {
                        // The error is the command's own.
                        self.reason = Some(error);
                    } else {
                        let reason = error.with_causes();
                        tracing::error!("{reason}");
                        take(path, Err(reason))?;
                    }
                }
            }
        }
        Ok(())
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

/// The number of `paths`, from the first on, that are read together.
fn read_together(paths: &[PathBuf]) -> usize {
    let mut bytes = 0;
    let fits = |path: &&PathBuf| {
        bytes += size(path);
        bytes <= GROUP_BYTES
    };
    paths.iter().take_while(fits).count().max(1)
}

/// Bytes of a file; 0 of one that cannot be read.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl AudioFile {
    /// Reads a file of at most `max_samples` samples at the rate of the features.
    fn read(path: &Path, windows: &Windows, max_samples: usize) -> Result<Self> {
        let decoded = decode_at(path, windows.rate(), max_samples)?;
        decoded.log_warnings(path);
        let (seconds, samples) = (decoded.seconds, decoded.audio.samples);
        let parts = windows.of(samples.len(), seconds);
        Ok(Self { seconds, samples, parts })
    }

    fn segments(&self) -> impl Iterator<Item = &[f32]> {
        self.parts.iter().map(|part| &self.samples[part.samples.clone()])
    }
}
