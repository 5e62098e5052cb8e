//! The report as one HTML file that needs nothing else: style, tables and figures are inside, and there is no script.

use indexmap::IndexSet;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::claims::{Claim, Verdict};
use super::claims_table::claims_grid;
use super::data::{CellResult, StudyData};
use super::figures::{Chapter, dark_variables, light_variables, with_variables};
use super::grid::Grid;

/// All that the template shows.
#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    version: &'static str,
    style: String,
    notice: Option<String>,
    facts: Vec<Fact>,
    claims: Vec<ClaimCard<'a>>,
    claims_table: Option<Table<'a>>,
    main_tables: Vec<Table<'a>>,
    chapters: Vec<ChapterPart<'a>>,
    tables: Vec<Table<'a>>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct ClaimCard<'a> {
    letter: char,
    verdict: String,
    class: &'static str,
    statement: &'a str,
    sentence: &'a str,
}

#[derive(Serialize)]
struct Table<'a> {
    title: &'a str,
    html: String,
}

#[derive(Serialize)]
struct ChapterPart<'a> {
    title: &'a str,
    anchor: &'a str,
    note: &'a str,
    /// SVGs.
    figures: Vec<String>,
}

/// The whole page. The first `main` of `tables` stand beside the claims, the others at the end.
pub fn page(study: &StudyData, claims: &[Claim], tables: &[Grid], main: usize, chapters: &[Chapter]) -> String {
    let comparisons = claims_grid(claims);
    let (main_tables, tables) = tables.split_at(main);
    let page = Page {
        title: &study.title,
        version: env!("CARGO_PKG_VERSION"),
        style: style(),
        notice: notice(study),
        facts: facts(study),
        claims: claims.iter().map(card).collect(),
        claims_table: (!comparisons.rows.is_empty()).then(|| table(&comparisons)),
        main_tables: main_tables.iter().map(table).collect(),
        chapters: chapters.iter().map(part).collect(),
        tables: tables.iter().map(table).collect(),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A name that ends in .html has everything escaped that is not marked as safe.
    environment
        .render_named_str("report.html", include_str!("report.html"), Serde(page))
        .expect("a template of our own")
}

/// The style sheet, in whose colours the figures are drawn too. Paper is white.
fn style() -> String {
    let (light, dark) = (light_variables(), dark_variables());
    format!(
        ":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n{}",
        include_str!("report.css")
    )
}

fn card(claim: &Claim) -> ClaimCard<'_> {
    let class = match claim.verdict {
        Verdict::Holds => "holds",
        Verdict::Partly { .. } => "partly",
        Verdict::NotShown => "not-shown",
        Verdict::Untested => "untested",
    };
    let (statement, sentence) = (&claim.statement, &claim.sentence);
    ClaimCard { letter: claim.letter, verdict: claim.verdict.to_string(), class, statement, sentence }
}

fn table(grid: &Grid) -> Table<'_> {
    Table { title: &grid.title, html: grid.html() }
}

fn part(chapter: &Chapter) -> ChapterPart<'_> {
    ChapterPart {
        title: chapter.title,
        anchor: chapter.anchor,
        note: &chapter.note,
        figures: chapter.figures.iter().map(|figure| with_variables(&figure.svg)).collect(),
    }
}

/// What a reader must know first about a study that is not complete.
fn notice(study: &StudyData) -> Option<String> {
    let (done, planned) = (study.cells.len(), study.planned);
    (done < planned).then(|| {
        format!(
            "This study is not complete: {done} of {planned} cells are finished. The report shows what there is so far."
        )
    })
}

fn facts(study: &StudyData) -> Vec<Fact> {
    let [train, validation, evaluation] = study.clips;
    let wall = study.cells.iter().map(|cell| cell.seconds_taken).sum();
    let mut facts = vec![
        Fact { name: "Sounds", value: study.soundbank.clone() },
        Fact { name: "Classes", value: format!("{}: {}", study.classes.len(), study.classes.join(", ")) },
        Fact { name: "Clips", value: format!("{train} training, {validation} validation, {evaluation} evaluation") },
        Fact { name: "Cells", value: format!("{} of {} finished", study.cells.len(), study.planned) },
    ];
    if !study.cells.is_empty() {
        let seeds = distinct(study, |cell| cell.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
        facts.extend([
            Fact { name: "Seeds", value: seeds },
            Fact { name: "Adapter", value: distinct(study, |cell| cell.adapter.clone()) },
            Fact { name: "Wall time", value: format!("{}, all cells together", duration(wall)) },
            Fact { name: "Data", value: distinct(study, |cell| format!("{} {}", cell.variant.name(), cell.data)) },
        ]);
    }
    facts
}

/// The different values of `of`, in the order of the cells.
fn distinct(study: &StudyData, of: impl Fn(&CellResult) -> String) -> String {
    study.cells.iter().map(of).collect::<IndexSet<_>>().into_iter().collect::<Vec<_>>().join("; ")
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round();
    let minutes = (seconds / 60.0).floor();
    if minutes < 1.0 {
        format!("{seconds} s")
    } else if minutes < 60.0 {
        format!("{minutes} min {} s", seconds - 60.0 * minutes)
    } else {
        let hours = (minutes / 60.0).floor();
        format!("{hours} h {} min", minutes - 60.0 * hours)
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::super::figures::chapters;
    use super::super::{example, tables};
    use super::*;

    fn of(study: &StudyData) -> String {
        page(study, &claims(study), &tables(study), 0, &chapters(study))
    }

    #[test]
    fn a_study_without_a_cell_has_a_page_that_says_so() {
        let page = of(&example::study(Vec::new()));
        assert!(page.contains("This study is not complete: 0 of 18 cells are finished."), "{page}");
        assert!(page.contains("Untested") && page.contains("id=\"durations\"") && !page.contains("<table"));
        assert!(!of(&example::like_the_paper()).contains("not complete"));
    }

    #[test]
    fn what_comes_from_a_study_is_text() {
        let mut study = example::like_the_paper();
        study.title = "<script>alert(1)</script>".into();
        study.soundbank = "a & b\"><img src=x>".into();
        study.classes[0] = "</svg><script>".into();
        study.cells.iter_mut().for_each(|cell| cell.classes[0] = "</svg><script>".into());
        let page = of(&study);
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn the_page_names_no_other_resource() {
        let page = of(&example::like_the_paper()).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for reference in ["http:", "https:", " src=", "url(", "@import", "<link", "<script"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn durations_are_told_in_two_units() {
        assert_eq!(
            [0.4, 59.7, 61.0, 3599.0, 3660.0, 86_400.0].map(duration),
            ["0 s", "1 min 0 s", "1 min 1 s", "59 min 59 s", "1 h 1 min", "24 h 0 min"]
        );
    }
}
