//! The lease keeper: a thread that sends heartbeats, checkpoints and results to the store during training. While the
//! store cannot be reached, updates wait in a queue and training continues.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stop_conditions::StopConditions;
use crate::experiments::store::{Checkpoint, Delivery, Failure, Lease, Outcome, Store};
use crate::{Error, Result};

/// Time between two attempts to reach the store.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// Longest time that a worker that was asked to stop waits for a store that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(20);

/// An update for the store.
#[derive(Debug)]
pub enum Update {
    /// A checkpoint from which another worker could resume. It replaces an older checkpoint that is still in the queue.
    Checkpoint(Lease, Checkpoint),
    /// The result of a rung.
    Result(Lease, Outcome),
    /// The worker gives the trial back.
    Release(Lease),
    /// The trial failed, for the reason in the last field.
    Failure(Lease, Failure, String),
}

impl Update {
    fn lease(&self) -> &Lease {
        let (Self::Checkpoint(lease, _) | Self::Result(lease, _) | Self::Release(lease) | Self::Failure(lease, ..)) =
            self;
        lease
    }

    fn deliver(&self, store: &mut Store) -> Result<Delivery> {
        match self {
            Self::Checkpoint(lease, checkpoint) => store.checkpoint(lease, checkpoint),
            Self::Result(lease, outcome) => store.finish(lease, outcome),
            Self::Release(lease) => store.release(lease),
            Self::Failure(lease, failure, reason) => store.fail(lease, *failure, reason),
        }
    }
}

/// A running lease keeper. Its thread owns the store.
pub struct LeaseKeeper {
    updates: Sender<Update>,
    lost: Arc<AtomicBool>,
    thread: JoinHandle<Result<Store>>,
}

/// The owner of the leases and the terms on which they are renewed.
pub struct LeaseTerms<'a> {
    /// The worker's name.
    pub worker: &'a str,
    /// Duration of a lease, in milliseconds.
    pub lease_ms: i64,
    /// Conditions on which the worker stops.
    pub until: StopConditions,
}

impl LeaseKeeper {
    /// Starts a thread that renews `leases` and delivers updates to `store`.
    pub fn start(store: Store, leases: Vec<Lease>, route: &LeaseTerms<'_>) -> Self {
        let (updates, inbox) = channel();
        let lost = Arc::new(AtomicBool::new(false));
        let round = KeeperThread {
            store,
            leases,
            waiting: VecDeque::new(),
            worker: route.worker.into(),
            lease_ms: route.lease_ms,
            lost: lost.clone(),
            until: route.until,
            away: false,
        };
        Self { updates, lost, thread: std::thread::spawn(move || round.run(&inbox)) }
    }

    /// Queues an update.
    pub fn send(&self, update: Update) {
        // The channel is closed only if the thread has ended with an error: `lost` is set then, and `close` returns the
        // error.
        let _ = self.updates.send(update);
    }

    /// Whether a lease was lost to another worker or the lease keeper failed. The training's results would be refused.
    pub fn lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Gives back the trials of `leases` for which neither a result nor a failure was sent, waits until all updates are
    /// delivered, and returns the store.
    ///
    /// # Errors
    /// [`Error::Store`] for an error that does not pass, or one that has not passed some time after the worker was
    /// asked to stop.
    pub fn close(self, leases: &[Lease]) -> Result<Store> {
        // A trial whose result or failure was sent before is no longer among the leases, so its release is dropped.
        leases.iter().for_each(|lease| self.send(Update::Release(*lease)));
        drop(self.updates);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// State of the lease keeper's thread.
struct KeeperThread {
    store: Store,
    leases: Vec<Lease>,
    waiting: VecDeque<Update>,
    worker: String,
    lease_ms: i64,
    lost: Arc<AtomicBool>,
    until: StopConditions,
    /// Whether the store could not be reached at the last attempt.
    away: bool,
}

impl KeeperThread {
    fn run(mut self, inbox: &Receiver<Update>) -> Result<Store> {
        let outcome = self.carry(inbox);
        if outcome.is_err() {
            self.lost.store(true, Ordering::SeqCst);
        }
        outcome.map(|()| self.store)
    }

    fn carry(&mut self, inbox: &Receiver<Update>) -> Result<()> {
        let beat = Duration::from_millis(self.lease_ms as u64 / 4).max(Duration::from_millis(50));
        let mut next_beat = Instant::now() + beat;
        let (mut open, mut give_up) = (true, None);
        while open || !self.waiting.is_empty() {
            let pause = if self.away { AGAIN.min(beat) } else { next_beat.saturating_duration_since(Instant::now()) };
            if open {
                match inbox.recv_timeout(pause) {
                    Ok(update) => self.take(update),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => open = false,
                }
                inbox.try_iter().for_each(|update| self.take(update));
            } else if self.away {
                std::thread::sleep(pause);
            }
            let mut went = Ok(());
            if Instant::now() >= next_beat && !self.leases.is_empty() {
                went = self.beat();
                next_beat = Instant::now() + beat;
            }
            went = went.and_then(|()| self.deliver());
            match went {
                Ok(()) if self.away => {
                    tracing::info!("{} is back", self.store.location());
                    self.away = false;
                }
                Ok(()) => {}
                Err(error @ Error::Store { passing: true, .. }) => {
                    if !self.away {
                        tracing::warn!(
                            "{error}; training continues, and its results are delivered when the store is back"
                        );
                    }
                    self.away = true;
                    if !open && self.until.reached() {
                        let end = *give_up.get_or_insert_with(|| Instant::now() + PATIENCE);
                        if Instant::now() >= end {
                            return Err(error);
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, update: Update) {
        if let Update::Checkpoint(lease, _) = &update {
            self.waiting.retain(|other| !matches!(other, Update::Checkpoint(earlier, _) if earlier == lease));
        }
        self.waiting.push_back(update);
    }

    fn beat(&mut self) -> Result<()> {
        let answers = self.store.heartbeat(&self.worker, &self.leases, self.lease_ms)?;
        for (lease, answer) in self.leases.iter().zip(answers) {
            if answer == Delivery::Refused && !self.lost.swap(true, Ordering::SeqCst) {
                tracing::warn!("the lease of trial {} has ended: somebody else has it now", lease.trial);
            }
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<()> {
        while let Some(update) = self.waiting.front() {
            let lease = *update.lease();
            if !self.leases.contains(&lease) {
                self.waiting.pop_front();
                continue;
            }
            let delivery = update.deliver(&mut self.store)?;
            if delivery == Delivery::Refused {
                self.lost.store(true, Ordering::SeqCst);
                if matches!(update, Update::Result(..)) {
                    tracing::warn!("what came of trial {} on rung {} was late and is refused", lease.trial, lease.rung);
                }
            }
            if !matches!(update, Update::Checkpoint(..)) {
                self.leases.retain(|held| *held != lease);
            }
            self.waiting.pop_front();
        }
        Ok(())
    }
}
