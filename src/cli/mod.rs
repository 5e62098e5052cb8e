//! The command line: one file per command, and what all commands share.
//!
//! Results go to stdout, progress and messages to stderr; with `--json` stdout holds JSON and nothing else.

pub mod audio_files;
pub mod bench;
pub mod cache;
pub mod compiling;
pub mod completions;
pub mod config;
pub mod data;
pub mod data_source;
pub mod devices;
pub mod doctor;
mod dry_run;
mod dump_wgsl;
pub mod embed;
pub mod eval;
pub mod fitted;
pub mod generate;
pub mod given_up;
pub mod hints;
pub mod log;
pub mod man;
mod material;
pub mod often_set;
pub mod options;
pub mod output;
pub mod panics;
pub mod predict;
pub mod report;
pub mod reproduce;
pub mod search;
pub mod seeds;
pub mod session;
pub mod signals;
pub mod status;
pub mod store_options;
pub mod tags;
pub mod tiles;
pub mod train;
pub mod trained;
pub mod tune;
pub mod windows;
pub mod worker;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::builder::Resettable;
use clap::{Arg, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use options::Options;
pub use session::Session;

use crate::Result;
use crate::base::{environment, printable, secrets};

const AFTER_HELP: &str = "\
Examples:
  weaklabel train -o run                                  a first training, on the built-in sounds
  weaklabel eval run                                      its scores on clips that it has not seen
  weaklabel predict run street.wav --every 1s             its tags for every second of a file
  weaklabel train -o run2 --set train.epochs=50           the same with another setting
  weaklabel config print                                  all settings

Exit codes:
   0  all done
   1  failed
   2  wrong usage
   3  bad configuration or data
   4  no usable adapter, or the device was lost
   5  numbers out of tolerance
   6  partly done
  75  stopped early: continue with train --resume, or with the same command
 130  ended by a second signal

Environment:
  WEAKLABEL_*       the options marked with [env: …]
  WEAKLABEL_CACHE   where features, hashes of data and tiles are kept [default: the system's folder for caches]
  RUST_LOG          what is logged, for example weaklabel=debug
  RAYON_NUM_THREADS threads when --jobs is absent
  NO_COLOR          no colours";

/// Train and evaluate audio taggers on weak labels, on any GPU.
#[derive(Debug, Parser)]
#[command(name = "weaklabel", version, after_help = AFTER_HELP, max_term_width = 120)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// The options that every command accepts.
    #[command(flatten)]
    pub options: Options,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draw a dataset from a soundbank
    Generate(generate::Generate),
    /// Show what is understood of a dataset of your own
    Data(data::Data),
    /// Train one tagger, or several with different seeds at once
    Train(train::Train),
    /// Score a trained run on the evaluation clips
    Eval(eval::Eval),
    /// Tag audio files with a trained run
    Predict(predict::Predict),
    /// Turn audio files into embeddings with a trained run
    Embed(embed::Embed),
    /// Run the paper's whole study, or continue it, and write its report
    Reproduce(reproduce::Reproduce),
    /// Search for a good configuration, or continue a search, and write its report
    Search(search::Search),
    /// Help with the searches and studies in a store: train their trials
    Worker(worker::Worker),
    /// Show how far a search or a study is
    Status(status::Status),
    /// Write the report of a study or a search again
    Report(report::Report),
    /// List the adapters, with their limits and features
    Devices(devices::Devices),
    /// Check the kernels on this machine's adapter
    Doctor(doctor::Doctor),
    /// Measure the speed of trainings, kernels and features
    Bench(bench::Bench),
    /// Find the fastest register tiles for this machine's adapter
    Tune(tune::Tune),
    /// List the features that are kept for later trainings, or remove them
    Cache(cache::CacheCommand),
    /// Print or check a configuration
    Config(config::ConfigCommand),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print the manual page, or write the pages of all commands
    Man(man::Man),
}

/// Runs the command line `args`, whose first element is the program's name. Wrong usage, `--help` and `--version` end
/// the process here, as clap does.
///
/// # Errors
/// Whatever the command meets; the caller prints it.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<()> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut words = secrets::words_of_process();
    words.extend(args.iter().map(|word| word.to_string_lossy().into_owned()));
    let command = without_empty_variables(Cli::command());
    let matches = command.color(colour_choice(&args)).try_get_matches_from(args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches)).unwrap_or_else(|mut error| {
        hints::add(&mut error);
        end(&error, &words)
    });
    let session = Session::start(cli.options)?;
    match cli.command {
        Command::Generate(command) => command.run(&session),
        Command::Data(command) => command.run(&session),
        Command::Train(command) => command.run(&session),
        Command::Eval(command) => command.run(&session),
        Command::Predict(command) => command.run(&session),
        Command::Embed(command) => command.run(&session),
        Command::Reproduce(command) => command.run(&session),
        Command::Search(command) => command.run(&session),
        Command::Worker(command) => command.run(&session),
        Command::Status(command) => command.run(&session),
        Command::Report(command) => command.run(&session),
        Command::Devices(command) => command.run(&session),
        Command::Doctor(command) => command.run(&session),
        Command::Bench(command) => command.run(&session),
        Command::Tune(command) => command.run(&session),
        Command::Cache(command) => command.run(&session),
        Command::Config(command) => command.run(&session),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

/// `command` whose options take nothing from variables that are set and empty.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let without = |arg: Arg| match arg.get_env().and_then(std::env::var_os) {
        Some(value) if value.is_empty() => arg.env(Resettable::Reset),
        _ => arg,
    };
    command.mut_args(without).mut_subcommands(without_empty_variables)
}

/// Ends the process as clap does, without repeating a password of the command line or what steers a terminal.
fn end(error: &clap::Error, words: &[String]) -> ! {
    let message = error.to_string();
    let hidden = secrets::hide(&message, words);
    let shown = printable::lines(&hidden);
    if shown == message {
        error.exit()
    }
    // Writing fails if stderr is closed; the exit code remains.
    let _ = write!(io::stderr(), "{shown}");
    std::process::exit(error.exit_code())
}

/// The value of `--color`, looked up by hand because usage errors are coloured before the options are parsed.
fn colour_choice(args: &[OsString]) -> ColorChoice {
    let words: Vec<_> = args.iter().map(|a| a.to_string_lossy()).take_while(|a| a != "--").collect();
    let spaced = words.windows(2).filter(|pair| pair[0] == "--color").map(|pair| pair[1].as_ref());
    let joined = words.iter().filter_map(|word| word.strip_prefix("--color="));
    let flag = spaced.chain(joined).last().map(str::to_owned);
    let chosen = flag.or_else(|| environment::variable("WEAKLABEL_COLOR")?.into_string().ok());
    chosen.and_then(|name| ColorChoice::from_str(&name, false).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_colour_is_found_before_parsing() {
        let choice = |words: &[&str]| colour_choice(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(choice(&["weaklabel", "--color", "never", "man"]), ColorChoice::Never);
        assert_eq!(choice(&["weaklabel", "man", "--color=always"]), ColorChoice::Always);
        assert_eq!(choice(&["weaklabel", "--", "--color=always"]), ColorChoice::Auto);
        assert_eq!(choice(&["weaklabel", "--color=purple"]), ColorChoice::Auto);
    }
}
