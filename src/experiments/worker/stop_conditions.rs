//! The conditions on which a worker stops: a signal, or the end of its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The conditions on which a worker stops.
#[derive(Debug, Clone, Copy)]
pub struct StopConditions {
    /// Becomes true when the process receives a signal to stop.
    pub stop: &'static AtomicBool,
    /// End of the worker's time, if it is limited.
    pub deadline: Option<Instant>,
}

impl StopConditions {
    /// Returns whether the worker must stop now.
    pub fn reached(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline) || self.stop.load(Ordering::SeqCst)
    }
}
