//! Presentation of the claims: a table of all comparisons, and Markdown.

use super::claims::Claim;
use super::comparison::{Comparison, LEVEL};
use super::paired::Evidence;
use super::paper;
use crate::experiments::report::page::markup::escape_markdown;
use crate::experiments::report::page::{Column, ColumnKind, Grid, GridCell};

/// Returns the caption of the table, which explains how the comparisons were made.
fn method() -> String {
    format!(
        "Macro-F1 in % of this study; “10 s → 1 s”: trained on 10 s, tested on 1 s. A claim says that “lower” lies below \
         “upper”; their differences (upper − lower) are paired by seed. p is one-sided, by a paired t-test; the 95 % \
         interval of the mean difference is two-sided. Several comparisons are made and p values are not corrected for \
         their number: that a claim holds needs every one of its comparisons to have p < {LEVEL}, which calls for no \
         correction, but some of those counted one by one may be chance. Seeds differ in initial weights and batches and \
         share their data, so p says nothing of other clips. In “paper”: whether the paper's own means lie this way."
    )
}

/// Makes the table of all comparisons of `claims`.
pub fn claims_grid(claims: &[Claim]) -> Grid {
    let columns = [
        ("claim", ColumnKind::Text),
        ("dataset", ColumnKind::Text),
        ("lower", ColumnKind::Text),
        ("upper", ColumnKind::Text),
        ("lower F1", ColumnKind::Score(1)),
        ("upper F1", ColumnKind::Score(1)),
        ("difference", ColumnKind::Number(1)),
        ("95 % from", ColumnKind::Number(1)),
        ("95 % to", ColumnKind::Number(1)),
        ("p", ColumnKind::Probability),
        ("seeds that way", ColumnKind::Number(0)),
        ("seeds", ColumnKind::Number(0)),
        ("finding", ColumnKind::Text),
        ("paper", ColumnKind::Text),
    ];
    let columns = columns.map(|(head, kind)| Column::new(head, kind)).into();
    let mut grid = Grid::new("claims", "The paper's claims in this study", method(), 4, columns);
    for claim in claims {
        grid.rule();
        for comparison in &claim.comparisons {
            grid.push(row(claim.letter, comparison));
        }
    }
    grid
}

fn row(letter: char, c: &Comparison) -> Vec<GridCell> {
    let (low, high, p) = match &c.difference.evidence {
        Evidence::Test(test) => (GridCell::Number(test.low), GridCell::Number(test.high), GridCell::Number(test.p)),
        Evidence::OneSeed | Evidence::AllEqual => (GridCell::Missing, GridCell::Missing, GridCell::Missing),
    };
    vec![
        GridCell::text(format!("({letter})")),
        GridCell::text(paper::dataset(c.variant)),
        GridCell::text(&c.lower.name),
        GridCell::text(&c.upper.name),
        c.lower.score.clone().into(),
        c.upper.score.clone().into(),
        GridCell::Number(c.difference.differences.mean),
        low,
        high,
        p,
        GridCell::count(c.difference.positive),
        GridCell::count(c.difference.differences.seeds.len()),
        GridCell::text(c.finding()),
        c.paper.map_or(GridCell::Missing, |so| GridCell::text(if so { "yes" } else { "no" })),
    ]
}

/// Returns the claims with their verdicts, followed by the table of comparisons, as Markdown.
pub fn claims_markdown(claims: &[Claim]) -> String {
    let claim = |claim: &Claim| {
        let (statement, sentence) = (escape_markdown(&claim.statement), escape_markdown(&claim.sentence));
        format!("**({}) {statement}** *{}.* {sentence}\n\n", claim.letter, claim.verdict)
    };
    claims.iter().map(claim).collect::<String>() + &claims_grid(claims).markdown()
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::super::example;
    use super::*;

    #[test]
    fn the_table_and_the_text_have_every_comparison() {
        let claims = claims(&example::like_the_paper());
        let grid = claims_grid(&claims);
        assert_eq!((grid.rows.len(), grid.rules.as_slice()), (15, &[6, 12][..]));
        let markdown = claims_markdown(&claims);
        assert!(markdown.contains("*Partly (5 of 6).*"), "{markdown}");
        assert_eq!(markdown.lines().filter(|line| line.starts_with("| (b)")).count(), 6);
        assert!(markdown.contains("not corrected"));
    }

    #[test]
    fn what_was_not_tested_has_neither_interval_nor_p() {
        let mut study = example::like_the_paper();
        study.cells.iter_mut().for_each(|cell| cell.seeds.truncate(1));
        study.cells.iter_mut().for_each(|cell| cell.f1.truncate(1));
        let grid = claims_grid(&claims(&study));
        for row in &grid.rows {
            assert_eq!(row[7..10], [GridCell::Missing, GridCell::Missing, GridCell::Missing]);
            assert_eq!(row[11..13], [GridCell::count(1), GridCell::text("no test: one seed")]);
        }
    }
}
