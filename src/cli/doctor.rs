//! `weaklabel doctor`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::{Session, dump_wgsl, output};
use crate::gpu::{AdapterDescription, Gpu};
use crate::kernels::{KernelEntry, REGISTRY};
use crate::output::Table;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel doctor
  weaklabel doctor --adapter 1 --kernel conv_forward

A kernel is a program for the GPU. Each computes cases whose right answer is known from 64-bit arithmetic on the CPU.";

/// `weaklabel doctor`: run every kernel on this machine's adapter and compare with 64-bit arithmetic on the CPU.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// Check this kernel only; repeatable
    #[arg(long = "kernel", value_name = "NAME", value_parser = PossibleValuesParser::new(REGISTRY.iter().map(|e| e.name)))]
    pub kernels: Vec<String>,
    /// Write the WGSL that is compiled for this adapter to DIR, one file for each form of a kernel, and check nothing
    #[arg(long, value_name = "DIR")]
    pub dump_wgsl: Option<PathBuf>,
    /// Write into DIR even if it is not empty
    #[arg(long, requires = "dump_wgsl")]
    pub force: bool,
}

#[derive(Debug, Serialize)]
struct DoctorReport<'a> {
    adapter: &'a AdapterDescription,
    /// Whether kernels can be timed on the adapter.
    timestamps: bool,
    kernels: Vec<Checkup>,
    ok: bool,
}

/// Results of a kernel in all its cases.
#[derive(Debug, Serialize)]
struct Checkup {
    kernel: &'static str,
    /// Number of cases; 0 for a kernel that the device never runs.
    cases: usize,
    /// Largest error of all cases; absent when a case failed, or where there is none.
    largest_error: Option<f64>,
    /// Messages, one per failed case.
    failures: Vec<String>,
}

impl Doctor {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Error::Tolerance`] when a case fails; otherwise as [`Session::open_gpu`], or what the device reports.
    /// With `--dump-wgsl`, the errors of making the kernels and [`Error::Io`].
    pub fn run(self, session: &Session) -> Result<()> {
        let asked =
            |entry: &&KernelEntry| self.kernels.is_empty() || self.kernels.iter().any(|name| name == entry.name);
        let entries: Vec<&KernelEntry> = REGISTRY.iter().filter(asked).collect();
        if let Some(folder) = &self.dump_wgsl {
            dump_wgsl::check_folder(folder, self.force)?;
            let files = dump_wgsl::write(folder, &session.open_gpu()?, &entries)?;
            if session.options.json {
                return output::print_json(&files);
            }
            return output::print(&format!("{} files in {}\n", files.len(), folder.display()));
        }
        let gpu = session.open_gpu()?;
        let task = session.progress.task("checking kernels", entries.len() as u64);
        let mut kernels = Vec::with_capacity(entries.len());
        for entry in entries {
            kernels.push(examine(entry, &gpu)?);
            task.advance(1);
        }
        task.finish();
        let timestamps = gpu.adapter().features.contains(&"timestamps");
        let ok = kernels.iter().all(Checkup::ok);
        let report = DoctorReport { adapter: gpu.adapter(), timestamps, kernels, ok };
        if session.options.json {
            output::print_json(&report)?;
        } else {
            output::print(&report.text())?;
        }
        report.verdict()
    }
}

/// Runs all cases of a kernel, also after a failed one, but not on a device that no longer works.
fn examine(entry: &KernelEntry, gpu: &Gpu) -> Result<Checkup> {
    let mut checkup = Checkup { kernel: entry.name, cases: 0, largest_error: None, failures: Vec::new() };
    for (_, outcome) in entry.run(gpu)? {
        checkup.cases += 1;
        match outcome {
            Ok(error) if checkup.ok() => checkup.largest_error = Some(checkup.largest_error.unwrap_or(0.0).max(error)),
            Ok(_) => {}
            Err(failure @ (Error::Tolerance(_) | Error::Kernel { .. })) => {
                gpu.check()?;
                checkup.largest_error = None;
                checkup.failures.push(failure.to_string());
            }
            Err(other) => return Err(other),
        }
    }
    Ok(checkup)
}

impl Checkup {
    fn ok(&self) -> bool {
        self.failures.is_empty()
    }
}

impl DoctorReport<'_> {
    fn text(&self) -> String {
        let mut table = Table::new(["kernel", "cases", "largest error", ""].map(String::from).to_vec());
        for checkup in &self.kernels {
            let error = match checkup.largest_error {
                None => "–".into(),
                Some(0.0) => "0".into(),
                Some(error) => format!("{error:.1e}"),
            };
            let verdict = match (checkup.ok(), checkup.cases) {
                (true, 0) => "not for this adapter",
                (true, _) => "ok",
                (false, _) => "FAIL",
            };
            table.push(vec![checkup.kernel.into(), checkup.cases.to_string(), error, verdict.into()]);
        }
        let mut text = format!("{} ({}, {})\n{table}", self.adapter.name, self.adapter.backend, self.adapter.driver);
        for failure in self.kernels.iter().flat_map(|checkup| &checkup.failures) {
            text += &format!("FAIL {failure}\n");
        }
        if !self.timestamps {
            text += "no timestamp queries: everything works, but kernels cannot be timed on this adapter\n";
        }
        text
    }

    fn verdict(&self) -> Result<()> {
        let n_cases: usize = self.kernels.iter().map(|checkup| checkup.cases).sum();
        let n_failed: usize = self.kernels.iter().map(|checkup| checkup.failures.len()).sum();
        if n_failed == 0 {
            return Ok(());
        }
        Err(Error::Tolerance(format!(
            "{n_failed} of {n_cases} cases are wrong on {}: update its driver, or choose another adapter with --adapter",
            self.adapter.name
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Gpu;

    /// A device that computes nothing: every output stays zero.
    #[test]
    fn wrong_numbers_are_failures_and_exit_5() {
        let gpu = Gpu::noop();
        let entry = REGISTRY.iter().find(|entry| entry.name == "linear_forward").expect("a kernel of the registry");
        let checkup = examine(entry, &gpu).unwrap();
        assert_eq!((checkup.failures.len(), checkup.largest_error, checkup.ok()), (checkup.cases, None, false));
        let report = DoctorReport { adapter: gpu.adapter(), timestamps: false, kernels: vec![checkup], ok: false };
        let text = report.text();
        assert!(text.contains("FAIL") && text.contains("no timestamp queries"), "{text}");
        let error = report.verdict().unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("cases are wrong on"), "{error}");
    }
}
