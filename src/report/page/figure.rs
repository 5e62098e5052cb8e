//! Figures, and the chapters of a page that they stand in.

/// A figure of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Stem of its files: letters, digits, hyphens and underscores.
    pub name: String,
    /// What it shows; drawn above it.
    pub title: String,
    /// What is seen, in words and numbers.
    pub alt: String,
    /// On white, with title and text alternative inside; ids begin with the name.
    pub svg: String,
    /// The same in pixels, two for one of the SVG.
    pub png: Vec<u8>,
}

/// Figures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// What it is called.
    pub title: &'static str,
    /// Its anchor.
    pub anchor: &'static str,
    /// How its figures are read.
    pub note: String,
    /// At least one.
    pub figures: Vec<Figure>,
}
