//! Ranking of a search's trials: results by rung, promotions, and the best trial.

use std::cmp::Ordering;

use statrs::statistics::{Data, OrderStatistics};

use super::data::{SearchData, TrialData};
use crate::experiments::search::TrialState;

/// The results of a rung.
pub struct Rung {
    /// Index of the rung, from 0.
    pub rung: usize,
    /// Epochs that a trial has trained in all at the end of the rung.
    pub epochs: usize,
    /// Score and number of every trial with a result, best first.
    pub results: Vec<(f64, usize)>,
    /// Number of trials that were promoted to the next rung.
    pub promoted: usize,
}

impl Rung {
    /// Returns the median of the scores.
    pub fn median(&self) -> Option<f64> {
        let scores: Vec<f64> = self.results.iter().map(|(score, _)| *score).collect();
        (!scores.is_empty()).then(|| Data::new(scores).median())
    }
}

/// Returns every rung of `search`, from the lowest.
pub fn rungs(search: &SearchData) -> Vec<Rung> {
    let of_rung = |(rung, epochs): (usize, &usize)| {
        let result = |trial: &TrialData| Some((result(search, trial, rung)?, trial.number));
        let mut results: Vec<(f64, usize)> = search.trials.iter().filter_map(result).collect();
        results.sort_by(better);
        let promoted = search.trials.iter().filter(|trial| is_promoted(search, trial, rung)).count();
        Rung { rung, epochs: *epochs, results, promoted }
    };
    search.rungs.iter().enumerate().map(of_rung).collect()
}

/// Orders by score, the highest first, then by number, the lowest first.
fn better(a: &(f64, usize), b: &(f64, usize)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Returns the finite score of `trial` on `rung`, if there is one.
pub fn result(search: &SearchData, trial: &TrialData, rung: usize) -> Option<f64> {
    trial.scores.get(rung).copied().filter(|score| rung < search.rungs.len() && score.is_finite())
}

/// Returns the highest rung on which `trial` has a result, and its score there.
pub fn last_result(search: &SearchData, trial: &TrialData) -> Option<(usize, f64)> {
    (0..search.rungs.len()).rev().find_map(|rung| Some((rung, result(search, trial, rung)?)))
}

/// Returns the rung by which `trial` is coloured: the highest with a result, or the lowest if there is none.
pub fn reached(search: &SearchData, trial: &TrialData) -> usize {
    last_result(search, trial).map_or(0, |(rung, _)| rung)
}

/// Whether `trial` has a result on `rung` and was promoted: it has a result on a higher rung, or trains for one.
fn is_promoted(search: &SearchData, trial: &TrialData, rung: usize) -> bool {
    let next = rung + 1;
    let trained = trial.curves.iter().map(Vec::len).max().unwrap_or(0);
    let climbs = trial.scores.len() == next && (trial.state == TrialState::Running || trained > search.rungs[rung]);
    next < search.rungs.len() && result(search, trial, rung).is_some() && (trial.scores.len() > next || climbs)
}

/// Returns the trials, best first: by the highest rung with a result, then by the score on it, then by number.
pub fn ranked(search: &SearchData) -> Vec<&TrialData> {
    let mut trials: Vec<&TrialData> = search.trials.iter().collect();
    trials.sort_by(|a, b| match (last_result(search, a), last_result(search, b)) {
        (Some((rung_a, a_score)), Some((rung_b, b_score))) => {
            rung_b.cmp(&rung_a).then(better(&(a_score, a.number), &(b_score, b.number)))
        }
        (a_result, b_result) => b_result.is_some().cmp(&a_result.is_some()).then(a.number.cmp(&b.number)),
    });
    trials
}

/// Returns the trial with the highest score on the highest rung that has a result; of equal scores, the lowest number.
pub fn best(search: &SearchData) -> Option<&TrialData> {
    ranked(search).first().copied().filter(|trial| last_result(search, trial).is_some())
}

/// Whether `trial` will have further results when the search continues, as far as its state shows.
pub fn is_unsettled(trial: &TrialData) -> bool {
    matches!(trial.state, TrialState::Running | TrialState::Interrupted)
}

/// Returns the name of the state of `trial`, "finished" for one with a result on every rung.
pub fn state_name(search: &SearchData, trial: &TrialData) -> &'static str {
    let is_finished = trial.state == TrialState::Paused && trial.scores.len() == search.rungs.len();
    if is_finished { "finished" } else { trial.state.name() }
}

#[cfg(test)]
mod tests {
    use super::super::example::{search, trial};
    use super::*;

    #[test]
    fn the_best_is_that_of_the_highest_rung_and_of_equals_the_first() {
        let trials = vec![
            trial(0, TrialState::Paused, &[90.0]),
            trial(3, TrialState::Paused, &[40.0, 50.0]),
            trial(2, TrialState::Paused, &[30.0, 50.0]),
            trial(1, TrialState::Running, &[]),
            trial(4, TrialState::Paused, &[f64::NAN]),
            trial(5, TrialState::Paused, &[80.0, f64::INFINITY]),
        ];
        let search = search(trials);
        let order: Vec<usize> = ranked(&search).iter().map(|trial| trial.number).collect();
        assert_eq!(order, [2, 3, 0, 5, 1, 4]);
        assert_eq!(best(&search).unwrap().number, 2);
    }

    #[test]
    fn without_a_result_there_is_no_best() {
        assert_eq!(best(&search(Vec::new())), None);
        assert_eq!(
            best(&search(vec![trial(0, TrialState::Running, &[]), trial(1, TrialState::Failed, &[f64::NAN])])),
            None
        );
        let mut without_rungs = search(vec![trial(0, TrialState::Paused, &[50.0])]);
        without_rungs.rungs.clear();
        assert_eq!(best(&without_rungs), None);
    }

    #[test]
    fn rungs_count_results_and_promotions() {
        let mut interrupted = trial(3, TrialState::Interrupted, &[30.0]);
        let epoch = interrupted.curves[0][0].clone();
        interrupted.curves[0].push(epoch);
        let trials = vec![
            trial(0, TrialState::Paused, &[10.0]),
            trial(1, TrialState::Paused, &[40.0, 45.0, 60.0]),
            trial(2, TrialState::Running, &[20.0]),
            interrupted,
            trial(4, TrialState::Failed, &[]),
        ];
        let rungs = rungs(&search(trials));
        assert_eq!(rungs[0].results, [(40.0, 1), (30.0, 3), (20.0, 2), (10.0, 0)]);
        assert_eq!(rungs.iter().map(|rung| rung.promoted).collect::<Vec<_>>(), [3, 1, 0]);
        let medians: Vec<_> = rungs.iter().map(Rung::median).collect();
        assert_eq!(medians, [Some(25.0), Some(45.0), Some(60.0)]);
        let empty = Rung { rung: 0, epochs: 1, results: Vec::new(), promoted: 0 };
        assert_eq!(empty.median(), None);
    }
}
