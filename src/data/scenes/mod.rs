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
//! that the folder appears complete or not at all. Finished clips come from [`super::clips`]. `unused` and `overridden`
//! report files and keys that have no effect, `class_coverage` reports classes that a training does not learn,
//! `summary` tells what was understood, and `own_settings` chooses settings that suit the data.

pub mod builtin;
pub mod generate;

mod class_coverage;
mod cooccurrence;
mod dataset;
mod draw;
mod folder;
mod mix;
mod mixer;
mod outline;
mod overridden;
mod own_settings;
mod recipe;
mod segment;
mod soundbank;
mod source;
mod summary;
mod unused;

pub use cooccurrence::Cooccurrence;
pub use dataset::{ClipSegments, Dataset, Labels, Segment};
pub use overridden::{OverriddenKeys, without_source};
pub use own_settings::OwnSetting;
pub use soundbank::Soundbank;
pub use summary::{ClassCounts, ClipLengths, SubsetSummary, Summary};

pub use super::clips::{Contents, LeftOut, Subset, annotation, remember_contents_in};
