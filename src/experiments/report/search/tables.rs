//! Tables of a search: rungs, trials, and a short summary for a terminal.

use super::data::{ParameterValue, SearchData, TrialData};
use super::leaderboard::{last_result, ranked, result, rungs, state_name};
use crate::experiments::report::page::{Column, ColumnKind, Grid, GridCell};
use crate::output::Table;

/// Makes the table of the rungs and the table of the trials.
pub fn tables(search: &SearchData) -> [Grid; 2] {
    [rung_grid(search), trial_grid(search)]
}

/// Makes a table for a terminal with one line per rung: the number of results, and the best.
pub fn summary(search: &SearchData) -> Table {
    let best = format!("best {} in %", search.objective());
    let mut table = Table::new(["rung", "epochs", "results", &best, "of trial"].map(str::to_owned).into());
    for rung in rungs(search) {
        let (score, number) = match rung.results.first() {
            Some((score, number)) => (format!("{score:.1}"), number.to_string()),
            None => ("–".into(), "–".into()),
        };
        table.push(vec![rung.rung.to_string(), rung.epochs.to_string(), rung.results.len().to_string(), score, number]);
    }
    table
}

fn rung_grid(search: &SearchData) -> Grid {
    let caption = format!(
        "Results: trials that have trained so many epochs and were judged. Promoted: those of them that train on, one in {}. \
         Scores: {} in % on the validation set, {}.",
        search.eta,
        search.objective(),
        of_best_epochs(search),
    );
    let columns = [
        ("rung", ColumnKind::Number(0)),
        ("epochs", ColumnKind::Number(0)),
        ("results", ColumnKind::Number(0)),
        ("promoted", ColumnKind::Number(0)),
        ("best", ColumnKind::Number(1)),
        ("best trial", ColumnKind::Number(0)),
        ("median", ColumnKind::Number(1)),
    ];
    let columns = columns.map(|(head, kind)| Column::new(head, kind)).into();
    let mut grid = Grid::new("rungs", "Rungs", caption, 1, columns);
    for rung in rungs(search) {
        let best = rung.results.first();
        grid.push(vec![
            GridCell::count(rung.rung),
            GridCell::count(rung.epochs),
            GridCell::count(rung.results.len()),
            GridCell::count(rung.promoted),
            number(best.map(|(score, _)| *score)),
            best.map_or(GridCell::Missing, |(_, trial)| GridCell::count(*trial)),
            number(rung.median()),
        ]);
    }
    grid
}

fn trial_grid(search: &SearchData) -> Grid {
    let caption = format!(
        "Best first: by the highest rung with a result, then by the score there. Scores: {} in % on the validation set \
         within so many epochs, {}. “–”: no result, or a parameter without effect in this trial.",
        search.objective(),
        of_best_epochs(search),
    );
    let first = [("trial", ColumnKind::Number(0)), ("state", ColumnKind::Text), ("rung", ColumnKind::Number(0))];
    let score = |epochs: &usize| Column::new(format!("{}, {epochs} epochs", search.objective()), ColumnKind::Number(1));
    let columns = first.into_iter().map(|(head, kind)| Column::new(head, kind));
    let columns = columns.chain(search.rungs.iter().map(score));
    let columns = columns.chain(search.parameters.iter().map(|axis| Column::new(&axis.name, ColumnKind::Value)));
    let mut grid = Grid::new("trials", "Trials", caption, 1, columns.collect());
    for trial in ranked(search) {
        let rung = last_result(search, trial).map_or(GridCell::Missing, |(rung, _)| GridCell::count(rung));
        let scores = (0..search.rungs.len()).map(|rung| number(result(search, trial, rung)));
        let values = (0..search.parameters.len()).map(|parameter| value(trial, parameter));
        let labels = [GridCell::count(trial.number), GridCell::text(state_name(search, trial)), rung];
        grid.push(labels.into_iter().chain(scores).chain(values).collect());
    }
    grid
}

fn number(value: Option<f64>) -> GridCell {
    value.filter(|value| value.is_finite()).map_or(GridCell::Missing, GridCell::Number)
}

