//! The audio files of a command line: taken in their order, and without giving up at the first that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Session;
use super::windows::{Window, Windows};
use crate::audio::{decode, resample};
use crate::report::Task;
use crate::{Error, Result};

/// Files are read together, on all threads, while they take up at most this on the disk; a larger one is read alone.
const GROUP_BYTES: u64 = 16 << 20;

/// The files of a command line, and how many of them have turned out to be of no use.
pub struct AudioFiles<'a> {
    paths: &'a [PathBuf],
    windows: &'a Windows,
    task: Task,
    failed: usize,
    /// Why the only file is of no use.
    reason: Option<Error>,
}

/// A file in memory.
struct AudioFile {
    seconds: f64,
    /// Mono, at the rate of the features.
    samples: Vec<f32>,
    parts: Vec<Window>,
}

/// What the models say about a file.
pub struct Answer {
    /// Its length in seconds.
    pub seconds: f64,
    /// Its parts.
    pub parts: Vec<Window>,
    /// Numbers of every part, `[member][part · number]`.
    pub values: Vec<Vec<f32>>,
}

/// Computes the numbers of segments, `[member][segment · number]`; says how many chunks are done since it said so last.
pub type Compute<'a> = dyn FnMut(&[&[f32]], &mut dyn FnMut(usize)) -> Result<Vec<Vec<f32>>> + 'a;

impl<'a> AudioFiles<'a> {
    /// The files at `paths`, to be cut as `windows` says; `doing` says what is done with them.
    pub fn new(session: &Session, paths: &'a [PathBuf], windows: &'a Windows, doing: &str) -> Self {
        let task = session.progress.task(doing, paths.len() as u64);
        Self { paths, windows, task, failed: 0, reason: None }
    }

    /// Asks `compute` about all files, and calls `take` for each in their order; without an answer for one of several that
    /// cannot be used, which has been reported then.
    ///
    /// # Errors
    /// What `compute` and `take` report.
    pub fn each(
        &mut self,
        compute: &mut Compute<'_>,
        take: &mut dyn FnMut(&Path, Option<Answer>) -> Result<()>,
    ) -> Result<()> {
        let mut rest = self.paths;
        while !rest.is_empty() {
            self.task.set((self.paths.len() - rest.len()) as u64);
            let (group, later) = rest.split_at(read_together(rest));
            rest = later;
            self.answer(group, compute, take)?;
        }
        self.task.message("");
        self.task.set(self.paths.len() as u64);
        Ok(())
    }

    fn answer(
        &mut self,
        group: &[PathBuf],
        compute: &mut Compute<'_>,
        take: &mut dyn FnMut(&Path, Option<Answer>) -> Result<()>,
    ) -> Result<()> {
        let name = group[0].display();
        self.task.message(format!("{name}: reading"));
        let read: Vec<_> = group.par_iter().map(|path| AudioFile::read(path, self.windows)).collect();
        let files: Vec<_> = read.into_iter().map(|file| file.map_err(|error| self.refuse(error)).ok()).collect();
        let segments: Vec<&[f32]> = files.iter().flatten().flat_map(AudioFile::segments).collect();
        let chunks: usize = segments.iter().map(|segment| self.windows.chunking().count(segment.len())).sum();
        let mut done = 0;
        let values = compute(&segments, &mut |more| {
            done += more;
            self.task.message(format!("{name}: {:.0} %", 100.0 * done as f64 / chunks as f64));
            self.task.advance(0);
        })?;
        let (mut first, all) = (0, segments.len());
        for (path, file) in group.iter().zip(files) {
            let answer = file.and_then(|AudioFile { seconds, parts, .. }| {
                let of_parts = |values: &Vec<f32>| {
                    let size = values.len() / all;
                    values[first * size..][..parts.len() * size].to_vec()
                };
                let answer = Answer { seconds, values: values.iter().map(of_parts).collect(), parts };
                first += answer.parts.len();
                self.check(path, answer)
            });
            if self.reason.is_none() {
                take(path, answer)?;
            }
        }
        Ok(())
    }

    /// An answer of finite numbers.
    fn check(&mut self, path: &Path, answer: Answer) -> Option<Answer> {
        if answer.values.iter().flatten().all(|x| x.is_finite()) {
            return Some(answer);
        }
        self.refuse(Error::audio(path, "its samples are too large: full scale is 1"));
        None
    }

    fn refuse(&mut self, error: Error) {
        self.failed += 1;
        match self.paths {
            // The error is the command's own.
            [_] => self.reason = Some(error),
            _ => tracing::error!("{}", error.with_causes()),
        }
    }

    /// Whether no file at all could be used.
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

/// How many of `paths`, from the first on, are read together.
fn read_together(paths: &[PathBuf]) -> usize {
    let mut bytes = 0;
    let fits = |path: &&PathBuf| {
        bytes += fs::metadata(path).map_or(0, |metadata| metadata.len());
        bytes <= GROUP_BYTES
    };
    paths.iter().take_while(fits).count().max(1)
}

impl AudioFile {
    fn read(path: &Path, windows: &Windows) -> Result<Self> {
        if path.is_dir() {
            let reason = "a folder, not an audio file: name the files in it, for example with FOLDER/*.wav";
            return Err(Error::audio(path, reason));
        }
        let decoded = decode(path)?;
        if let Some(warning) = decoded.warning {
            tracing::warn!("{}: {warning}", path.display());
        }
        let (audio, rate) = (decoded.audio, windows.rate());
        let seconds = audio.samples.len() as f64 / f64::from(audio.rate);
        let samples = if audio.rate == rate { audio.samples } else { resample(&audio.samples, audio.rate, rate)? };
        let parts = windows.of(samples.len(), seconds);
        Ok(Self { seconds, samples, parts })
    }

    fn segments(&self) -> impl Iterator<Item = &[f32]> {
        self.parts.iter().map(|part| &self.samples[part.samples.clone()])
    }
}
