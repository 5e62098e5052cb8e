//! A report as one HTML file that needs nothing else: style, tables and figures are inside, and there is no script.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::palette::{Colour, dark_variables, light_variables, with_variables};
use super::{Chapter, Grid};

/// The templates that others extend and import.
const SHARED: [(&str, &str); 2] =
    [("page.html", include_str!("page.html")), ("parts.html", include_str!("parts.html"))];

/// A fact at the head of a page.
#[derive(Serialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
}

/// A table as the macro `table` shows it.
#[derive(Serialize)]
pub struct TablePart<'a> {
    title: &'a str,
    html: String,
}

/// A chapter as the macro `chapters` shows it.
#[derive(Serialize)]
pub struct ChapterPart<'a> {
    title: &'a str,
    anchor: &'a str,
    note: &'a str,
    /// SVGs.
    figures: Vec<String>,
}

impl Fact {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl<'a> From<&'a Grid> for TablePart<'a> {
    fn from(grid: &'a Grid) -> Self {
        Self { title: &grid.title, html: grid.html() }
    }
}

impl<'a> From<&'a Chapter> for ChapterPart<'a> {
    fn from(chapter: &'a Chapter) -> Self {
        let figures = chapter.figures.iter().map(|figure| with_variables(&figure.svg)).collect();
        Self { title: chapter.title, anchor: chapter.anchor, note: &chapter.note, figures }
    }
}

/// What every page has, and what is its own.
#[derive(Serialize)]
struct Whole<P> {
    version: &'static str,
    style: String,
    #[serde(flatten)]
    page: P,
}

/// The page that `template`, which extends `page.html`, makes of `page`: at least `title` and `notice`. Its figures have
/// `colours` beside those of every page.
pub fn render(template: &str, colours: &[Colour], page: impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in SHARED {
        environment.add_template(name, source).expect("a template of our own");
    }
    let whole = Whole { version: env!("CARGO_PKG_VERSION"), style: style(colours), page };
    // A name that ends in .html has everything escaped that is not marked as safe.
    environment.render_named_str("report.html", template, Serde(whole)).expect("a template of our own")
}

/// The style sheet, in whose colours the figures are drawn too. Paper is white.
fn style(colours: &[Colour]) -> String {
    let (light, dark) = (light_variables(colours), dark_variables(colours));
    format!(
        ":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n{}",
        include_str!("page.css")
    )
}
