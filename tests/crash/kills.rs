//! Kills at random moments, counted by what they met.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use weaklabel::counter_rng::{Key, Stream};

use crate::support::process::Process;

/// Moments are drawn from it.
const SEED: u64 = 1;

pub struct Kills {
    random: Stream,
    met: BTreeMap<String, usize>,
}

impl Kills {
    /// None yet. `name` tells its moments from those of others.
    pub fn new(name: &str) -> Self {
        Self { random: Key::new(SEED).named(name).stream(), met: BTreeMap::new() }
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.met.values().sum()
    }

    /// Starts `command` and kills it at a moment of the time `within`, again and again until it ends by itself, which it may
    /// from the `most`-th kill on, or until there is no command, since nothing is left to do. `met` says what a kill met.
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

    /// Kills `process` at a moment of the time `within`; `false` when it ended before.
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

    /// Adds those of `other`.
    pub fn add(&mut self, other: Self) {
        for (met, n) in other.met {
            *self.met.entry(met).or_default() += n;
        }
    }

    /// Prints how many there were, by what they met.
    pub fn report(&self, what: &str) {
        let parts: Vec<String> = self.met.iter().map(|(met, n)| format!("{n} {met}")).collect();
        eprintln!("{} kills of {what}: {}", self.count(), parts.join(", "));
    }
}
