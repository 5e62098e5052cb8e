//! `weaklabel bench`.

use clap::{Args, Subcommand};

use crate::config::Method;

/// `weaklabel bench`: measure.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub target: Target,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Median time of a training step
    Step(Step),
}

/// `weaklabel bench step`: the median time of a training step, with nothing left in the queue.
#[derive(Debug, Args)]
pub struct Step {
    /// How to train
    #[arg(long, default_value = "classifier")]
    pub method: Method,
    /// Frames per segment
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub frames: usize,
    /// Examples per step and model
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub batch: usize,
    /// Models trained together
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub members: usize,
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_step_has_the_documented_defaults() {
        let command = Bench::augment_args(clap::Command::new("bench"));
        let parse = |line: &str| {
            let matches = command.clone().get_matches_from(line.split(' '));
            let Target::Step(step) = Bench::from_arg_matches(&matches).unwrap().target;
            (step.method, step.frames, step.batch, step.members)
        };
        assert_eq!(parse("bench step"), (Method::Classifier, 20, 10, 1));
        assert_eq!(parse("bench step --frames 100 --batch 20 --members 3"), (Method::Classifier, 100, 20, 3));
    }
}
