//! `weaklabel bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Session;
use super::output::{print, print_json};
use crate::bench::{Comparison, Record, Samples};
use crate::config::{Config, Method};
use crate::gpu::{Gpu, KernelTime};
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
    /// How to train; several after commas are measured one after another
    #[arg(long, default_value = "classifier", value_delimiter = ',')]
    pub method: Vec<Method>,
    /// Frames per segment; several after commas
    #[arg(long, value_name = "N", default_value = "20", value_delimiter = ',')]
    pub frames: Vec<usize>,
    /// Examples per step and model
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub batch: usize,
    /// Models trained together
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub members: usize,
    /// Also time every kernel of one step
    #[arg(long)]
    pub profile: bool,
    /// Write the measurements to a file, a line of JSON each
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Compare with the measurements in a file; exit code 5 when a step is slower beyond the noise
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
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

/// One step that is to be measured.
struct Planned {
    config: Config,
    frames: usize,
    case: Map<String, Value>,
}

impl Step {
    fn run(self, session: &Session) -> Result<()> {
        if self.members == 0 {
            return Err(Error::Usage("--members is at least 1".into()));
        }
        // What cannot be measured or compared is found before minutes have passed.
        let before = self.compare.as_deref().map(Record::read).transpose()?;
        let plan = self.plan(session)?;
        if let Some(before) = &before {
            plan.iter().try_for_each(|planned| Record::find(before, &planned.case).map(|_| ()))?;
        }
        let gpu = session.open_gpu()?;
        let mut records = Vec::with_capacity(plan.len());
        for planned in plan {
            let (mut record, profile) = self.measure(&gpu, planned)?;
            if self.profile {
                record.set("kernels", profile.iter().map(kernel_json).collect());
            }
            if session.options.json {
                print_json(record.line())?;
            } else {
                let samples = &record.samples;
                let [median, min, max] = [samples.median(), samples.min(), samples.max()];
                let name = record.name();
                print(&format!("{name}: {median:.2} ms per step ({min:.2} to {max:.2}) on {}\n", record.adapter))?;
                if self.profile {
                    print(&format!("\n{}", profile_table(&profile)))?;
                }
            }
            records.push(record);
        }
        if let Some(path) = &self.output {
            Record::write(path, &records)?;
        }
        let Some(before) = before else { return Ok(()) };
        let comparison = Comparison::new(&records, &before)?;
        if !session.options.json {
            print(&format!("\nbefore: {}\n{}", comparison.adapters_before(), comparison.table()))?;
        }
        comparison.check()
    }

    /// Every length with every method.
    fn plan(&self, session: &Session) -> Result<Vec<Planned>> {
        let mut plan = Vec::new();
        for (&frames, &method) in self.frames.iter().flat_map(|frames| self.method.iter().map(move |m| (frames, m))) {
            let config = session.options.configuration(|config| {
                config.train.method = method;
                config.train.batch = self.batch;
                config.train.seeds = (1..=self.members as u64).collect();
            })?;
            if frames == 0 || !frames.is_multiple_of(config.model.chunk_frames) {
                let reason = format!("--frames is a multiple of {}", config.model.chunk_frames);
                return Err(Error::Usage(reason));
            }
            let case = [
                ("kind", json!("step")),
                ("method", json!(method.name())),
                ("frames", json!(frames)),
                ("batch", json!(self.batch)),
                ("members", json!(self.members)),
            ];
            let case = case.map(|(key, value)| (key.to_string(), value)).into_iter().collect();
            plan.push(Planned { config, frames, case });
        }
        Ok(plan)
    }

    /// The samples of one case, and the times of its kernels where they are asked for.
    fn measure(&self, gpu: &Gpu, planned: Planned) -> Result<(Record, Vec<KernelTime>)> {
        let step = rehearsal(gpu, &planned.config, 10, planned.frames)?;
        // The first runs compile kernels and fill caches.
        step.time(gpu, 2)?;
        let single = step.time(gpu, 2)?.as_secs_f64() / 2.0;
        let rows = ((MEASUREMENT_S / single).ceil() as u32).clamp(1, ROWS as u32);
        let times = (0..MEASUREMENTS)
            .map(|_| Ok(step.time(gpu, rows)?.as_secs_f64() * 1e3 / f64::from(rows)))
            .collect::<Result<Vec<f64>>>()?;
        let samples = Samples::new(times).ok_or_else(|| {
            Error::Tolerance(format!("{}: the clock did not advance during a step", gpu.adapter().name))
        })?;
        let profile = if self.profile { step.profile(gpu, MEASUREMENTS)? } else { Vec::new() };
        Ok((Record::new(planned.case, samples, gpu.adapter()), profile))
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
        assert_eq!(parse("bench step"), (vec![Method::Classifier], vec![20], 10, 1));
        let several = parse("bench step --method triplets,prototypes --frames 20,100 --batch 20 --members 3");
        assert_eq!(several, (vec![Method::Triplets, Method::Prototypes], vec![20, 100], 20, 3));
    }
}
