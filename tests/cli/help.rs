//! The `--help` of every command: its examples work, and its words are those of the field.

use clap::{Command, CommandFactory, Parser};
use weaklabel::cli::Cli;

use crate::support::program::run;

/// The help of `command` and of all commands below it, with their names.
fn helps(command: &Command, before: &str) -> Vec<(String, String)> {
    let name = format!("{before}{}", command.get_name());
    let mut all = vec![(name.clone(), command.clone().render_long_help().to_string())];
    all.extend(command.get_subcommands().flat_map(|below| helps(below, &format!("{name} "))));
    all
}

fn all() -> Vec<(String, String)> {
    helps(&Cli::command(), "")
}

/// The command lines below "Examples:", without the explanations beside them.
fn examples(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| line.trim() != "Examples:").skip(1);
    lines.take_while(|line| !line.trim().is_empty()).map(|line| line.trim().split("   ").next().unwrap()).collect()
}

#[test]
fn every_help_has_examples_that_can_be_typed() {
    let all = all();
    assert!(all.len() > 20, "{all:?}");
    for (name, help) in &all {
        let examples = examples(help);
        assert!(!examples.is_empty(), "{name} has no example: {help}");
        let group = name.split(' ').take(2).collect::<Vec<_>>().join(" ");
        assert!(examples.iter().any(|example| example.starts_with(&group)), "{name}: {examples:?}");
        for example in examples {
            let words = example.split(['|', '>']).next().unwrap().split_whitespace();
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{name}: {example}: {error}");
            }
        }
    }
    // The short help has them, too.
    assert!(run("train -h").1.contains("Examples:"));
}

#[test]
fn help_needs_no_other_document() {
    for (name, help) in all() {
        let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '§').collect();
        for private in ["SPEC", "§", "population", "oracle"] {
            assert!(!words.contains(&private), "{name} says {private}: {help}");
        }
        // E and G are the paper's names of the two networks.
        assert!(!words.iter().any(|word| ["E", "G"].contains(word)), "{name}: {help}");
    }
}
