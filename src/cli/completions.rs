//! `weaklabel completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};
use crate::Result;

const EXAMPLES: &str = "\
Examples:
  weaklabel completions bash > ~/.local/share/bash-completion/completions/weaklabel
  weaklabel completions fish > ~/.config/fish/completions/weaklabel.fish";

/// `weaklabel completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell that is to complete the commands and options of weaklabel
    pub shell: Shell,
}

impl Completions {
    /// Runs the command.
    ///
    /// # Errors
    /// The errors of [`output::print_data`].
    pub fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "weaklabel", &mut script);
        output::print_data(&String::from_utf8_lossy(&script))
    }
}
