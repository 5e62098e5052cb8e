//! Idle time of a worker: how long it has had nothing to do, and which leases it waits for.

use std::time::{Duration, Instant};

use crate::Error;
use crate::experiments::store::Waiting;

/// Waits shorter than this are not logged.
const SOON: Duration = Duration::from_secs(1);
/// Time after which a wait is logged again.
const AGAIN: Duration = Duration::from_secs(60);

/// The idle time of a worker. A wait is logged after one second and then every minute.
#[derive(Debug, Default)]
pub struct Idle {
    since: Option<Instant>,
    said: Option<Instant>,
    /// Whether the store could not be reached at the last attempt.
    away: bool,
}

impl Idle {
    /// Notes that no trial can be claimed while others hold their leases. Returns whether the idle time has reached
    /// `limit`.
    pub fn waits_for(&mut self, waiting: &Waiting, limit: Option<Duration>) -> bool {
        self.away = false;
        let lasts = self.lasts();
        if lasts >= SOON && self.said.is_none_or(|said| said.elapsed() >= AGAIN) && !waiting.0.is_empty() {
            tracing::info!("nothing to do: waiting for {waiting}");
            self.said = Some(Instant::now());
        }
        limit.is_some_and(|limit| lasts >= limit)
    }

    /// Notes that the store cannot be reached. Returns whether the idle time has reached `limit`.
    pub fn without_store(&mut self, error: &Error, limit: Option<Duration>) -> bool {
        if !self.away {
            tracing::warn!("{error}; trying again until it is back");
        }
        self.away = true;
        let lasts = self.lasts();
        limit.is_some_and(|limit| lasts >= limit)
    }

    /// Returns the idle time so far.
    pub fn lasts(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now).elapsed()
    }
}
