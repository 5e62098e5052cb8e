//! Variables of the environment that are set and empty.

use clap::CommandFactory;
use weaklabel::cli::Cli;

use crate::support::program::{outcome, run, weaklabel};

/// The variables that options of `command` and of its subcommands take their values from.
fn variables(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str().unwrap().to_owned()));
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

#[test]
fn a_variable_that_is_set_and_empty_counts_as_not_set() {
    let mut names = variables(&Cli::command());
    assert!(names.iter().any(|name| name == "WEAKLABEL_STORE"), "{names:?}");
    let others = ["WGPU_BACKEND", "WGPU_ADAPTER_NAME", "WGPU_VALIDATION", "WGPU_DEBUG", "RUST_LOG", "NO_COLOR"];
    names.extend(others.map(String::from));
    for line in ["config print", "devices --json", "doctor --progress none --kernel gather_rows"] {
        let mut command = weaklabel(&[]);
        command.args(line.split(' ')).envs(names.iter().map(|name| (name, "")));
        assert_eq!(outcome(command.output().unwrap()), run(line), "{line}");
    }
    // An option that a command cannot do without is asked for.
    let (code, _, errors) = outcome(weaklabel(&["status"]).env("WEAKLABEL_STORE", "").output().unwrap());
    assert!(code == 2 && errors.contains("required") && errors.contains("--store"), "{errors}");
}
