//! `weaklabel bench kernels`.

use clap::Args;

use super::results::{BenchResults, Output};
use crate::bench::{Peak, Roofline, Shapes, TimedKernel, Workload, peaks, workloads};
use crate::cli::Session;
use crate::gpu::Gpu;
use crate::output::Table;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel bench kernels
  weaklabel bench kernels --shapes model --frames 100 --markdown";

/// `weaklabel bench kernels`: what the adapter can do at best, and how near every kernel comes to it.
///
/// Limits are measured in the same run, by kernels that only multiply and add, only copy, or do nothing. A kernel's
/// limit is the longer of the times that its arithmetic and its memory traffic would take at those rates; small
/// dispatches are far from it, since a dispatch has a cost of its own.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Kernels {
    /// Shapes to time at
    #[arg(long, value_enum, value_delimiter = ',', default_value = "model,large")]
    pub shapes: Vec<Shapes>,
    /// Lengths of the segments in frames of 10 ms, at the model's shapes
    #[arg(long, value_name = "N,…", default_value = "20,1000", value_delimiter = ',')]
    pub frames: Vec<usize>,
    /// Examples per step and model at the model's shapes
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub batch: usize,
    /// The number of models that are trained at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub members: usize,
    /// Output of the measurements.
    #[command(flatten)]
    pub output: Output,
}

impl Kernels {
    pub(super) fn run(&self, session: &Session) -> Result<()> {
        if self.members == 0 {
            return Err(Error::Usage("--members must be at least 1".into()));
        }
        let config = session.options.configuration(|config| {
            config.train.batch = self.batch;
            config.train.seeds = (1..=self.members as u64).collect();
        })?;
        if self.frames.iter().any(|frames| *frames == 0 || !frames.is_multiple_of(config.model.chunk_frames)) {
            return Err(Error::Usage(format!("--frames must be a multiple of {}", config.model.chunk_frames)));
        }
        let mut results = self.output.begin(session)?;
        let gpu = session.open_gpu()?;
        let tiles = session.tiles(&gpu)?;
        results.head(&gpu)?;
        let workloads: Vec<Workload> =
            self.shapes.iter().flat_map(|shapes| workloads(&config, *shapes, &self.frames)).collect();
        let task = session.progress.task("measuring", workloads.len() as u64 + 1);
        let peaks = peaks(&gpu)?;
        task.advance(1);
        results.show(&peak_table(&peaks))?;
        peaks.iter().try_for_each(|peak| results.push(peak.record(&gpu)))?;
        let mut timed = Vec::new();
        for workload in &workloads {
            timed.push((workload, workload.time(&gpu, &tiles)?));
            task.advance(1);
        }
        task.finish();
        show(&gpu, Roofline::of(&peaks), &timed, &mut results)?;
        results.finish()
    }
}

/// A table with a row for each of the adapter's limits.
fn peak_table(peaks: &[Peak]) -> Table {
    let mut table = Table::new(["limit", "measured"].map(String::from).to_vec());
    peaks.iter().for_each(|peak| table.push(vec![peak.name.into(), peak.figure()]));
    table
}

/// Prints a table with a row for each kernel, layer and amount of work.
fn show(
    gpu: &Gpu,
    limits: Roofline,
    all: &[(&Workload, Vec<TimedKernel>)],
    results: &mut BenchResults<'_>,
) -> Result<()> {
    let header = ["kernel", "frames", "dispatched by", "µs", "GFLOP/s", "GB/s", "% of limit"];
    let mut table = Table::new(header.map(String::from).to_vec());
    let mut seen: Vec<&TimedKernel> = Vec::new();
    for (workload, timed) in all.iter().flat_map(|(workload, timed)| timed.iter().map(move |timed| (*workload, timed)))
    {
        let kernel = &timed.kernel;
        // Methods share most of their kernels.
        if seen.iter().any(|known| known.kernel.label() == kernel.label() && known.kernel.work == kernel.work) {
            continue;
        }
        seen.push(timed);
        let (seconds, work) = (kernel.seconds(), kernel.work);
        table.push(vec![
            kernel.label(),
            workload.frames().to_string(),
            timed.workload.clone(),
            format!("{:.1}", seconds * 1e6),
            format!("{:.2}", work.flops / seconds * 1e-9),
            format!("{:.2}", work.bytes / seconds * 1e-9),
            format!("{:.1}", 100.0 * limits.share(kernel)),
        ]);
        let mut record = workload.record(gpu, timed)?;
        record.set("gflops", (work.flops / seconds * 1e-9).into());
        record.set("gbps", (work.bytes / seconds * 1e-9).into());
        record.set("share_of_limit", limits.share(kernel).into());
        results.push(record)?;
    }
    results.show(&table)
}
