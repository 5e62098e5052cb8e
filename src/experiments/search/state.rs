//! The states of a trial.

/// The state of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialState {
    /// A worker trains the trial.
    Running,
    /// The trial is between two epochs; its worker had to stop or failed at it.
    Interrupted,
    /// The trial has a result on its rung.
    Paused,
    /// The trial is given up.
    Failed,
}

impl TrialState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Running, Self::Interrupted, Self::Paused, Self::Failed];

    /// Returns the name in the store and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }
}
