//! Search for the fastest candidate of one kernel. Correct candidates are timed in turns, so that a change of the
//! machine's speed affects all of them.

use super::layer::LayerTensors;
use super::{CandidateOutcome, Tried, Tuned, check};
use crate::bench::{MEASUREMENTS, Samples};
use crate::gpu::{Gpu, Kernel, Recording, Resolved};
use crate::kernels::CaseRun;
use crate::model::tiles::{Tile, TiledLayer};
use crate::{Error, Result};

/// Shortest time of a measurement, in seconds.
const MEASUREMENT_S: f64 = 0.02;
/// Ratio to the fastest candidate's time beyond which a candidate is not measured again.
const HOPELESS: f64 = 1.3;
/// Number of rounds before slow candidates are dropped by their shortest time. A single round is not enough, because
/// the machine may be slow for a moment.
const FIRST_ROUNDS: usize = 2;
const MOST_ROWS: f64 = 1000.0;

/// Candidate that has not been compared with its oracle yet.
struct TileCandidate {
    /// Comparison with the oracle, on a few chunks.
    run: CaseRun,
    /// Kernel to time, at the size of a training step.
    kernel: Box<dyn Kernel>,
}

impl TileCandidate {
    fn new(gpu: &Gpu, tensors: &LayerTensors, tile: &Tile, words: [usize; 2]) -> Result<Self> {
        let run = check(&tensors.shape, tensors.position, tile, words).prepare(gpu)?;
        Ok(Self { run, kernel: tensors.kernel(gpu, tile, words)? })
    }

    fn kernels(&self) -> [&dyn Kernel; 2] {
        [self.run.kernel.as_ref(), self.kernel.as_ref()]
    }

    /// Compares the kernel with its oracle and returns it ready to run.
    fn prepare(self, gpu: &Gpu) -> Result<Resolved> {
        self.run.run(gpu)?;
        let mut recording = Recording::new("tune");
        recording.push_boxed(self.kernel);
        recording.resolve(gpu)
    }
}

/// Candidate that is being timed.
struct Runner {
    index: usize,
    recording: Resolved,
    rows: u32,
    ms: Vec<f64>,
}

impl Runner {
    fn measure(&mut self, gpu: &Gpu) -> Result<()> {
        self.ms.push(gpu.time(&self.recording, self.rows)?.as_secs_f64() * 1e3 / f64::from(self.rows));
        Ok(())
    }

    fn least(&self) -> f64 {
        self.ms.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Tries all of `tiles`; the first is the shipped one. `words` is as in [`check`].
pub(super) fn search(gpu: &Gpu, tensors: &LayerTensors, tiles: Vec<Tile>, words: [usize; 2]) -> Result<Tuned> {
    let mut outcomes: Vec<Option<CandidateOutcome>> = vec![None; tiles.len()];
    let candidates: Vec<Result<TileCandidate>> =
        tiles.iter().map(|tile| TileCandidate::new(gpu, tensors, tile, words)).collect();
    gpu.compile_ahead(&candidates.iter().flatten().flat_map(TileCandidate::kernels).collect::<Vec<_>>())?;
    let mut running: Vec<Runner> = Vec::new();
    for (index, candidate) in candidates.into_iter().enumerate() {
        match candidate.and_then(|candidate| candidate.prepare(gpu)) {
            Ok(recording) => {
                gpu.time(&recording, 1)?;
                let seconds = gpu.time(&recording, 1)?.as_secs_f64();
                let rows = (MEASUREMENT_S / seconds).clamp(1.0, MOST_ROWS) as u32;
                running.push(Runner { index, recording, rows, ms: Vec::new() });
            }
            Err(Error::Kernel { reason, .. } | Error::Tolerance(reason)) => {
                // A failing candidate may have broken the device; the search ends with the device's error then.
                gpu.check()?;
                outcomes[index] = Some(CandidateOutcome::Refused(reason));
            }
            Err(other) => return Err(other),
        }
    }
    for round in 0..MEASUREMENTS {
        for runner in &mut running {
            runner.measure(gpu)?;
        }
        if round + 1 == FIRST_ROUNDS {
            let fastest = running.iter().map(Runner::least).fold(f64::INFINITY, f64::min);
            let hopeless = |runner: &Runner| runner.index > 0 && runner.least() > HOPELESS * fastest;
            for runner in running.iter().filter(|runner| hopeless(runner)) {
                outcomes[runner.index] = timed(&runner.ms);
            }
            running.retain(|runner| !hopeless(runner));
        }
    }
    for runner in &running {
        outcomes[runner.index] = timed(&runner.ms);
    }
    let still = || CandidateOutcome::Refused("the clock did not advance during its dispatches".into());
    let tried = tiles.into_iter().zip(outcomes);
    let tried = tried.map(|(tile, outcome)| Tried { tile, outcome: outcome.unwrap_or_else(still) }).collect();
    Ok(Tuned::new(TiledLayer::of(&tensors.shape), tensors.shape.chunks, tried))
}

fn timed(ms: &[f64]) -> Option<CandidateOutcome> {
    Samples::new(ms.to_vec()).map(CandidateOutcome::Timed)
}