fn value(trial: &TrialData, parameter: usize) -> GridCell {
    match trial.values.get(parameter).and_then(Option::as_ref) {
        Some(ParameterValue::Number(value)) => number(Some(*value)),
        Some(ParameterValue::Text(text)) => GridCell::text(text),
        None => GridCell::Missing,
    }
}

/// Describes how scores of `search` are computed: each seed counts with the score of its best epoch.
pub fn of_best_epochs(search: &SearchData) -> String {
    match search.seeds.as_slice() {
        [seed] => format!("in the best epoch of seed {seed}"),
        seeds => format!("mean over the best epochs of {} seeds", seeds.len()),
    }
}

/// Describes how curves of `search` are averaged over seeds.
pub fn over_seeds(search: &SearchData) -> String {
    match search.seeds.as_slice() {
        [seed] => format!("seed {seed} alone"),
        seeds => format!("mean over {} seeds", seeds.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{finished, search, trial};
    use super::*;
    use crate::experiments::search::TrialState;

    #[test]
    fn rungs_have_their_best_and_their_median() {
        let [grid, _] = tables(&finished());
        let numbers = |row: [f64; 7]| row.map(GridCell::Number).to_vec();
        assert_eq!(grid.rows[0], numbers([0.0, 2.0, 8.0, 2.0, 30.5, 7.0, 25.25]));
        assert_eq!(grid.rows[1], numbers([1.0, 6.0, 2.0, 1.0, 40.5, 7.0, 39.75]));
        assert_eq!(grid.rows[2], numbers([2.0, 18.0, 1.0, 0.0, 50.5, 7.0, 50.5]));
        assert!(
            grid.caption.contains("train on, one in 3.")
                && grid.caption.contains("mean over the best epochs of 2 seeds")
        );
        let [empty, _] = tables(&search(Vec::new()));
        assert_eq!(
            empty.rows[0][2..],
            [GridCell::count(0), GridCell::count(0), GridCell::Missing, GridCell::Missing, GridCell::Missing]
        );
    }

    #[test]
    fn trials_come_best_first_with_every_score_and_value() {
        let [_, grid] = tables(&finished());
        let heads: Vec<&str> = grid.columns.iter().map(|column| column.head.as_str()).collect();
        let scores = ["macro-F1, 2 epochs", "macro-F1, 6 epochs", "macro-F1, 18 epochs"];
        let parameters = ["optimiser.lr", "model.channels", "model.dropout"];
        assert_eq!(heads, [&["trial", "state", "rung"][..], &scores, &parameters].concat());
        let markdown = grid.markdown();
        let first = markdown.lines().filter(|line| line.starts_with('|')).nth(2).unwrap();
        let cells: Vec<&str> = first.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells, ["7", "finished", "2", "30.5", "40.5", "50.5", "0.0009", "\\[32, 32, 64\\]", "–"]);
        assert_eq!(
            grid.rows.last().unwrap()[..4],
            [GridCell::count(8), GridCell::text("failed"), GridCell::Missing, GridCell::Missing]
        );
    }

    #[test]
    fn long_words_are_cut_for_people_and_whole_for_machines() {
        let mut search = search(vec![trial(0, TrialState::Paused, &[10.0])]);
        search.trials[0].values =
            vec![Some(ParameterValue::Number(f64::NAN)), Some(ParameterValue::Text("x".repeat(99)))];
        let [_, grid] = tables(&search);
        assert!(grid.markdown().contains(&format!(" {}… |", "x".repeat(26))));
        assert!(grid.tsv().contains(&format!("\t\t{}\t", "x".repeat(99))), "{}", grid.tsv());
    }

    #[test]
    fn the_summary_has_a_line_per_rung() {
        let text = summary(&finished()).to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0].join(" "), "rung epochs results best macro-F1 in % of trial");
        assert_eq!(
            lines[1..],
            [["0", "2", "8", "30.5", "7"], ["1", "6", "2", "40.5", "7"], ["2", "18", "1", "50.5", "7"]]
        );
        assert!(summary(&search(Vec::new())).to_string().contains('–'));
    }
}
