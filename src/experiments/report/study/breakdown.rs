//! Tables that break down a dataset's macro scores: by class, duration and coverage, with embeddings and trainings.

use super::dataset_cells::DatasetCells;
use super::paper;
use crate::config::StageName;
use crate::evaluate::Quality;
use crate::experiments::report::page::{Column, ColumnKind, Grid, GridCell};
use crate::experiments::study::{CellResult, CoverageBin};
use crate::output::CurvePoint;

/// Makes the table of F1 by class.
pub(super) fn by_class(dataset: &DatasetCells) -> Grid {
    let caption = format!("F1 in %, {}, by the length of the test segments (columns).", dataset.over_seeds());
    let columns = [Column::new("class", ColumnKind::Text)].into_iter().chain(test_columns(dataset));
    let mut grid = by_cell(dataset, "per-class", "F1 by class", caption, 1, columns);
    for cell in &dataset.cells {
        grid.rule();
        for (class, name) in cell.classes.iter().enumerate() {
            let scores = dataset
                .tests
                .iter()
                .map(|test| cell.test_length(*test).and_then(|at| cell.class_f1(at, class)).map(GridCell::from));
            grid.push(row(cell, [GridCell::text(name)], scores));
        }
    }
    grid
}

/// Makes the table of macro-F1 for short and for long events; `None` where no cell has such scores.
pub(super) fn by_duration(dataset: &DatasetCells) -> Option<Grid> {
    let caption = format!(
        "Macro-F1 in %, {}, over the segments whose longest event is short (up to {} s) or long, by the length of the test \
         segments (columns). Classes without such a segment do not count.",
        dataset.over_seeds(),
        dataset.study.short_s,
    );
    let columns = [Column::new("events", ColumnKind::Text), Column::new("segments", ColumnKind::Number(0))];
    let columns = columns.into_iter().chain(test_columns(dataset));
    let mut grid = by_cell(dataset, "durations", "F1 by the duration of the event", caption, 1, columns);
    for cell in &dataset.cells {
        grid.rule();
        for group in &cell.groups {
            let score = |test: &f64| {
                let at = cell.test_length(*test).filter(|_| group.clips > 0)?;
                Some(GridCell::score(group.f1.iter().map(|seed| seed[at]).collect()))
            };
            let labels = [GridCell::text(&group.name), GridCell::count(group.clips)];
            grid.push(row(cell, labels, dataset.tests.iter().map(score)));
        }
    }
    (!grid.rows.is_empty()).then_some(grid)
}

/// Makes the table of macro-F1 by the share of the segment that its event covers; `None` where no cell has such scores.
pub(super) fn by_coverage(dataset: &DatasetCells) -> Option<Grid> {
    let bins = || dataset.cells.iter().flat_map(|cell| cell.coverage.iter().flatten());
    let mut bounds: Vec<(f64, f64)> = bins().map(|bin| (bin.low, bin.high)).collect();
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    bounds.dedup();
    let caption = format!(
        "Macro-F1 in %, {}, over the segments of which the longest event covers more than the lower and at most the upper \
         share (from 0: that as well); n: their number. Classes without such a segment do not count. “–”: no such segment.",
        dataset.over_seeds(),
    );
    let percent = |share: f64| (share * 1000.0).round() / 10.0;
    let pairs = bounds.iter().flat_map(|(low, high)| {
        let share = format!("{}–{} %", percent(*low), percent(*high));
        [
            Column::new(format!("F1, {share}"), ColumnKind::Score(1)),
            Column::new(format!("n, {share}"), ColumnKind::Number(0)),
        ]
    });
    let columns = [Column::new("test (s)", ColumnKind::Text)].into_iter().chain(pairs);
    let mut grid = by_cell(dataset, "coverage", "F1 by the share of the segment covered", caption, 1, columns);
    for cell in &dataset.cells {
        grid.rule();
        for (seconds, bins) in cell.seconds.iter().zip(&cell.coverage) {
            let pair = |bounds: &(f64, f64)| match bins.iter().find(|bin| (bin.low, bin.high) == *bounds) {
                Some(CoverageBin { clips: 0, .. }) => [None, Some(GridCell::count(0))],
                Some(bin) => [Some(GridCell::score(bin.f1.clone())), Some(GridCell::count(bin.clips))],
                None => [None, None],
            };
            grid.push(row(cell, [GridCell::text(seconds.to_string())], bounds.iter().flat_map(pair)));
        }
    }
    (!bounds.is_empty()).then_some(grid)
}

