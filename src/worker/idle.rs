//! A worker that has nothing to do: for how long, and whom it waits for.

use std::time::{Duration, Instant};

use crate::Error;
use crate::store::Waiting;

/// Nothing is said of shorter waits.
const SOON: Duration = Duration::from_secs(1);
/// It is said again after this long.
const AGAIN: Duration = Duration::from_secs(60);

/// A worker without work. What it says goes to the log, soon after it has begun to wait and then every minute.
#[derive(Debug, Default)]
pub struct Idle {
    since: Option<Instant>,
    said: Option<Instant>,
    /// Whether the store could not be reached the last time.
    away: bool,
}

impl Idle {
    /// Notes that there is nothing to do before others have done what they hold; whether it has lasted as long as `limit`.
    pub fn waits_for(&mut self, waiting: &Waiting, limit: Option<Duration>) -> bool {
        self.away = false;
        let lasts = self.lasts();
        if lasts >= SOON && self.said.is_none_or(|said| said.elapsed() >= AGAIN) && !waiting.0.is_empty() {
            tracing::info!("nothing to do: waiting for {waiting}");
            self.said = Some(Instant::now());
        }
        limit.is_some_and(|limit| lasts >= limit)
    }

    /// Notes that the store cannot be reached; whether there was nothing to do for as long as `limit`.
    pub fn without_store(&mut self, error: &Error, limit: Option<Duration>) -> bool {
        if !self.away {
            tracing::warn!("{error}; trying again until it is back");
        }
        self.away = true;
        let lasts = self.lasts();
        limit.is_some_and(|limit| lasts >= limit)
    }

    /// How long it has been idle.
    pub fn lasts(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now).elapsed()
    }
}
