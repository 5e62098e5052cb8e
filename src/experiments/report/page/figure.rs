//! Figures and the chapters of a page.

/// A figure of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Stem of the file names: letters, digits, hyphens and underscores.
    pub name: String,
    /// Title, which is drawn above the figure.
    pub title: String,
    /// Text alternative: a description in words and numbers.
    pub alt: String,
    /// SVG on white, with title and text alternative inside. Ids begin with the name.
    pub svg: String,
    /// PNG with two pixels for each of the SVG.
    pub png: Vec<u8>,
}

/// Figures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Title of the chapter.
    pub title: &'static str,
    /// Anchor of the chapter in the page.
    pub anchor: &'static str,
    /// Explanation of how to read the figures.
    pub note: String,
    /// Figures, at least one.
    pub figures: Vec<Figure>,
}
