//! Trials that were given up: the message about them, and the option that tries them again.

use clap::Args;

use crate::base::printable::counted;
use crate::experiments::search::TrialState;
use crate::experiments::store::{Registered, Store};
use crate::{Error, Result};

/// Whether trials that were given up are tried again.
#[derive(Debug, Clone, Args)]
pub struct RetryOption {
    /// Try the trials again that were given up
    #[arg(long)]
    pub retry_failed: bool,
}

impl RetryOption {
    /// Marks the trials of `study` that were given up to be tried again, if the option is set.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn apply(&self, store: &mut Store, study: &Registered) -> Result<()> {
        if self.retry_failed {
            let trials = store.retry_failed(study)?;
            tracing::info!("study {}: {} tried again", study.study.name, counted(trials as usize, "failed trial"));
        }
        Ok(())
    }
}

/// Logs how many trials of a finished study were given up, and the reason of the first.
///
/// # Errors
/// [`Error::Partly`] when trials were given up; [`Error::Store`].
pub fn say(store: &mut Store, study: &Registered) -> Result<()> {
    let rows = store.trials(study)?;
    let mut failed = rows.iter().filter(|row| row.state == TrialState::Failed);
    let Some(first) = failed.next() else { return Ok(()) };
    let (failed, all) = (failed.count() + 1, study.study.halving.trials);
    let (name, reason) = (&study.study.name, first.reason.as_deref().unwrap_or("for an unknown reason"));
    tracing::warn!(
        "study {name}: {failed} of {all} trials were given up, first trial {} on rung {}: {reason}; --retry-failed tries \
         them again",
        first.number,
        first.rung
    );
    Err(Error::Partly { what: "trials were given up", failed, all })
}
