//! One name for one thing, and the older names, which still work.

use clap::Parser;
use weaklabel::cli::Cli;

use crate::support::program::run;

fn parsed(line: &str) -> String {
    format!("{:?}", Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}")))
}

#[test]
fn older_names_mean_the_same() {
    for (new, old) in [
        ("bench step --out a.json", "bench step --output a.json"),
        ("bench kernels -o a.json", "bench kernels --output a.json"),
        ("tune --out a.json", "tune --output a.json"),
        ("generate -o set --validation 10", "generate -o set --valid 10"),
        ("generate -o set --events 1-4", "generate -o set --events 1..4"),
        ("predict run a.wav --every 1s", "predict run a.wav --every 1"),
        ("eval run --seconds 200ms,10s", "eval run --seconds 0.2,10"),
        ("worker --store a.sqlite --idle-exit 60s", "worker --store a.sqlite --idle-exit 60"),
        ("reproduce -o study --only train=1s", "reproduce -o study --only train=1.0"),
        ("reproduce -o study --only train=200ms", "reproduce -o study --only train=0.2"),
    ] {
        assert_eq!(parsed(&format!("weaklabel {new}")), parsed(&format!("weaklabel {old}")));
        let command: Vec<&str> = old.split(' ').take_while(|word| !word.starts_with('-')).take(2).collect();
        let name = old.split(' ').find(|word| ["--output", "--valid", "--seeds"].contains(word));
        if let Some(name) = name {
            let command = if command[0] == "bench" { command.join(" ") } else { command[0].to_owned() };
            let help = run(&format!("{command} --help")).1;
            assert!(!help.contains(&format!("{name} ")), "{command} --help shows {name}");
        }
    }
}

#[test]
fn the_seeds_of_a_study_are_a_list_and_an_older_number() {
    let seeds = |words: &str| {
        let line = format!("weaklabel reproduce -o study {words}");
        let Ok(cli) = Cli::try_parse_from(line.split_whitespace()) else { panic!("{line}") };
        let weaklabel::cli::Command::Reproduce(reproduce) = cli.command else { panic!("{line}") };
        let mut config = weaklabel::config::Config::default();
        reproduce.apply(&mut config);
        config.study.seeds
    };
    assert_eq!(seeds(""), [1, 2, 3, 4, 5]);
    assert_eq!(seeds("--seed 1-3"), [1, 2, 3]);
    assert_eq!(seeds("--seed 4,7"), [4, 7]);
    assert_eq!(seeds("--seeds 2"), [1, 2]);
    let (code, _, errors) = run("reproduce -o study --seeds 2000 --dry-run");
    assert!(code == 3 && errors.contains("study.seeds"), "{errors}");
}

#[test]
fn a_guess_is_answered_with_the_right_name() {
    let (code, _, errors) = run("reproduce -o study --epochs 5");
    assert!(code == 2 && errors.contains("'--set train.epochs=…'"), "{errors}");
    let (code, _, errors) = run("export run");
    assert!(code == 2 && errors.contains("RUN/checkpoints/best*.safetensors"), "{errors}");
    let (code, _, errors) = run("train -o run --dry-run --set train.lr=1e-3");
    assert!(code == 3 && errors.contains("did you mean `optimiser.lr` or `tagger.lr`?"), "{errors}");
}
