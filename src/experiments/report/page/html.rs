//! A report as one self-contained HTML file: style, tables and figures are inside, and there is no script.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::palette::{Colour, dark_variables, light_variables, with_variables};
use super::{Chapter, Grid};

/// The templates that other templates extend and import.
const SHARED: [(&str, &str); 2] =
    [("page.html", include_str!("page.html")), ("parts.html", include_str!("parts.html"))];

/// A fact at the head of a page, such as the program's version.
#[derive(Serialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
}

/// A table for the template macro `table`.
#[derive(Serialize)]
pub struct TablePart<'a> {
    title: &'a str,
    html: String,
}

/// A chapter for the template macro `chapters`.
#[derive(Serialize)]
pub struct ChapterPart<'a> {
    title: &'a str,
    anchor: &'a str,
    note: &'a str,
    /// SVG texts of the figures.
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

/// The data of a page: what all pages share, and the page's own.
#[derive(Serialize)]
struct Whole<P> {
    version: &'static str,
    style: String,
    #[serde(flatten)]
    page: P,
}

/// Renders a page from `template`, which extends `page.html`, and the data in `page`, at least `title` and `notice`.
/// `colours` are the colours of its figures that not every page has.
pub fn render(template: &str, colours: &[Colour], page: impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in SHARED {
        environment.add_template(name, source).expect("a template of our own");
    }
    let whole = Whole { version: env!("CARGO_PKG_VERSION"), style: style(colours), page };
    // The ending .html of the name makes minijinja escape all text that is not marked as safe.
    environment.render_named_str("report.html", template, Serde(whole)).expect("a template of our own")
}

/// Returns the style sheet, which defines the colours of the figures too. In print the page is white.
fn style(colours: &[Colour]) -> String {
    let (light, dark) = (light_variables(colours), dark_variables(colours));
    format!(
        ":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n{}",
        include_str!("page.css")
    )
}
