//! `weaklabel bench`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Session;
use super::output::{print, print_json};
use crate::config::Method;
use crate::gpu::KernelTime;
use crate::report::Table;
use crate::train::{ROWS, rehearsal};
use crate::{Error, Result};

/// `weaklabel bench`: measure.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub target: Target,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Median time of a training step
    Step(Step),
}

/// `weaklabel bench step`: the median time of a training step, with nothing left in the queue.
#[derive(Debug, Args)]
pub struct Step {
    /// How to train
    #[arg(long, default_value = "classifier")]
    pub method: Method,
    /// Frames per segment
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub frames: usize,
    /// Examples per step and model
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub batch: usize,
    /// Models trained together
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub members: usize,
    /// Also time every kernel of one step
    #[arg(long)]
    pub profile: bool,
}

/// Measurements of which the median is printed.
const MEASUREMENTS: usize = 9;
/// Least time of one measurement, in seconds: long enough for the clock and the queue not to matter.
const MEASUREMENT_S: f64 = 0.25;

impl Bench {
    /// Measures and prints.
    ///
    /// # Errors
    /// Whatever the device reports.
    pub fn run(self, session: &Session) -> Result<()> {
        match self.target {
            Target::Step(step) => step.run(session),
        }
    }
}

impl Step {
    fn run(self, session: &Session) -> Result<()> {
        if self.members == 0 {
            return Err(Error::Usage("--members is at least 1".into()));
        }
        let config = session.options.configuration(|config| {
            config.train.method = self.method;
            config.train.batch = self.batch;
            config.train.seeds = (1..=self.members as u64).collect();
        })?;
        if self.frames == 0 || !self.frames.is_multiple_of(config.model.chunk_frames) {
            let reason = format!("--frames is a multiple of {}", config.model.chunk_frames);
            return Err(Error::Usage(reason));
        }
        let gpu = session.open_gpu()?;
        let step = rehearsal(&gpu, &config, 10, self.frames)?;
        // The first runs compile kernels and fill caches.
        step.time(&gpu, 2)?;
        let single = step.time(&gpu, 2)?.as_secs_f64() / 2.0;
        let rows = ((MEASUREMENT_S / single).ceil() as u32).clamp(1, ROWS as u32);
        let mut times = (0..MEASUREMENTS)
            .map(|_| Ok(step.time(&gpu, rows)?.as_secs_f64() * 1e3 / f64::from(rows)))
            .collect::<Result<Vec<f64>>>()?;
        times.sort_by(f64::total_cmp);
        let (adapter, median) = (gpu.adapter(), times[times.len() / 2]);
        let profile = if self.profile { step.profile(&gpu, MEASUREMENTS)? } else { Vec::new() };
        if session.options.json {
            let mut line = json!({
                "kind": "step",
                "method": self.method.name(),
                "frames": self.frames,
                "batch": self.batch,
                "members": self.members,
                "ms_per_step": median,
                "ms_min": times[0],
                "ms_max": times[times.len() - 1],
                "adapter": adapter.name,
                "backend": adapter.backend,
            });
            if self.profile {
                line["kernels"] = profile.iter().map(kernel_json).collect();
            }
            return print_json(&line);
        }
        let text = format!(
            "{}, {} frames, batch {}, members {}: {median:.2} ms per step ({:.2} to {:.2}) on {}\n",
            self.method.name(),
            self.frames,
            self.batch,
            self.members,
            times[0],
            times[times.len() - 1],
            adapter.name
        );
        print(&if self.profile { format!("{text}\n{}", profile_table(&profile)) } else { text })
    }
}

fn kernel_json(kernel: &KernelTime) -> serde_json::Value {
    json!({
        "kernel": kernel.name,
        "us": kernel.seconds * 1e6,
        "gflops": kernel.work.flops / kernel.seconds * 1e-9,
        "gbps": kernel.work.bytes / kernel.seconds * 1e-9,
    })
}

/// One line for each dispatch, in their order.
fn profile_table(profile: &[KernelTime]) -> Table {
    let total: f64 = profile.iter().map(|kernel| kernel.seconds).sum();
    let mut table = Table::new(["kernel", "µs", "share in %", "GFLOP/s", "GB/s"].map(String::from).to_vec());
    for kernel in profile {
        table.push(vec![
            kernel.name.into(),
            format!("{:.0}", kernel.seconds * 1e6),
            format!("{:.1}", 100.0 * kernel.seconds / total),
            format!("{:.2}", kernel.work.flops / kernel.seconds * 1e-9),
            format!("{:.2}", kernel.work.bytes / kernel.seconds * 1e-9),
        ]);
    }
    table.rule();
    table.push(vec!["all".into(), format!("{:.0}", total * 1e6), "100.0".into(), String::new(), String::new()]);
    table
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_step_has_the_documented_defaults() {
        let command = Bench::augment_args(clap::Command::new("bench"));
        let parse = |line: &str| {
            let matches = command.clone().get_matches_from(line.split(' '));
            let Target::Step(step) = Bench::from_arg_matches(&matches).unwrap().target;
            (step.method, step.frames, step.batch, step.members)
        };
        assert_eq!(parse("bench step"), (Method::Classifier, 20, 10, 1));
        assert_eq!(parse("bench step --frames 100 --batch 20 --members 3"), (Method::Classifier, 100, 20, 3));
    }
}
