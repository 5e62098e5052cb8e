//! `weaklabel bench step`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::results::{BenchResults, Output};
use crate::bench::{Growth, MEASUREMENTS, Record, Roofline, case, case_name, measure, peaks};
use crate::cli::Session;
use crate::config::{Config, Method};
use crate::gpu::{Gpu, KernelTime};
use crate::output::Table;
use crate::train::{ROWS, TrainingStep, synthetic_step};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel bench step --method triplets --frames 100
  weaklabel bench step --frames 20,1000 --members 1,5 -o before.json
  weaklabel bench step --profile --compare before.json";

/// `weaklabel bench step`: the median time of a training step, with nothing left in the queue.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchStep {
    /// Training methods, measured one after another
    #[arg(long, default_value = "classifier", value_delimiter = ',')]
    pub method: Vec<Method>,
    /// Lengths of the segments in frames of 10 ms
    #[arg(long, value_name = "N,…", default_value = "20", value_delimiter = ',')]
    pub frames: Vec<usize>,
    /// Examples per step and model
    #[arg(long, value_name = "N,…", default_value = "10", value_delimiter = ',')]
    pub batch: Vec<usize>,
    /// Numbers of models that are trained at once
    #[arg(long, value_name = "N,…", default_value = "1", value_delimiter = ',')]
    pub members: Vec<usize>,
    /// Also time every kernel of a step, as a share of what the adapter can do at best
    #[arg(long)]
    pub profile: bool,
    /// Output of the measurements.
    #[command(flatten)]
    pub output: Output,
}

/// A step that is to be measured.
struct Planned {
    config: Config,
    frames: usize,
    /// Frames of all examples of all models of a step, as its batch counts them.
    size: f64,
    case: Map<String, Value>,
}

/// Classes of the random examples.
const CLASSES: usize = 10;

