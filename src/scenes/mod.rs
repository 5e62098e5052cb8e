//! Clips to learn from: which sounds exist and how they are mixed (SPEC §6).

pub mod builtin;

/// The three parts of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subset {
    /// What the weights are fitted to.
    Train,
    /// What early stopping watches.
    Validation,
    /// What the scores are measured on.
    Eval,
}

impl Subset {
    /// The folder's name: "train", "validation" or "eval".
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
        }
    }

    /// All subsets, in the order of the declaration.
    pub fn all() -> [Self; 3] {
        [Self::Train, Self::Validation, Self::Eval]
    }
}
