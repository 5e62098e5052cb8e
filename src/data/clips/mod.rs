//! Finished clips on disk and their labels, in every layout that is understood.
//!
//! In: a path, which is a folder or a table, and the section `[data.table]`. Out: a [`ClipSet`]: the classes, the clips
//! of each subset with labels, times where they are known, and groups, messages about what was left out, and the
//! listing from which the data are fingerprinted.
//!
//! The modules in the order of the data: `layout` finds the tables, or sees that the folder has one for each class.
//! `delimited` reads records of a table, `columns` recognises its format by its header, `list` turns records into clips
//! with their [`annotation`]s, and `audioset` knows what is peculiar to that format. `class_folders` lists folders of
//! classes. `files` finds the audio file that a table means, `splits` decides which clips train, validate and evaluate,
//! and `labels` warns of labels that are probably mistakes. `set` brings all of it together and makes each [`Clip`].
//! `headers` tells how long files are without decoding them, `text` checks encodings, `left_out` reports what has no
//! effect, and `contents` fingerprints the data by the hashes of its files.

pub mod annotation;
pub mod list;

mod audioset;
mod class_folders;
mod clip;
mod columns;
mod contents;
mod delimited;
mod event;
mod files;
mod headers;
mod labels;
mod layout;
mod left_out;
mod set;
mod splits;
mod text;

pub use clip::{Clip, TimedEvent};
pub use columns::TableFormat;
pub use contents::{Contents, remember_contents_in};
pub use headers::{SoundLength, length};
pub use left_out::LeftOut;
pub use set::{ClipSet, ReadOptions};

pub(in crate::data) use contents::Listing;
pub(in crate::data) use delimited::write as write_table;
pub(in crate::data) use files::{EXTENSIONS, OTHER_SOUNDS, absolute, audio_files, entries};
pub(in crate::data) use left_out::{ending, line, listed};
pub(in crate::data) use splits::hold_back;
pub(in crate::data) use text::text;

/// The three parts of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
