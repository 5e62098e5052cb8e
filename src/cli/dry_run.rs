//! `weaklabel train --dry-run`: steps, memory and time of a training before it starts.

use std::time::Instant;

use serde_json::json;

use super::Session;
use super::material::Material;
use super::output::{print, print_json};
use crate::config::Config;
use crate::data::features::extract;
use crate::data::scenes::Subset;
use crate::gpu::Gpu;
use crate::train::{PlannedData, memory_estimate, time_estimate};
use crate::{Error, Result};

/// Time in seconds in which clips are read and extracted for the estimate, about.
const SAMPLE_S: f64 = 2.0;
/// Most clips that are read for the estimate.
const MOST_CLIPS: usize = 64;

/// Estimated time of a training in seconds.
struct Time {
    /// Reading or mixing clips, and extraction of their features.
    features: f64,
    /// All steps and validations.
    training: f64,
}

/// Prints the steps, the memory and the time of a training. `paper` is a new device for a dry run.
///
/// # Errors
/// The errors of [`memory_estimate`]. A time that cannot be measured is no error.
pub fn dry_run(session: &Session, paper: &Gpu, material: &Material) -> Result<()> {
    material.log();
    let Material { config, dataset, train, draws, .. } = material;
    let validation = dataset.len(Subset::Validation);
    let data = PlannedData { classes: dataset.classes(), train, validation };
    let needed = memory_estimate(paper, &session.tiles(paper)?, config, &data)?;
    warn_of_memory(config, needed.bytes);
    let time = session.open_gpu().and_then(|gpu| {
        let training = time_estimate(&gpu, &session.tiles(&gpu)?, config, &data, draws)?;
        Ok(Time { features: features_seconds(&gpu, material)?, training })
    });
    let adapter = &paper.adapter().name;
    if session.options.json {
        let seconds = time.as_ref().map(|time| json!({"features": time.features, "training": time.training}));
        let reason = time.as_ref().err().map(Error::with_causes);
        let mut value = json!({
            "adapter": adapter,
            "steps": needed.steps,
            "bytes": needed.bytes,
            "features": needed.plan.in_words(),
            "seconds": seconds.ok(),
        });
        if let Some(reason) = reason {
            value["not_measured"] = reason.into();
        }
        return print_json(&value);
    }
    let mib = needed.bytes as f64 / f64::from(1 << 20);
    let time = match time {
        Ok(Time { features, training }) => format!(
            "about {}: {} for features and {} for the steps. This is an estimate from a few clips and steps on this adapter; \
             early stopping makes a training shorter",
            rounded(features + training),
            rounded(features),
            rounded(training)
        ),
        Err(error) => format!("time not measured: {}", error.with_causes()),
    };
    print(&format!(
        "{} training and {validation} validation segments of {} s\nat most {} steps\n{mib:.0} MiB on {adapter}\n{}\n{time}\n",
        train.len(),
        config.train.seconds,
        needed.steps,
        needed.plan.in_words(),
    ))
}

/// Warns if a training takes more memory on the GPU than `train.memory` allows.
pub fn warn_of_memory(config: &Config, bytes: u64) {
    if let Some(limit) = config.train.memory.filter(|limit| limit.0 < bytes) {
        tracing::warn!(
            "the training takes {:.0} MiB on the GPU, more than train.memory={limit}: features are within it, but not the \
             networks and batches beside them; smaller batches and fewer seeds take less",
            bytes as f64 / f64::from(1 << 20)
        );
    }
}

/// Estimates the time in seconds to read or mix all training and validation clips and to extract their features, from
/// some training clips.
fn features_seconds(gpu: &Gpu, material: &Material) -> Result<f64> {
    let Material { config, dataset, .. } = material;
    let [train, validation] = [Subset::Train, Subset::Validation].map(|subset| dataset.len(subset));
    let (seconds, frames) = (config.train.loaded_seconds(), config.features.frames(config.train.loaded_seconds()));
    let sample = |clips: usize| -> Result<f64> {
        let audio = |i: usize| Ok((dataset.segment(Subset::Train, i * train / clips, seconds)?.samples, ()));
        let start = Instant::now();
        extract(gpu, &config.features, clips, frames, &audio, &|_| {})?;
        Ok(start.elapsed().as_secs_f64())
    };
    // The first clip compiles kernels.
    sample(1)?;
    let of_one = sample(1)?;
    let clips = ((SAMPLE_S / of_one.max(1e-6)) as usize).clamp(1, MOST_CLIPS).min(train);
    Ok(sample(clips)? / clips as f64 * (train + validation) as f64)
}

/// Seconds in words, with two digits.
fn rounded(seconds: f64) -> String {
    match seconds {
        s if s < 9.5 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_words() {
        assert_eq!(
            [0.04, 3.21, 9.7, 119.0, 121.0, 7300.0].map(rounded),
            ["0.0 s", "3.2 s", "10 s", "119 s", "2 min", "2.0 h"]
        );
    }
}
