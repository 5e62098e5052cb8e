//! `weaklabel report`.

use std::path::PathBuf;

use clap::Args;

use super::store_options::StoreOptions;
use super::{Session, reproduce, search};
use crate::Result;
use crate::experiments::study::StudyDir;

const EXAMPLES: &str = "\
Examples:
  weaklabel report study
  weaklabel report search --store postgres://me@server/studies --name search";

/// `weaklabel report`: write the report of a study again, from the cells that are finished, or of a search, from its
/// store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// The folder of a study or a search
    pub study: PathBuf,
    /// Store of a search's trials; store.sqlite in its folder when no store is named.
    #[command(flatten)]
    pub shared: StoreOptions,
}

impl Report {
    /// Writes the report.
    ///
    /// # Errors
    /// The errors of [`reproduce::report`] and [`search::report_again`].
    pub fn run(self, session: &Session) -> Result<()> {
        if search::is_search(&self.study) {
            return search::report_again(session, &self.study, &self.shared);
        }
        if self.shared.store.is_some() || self.shared.name.is_some() {
            // Not refused: the store may come from the environment.
            tracing::warn!(
                "this is a study: its report is written from its cells, and --store and --name have no effect"
            );
        }
        let (folder, config) = StudyDir::read(&self.study)?;
        reproduce::report(session, &folder, &config)
    }
}
