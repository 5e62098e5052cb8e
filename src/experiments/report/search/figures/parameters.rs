//! Figures of the score against each parameter.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::super::data::{ParameterAxis, ParameterValue, SearchData};
use super::super::leaderboard::{best, last_result};
use super::plot::Plot;
use super::scale::Scale;
use super::{legend, lowest_first, of_rung};
use crate::experiments::report::page::canvas::{Panel, draw};
use crate::experiments::report::page::palette::INK;
use crate::experiments::report::page::words::{number, short};
use crate::experiments::report::page::{Chapter, Figure};

const HEIGHT: f64 = 190.0;
const ROW: f64 = 26.0;
const RADIUS: f64 = 3.8;
/// Largest number of different values that are all written along the axis.
const FEW: usize = 6;

/// A trial's value of a parameter, with the highest rung it reached and its score there.
struct Point<'a> {
    number: usize,
    value: &'a ParameterValue,
    rung: usize,
    score: f64,
}

/// Makes one figure per parameter for which a trial has a value and a score.
pub fn chapter(search: &SearchData) -> Chapter {
    let parameters = search.parameters.par_iter().enumerate();
    Chapter {
        title: "The score against each parameter",
        anchor: "parameters",
        note: format!(
            "Validation {} in % of every trial, on the highest rung on which it has a result. Compare points of \
             one colour: those of a higher rung have trained longer. The ring is the best trial. Choices that are no \
             numbers have a row each, where points stand a little apart so that none hides another.",
            search.objective()
        ),
        figures: parameters.filter_map(|(at, axis)| figure(search, at, axis)).collect(),
    }
}

fn figure(search: &SearchData, at: usize, axis: &ParameterAxis) -> Option<Figure> {
    let points: Vec<Point> = lowest_first(search)
        .into_iter()
        .filter_map(|trial| {
            let value = trial
                .values
                .get(at)?
                .as_ref()
                .filter(|value| !matches!(value, ParameterValue::Number(x) if !x.is_finite()))?;
            let (rung, score) = last_result(search, trial)?;
            Some(Point { number: trial.number, value, rung, score })
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let numbers: Option<Vec<f64>> = points.iter().map(|point| as_number(point.value)).collect();
    let (plot, words) = match numbers {
        Some(numbers) => by_number(search, axis, &points, &numbers),
        None => by_choice(search, &points),
    };
    let best = best(search).and_then(|best| points.iter().find(|point| point.number == best.number));
    let ring = best.map_or_else(String::new, |best| format!("; ring: trial {}, the best", best.number));
    let best = best.map_or_else(String::new, |best| {
        format!(" Best: trial {} with {}, {:.1} %.", best.number, text(best.value), best.score)
    });
    let alt = format!("Points of validation {} in % by {}. {words}{best}", search.objective(), axis.name);
    let name = format!("parameter-{}-{}", at + 1, stem(&axis.name));
    let subject = format!("{} trials{ring}", points.len());
    Some(draw(name, &short(&axis.name), &subject, alt, vec![plot, legend(search)]))
}

/// Plots the score (y) against a numeric parameter (x).
fn by_number(search: &SearchData, axis: &ParameterAxis, points: &[Point], numbers: &[f64]) -> (Panel, String) {
    let numbers = || numbers.iter().copied();
    let x = if axis.log { Scale::logarithmic(numbers()) } else { Scale::linear(numbers()) };
    let mut different: Vec<f64> = numbers().collect();
    different.sort_by(f64::total_cmp);
    different.dedup();
    let (low, high) = (different[0], different[different.len() - 1]);
    let scale = if x.is_logarithmic() { ", on a logarithmic scale" } else { "" };
    let words = format!("{} trials from {} to {}{scale}.", points.len(), number(low), number(high));
    let x = if different.len() > FEW { x } else { x.with_ticks(different) };
    let y = Scale::linear(points.iter().map(|point| point.score));
    let label = if x.is_logarithmic() { format!("{} (logarithmic)", short(&axis.name)) } else { short(&axis.name) };
    let mut plot = Plot::new(&heading(search), HEIGHT, &label, x, y);
    let places = points.iter().zip(numbers()).map(|(point, x)| plot.at(x, point.score)).collect();
    mark(search, &mut plot.panel, points, places);
    (plot.panel, words)
}

/// Plots the score (x) in one row per choice.
fn by_choice(search: &SearchData, points: &[Point]) -> (Panel, String) {
    let choices: Vec<String> =
        points.iter().map(|point| text(point.value)).collect::<BTreeSet<_>>().into_iter().collect();
    let x = Scale::linear(points.iter().map(|point| point.score));
    let height = ROW * choices.len() as f64 + 44.0;
    let mut plot = Plot::new(&heading(search), height, &unit(search), x, Scale::choices(&choices));
    let row = |point: &Point| choices.iter().position(|choice| *choice == text(point.value)).unwrap_or(0);
    // Trials with neighbouring numbers are placed at different heights within a row.
    let apart = |point: &Point| ((point.number * 2) % 5) as f64 * 3.0 - 6.0;
    let place = |point: &Point| {
        let [x, y] = plot.at(point.score, row(point) as f64);
        [x, y + apart(point)]
    };
    let places = points.iter().map(place).collect();
    mark(search, &mut plot.panel, points, places);
    let words = choices.iter().enumerate().map(|(at, choice)| {
        let scores = || points.iter().filter(|point| row(point) == at).map(|point| point.score);
        format!("{choice}: {} trials, best {:.1}", scores().count(), scores().fold(f64::NEG_INFINITY, f64::max))
    });
    (plot.panel, format!("{}.", words.collect::<Vec<_>>().join("; ")))
}

/// Draws `points`, which are ordered by rung, at their places.
fn mark(search: &SearchData, panel: &mut Panel, points: &[Point], places: Vec<[f64; 2]>) {
    let placed: Vec<(&Point, [f64; 2])> = points.iter().zip(places).collect();
    for of_rung_points in placed.chunk_by(|a, b| a.0.rung == b.0.rung) {
        let places: Vec<[f64; 2]> = of_rung_points.iter().map(|(_, place)| *place).collect();
        panel.marks(&places, of_rung(search, of_rung_points[0].0.rung), RADIUS, 0.9);
    }
    let best = best(search).and_then(|best| placed.iter().find(|(point, _)| point.number == best.number));
    if let Some((_, place)) = best {
        panel.ring(*place, 2.0 * RADIUS, INK);
    }
}

fn heading(search: &SearchData) -> String {
    format!("validation {} on the last rung", unit(search))
}

fn unit(search: &SearchData) -> String {
    format!("{} in %", short(search.objective()))
}

fn as_number(value: &ParameterValue) -> Option<f64> {
    match value {
        ParameterValue::Number(value) => Some(*value),
        ParameterValue::Text(_) => None,
    }
}

fn text(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Number(value) => number(*value),
        ParameterValue::Text(text) => text.clone(),
    }
}

/// Turns a configuration key into a part of a file name.
fn stem(name: &str) -> String {
    name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}
