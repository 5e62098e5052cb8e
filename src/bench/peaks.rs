//! Limits of a device, measured by kernels that do nothing else, in the same run as the kernels compared with them.

use std::time::Instant;

use serde_json::json;

use super::measure::{measure, sample};
use super::{Record, Samples, case};
use crate::Result;
use crate::gpu::{Gpu, Kernel, KernelTime, Recording, Work};
use crate::kernels::probe::{Copy, MultiplyAdd, Touch, WorkgroupLoad};

/// A measured limit of a device.
#[derive(Debug, Clone)]
pub struct Peak {
    /// Name of the limit.
    pub name: &'static str,
    /// Times of one dispatch.
    pub samples: Samples,
    /// Work of one dispatch, in operations or bytes, and the unit of the rate. `None` where the time itself is the
    /// limit.
    rate: Option<(f64, &'static str)>,
}

impl Peak {
    /// Formats the median rate, or the median time, with its unit.
    pub fn figure(&self) -> String {
        match self.rate {
            Some((_, unit)) => format!("{:.1} {unit}", self.per_second() * 1e-9),
            None => format!("{:.1} µs", self.samples.median() * 1e3),
        }
    }

    /// Returns the limit as a line of a measurement file.
    pub fn record(&self, gpu: &Gpu) -> Record {
        let case = case([("kind", json!("peak")), ("name", json!(self.name))]);
        let mut record = Record::new(case, self.samples.clone(), gpu.adapter());
        if let Some((_, unit)) = self.rate {
            record.set("rate", json!(self.per_second() * 1e-9));
            record.set("unit", json!(unit));
        }
        record
    }

    fn per_second(&self) -> f64 {
        self.rate.map_or(0.0, |(amount, _)| amount / self.samples.median() * 1e3)
    }
}

/// The roofline of a device: the bounds on a kernel by arithmetic and by memory.
#[derive(Debug, Clone, Copy)]
pub struct Roofline {
    /// Peak rate of arithmetic, in floating-point operations per second.
    pub flops: f64,
    /// Peak rate of memory, in bytes per second.
    pub bytes: f64,
}

impl Roofline {
    /// Takes the highest measured rates.
    pub fn of(peaks: &[Peak]) -> Self {
        let best = |unit: &str, among: &[&str]| {
            let of_unit = |peak: &&Peak| among.contains(&peak.name) && peak.rate.is_some_and(|(_, u)| u == unit);
            peaks.iter().filter(of_unit).map(Peak::per_second).fold(0.0, f64::max)
        };
        Self { flops: best(FLOPS, &[SCALAR, VECTOR]), bytes: best(BYTES, &[COPY]) }
    }

    /// Returns the share of the time of `kernel` that its work would take at the limit.
    pub fn share(&self, kernel: &KernelTime) -> f64 {
        self.least_seconds(kernel.work) / kernel.seconds()
    }

    fn least_seconds(&self, work: Work) -> f64 {
        (work.flops / self.flops).max(work.bytes / self.bytes)
    }
}

const FLOPS: &str = "GFLOP/s";
const BYTES: &str = "GB/s";
const SCALAR: &str = "multiply-add, f32";
const VECTOR: &str = "multiply-add, vec4<f32>";
const COPY: &str = "copy, read + write";

/// Bytes of each side of the copy, beyond the caches of CPUs and GPUs.
const COPIED: u64 = 256 << 20;
/// Number of rows for recordings that read no schedule, which may be replayed any number of times.
const ROWS: usize = 1 << 20;

/// Measures all limits, which takes some seconds.
///
/// # Errors
/// The errors of the device.
pub fn peaks(gpu: &Gpu) -> Result<Vec<Peak>> {
    let software = gpu.class().is_software();
    let (threads, rounds) = if software { (1 << 13, 64) } else { (1 << 20, 64) };
    let copied = COPIED.min(gpu.max_binding_bytes() / 2) as usize / 16 * 4;
    let rated = |name, unit: &'static str, kernel: Box<dyn Kernel>| -> Result<Peak> {
        let work = kernel.work();
        let amount = if unit == FLOPS { work.flops } else { work.bytes };
        let mut recording = Recording::new(name);
        recording.push_boxed(kernel);
        Ok(Peak { name, samples: measure(gpu, &recording.resolve(gpu)?, ROWS)?, rate: Some((amount, unit)) })
    };
    let mut peaks = vec![
        rated(SCALAR, FLOPS, Box::new(MultiplyAdd::new(gpu, threads, false, 12, rounds)?))?,
        rated(VECTOR, FLOPS, Box::new(MultiplyAdd::new(gpu, threads, true, 4, rounds)?))?,
        rated(COPY, BYTES, Box::new(Copy::new(gpu, copied)?))?,
        rated("workgroup memory, f32 loads", BYTES, Box::new(WorkgroupLoad::new(gpu, threads, rounds)?))?,
    ];
    let mut recording = Recording::new("touch");
    recording.push(Touch { count: gpu.tensor("count", &[64])? });
    let recording = recording.resolve(gpu)?;
    peaks.push(Peak { name: "a dispatch after another", samples: measure(gpu, &recording, ROWS)?, rate: None });
    let submits = || {
        let start = Instant::now();
        for _ in 0..SUBMITS {
            gpu.time(&recording, 1)?;
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(SUBMITS))
    };
    peaks.push(Peak { name: "a submit and the wait for it", samples: sample(submits)?, rate: None });
    Ok(peaks)
}

const SUBMITS: u32 = 100;