/// Makes the table of the embeddings' quality (SPEC §5); `None` where no cell has it.
pub(super) fn embeddings(dataset: &DatasetCells) -> Option<Grid> {
    let caption = format!(
        "F(x): the share of segments whose nearest class mean is their own, averaged over classes, in %; scatter ratio: \
         tr(S_w + S_b)/tr(S_w); silhouette: mean over segments, Euclidean. Each: {}.",
        dataset.over_seeds(),
    );
    let columns = [
        Column::new("test (s)", ColumnKind::Text),
        Column::new("F(x)", ColumnKind::Score(1)),
        Column::new("scatter ratio", ColumnKind::Score(2)),
        Column::new("silhouette", ColumnKind::Score(3)),
    ];
    let mut grid = by_cell(dataset, "embedding", "Quality of the embeddings", caption, 1, columns);
    for cell in dataset.cells.iter().filter(|cell| !cell.quality.is_empty()) {
        grid.rule();
        for (at, seconds) in cell.seconds.iter().enumerate() {
            let over_seeds = |of: fn(&Quality) -> f64| {
                Some(GridCell::score(cell.quality.iter().filter_map(|seed| seed.get(at)).map(of).collect()))
            };
            let values = [over_seeds(|q| q.f), over_seeds(|q| q.scatter), over_seeds(|q| q.silhouette)];
            grid.push(row(cell, [GridCell::text(seconds.to_string())], values));
        }
    }
    (!grid.rows.is_empty()).then_some(grid)
}

/// Makes the table of the trainings: epochs, best validation score and time of every cell.
pub(super) fn trainings(dataset: &DatasetCells) -> Grid {
    let epochs = |cell: &CellResult, stage: StageName| -> Vec<f64> {
        let of_stage = |seed: &Vec<CurvePoint>| seed.iter().filter(|point| point.stage == stage).count() as f64;
        cell.curves.iter().map(of_stage).collect()
    };
    let ran = |stage: &StageName| dataset.cells.iter().any(|cell| epochs(cell, *stage).iter().any(|n| *n > 0.0));
    let stages: Vec<StageName> = StageName::ALL.into_iter().filter(ran).collect();
    let caption = format!(
        "Epochs of every stage and the best validation score of the last one (macro-F1 in %), {}; time of training and \
         judging all seeds, without reading and mixing clips. Where a training was interrupted it is the sum of its pieces; \
         where workers shared a cell through a store, the sum over its seeds of the last piece of each training.",
        dataset.over_seeds(),
    );
    let columns =
        stages.iter().map(|stage| Column::new(format!("epochs, {}", stage.name()), ColumnKind::Score(1))).chain([
            Column::new("best validation F1", ColumnKind::Score(1)),
            Column::new("time (s)", ColumnKind::Number(1)),
            Column::new("adapter", ColumnKind::Text),
        ]);
    let mut grid = by_cell(dataset, "training", "Trainings", caption, 0, columns);
    let mut method = None;
    for cell in &dataset.cells {
        if method.replace(cell.method) != Some(cell.method) {
            grid.rule();
        }
        let epochs = stages
            .iter()
            .map(|stage| StageName::of(cell.method).contains(stage).then(|| GridCell::score(epochs(cell, *stage))));
        let rest =
            [GridCell::score(cell.best.clone()), GridCell::Number(cell.seconds_taken), GridCell::text(&cell.adapter)];
        grid.push(row(cell, [], epochs.chain(rest.map(Some))));
    }
    grid
}

/// Makes a table of `dataset`. The row labels are method, training length and the first `labels` of `columns`.
fn by_cell(
    dataset: &DatasetCells,
    stem: &str,
    title: &str,
    caption: String,
    labels: usize,
    columns: impl IntoIterator<Item = Column>,
) -> Grid {
    let first = [Column::new("method", ColumnKind::Text), Column::new("train (s)", ColumnKind::Text)];
    let columns = first.into_iter().chain(columns).collect();
    let title = format!("{title}: {}", paper::dataset(dataset.variant));
    Grid::new(dataset.name(stem), title, caption, 2 + labels, columns)
}

/// Returns a column of scores for every test length.
fn test_columns(dataset: &DatasetCells) -> impl Iterator<Item = Column> {
    dataset.tests.iter().map(|seconds| Column::new(format!("{seconds} s"), ColumnKind::Score(1)))
}

