//! Data: files of audio and tables of labels become segments, and segments become log-mel features on the GPU.
//!
//! In: a folder, or a soundbank from which clips are mixed. Out: the standardised features of every segment, and its
//! labels.

pub mod audio;

pub mod clips;

pub mod scenes;

pub mod features;
