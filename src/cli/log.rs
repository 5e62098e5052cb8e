//! The log: short lines on stderr, whose control characters are escaped, and every event as JSON in a run's
//! `log.jsonl`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ColorChoice;
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format;
use tracing_subscriber::prelude::*;

use super::Options;
use crate::base::environment;
use crate::base::printable;
use crate::output::Progress;

/// The log file, which receives nothing until [`Log::attach`].
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Option<File>>>);

impl Log {
    /// Appends all later events to `file` as well.
    pub fn attach(&self, file: File) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines to stderr above the progress bars.
struct AboveBars(Progress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Installs the log. `RUST_LOG`, or else `-q` and `-v`, decides which events stderr shows.
pub fn start(options: &Options, progress: &Progress) -> Log {
    let log = Log::default();
    // Tests may start a second session in one process: the first log stays.
    let _ = subscriber(options, progress, &log).try_init();
    log
}

fn subscriber(options: &Options, progress: &Progress, log: &Log) -> impl Subscriber + Send + Sync + 'static {
    let asked = environment::variable(EnvFilter::DEFAULT_ENV);
    let asked = asked.and_then(|directives| EnvFilter::try_new(directives.to_str()?).ok());
    let shown = asked.unwrap_or_else(|| EnvFilter::new(filter(options)));
    let (screen, file) = (progress.clone(), log.clone());
    // Failures of the log itself, on a closed stderr or a full disk, do not end the run.
    let fields = format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", printable::message(&value)),
            name => write!(writer, "{name}={}", printable::line(&value)),
        }
    });
    let lines = fmt::layer()
        .fmt_fields(fields.delimited(" "))
        .without_time()
        .with_target(options.verbose > 0)
        .with_ansi(colours(options.color))
        .log_internal_errors(false)
        .with_writer(move || AboveBars(screen.clone()))
        .with_filter(shown);
    let json = fmt::layer()
        .json()
        .log_internal_errors(false)
        .with_writer(move || file.clone())
        .with_filter(EnvFilter::new("warn,weaklabel=info"));
    tracing_subscriber::registry().with(lines).with(json)
}

/// The default filter. Libraries are logged one level of `-v` later than the program itself.
fn filter(options: &Options) -> &'static str {
    match (options.quiet, options.verbose) {
        (true, _) => "error",
        (false, 0) => "error,weaklabel=info",
        (false, 1) => "warn,weaklabel=debug",
        (false, 2) => "info,weaklabel=trace",
        (false, _) => "trace",
    }
}

fn colours(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let refused = environment::variable("NO_COLOR").is_some();
            let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
            io::stderr().is_terminal() && !refused && !dumb
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::ProgressMode;

    #[test]
    fn events_reach_the_attached_file_as_json_even_when_quiet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let (log, options) = (Log::default(), Options { quiet: true, ..Options::default() });
        tracing::subscriber::with_default(subscriber(&options, &Progress::new(ProgressMode::None), &log), || {
            tracing::info!("before");
            log.attach(File::create(&path).unwrap());
            tracing::info!(epoch = 3, "after");
            tracing::debug!("too much");
        });
        let text = std::fs::read_to_string(path).unwrap();
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&event["fields"]["epoch"], &event["fields"]["message"]), (&3.into(), &"after".into()));
    }
}
