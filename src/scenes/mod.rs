//! Clips to learn from: which sounds exist and how they are mixed (SPEC §6).
//!
//! In: a soundbank (a folder or the built-in one), or a folder of finished clips. Out: [`Dataset`], which gives each
//! clip's segments of any length as mono samples with the classes heard in them. A clip is a pure function of (seed, subset, index).
//!
//! In the order of the data: `soundbank` lists the sounds, `source` loads them, `draw` chooses and places them (with what
//! `cooccurrence` lets accompany the main event), `mix` makes the clip and `mixer` any clip by its number, `outline` says where its events are heard and `segment` cuts it. `dataset` is what callers see; [`generate`]
//! writes it to disk with a `recipe` and its [`annotation`]s, in a `folder` that is whole or not there; `clips` reads
//! finished clips. Files of `text`, and each `table` among them, are checked as they are read; `left_out` and `overridden` tell
//! the log about files and keys that have no effect; `contents` tells data from others by the hashes of their files.

pub mod annotation;
pub mod builtin;
pub mod generate;

mod clips;
mod contents;
mod cooccurrence;
mod dataset;
mod draw;
mod folder;
mod left_out;
mod mix;
mod mixer;
mod outline;
mod overridden;
mod recipe;
mod segment;
mod soundbank;
mod source;
mod table;
mod text;

pub use contents::{Contents, remember_contents_in};
pub use cooccurrence::Cooccurrence;
pub use dataset::{ClipSegments, Dataset, Labels, Segment};
pub use left_out::LeftOut;
pub use soundbank::Soundbank;

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
