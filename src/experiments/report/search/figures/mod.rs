//! The figures of a search: learning curves by rung, and the score against each parameter.
//!
//! In: a search ([`SearchData`]). Out: chapters of figures in the order of the report.

mod curves;
mod parameters;
mod plot;
mod scale;

use super::data::{SearchData, TrialData};
use super::leaderboard::reached;
use crate::experiments::report::page::Chapter;
use crate::experiments::report::page::canvas::{Mark, Panel};
use crate::experiments::report::page::palette::RUNGS;

/// Makes all figures of `search`, in chapters. The same search gives the same bytes.
pub fn chapters(search: &SearchData) -> Vec<Chapter> {
    let chapters = [curves::chapter(search), parameters::chapter(search)];
    chapters.into_iter().filter(|chapter| !chapter.figures.is_empty()).collect()
}

/// Returns the mark of trials that reached `rung`. The highest rung has the strongest colour.
fn of_rung(search: &SearchData, rung: usize) -> Mark {
    let (highest, strongest) = (search.rungs.len().saturating_sub(1), RUNGS.len() - 1);
    let colour = (rung * strongest + highest / 2).checked_div(highest).unwrap_or(strongest);
    Mark { colour: RUNGS[colour.min(strongest)], shape: rung % 4 }
}

/// Returns the trials, those that reached the highest rungs last, so that they are drawn over the others.
fn lowest_first(search: &SearchData) -> Vec<&TrialData> {
    let mut trials: Vec<&TrialData> = search.trials.iter().collect();
    trials.sort_by_key(|trial| (reached(search, trial), trial.number));
    trials
}

/// Makes the legend of colours and shapes.
fn legend(search: &SearchData) -> Panel {
    let entry = |(rung, epochs): (usize, &usize)| (format!("rung {rung}: {epochs} epochs"), of_rung(search, rung));
    Panel::legend(&search.rungs.iter().enumerate().map(entry).collect::<Vec<_>>(), 2)
}

#[cfg(test)]
mod tests {
    use super::super::data::ParameterValue;
    use super::super::example::{finished, search, trial};
    use super::*;
    use crate::experiments::report::page::Figure;
    use crate::experiments::search::TrialState;

    fn figures(search: &SearchData) -> Vec<Figure> {
        chapters(search).into_iter().flat_map(|chapter| chapter.figures).collect()
    }

    fn names(search: &SearchData) -> Vec<String> {
        figures(search).into_iter().map(|figure| figure.name).collect()
    }

    #[test]
    fn there_are_curves_and_a_figure_for_every_parameter() {
        let all = ["curves", "parameter-1-optimiser-lr", "parameter-2-model-channels", "parameter-3-model-dropout"];
        assert_eq!(names(&finished()), all);
        assert_eq!(names(&search(vec![trial(0, TrialState::Running, &[])])), ["curves"], "no score yet");
        assert_eq!(names(&search(Vec::new())), [""; 0]);
    }

    #[test]
    fn text_alternatives_have_the_numbers() {
        let alt: Vec<String> = figures(&finished()).into_iter().map(|figure| figure.alt).collect();
        for (alt, said) in alt.iter().zip([
            "9 trials. Rung 0, 2 epochs: 8 results, best 30.5. Rung 1, 6 epochs: 2 results, best 40.5.",
            "8 trials from 0.0001 to 0.0081, on a logarithmic scale. Best: trial 7 with 0.0009, 50.5 %.",
            "[16, 16, 32]: 4 trials, best 39.0; [32, 32, 64]: 4 trials, best 50.5.",
            "4 trials from 0 to 0.6.",
        ]) {
            assert!(alt.contains(said), "{said}: {alt}");
        }
    }

    #[test]
    fn values_that_are_not_finite_do_no_harm() {
        let mut search = finished();
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e308, -1e308, f64::MIN_POSITIVE];
        for (trial, value) in search.trials.iter_mut().zip(values) {
            trial.values[0] = Some(ParameterValue::Number(value));
            trial.values[2] = Some(ParameterValue::Number(-value));
            trial.curves[1][0].score = value;
        }
        search.trials[3].scores[0] = f64::NAN;
        search.trials[7].scores[2] = f64::INFINITY;
        (search.trials[4].scores[0], search.trials[5].scores[0]) = (1e308, -1e308);
        search.trials[5].values.clear();
        search.trials[6].curves.clear();
        for figure in figures(&search) {
            let (_, shapes) = figure.svg.split_once("</desc>").unwrap();
            assert!(!shapes.contains("NaN") && !shapes.contains("inf"), "{}: {shapes}", figure.name);
        }
    }

    #[test]
    fn figures_do_not_depend_on_the_number_of_threads() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| chapters(&finished()))
        };
        assert!(with(1) == with(4));
    }

    #[test]
    fn the_highest_rung_has_the_strongest_colour() {
        let mut search = search(Vec::new());
        for rungs in 1..9 {
            search.rungs = (0..rungs).map(|rung| 2_usize.pow(rung)).collect();
            assert_eq!(of_rung(&search, search.rungs.len() - 1).colour, RUNGS[5]);
            assert_eq!(of_rung(&search, 0).colour == RUNGS[0], rungs > 1);
        }
    }
}