impl BenchStep {
    pub(super) fn run(&self, session: &Session) -> Result<()> {
        let mut results = self.output.begin(session)?;
        let plan = self.plan(session)?;
        plan.iter().try_for_each(|planned| results.expect(&planned.case))?;
        let gpu = session.open_gpu()?;
        let tiles = session.tiles(&gpu)?;
        results.head(&gpu)?;
        let limits = match self.profile {
            true => Some(Roofline::of(&peaks(&gpu)?)),
            false => None,
        };
        let mut times = Vec::with_capacity(plan.len());
        let mut failed = 0;
        for planned in &plan {
            let step = match synthetic_step(&gpu, &tiles, &planned.config, CLASSES, planned.frames) {
                Ok(step) => step,
                // A step that is too large for the adapter is left out; the others are measured.
                Err(error @ Error::Kernel { .. }) if plan.len() > 1 => {
                    tracing::error!("{} left out: {error}", case_name(&planned.case));
                    failed += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut record = Record::new(planned.case.clone(), measure(&gpu, &step.recording, ROWS)?, gpu.adapter());
            times.push((planned, record.samples.clone()));
            let profile = limits.map(|limits| profile(&gpu, &step, limits)).transpose()?;
            if let Some(profile) = &profile {
                record.set("kernels", profile.iter().map(KernelTotals::json).collect());
            }
            let samples = &record.samples;
            let [median, min, max] = [samples.median(), samples.min(), samples.max()];
            let name = record.name();
            results.say(&format!("{name}: {median:.2} ms per step ({min:.2} to {max:.2}) on {}", record.adapter))?;
            if let Some(profile) = profile {
                results.say("")?;
                results.show(&profile_table(&profile))?;
            }
            results.push(record)?;
        }
        self.growth(&times, &results)?;
        results.finish()?;
        match failed {
            0 => Ok(()),
            _ => Err(Error::Partly { what: "steps could not be timed", failed, all: plan.len() }),
        }
    }

    /// Every length with every method, batch and number of models.
    fn plan(&self, session: &Session) -> Result<Vec<Planned>> {
        if self.members.contains(&0) {
            return Err(Error::Usage("--members must be at least 1".into()));
        }
        let mut plan = Vec::new();
        for &frames in &self.frames {
            for &method in &self.method {
                for &batch in &self.batch {
                    for &members in &self.members {
                        plan.push(planned(session, method, frames, batch, members)?);
                    }
                }
            }
        }
        Ok(plan)
    }

    /// Prints the growth of each method's time with the size of its steps, where enough sizes were measured.
    fn growth(&self, times: &[(&Planned, crate::bench::Samples)], results: &BenchResults<'_>) -> Result<()> {
        for method in &self.method {
            let of_method = times.iter().filter(|(planned, _)| planned.config.train.method == *method);
            let measured: Vec<_> = of_method.map(|(planned, samples)| (planned.size, samples)).collect();
            if let Some(growth) = Growth::fit(&measured) {
                let Growth { constant, slope, residual } = growth;
                results.say(&format!(
                    "{}: {constant:.2} ms + {:.3} ms for every 1000 of batch × frames × members, residuals up to {:.0} %",
                    method.name(),
                    slope * 1e3,
                    residual * 100.0,
                ))?;
            }
        }
        Ok(())
    }
}

fn planned(session: &Session, method: Method, frames: usize, batch: usize, members: usize) -> Result<Planned> {
    let config = session.options.configuration(|config| {
        config.train.method = method;
        config.train.batch = batch;
        config.train.seeds = (1..=members as u64).collect();
    })?;
    if frames == 0 || !frames.is_multiple_of(config.model.chunk_frames) {
        return Err(Error::Usage(format!("--frames must be a multiple of {}", config.model.chunk_frames)));
    }
    let case = case([
        ("kind", json!("step")),
        ("method", json!(method.name())),
        ("frames", json!(frames)),
        ("batch", json!(batch)),
        ("members", json!(members)),
    ]);
    Ok(Planned { config, frames, size: (batch * frames * members) as f64, case })
}

/// Dispatches of one kernel on one layer.
struct KernelTotals {
    kernel: KernelTime,
    calls: usize,
    seconds: f64,
    /// Share of the time of all dispatches.
    share: f64,
    /// Share of the adapter's own limit.
    of_limit: f64,
}

/// The dispatches of a step, those of the same kernel and layer in one line.
fn profile(gpu: &Gpu, step: &TrainingStep, limits: Roofline) -> Result<Vec<KernelTotals>> {
    let kernels = gpu.profile(&step.recording, 0, MEASUREMENTS)?;
    let total: f64 = kernels.iter().map(KernelTime::seconds).sum();
    let mut lines: Vec<KernelTotals> = Vec::new();
    for kernel in kernels {
        let (seconds, of_limit) = (kernel.seconds(), limits.share(&kernel));
        match lines.iter_mut().find(|line| line.kernel.label() == kernel.label()) {
            Some(line) => {
                (line.calls, line.seconds, line.share) =
                    (line.calls + 1, line.seconds + seconds, line.share + seconds / total);
            }
            None => lines.push(KernelTotals { kernel, calls: 1, seconds, share: seconds / total, of_limit }),
        }
    }
    Ok(lines)
}

impl KernelTotals {
    fn gflops(&self) -> f64 {
        self.kernel.work.flops / self.kernel.seconds() * 1e-9
    }

    fn gbps(&self) -> f64 {
        self.kernel.work.bytes / self.kernel.seconds() * 1e-9
    }

    fn json(&self) -> Value {
        json!({
            "kernel": self.kernel.label(),
            "calls": self.calls,
            "us": self.seconds * 1e6,
            "gflops": self.gflops(),
            "gbps": self.gbps(),
            "share": self.share,
            "share_of_limit": self.of_limit,
        })
    }
}

/// A table with a row for each kernel and layer, in the order of their first dispatch.
fn profile_table(lines: &[KernelTotals]) -> Table {
    let header = ["kernel", "calls", "µs", "% of step", "GFLOP/s", "GB/s", "% of limit"];
    let mut table = Table::new(header.map(String::from).to_vec());
    for line in lines {
        table.push(vec![
            line.kernel.label(),
            line.calls.to_string(),
            format!("{:.0}", line.seconds * 1e6),
            format!("{:.1}", 100.0 * line.share),
            format!("{:.2}", line.gflops()),
            format!("{:.2}", line.gbps()),
            format!("{:.1}", 100.0 * line.of_limit),
        ]);
    }
    table.rule();
    let (calls, seconds): (usize, f64) = (lines.iter().map(|l| l.calls).sum(), lines.iter().map(|l| l.seconds).sum());
    let mut all = vec!["all".to_string(), calls.to_string(), format!("{:.0}", seconds * 1e6), "100.0".into()];
    all.resize(header.len(), String::new());
    table.push(all);
    table
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::super::{Bench, BenchTarget};
    use super::*;

    #[test]
    fn a_step_has_the_documented_defaults() {
        let command = Bench::augment_args(clap::Command::new("bench"));
        let parse = |line: &str| {
            let matches = command.clone().get_matches_from(line.split(' '));
            let BenchTarget::Step(step) = Bench::from_arg_matches(&matches).unwrap().target else {
                panic!("not a step")
            };
            (step.method, step.frames, step.batch, step.members)
        };
        assert_eq!(parse("bench step"), (vec![Method::Classifier], vec![20], vec![10], vec![1]));
        let several = parse("bench step --method triplets,prototypes --frames 20,100 --batch 20,40 --members 3");
        assert_eq!(several, (vec![Method::Triplets, Method::Prototypes], vec![20, 100], vec![20, 40], vec![3]));
    }
}
