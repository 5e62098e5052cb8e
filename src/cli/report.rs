//! `weaklabel report`.

use std::path::PathBuf;

use clap::Args;

use super::{Session, reproduce};
use crate::Result;
use crate::study::StudyDir;

/// `weaklabel report`: write the report of a study again, from the cells that are finished.
#[derive(Debug, Args)]
pub struct Report {
    /// The study folder
    pub study: PathBuf,
}

impl Report {
    /// Writes it.
    ///
    /// # Errors
    /// As [`reproduce::report`].
    pub fn run(self, session: &Session) -> Result<()> {
        let (folder, config) = StudyDir::read(&self.study)?;
        reproduce::report(session, &folder, &config)
    }
}
