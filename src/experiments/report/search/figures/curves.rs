//! Learning curves of a search's trials: validation score by epoch.

use super::super::data::{SearchData, TrialData};
use super::super::leaderboard::{Rung, best, reached, rungs};
use super::super::tables::{of_best_epochs, over_seeds};
use super::plot::Plot;
use super::scale::Scale;
use super::{legend, lowest_first, of_rung};
use crate::config::StageName;
use crate::experiments::report::page::canvas::{Anchor, Mark, draw};
use crate::experiments::report::page::palette::MUTED;
use crate::experiments::report::page::words::short;
use crate::experiments::report::page::{Chapter, Figure};
use crate::output::CurvePoint;

const HEIGHT: f64 = 260.0;
/// Smallest horizontal distance of points on a line, in pixels; nearer ones could not be distinguished.
const NEAREST: f64 = 1.5;
/// Width of a rung's label, in pixels.
const NAME: f64 = 40.0;

/// Makes a chapter of a single figure, or of none before the first epoch has ended.
pub fn chapter(search: &SearchData) -> Chapter {
    Chapter {
        title: "Learning curves by rung",
        anchor: "curves",
        note: format!(
            "Validation {} in % by epochs trained, {}, as long as all seeds train. A line is a trial; its colour \
             is the highest rung on which it has a result. A dot is its score, {}: it stands at that epoch, or at the mean of \
             those of all seeds, and then above the line. Upright lines are the rungs, where one in {} goes on. The thick line \
             is the best trial.",
            search.objective(),
            over_seeds(search),
            of_best_epochs(search),
            search.eta,
        ),
        figures: figure(search).into_iter().collect(),
    }
}

/// Returns the validation scores of `trial`, `[seed][epoch]`.
fn scores(search: &SearchData, trial: &TrialData) -> Vec<Vec<f64>> {
    // The objective is the score of the first stage.
    let stage = StageName::of(search.method)[0];
    let of_stage = |point: &&CurvePoint| point.stage == stage;
    let scores = |seed: &Vec<CurvePoint>| seed.iter().filter(of_stage).map(|point| point.score).collect();
    trial.curves.iter().map(scores).collect()
}

/// Returns the mean score over `seeds` by epochs trained, counted from 1, as long as all seeds train.
fn curve(seeds: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let shared = seeds.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |epoch: usize| seeds.iter().map(|seed| seed[epoch]).sum::<f64>() / seeds.len() as f64;
    (0..shared).map(|epoch| [epoch as f64 + 1.0, mean(epoch)]).filter(|[_, score]| score.is_finite()).collect()
}

/// Returns the means over `seeds` of the best epoch, counted from 1, and of the score in it. Of equal scores the first
/// counts.
fn best_epoch(seeds: &[Vec<f64>]) -> Option<[f64; 2]> {
    let best = |seed: &Vec<f64>| {
        let finite = seed.iter().enumerate().filter(|(_, score)| score.is_finite());
        finite.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).map(|(epoch, score)| [epoch as f64 + 1.0, *score])
    };
    let best: Vec<[f64; 2]> = seeds.iter().map(best).collect::<Option<_>>()?;
    let mean = |axis: usize| best.iter().map(|place| place[axis]).sum::<f64>() / best.len() as f64;
    (!best.is_empty()).then(|| [mean(0), mean(1)])
}

