//! Tables of a study's report: its scores beside the paper's, and their breakdown.

use super::breakdown;
use super::data::StudyData;
use super::dataset_cells::{DatasetCells, ascending};
use super::paper;
use crate::config::Method;
use crate::experiments::report::page::{Column, ColumnKind, Grid, GridCell};

/// Makes all tables of `study`: the paper's Tables 2 and 3 first, then for each dataset the scores by class, by
/// duration of the event and by the share of the segment it covers, the quality of the embeddings, and the trainings. A
/// dataset without a finished cell has no tables.
pub fn tables(study: &StudyData) -> Vec<Grid> {
    let datasets: Vec<DatasetCells> = DatasetCells::all(study).collect();
    let paper = datasets.iter().map(beside_the_paper);
    let others = datasets.iter().flat_map(|dataset| {
        [
            Some(breakdown::by_class(dataset)),
            breakdown::by_duration(dataset),
            breakdown::by_coverage(dataset),
            breakdown::embeddings(dataset),
            Some(breakdown::trainings(dataset)),
        ]
    });
    paper.chain(others.flatten()).collect()
}

/// Makes the paper's Table 2 or 3 with all of its rows and columns, and further ones for lengths that only the study
/// has.
fn beside_the_paper(dataset: &DatasetCells) -> Grid {
    let trains = ascending(dataset.cells.iter().map(|cell| cell.train_seconds).chain(paper::SECONDS));
    let tests = ascending(dataset.tests.iter().copied().chain(paper::SECONDS));
    let mut columns = vec![Column::new("method", ColumnKind::Text), Column::new("train (s)", ColumnKind::Text)];
    columns.extend(tests.iter().map(|s| Column::new(format!("this study, {s} s"), ColumnKind::Score(1))));
    columns.extend(paper::SECONDS.iter().map(|s| Column::new(format!("paper, {s} s"), ColumnKind::Score(1))));

    let (name, table) = (paper::dataset(dataset.variant), paper::table(dataset.variant));
    let classes = &dataset.study.classes;
    let caption = format!(
        "Macro-F1 in % by the length of the training segments (rows) and of the test segments (columns). This study: \
         {}; {} classes ({}); sounds: {}. Paper: its Table {table}. The paper's scores are of \
         other clips: compare how scores rank within each, never a score of one with a score of the other. “–”: not part \
         of this study{}, or not in the paper.",
        dataset.over_seeds(),
        classes.len(),
        classes.join(", "),
        dataset.study.soundbank,
        if dataset.study.is_finished() { "" } else { " or not finished yet" },
    );
    let mut grid =
        Grid::new(dataset.name(&format!("table-{table}")), format!("Table {table}: {name}"), caption, 2, columns);
    for method in Method::all() {
        grid.rule();
        for &train in &trains {
            let ours = |test: &f64| {
                let cell = dataset.cell(method, train)?;
                Some(GridCell::from(cell.macro_f1(cell.test_length(*test)?)))
            };
            let theirs = |test: &f64| {
                paper::score(dataset.variant, method, train, *test).map(|(mean, sd)| GridCell::Score(mean, Some(sd)))
            };
            let scores = tests.iter().map(ours).chain(paper::SECONDS.iter().map(theirs));
            let labels = [GridCell::text(method.name()), GridCell::text(train.to_string())];
            grid.push(labels.into_iter().chain(scores.map(|cell| cell.unwrap_or(GridCell::Missing))).collect());
        }
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::config::Variant;

    /// Returns the row with these labels as readers see it.
    fn row(grid: &Grid, labels: &[&str]) -> Vec<String> {
        let wanted: Vec<GridCell> = labels.iter().map(|l| GridCell::text(*l)).collect();
        let at = grid.rows.iter().position(|row| row.starts_with(&wanted)).unwrap();
        let markdown = grid.markdown();
        let line = markdown.lines().filter(|line| line.starts_with('|')).nth(at + 2).unwrap();
        line.trim_matches('|').split('|').skip(labels.len()).map(|cell| cell.trim().to_owned()).collect()
    }

    #[test]
    fn scores_stand_beside_the_papers() {
        let f1 = |seed: u64, test: f64| 10.0 * seed as f64 + test;
        let study = example::study(vec![example::cell(Variant::Waa, Method::Triplets, 1.0, &[1, 2, 3], &f1)]);
        let grids = tables(&study);
        let grid = &grids[0];
        assert_eq!((grid.name.as_str(), grid.rows.len()), ("table-3-waa", 9));
        let ours = ["20.2 ± 10.0", "21.0 ± 10.0", "30.0 ± 10.0"];
        let theirs = ["41.7 ± 7.0", "44.8 ± 10.9", "18.3 ± 7.3"];
        assert_eq!(row(grid, &["triplets", "1"]), [ours, theirs].concat());
        assert_eq!(row(grid, &["classifier", "10"])[..4], ["–", "–", "–", "40.2 ± 2.0"]);
        assert_eq!(grid.rules, [3, 6]);
        for said in [
            "over 3 seeds",
            "2 classes (Cat, Running_water)",
            "other clips",
            "“–”: not part of this study or not finished yet, or",
        ] {
            assert!(grid.caption.contains(said), "{}", grid.caption);
        }
    }

    #[test]
    fn nothing_of_a_finished_study_is_called_unfinished() {
        let mut study = example::study(vec![example::cell(Variant::Waa, Method::Triplets, 1.0, &[1], &|_, _| 12.5)]);
        study.plan = example::plan(&[Variant::Waa], &[Method::Triplets], &[1.0]);
        let caption = &tables(&study)[0].caption;
        assert!(caption.ends_with("“–”: not part of this study, or not in the paper."), "{caption}");
    }

    #[test]
    fn a_single_seed_has_a_mean_alone() {
        let study = example::study(vec![example::cell(Variant::Ms200, Method::Classifier, 0.2, &[7], &|_, _| 12.5)]);
        let grid = &tables(&study)[0];
        assert_eq!(grid.name, "table-2-200ms");
        assert_eq!(row(grid, &["classifier", "0.2"])[..4], ["12.5", "12.5", "12.5", "45.8 ± 2.9"]);
        assert!(grid.caption.contains("a single seed"));
    }

    #[test]
    fn lengths_that_the_paper_does_not_have_are_rows_and_columns_without_its_values() {
        let mut cell = example::cell(Variant::Waa, Method::Classifier, 5.0, &[1, 2], &|_, _| 40.0);
        cell.seconds = vec![0.2, 5.0, 10.0];
        let study = example::study(vec![cell]);
        let grid = &tables(&study)[0];
        let heads: Vec<&str> = grid.columns[2..].iter().map(|c| c.head.as_str()).collect();
        let ours = ["this study, 0.2 s", "this study, 1 s", "this study, 5 s", "this study, 10 s"];
        assert_eq!(heads, [&ours[..], &["paper, 0.2 s", "paper, 1 s", "paper, 10 s"]].concat());
        assert_eq!(
            row(grid, &["classifier", "5"]),
            ["40.0 ± 0.0", "–", "40.0 ± 0.0", "40.0 ± 0.0", "–", "–", "–"],
            "not tested on 1 s"
        );
    }

    #[test]
    fn only_datasets_with_finished_cells_have_tables() {
        assert_eq!(tables(&example::study(Vec::new())), []);
        let waa = example::study(vec![example::cell(Variant::Waa, Method::Classifier, 1.0, &[1, 2], &|_, _| 40.0)]);
        assert!(tables(&waa).iter().all(|grid| grid.name.ends_with("-waa")));
        let both = tables(&example::like_the_paper());
        let names: Vec<&str> = both.iter().map(|grid| grid.name.as_str()).collect();
        let each = ["per-class", "durations", "coverage", "embedding", "training"];
        let expected = ["200ms", "waa"].iter().flat_map(|v| each.map(|stem| format!("{stem}-{v}")));
        let expected: Vec<String> =
            ["table-2-200ms".into(), "table-3-waa".into()].into_iter().chain(expected).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn names_and_heads_are_unique() {
        let grids = tables(&example::like_the_paper());
        let unique = |mut names: Vec<&str>| {
            let n = names.len();
            names.sort_unstable();
            names.dedup();
            names.len() == n
        };
        assert!(unique(grids.iter().map(|grid| grid.name.as_str()).collect()));
        for grid in &grids {
            assert!(unique(grid.columns.iter().map(|c| c.head.as_str()).collect()), "{}", grid.name);
        }
    }
}