/// Makes a row of `cell`: method, training length, `labels`, and `values`, of which some may be missing.
fn row<const N: usize>(
    cell: &CellResult,
    labels: [GridCell; N],
    values: impl IntoIterator<Item = Option<GridCell>>,
) -> Vec<GridCell> {
    let first = [GridCell::text(cell.method.name()), GridCell::text(cell.train_seconds.to_string())];
    let values = values.into_iter().map(|value| value.unwrap_or(GridCell::Missing));
    first.into_iter().chain(labels).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::super::tables::tables;
    use super::*;
    use crate::config::{Method, Variant};

    /// Returns the table called `stem` of a study of one WAA1 cell: triplets, trained on 1 s, seeds 1 and 2.
    fn table(stem: &str, change: fn(&mut CellResult)) -> Option<Grid> {
        let f1 = |seed: u64, test: f64| 10.0 * seed as f64 + test;
        let mut cell = example::cell(Variant::Waa, Method::Triplets, 1.0, &[1, 2], &f1);
        change(&mut cell);
        tables(&example::study(vec![cell])).into_iter().find(|grid| grid.name == format!("{stem}-waa"))
    }

    fn heads(grid: &Grid) -> Vec<&str> {
        grid.columns.iter().map(|column| column.head.as_str()).collect()
    }

    fn words<const N: usize>(words: [&str; N]) -> [GridCell; N] {
        words.map(GridCell::text)
    }

    #[test]
    fn every_class_has_a_row() {
        let grid = table("per-class", |cell| {
            cell.f1.iter_mut().flatten().for_each(|classes| classes[1] = Some(0.0));
            cell.seconds.truncate(2);
        })
        .unwrap();
        assert_eq!(heads(&grid), ["method", "train (s)", "class", "0.2 s", "1 s"]);
        assert_eq!(grid.rows[0][..3], words(["triplets", "1", "Cat"]));
        assert_eq!(grid.rows[0][4], GridCell::score(vec![11.0, 21.0]));
        assert_eq!(
            grid.rows[1][2..],
            [GridCell::text("Running_water"), GridCell::Score(0.0, Some(0.0)), GridCell::Score(0.0, Some(0.0))]
        );
    }

    #[test]
    fn groups_without_segments_have_no_score() {
        let grid = table("durations", |cell| cell.groups[1].clips = 0).unwrap();
        assert_eq!(
            grid.rows[0][2..5],
            [GridCell::text("short"), GridCell::count(25), GridCell::score(vec![10.2, 20.2])]
        );
        assert_eq!(grid.rows[1][2..5], [GridCell::text("long"), GridCell::count(0), GridCell::Missing]);
        assert_eq!(table("durations", |cell| cell.groups.clear()), None);
    }

    #[test]
    fn bins_are_columns_and_those_without_segments_have_no_score() {
        let grid = table("coverage", |_| ()).unwrap();
        assert_eq!(heads(&grid)[3..], ["F1, 0–50 %", "n, 0–50 %", "F1, 50–100 %", "n, 50–100 %"]);
        assert_eq!(
            grid.rows[0][2..],
            [
                GridCell::text("0.2"),
                GridCell::score(vec![10.2, 20.2]),
                GridCell::count(30),
                GridCell::Missing,
                GridCell::count(0)
            ]
        );
        assert_eq!(grid.rows[1][5..], [GridCell::score(vec![11.0, 21.0]), GridCell::count(10)]);
        assert_eq!(table("coverage", |cell| cell.coverage.clear()), None);
    }

    #[test]
    fn embeddings_have_a_row_for_every_test_length() {
        let grid = table("embedding", |cell| cell.quality[1][0].scatter = f64::NAN).unwrap();
        assert_eq!(grid.rows.len(), 3);
        assert_eq!(grid.rows[0][2..5], [GridCell::text("0.2"), GridCell::score(vec![10.2, 20.2]), GridCell::Missing]);
        assert_eq!(table("embedding", |cell| cell.quality.clear()), None);
    }

    #[test]
    fn trainings_count_the_epochs_of_each_stage() {
        let f1 = |_: u64, _: f64| 40.0;
        let cell = |method| example::cell(Variant::Waa, method, 1.0, &[1, 2], &f1);
        let study = example::study(vec![cell(Method::Prototypes), cell(Method::Classifier)]);
        let grid = tables(&study).into_iter().find(|grid| grid.name == "training-waa").unwrap();
        let stages = ["epochs, classifier", "epochs, prototypes", "epochs, tagger"];
        assert_eq!(heads(&grid)[2..5], stages, "none of triplets");
        // In every stage seed 1 runs 5 epochs and seed 2 runs 6.
        let ran = || GridCell::score(vec![5.0, 6.0]);
        assert_eq!(
            grid.rows[0][..5],
            [GridCell::text("classifier"), GridCell::text("1"), ran(), GridCell::Missing, GridCell::Missing]
        );
        assert_eq!(grid.rows[1][2..5], [GridCell::Missing, ran(), ran()]);
        assert_eq!(
            grid.rows[1][5..],
            [GridCell::score(vec![40.0, 40.0]), GridCell::Number(12.5), GridCell::text("made up")]
        );
        assert_eq!(grid.rules, [1]);
    }
}
