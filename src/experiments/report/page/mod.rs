//! Parts that the reports share: tables, figures, the HTML page, and writing them as files.
//!
//! In: a report's [`Grid`]s and figures. Out: Markdown, LaTeX, TSV, SVG, PNG and one HTML file.

pub(super) mod canvas;
pub(super) mod files;
pub(super) mod html;
pub(super) mod markup;
pub(super) mod palette;
pub(super) mod words;

mod figure;
mod grid;

pub use figure::{Chapter, Figure};
pub use grid::{Column, ColumnKind, Grid, GridCell};

#[cfg(test)]
pub(super) use files::tests::files_below;
