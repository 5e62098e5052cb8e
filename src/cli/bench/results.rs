//! Output of measurements: lines of JSON, tables for terminals and for Markdown, files, and the comparison with a file.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use crate::bench::{BenchComparison, Record};
use crate::cli::Session;
use crate::cli::output::{print, print_json};
use crate::gpu::Gpu;
use crate::output::Table;
use crate::{Error, Result};

/// Output of measurements.
#[derive(Debug, Args)]
pub struct Output {
    /// Write the measurements to a file, a line of JSON each
    #[arg(short, long, alias = "output", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Compare with the measurements in a file; the exit code is 5 when something is slower beyond the noise
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Print tables in Markdown, with what they were measured on
    #[arg(long)]
    pub markdown: bool,
}

/// Measurements as they come in.
pub struct BenchResults<'a> {
    output: &'a Output,
    session: &'a Session,
    before: Option<Vec<Record>>,
    records: Vec<Record>,
}

impl Output {
    /// Reads the file to compare with, before any measurement.
    ///
    /// # Errors
    /// The errors of [`Record::read`].
    pub fn begin<'a>(&'a self, session: &'a Session) -> Result<BenchResults<'a>> {
        if self.markdown && session.options.json {
            return Err(Error::Usage("--markdown and --json exclude each other".into()));
        }
        let before = self.compare.as_deref().map(Record::read).transpose()?;
        Ok(BenchResults { output: self, session, before, records: Vec::new() })
    }
}

impl BenchResults<'_> {
    /// Checks that the file to compare with holds `case`.
    ///
    /// # Errors
    /// The errors of [`Record::find`].
    pub fn expect(&self, case: &Map<String, Value>) -> Result<()> {
        self.before.as_deref().map_or(Ok(()), |before| Record::find(before, case).map(|_| ()))
    }

    /// Prints the adapter and the versions at the head of Markdown.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub fn head(&self, gpu: &Gpu) -> Result<()> {
        if !self.output.markdown {
            return Ok(());
        }
        let adapter = gpu.adapter();
        print(&format!(
            "**{}**, {}, {}, {} {}, weaklabel {}\n\n",
            adapter.name,
            adapter.backend,
            adapter.driver,
            std::env::consts::OS,
            std::env::consts::ARCH,
            env!("CARGO_PKG_VERSION"),
        ))
    }

    /// Keeps a measurement; as JSON it is printed at once.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub fn push(&mut self, record: Record) -> Result<()> {
        if self.session.options.json {
            print_json(record.line())?;
        }
        self.records.push(record);
        Ok(())
    }

    /// Shows a table where JSON is not asked for.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub fn show(&self, table: &Table) -> Result<()> {
        match (self.session.options.json, self.output.markdown) {
            (true, _) => Ok(()),
            (_, true) => print(&format!("{}\n", table.markdown())),
            (_, false) => print(&format!("{table}\n")),
        }
    }

    /// Shows a line of text where JSON is not asked for.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub fn say(&self, line: &str) -> Result<()> {
        if self.session.options.json { Ok(()) } else { print(&format!("{line}\n")) }
    }

    /// Writes the file, and compares.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; [`Error::Tolerance`] when something is slower than before.
    pub fn finish(self) -> Result<()> {
        if let Some(path) = &self.output.out {
            Record::write(path, &self.records)?;
        }
        let Some(before) = &self.before else { return Ok(()) };
        let comparison = BenchComparison::new(&self.records, before)?;
        self.say(&format!("before: {}", comparison.adapters_before()))?;
        self.show(&comparison.table())?;
        comparison.check()
    }
}
