//! `weaklabel bench features`.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::results::Output;
use crate::base::counter_rng::Key;
use crate::bench::{Record, case, sample};
use crate::cli::Session;
use crate::config::{FeatureConfig, seconds};
use crate::data::features::extract;
use crate::gpu::Gpu;
use crate::output::Table;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel bench features
  weaklabel bench features --seconds 200ms,10s --clips 256 --json";

/// `weaklabel bench features`: how long it takes from decoded clips in memory to their log-mel on the adapter.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchFeatures {
    /// Lengths of the clips, as in 1,10 or 200ms,1s
    #[arg(long, value_name = "TIME,…", default_value = "10s", value_delimiter = ',', value_parser = seconds)]
    pub seconds: Vec<f64>,
    /// Clips of one measurement
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub clips: usize,
    /// Output of the measurements.
    #[command(flatten)]
    pub output: Output,
}

impl BenchFeatures {
    pub(super) fn run(&self, session: &Session) -> Result<()> {
        let config = session.options.configuration(|_| {})?.features;
        if self.clips == 0 {
            return Err(Error::Usage("--clips must be at least 1".into()));
        }
        if let Some(seconds) = self.seconds.iter().find(|s| !s.is_finite() || config.frames(**s) == 0) {
            return Err(Error::Usage(format!("--seconds {seconds}: a clip must have at least one frame")));
        }
        let mut results = self.output.begin(session)?;
        let cases = self.seconds.iter().map(|seconds| {
            case([("kind", json!("features")), ("seconds", json!(seconds)), ("clips", json!(self.clips))])
        });
        let cases: Vec<_> = cases.collect();
        cases.iter().try_for_each(|case| results.expect(case))?;
        let gpu = session.open_gpu()?;
        results.head(&gpu)?;
        let header = ["clips of", "ms per clip", "least", "most", "× real time"];
        let mut table = Table::new(header.map(String::from).to_vec());
        for (seconds, case) in self.seconds.iter().zip(cases) {
            let clips = random_clips(&config, *seconds);
            // Compiles kernels and fills caches.
            self.extract(&gpu, &config, *seconds, &clips)?;
            let samples = sample(|| self.extract(&gpu, &config, *seconds, &clips))?;
            table.push(vec![
                format!("{seconds} s"),
                format!("{:.3}", samples.median()),
                format!("{:.3}", samples.min()),
                format!("{:.3}", samples.max()),
                format!("{:.0}", seconds * 1e3 / samples.median()),
            ]);
            results.push(Record::new(case, samples, gpu.adapter()))?;
        }
        results.show(&table)?;
        results.finish()
    }

    /// Seconds per clip.
    fn extract(&self, gpu: &Gpu, config: &FeatureConfig, seconds: f64, clips: &[Vec<f32>]) -> Result<f64> {
        let start = Instant::now();
        let audio = |clip: usize| Ok((clips[clip % clips.len()].clone(), ()));
        extract(gpu, config, self.clips, config.frames(seconds), &audio, &|_| {})?;
        Ok(start.elapsed().as_secs_f64() / self.clips as f64)
    }
}

/// Different clips; more of them would only take memory.
const DIFFERENT: u64 = 8;

fn random_clips(config: &FeatureConfig, seconds: f64) -> Vec<Vec<f32>> {
    let samples = (seconds * f64::from(config.rate)).round() as usize;
    let clip = |index: u64| {
        let mut stream = Key::new(0).named("clip").child(index).stream();
        (0..samples).map(|_| stream.uniform(-0.1, 0.1) as f32).collect()
    };
    (0..DIFFERENT).map(clip).collect()
}
