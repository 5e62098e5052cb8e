//! The HTML page of a study.

use indexmap::IndexSet;
use serde::Serialize;

use super::claims::{Claim, Verdict};
use super::claims_table::claims_grid;
use super::data::StudyData;
use super::paper;
use crate::experiments::report::page::html::{ChapterPart, Fact, TablePart, render};
use crate::experiments::report::page::palette::CLASSES;
use crate::experiments::report::page::words::duration;
use crate::experiments::report::page::{Chapter, Grid};
use crate::experiments::study::CellResult;

/// Data for the page's template.
#[derive(Serialize)]
struct StudyPage<'a> {
    title: &'a str,
    notice: Option<String>,
    facts: Vec<Fact>,
    claims: Vec<ClaimCard<'a>>,
    claims_table: Option<TablePart<'a>>,
    main_tables: Vec<TablePart<'a>>,
    chapters: Vec<ChapterPart<'a>>,
    tables: Vec<TablePart<'a>>,
}

#[derive(Serialize)]
struct ClaimCard<'a> {
    letter: char,
    verdict: String,
    class: &'static str,
    statement: &'a str,
    sentence: &'a str,
}

/// Renders the page. The first `main` of `tables` stand beside the claims, the others at the end.
pub fn page(study: &StudyData, claims: &[Claim], tables: &[Grid], main: usize, chapters: &[Chapter]) -> String {
    let comparisons = claims_grid(claims);
    let (main_tables, tables) = tables.split_at(main);
    let page = StudyPage {
        title: &study.title,
        notice: notice(study),
        facts: facts(study),
        claims: claims.iter().map(card).collect(),
        claims_table: (!comparisons.rows.is_empty()).then(|| (&comparisons).into()),
        main_tables: main_tables.iter().map(TablePart::from).collect(),
        chapters: chapters.iter().map(ChapterPart::from).collect(),
        tables: tables.iter().map(TablePart::from).collect(),
    };
    render(include_str!("report.html"), &CLASSES, page)
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

/// Returns a notice about an incomplete study, which readers must see first.
fn notice(study: &StudyData) -> Option<String> {
    let (done, planned, seeds) = (study.cells.len(), study.plan.cells(), study.plan.seeds);
    let fewer: Vec<&CellResult> = study.cells.iter().filter(|cell| cell.seeds.len() < seeds).collect();
    let mut sentences = Vec::new();
    if done < planned {
        sentences.push(format!("{done} of {planned} cells are finished."));
    }
    if let Some(first) = fewer.first() {
        sentences.push(format!(
            "{} of the finished cells {} fewer than {seeds} seeds, the first of them {} trained on {} s ({}): {}.",
            fewer.len(),
            if fewer.len() == 1 { "has" } else { "have" },
            first.method.name(),
            first.train_seconds,
            paper::dataset(first.variant),
            first.seeds.len(),
        ));
    }
    let whole = sentences.is_empty();
    (!whole)
        .then(|| format!("This study is not complete: {} The report shows what there is so far.", sentences.join(" ")))
}

fn facts(study: &StudyData) -> Vec<Fact> {
    let [train, validation, evaluation] = study.clips;
    let seconds = study.cells.iter().map(|cell| cell.seconds_taken).sum();
    let mut facts = vec![
        Fact::new("Sounds", study.soundbank.clone()),
        Fact::new("Classes", format!("{}: {}", study.classes.len(), study.classes.join(", "))),
        Fact::new("Clips", format!("{train} training, {validation} validation, {evaluation} evaluation")),
        Fact::new("Cells", format!("{} of {} finished", study.cells.len(), study.plan.cells())),
    ];
    if !study.cells.is_empty() {
        let seeds = distinct(study, |cell| cell.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
        facts.extend([
            Fact::new("Seeds", seeds),
            Fact::new("Adapter", distinct(study, |cell| cell.adapter.clone())),
            Fact::new("Training and evaluation", format!("{}, all cells together", duration(seconds))),
            Fact::new("Data", distinct(study, |cell| format!("{} {}", cell.variant.name(), cell.data))),
        ]);
    }
    facts
}

/// Lists the different values of `of`, in the order of the cells.
fn distinct(study: &StudyData, of: impl Fn(&CellResult) -> String) -> String {
    study.cells.iter().map(of).collect::<IndexSet<_>>().into_iter().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::super::figures::chapters;
    use super::super::{example, tables};
    use super::*;
    use crate::config::{Method, Variant};

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
    fn a_cell_that_lacks_seeds_is_said_to() {
        let mut study = example::like_the_paper();
        study.cells[1] = example::cell(Variant::Ms200, Method::Classifier, 1.0, &[1, 2, 4], &|_, _| 40.0);
        let page = of(&study);
        let words = "This study is not complete: 1 of the finished cells has fewer than 5 seeds, the first of them \
                     classifier trained on 1 s (200 ms dataset): 3.";
        assert!(page.contains(words), "{page:.3000}");
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
}
