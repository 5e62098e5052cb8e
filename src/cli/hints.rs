//! Hints for guesses: a command or an option that another program would have, with the name that it has here.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::keys_called;

/// Commands that are guessed, and what does the work here.
const COMMANDS: [(&[&str], &str); 9] = [
    (
        &["export", "save", "onnx"],
        "a trained model is a file already, RUN/checkpoints/best*.safetensors, which PyTorch and others can read; \
         embeddings are exported by 'weaklabel embed -o FILE.npy'",
    ),
    (&["fit", "training"], "'weaklabel train' trains"),
    (
        &["resume", "continue"],
        "'weaklabel train --resume -o RUN' continues a training; 'reproduce' and 'search' continue by themselves",
    ),
    (&["test", "score", "validate", "evaluate"], "'weaklabel eval RUN' scores a trained run"),
    (&["tag", "infer", "inference", "classify"], "'weaklabel predict RUN FILE…' tags audio files"),
    (&["gpus", "gpu", "adapters", "list", "info"], "'weaklabel devices' lists the adapters"),
    (&["study", "run", "paper"], "'weaklabel reproduce -o STUDY' runs the study"),
    (&["sweep", "hyperopt", "optimise", "optimize"], "'weaklabel search -o SEARCH' searches for a configuration"),
    (&["init", "settings", "defaults"], "'weaklabel config print' shows all settings"),
];

/// Options that are guessed, and the options that are meant.
const OPTIONS: [(&[&str], &str); 4] = [
    (&["device", "gpu", "cuda"], "--adapter"),
    (&["threads", "num-threads", "num-workers", "workers", "cores"], "--jobs"),
    (&["output", "output-dir", "out-dir", "outdir"], "--out"),
    (&["data", "data-dir", "dir"], "--dataset"),
];

/// Adds to `error`, a usage error, what was probably meant.
pub fn add(error: &mut clap::Error) {
    let guessed = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let hint = match error.kind() {
        ErrorKind::InvalidSubcommand => guessed(error, ContextKind::InvalidSubcommand).and_then(|name| command(&name)),
        ErrorKind::UnknownArgument => guessed(error, ContextKind::InvalidArg).and_then(|name| option(&name)),
        _ => None,
    };
    if let Some(hint) = hint {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(hint)]));
    }
}

fn command(guess: &str) -> Option<String> {
    let known = COMMANDS.iter().find(|(guesses, _)| guesses.contains(&guess));
    known.map(|(_, hint)| (*hint).to_owned())
}

fn option(guess: &str) -> Option<String> {
    let name = guess.strip_prefix("--")?.split('=').next()?;
    if let Some((_, meant)) = OPTIONS.iter().find(|(guesses, _)| guesses.contains(&name)) {
        return Some(format!("the option for it is '{meant}'"));
    }
    let keys = keys_called(name);
    let edits: Vec<String> = keys.iter().map(|key| format!("'--set {key}=…'")).collect();
    (!edits.is_empty()).then(|| format!("it is a setting: {}", edits.join(" or ")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn answer(line: &str) -> String {
        let mut error = Cli::command().try_get_matches_from(line.split(' ')).unwrap_err();
        add(&mut error);
        error.to_string()
    }

    #[test]
    fn a_guessed_option_gets_its_setting_or_its_name() {
        for (line, hint) in [
            ("weaklabel reproduce -o study --epochs 5", "'--set train.epochs=…'"),
            ("weaklabel reproduce -o study --epochs=5", "'--set train.epochs=…'"),
            ("weaklabel search -o search --lr 1e-3", "'--set optimiser.lr=…'"),
            ("weaklabel search -o search --learning-rate 1e-3", "'--set optimiser.lr=…'"),
            ("weaklabel search -o search --batch-size 20", "'--set train.batch=…'"),
            ("weaklabel train -o run --dropout 0.1", "'--set model.dropout=…'"),
            ("weaklabel predict run --device cuda", "'--adapter'"),
            ("weaklabel train --output run", "'--out'"),
        ] {
            let answer = answer(line);
            assert!(answer.contains("tip: ") && answer.contains(hint), "{line}: {answer}");
        }
    }

    #[test]
    fn a_guessed_command_gets_the_one_that_does_the_work() {
        for (guesses, _) in COMMANDS {
            for guess in guesses {
                let answer = answer(&format!("weaklabel {guess}"));
                assert!(answer.contains("tip: ") && answer.contains("weaklabel "), "{guess}: {answer}");
            }
        }
        assert!(answer("weaklabel export").contains("RUN/checkpoints/best*.safetensors"));
    }

    #[test]
    fn a_mistyped_name_keeps_the_answer_of_the_parser() {
        assert!(answer("weaklabel trian").contains("'train'"));
        assert!(answer("weaklabel train --sed 1").contains("--seed"));
    }

    /// A command that exists needs no hint.
    #[test]
    fn no_guess_is_the_name_of_a_command() {
        let names: Vec<String> = Cli::command().get_subcommands().map(|command| command.get_name().into()).collect();
        for (guesses, _) in COMMANDS {
            assert!(guesses.iter().all(|guess| !names.contains(&(*guess).to_owned())), "{guesses:?}");
        }
    }
}
