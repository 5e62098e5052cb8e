//! Sound clips for training and evaluation: which sounds exist, and how they are mixed (SPEC §6).
//!
//! In: a soundbank (a folder or the built-in one), or a folder of finished clips. Out: [`Dataset`], which returns
//! segments of a clip, of any length, as mono samples with the classes that are audible in them. A clip is a pure
//! function of (seed, subset, index).
//!
//! The modules in the order of the data: `soundbank` lists the sounds, `source` loads them, `draw` chooses and places
//! them, and `cooccurrence` draws the events beside the main one. `mix` makes the clip, `mixer` makes any clip by its
//! number, `outline` records when its events are audible, and `segment` chooses a segment. `dataset` is the interface
//! to all of this. [`generate`] writes a dataset to disk with a `recipe` and its [`annotation`]s; `folder` makes sure
//! that the folder appears complete or not at all. `clips` reads finished clips. `files` lists folders, `text` and
//! `table` check files as they are read. `left_out` and `overridden` report files and keys that have no effect; `contents` fingerprints the data by
//! the hashes of its files.

pub mod annotation;
pub mod builtin;
pub mod generate;

mod clips;
mod contents;
mod cooccurrence;
mod dataset;
mod draw;
mod files;
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
    /// The clips that the weights are fitted to.
    Train,
    /// The clips that early stopping validates on.
    Validation,
    /// The clips that the test scores are measured on.
    Eval,
}

impl Subset {
    /// Returns the folder's name: "train", "validation" or "eval".
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
        }
    }

    /// Returns all subsets in the order of their declaration.
    pub fn all() -> [Self; 3] {
        [Self::Train, Self::Validation, Self::Eval]
    }
}
