//! How the trials learned: the validation score by epoch, as far as each came.

use super::super::data::{SearchData, TrialData};
use super::super::standing::{Rung, best, reached, rungs};
use super::super::tables::over_seeds;
use super::plot::Plot;
use super::scale::Scale;
use super::{legend, lowest_first, of_rung};
use crate::report::CurvePoint;
use crate::report::page::canvas::{Anchor, draw};
use crate::report::page::palette::MUTED;
use crate::report::page::words::short;
use crate::report::page::{Chapter, Figure};
use crate::train::StageName;

const HEIGHT: f64 = 260.0;
/// Points of a line that are nearer to each other cannot be told apart, in pixels.
const NEAREST: f64 = 1.5;
/// The room that the name of a rung takes, in pixels.
const NAME: f64 = 40.0;

/// A single figure; none before an epoch has ended.
pub fn chapter(search: &SearchData) -> Chapter {
    Chapter {
        title: "Learning curves by rung",
        anchor: "curves",
        note: format!(
            "Validation {} in % by epochs trained, {}, as long as all seeds train. A line is a trial; its colour \
             is the highest rung on which it has a result. Upright lines are the rungs, where the best 1/{} go on. The \
             thick line is the best trial.",
            search.objective,
            over_seeds(search),
            search.eta,
        ),
        figures: figure(search).into_iter().collect(),
    }
}

/// Epochs trained, from 1, and the mean score over seeds then.
fn curve(search: &SearchData, trial: &TrialData) -> Vec<[f64; 2]> {
    let is_objective = |stage: &&StageName| (stage.measure() == "F(x)") == (search.objective == "F(x)");
    let stages: Vec<&str> =
        StageName::of(search.method).iter().filter(is_objective).map(|stage| stage.name()).collect();
    let of_stages = |point: &&CurvePoint| stages.contains(&point.stage.as_str());
    let scores = |seed: &Vec<CurvePoint>| seed.iter().filter(of_stages).map(|point| point.score).collect();
    let seeds: Vec<Vec<f64>> = trial.curves.iter().map(scores).collect();
    let shared = seeds.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |epoch: usize| seeds.iter().map(|seed| seed[epoch]).sum::<f64>() / seeds.len() as f64;
    (0..shared).map(|epoch| [epoch as f64 + 1.0, mean(epoch)]).filter(|[_, score]| score.is_finite()).collect()
}

fn figure(search: &SearchData) -> Option<Figure> {
    let trials = lowest_first(search);
    let curves: Vec<_> = trials.into_iter().map(|trial| (trial, curve(search, trial))).collect();
    let points = || curves.iter().flat_map(|(_, curve)| curve);
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
        &format!("validation {} in %", short(&search.objective)),
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
    for (trial, curve) in &curves {
        let mut line: Vec<[f64; 2]> = Vec::new();
        for (i, [epoch, score]) in curve.iter().enumerate() {
            let place = plot.at(*epoch, *score);
            if i + 1 == curve.len() || line.last().is_none_or(|[x, _]| place[0] - x >= NEAREST) {
                line.push(place);
            }
        }
        let width = if best.is_some_and(|best| best.number == trial.number) { 2.5 } else { 0.9 };
        plot.panel.path(&line, of_rung(search, reached(search, trial)).colour, width);
    }
    let n = curves.iter().filter(|(_, curve)| !curve.is_empty()).count();
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
    format!("Lines of validation {} in % by epoch, {n} trials. {}", search.objective, words.join(" "))
}
