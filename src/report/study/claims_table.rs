//! How the claims are written: a table of all comparisons, and Markdown.

use super::claims::Claim;
use super::comparison::{Comparison, LEVEL};
use super::paired::Evidence;
use super::paper;
use crate::report::page::markup::escape_markdown;
use crate::report::page::{Cell, Column, Grid, Kind};

/// How the comparisons were made: the caption of their table.
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

/// All comparisons of `claims`.
pub fn claims_grid(claims: &[Claim]) -> Grid {
    let columns = [
        ("claim", Kind::Text),
        ("dataset", Kind::Text),
        ("lower", Kind::Text),
        ("upper", Kind::Text),
        ("lower F1", Kind::Score(1)),
        ("upper F1", Kind::Score(1)),
        ("difference", Kind::Number(1)),
        ("95 % from", Kind::Number(1)),
        ("95 % to", Kind::Number(1)),
        ("p", Kind::Probability),
        ("seeds that way", Kind::Number(0)),
        ("seeds", Kind::Number(0)),
        ("finding", Kind::Text),
        ("paper", Kind::Text),
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

fn row(letter: char, c: &Comparison) -> Vec<Cell> {
    let (low, high, p) = match &c.difference.evidence {
        Evidence::Test(test) => (Cell::Number(test.low), Cell::Number(test.high), Cell::Number(test.p)),
        Evidence::OneSeed | Evidence::AllEqual => (Cell::Missing, Cell::Missing, Cell::Missing),
    };
    vec![
        Cell::text(format!("({letter})")),
        Cell::text(paper::dataset(c.variant)),
        Cell::text(&c.lower.name),
        Cell::text(&c.upper.name),
        c.lower.score.clone().into(),
        c.upper.score.clone().into(),
        Cell::Number(c.difference.differences.mean),
        low,
        high,
        p,
        Cell::count(c.difference.positive),
        Cell::count(c.difference.differences.seeds.len()),
        Cell::text(c.finding()),
        c.paper.map_or(Cell::Missing, |so| Cell::text(if so { "yes" } else { "no" })),
    ]
}

/// The claims with their verdicts, then the table of comparisons, as Markdown.
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
            assert_eq!(row[7..10], [Cell::Missing, Cell::Missing, Cell::Missing]);
            assert_eq!(row[11..13], [Cell::count(1), Cell::text("no test: one seed")]);
        }
    }
}