fn figure(search: &SearchData) -> Option<Figure> {
    let trials = lowest_first(search);
    let line = |trial| {
        let seeds = scores(search, trial);
        (trial, curve(&seeds), best_epoch(&seeds))
    };
    let curves: Vec<_> = trials.into_iter().map(line).collect();
    let points = || curves.iter().flat_map(|(_, curve, best)| curve.iter().chain(best));
    let last = points().map(|[epoch, _]| *epoch).fold(0.0, f64::max);
    if last == 0.0 {
        return None;
    }
    let begun: Vec<(usize, f64)> = search.rungs.iter().map(|epochs| *epochs as f64).enumerate().collect();
    let begun: Vec<(usize, f64)> = begun.into_iter().filter(|(_, epochs)| (1.0..=last).contains(epochs)).collect();
    let x = Scale::logarithmic([1.0, last].into_iter());
    let x = if begun.is_empty() { x } else { x.with_ticks([1.0].into_iter().chain(begun.iter().map(|(_, e)| *e))) };
    let y = Scale::linear(points().map(|[_, score]| *score));
    let mut plot = Plot::new(
        &format!("validation {} in %", short(search.objective())),
        HEIGHT,
        "epochs trained (logarithmic)",
        x,
        y,
    );
    let mut free = 0.0;
    for (rung, epochs) in begun {
        plot.upright(epochs, MUTED, 1.0);
        let [x, _] = plot.at(epochs, 0.0);
        let begin = (x - NAME).max(40.0);
        if begin >= free {
            plot.panel.text([begin, 8.0], &format!("rung {rung}"), Anchor::Start, MUTED);
            free = begin + NAME;
        }
    }
    let best = best(search);
    for (trial, curve, of_best) in &curves {
        let mut line: Vec<[f64; 2]> = Vec::new();
        for (i, [epoch, score]) in curve.iter().enumerate() {
            let place = plot.at(*epoch, *score);
            if i + 1 == curve.len() || line.last().is_none_or(|[x, _]| place[0] - x >= NEAREST) {
                line.push(place);
            }
        }
        let is_best = best.is_some_and(|best| best.number == trial.number);
        let (width, radius) = if is_best { (2.5, 4.0) } else { (0.9, 1.8) };
        let mark = Mark { shape: 0, ..of_rung(search, reached(search, trial)) };
        plot.panel.path(&line, mark.colour, width);
        let dot: Vec<[f64; 2]> = of_best.iter().map(|[epoch, score]| plot.at(*epoch, *score)).collect();
        plot.panel.marks(&dot, mark, radius, 1.0);
    }
    let n = curves.iter().filter(|(_, curve, _)| !curve.is_empty()).count();
    let best = best.map_or_else(String::new, |best| format!("; thick: trial {}, the best", best.number));
    let subject = format!("{n} trials{best}");
    Some(draw("curves".into(), "Learning curves by rung", &subject, alt(search, n), vec![plot.panel, legend(search)]))
}

fn alt(search: &SearchData, n: usize) -> String {
    let rung = |rung: Rung| {
        let best = rung.results.first().map_or_else(String::new, |(score, _)| format!(", best {score:.1}"));
        format!("Rung {}, {} epochs: {} results{best}.", rung.rung, rung.epochs, rung.results.len())
    };
    let words: Vec<String> = rungs(search).into_iter().map(rung).collect();
    format!("Lines of validation {} in % by epoch, {n} trials. {}", search.objective(), words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{search, trial};
    use super::*;
    use crate::experiments::search::TrialState;

    #[test]
    fn the_best_epoch_is_the_first_with_the_highest_score_and_its_mean_over_seeds() {
        assert_eq!(best_epoch(&[vec![10.0, 30.0, 30.0, 20.0]]), Some([2.0, 30.0]));
        assert_eq!(best_epoch(&[vec![10.0, 30.0], vec![40.0, 20.0], vec![f64::NAN, 5.0]]), Some([5.0 / 3.0, 25.0]));
        assert_eq!(best_epoch(&[vec![10.0], vec![]]), None);
        assert_eq!(best_epoch(&[]), None);
    }

    #[test]
    fn every_trial_has_a_dot_at_its_score() {
        let dots = |trials: usize| {
            let trials = (0..trials).map(|number| trial(number, TrialState::Paused, &[30.0])).collect();
            figure(&search(trials)).map_or(0, |figure| figure.svg.matches("<circle").count())
        };
        assert_eq!((dots(0), dots(4) - dots(3)), (0, 1));
    }
}
