//! Kills at random moments, counted by the state of the run that they interrupt.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use weaklabel::base::counter_rng::{Key, Stream};

use crate::support::process::Process;

/// Seed of the random moments.
const SEED: u64 = 1;

pub struct Kills {
    random: Stream,
    met: BTreeMap<String, usize>,
}

impl Kills {
    /// Makes an empty count. Moments are drawn from a stream that depends on `name`.
    pub fn new(name: &str) -> Self {
        Self { random: Key::new(SEED).named(name).stream(), met: BTreeMap::new() }
    }

    /// Returns the number of kills.
    pub fn count(&self) -> usize {
        self.met.values().sum()
    }

    /// Starts `command` and kills it at a random moment within `within`, repeatedly, until it ends by itself, which it
    /// may do after `most` kills, or until `command` is `None` because nothing is left to do. `met` describes the state
    /// that a kill interrupted.
    pub fn until_done(
        &mut self,
        most: usize,
        within: Duration,
        log: &Path,
        command: impl Fn() -> Option<Command>,
        met: impl Fn() -> String,
    ) {
        let most = self.count() + most;
        loop {
            let Some(command) = command() else { return };
            let mut process = Process::start(command, log.into());
            if self.count() == most || !self.kill(&mut process, within) {
                assert_eq!(process.end(), Some(0), "{}", process.logged());
                return;
            }
            *self.met.entry(met()).or_default() += 1;
        }
    }

    /// Kills `process` at a random moment within `within`. Returns `false` if it ended before.
    fn kill(&mut self, process: &mut Process, within: Duration) -> bool {
        let (start, moment) = (Instant::now(), within.mul_f64(self.random.unit()));
        while start.elapsed() < moment {
            if process.ended().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5).min(moment.saturating_sub(start.elapsed())));
        }
        process.child.kill().unwrap();
        process.child.wait().unwrap().code().is_none()
    }

    /// Adds the kills of `other`.
    pub fn add(&mut self, other: Self) {
        for (met, n) in other.met {
            *self.met.entry(met).or_default() += n;
        }
    }

    /// Prints the number of kills, by the state that they interrupted.
    pub fn report(&self, what: &str) {
        let parts: Vec<String> = self.met.iter().map(|(met, n)| format!("{n} {met}")).collect();
        eprintln!("{} kills of {what}: {}", self.count(), parts.join(", "));
    }
}
