//! `weaklabel man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Cli, output};
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  weaklabel man | man -l -
  weaklabel man -o ~/.local/share/man/man1";

/// `weaklabel man`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// Write one page per command into this folder instead
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Man {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Error::Io`] naming what cannot be written.
    pub fn run(self) -> Result<()> {
        let Some(folder) = self.out else {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|e| Error::io("render", "the manual page", e))?;
            return output::print_data(&String::from_utf8_lossy(&page));
        };
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        clap_mangen::generate_to(Cli::command(), &folder)
            .map_err(|e| Error::io("write the manual pages into", folder, e))
    }
}
