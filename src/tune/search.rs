//! Candidates of one kernel: right ones are timed in turns, so that a machine that changes its speed changes it for all.

use super::layer::LayerTensors;
use super::{Tried, Tuned, Verdict, check};
use crate::bench::{MEASUREMENTS, Samples};
use crate::gpu::{Gpu, Recording, Resolved};
use crate::model::tiles::{Layer, Tile};
use crate::{Error, Result};

/// Least time of one measurement in seconds.
const MEASUREMENT_S: f64 = 0.02;
/// Candidates slower than the fastest by this factor are not measured again…
const HOPELESS: f64 = 1.3;
/// …after this many rounds, of which the least counts: a single measurement may meet the machine in a slow moment.
const FIRST_ROUNDS: usize = 2;
const MOST_ROWS: f64 = 1000.0;

/// One that is being timed.
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

/// Tries all of `tiles`, the shipped one first.
pub(super) fn search(gpu: &Gpu, tensors: &LayerTensors, tiles: Vec<Tile>, words: [usize; 2]) -> Result<Tuned> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; tiles.len()];
    let mut running: Vec<Runner> = Vec::new();
    for (index, tile) in tiles.iter().enumerate() {
        match prepare(gpu, tensors, tile, words) {
            Ok(recording) => {
                gpu.time(&recording, 1)?;
                let seconds = gpu.time(&recording, 1)?.as_secs_f64();
                let rows = (MEASUREMENT_S / seconds).clamp(1.0, MOST_ROWS) as u32;
                running.push(Runner { index, recording, rows, ms: Vec::new() });
            }
            Err(Error::Kernel { reason, .. } | Error::Tolerance(reason)) => {
                // Not on a device that no longer works.
                gpu.check()?;
                verdicts[index] = Some(Verdict::Refused(reason));
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
                verdicts[runner.index] = timed(&runner.ms);
            }
            running.retain(|runner| !hopeless(runner));
        }
    }
    for runner in &running {
        verdicts[runner.index] = timed(&runner.ms);
    }
    let still = || Verdict::Refused("the clock did not advance during its dispatches".into());
    let tried = tiles.into_iter().zip(verdicts);
    let tried = tried.map(|(tile, verdict)| Tried { tile, verdict: verdict.unwrap_or_else(still) }).collect();
    Ok(Tuned::new(Layer::of(&tensors.shape), tensors.shape.chunks, tried))
}

fn timed(ms: &[f64]) -> Option<Verdict> {
    Samples::new(ms.to_vec()).map(Verdict::Timed)
}

/// The kernel ready to run, once it has agreed with its oracle.
fn prepare(gpu: &Gpu, tensors: &LayerTensors, tile: &Tile, words: [usize; 2]) -> Result<Resolved> {
    check(&tensors.shape, tensors.standing, tile, words).run(gpu)?;
    let mut recording = Recording::new("tune");
    recording.push_boxed(tensors.kernel(gpu, tile, words)?);
    recording.resolve(gpu)
}
