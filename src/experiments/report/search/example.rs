//! Made-up searches for tests: small, complete in every field, and the same each time.

use super::data::{ParameterAxis, ParameterValue, SearchData, TrialData};
use crate::config::{Method, StageName};
use crate::experiments::search::TrialState;
use crate::output::CurvePoint;

/// Epochs of each rung.
const RUNGS: [usize; 3] = [2, 6, 18];

/// Makes a trial in `state` with `scores`, two seeds, and as many epochs as its last result needs.
pub fn trial(number: usize, state: TrialState, scores: &[f64]) -> TrialData {
    let epochs = scores.len().checked_sub(1).map_or(1, |last| RUNGS[last.min(2)]);
    let point = |seed: usize, epoch: usize| CurvePoint {
        stage: StageName::Classifier,
        epoch,
        loss: 1.0 / (1.0 + epoch as f64),
        score: 40.0 + (number + seed) as f64 - 30.0 / (1.0 + epoch as f64),
    };
    let widths = ["[16, 16, 32]", "[32, 32, 64]"][number % 2];
    TrialData {
        number,
        values: vec![
            Some(ParameterValue::Number(0.0001 * 3.0_f64.powi(number as i32 % 5))),
            Some(ParameterValue::Text(widths.into())),
            (number.is_multiple_of(2)).then_some(ParameterValue::Number(0.1 * (number % 7) as f64)),
        ],
        state,
        scores: scores.to_vec(),
        curves: (0..2).map(|seed| (0..epochs).map(|epoch| point(seed, epoch)).collect()).collect(),
        reason: None,
        seconds: 60.0,
        adapters: vec!["made up".into()],
    }
}

/// Makes a search in which `trials` of nine were started.
pub fn search(trials: Vec<TrialData>) -> SearchData {
    let axis = |name: &str, log: bool| ParameterAxis { name: name.into(), log };
    SearchData {
        title: "A made-up search".into(),
        soundbank: "nowhere".into(),
        classes: vec!["Cat".into(), "Running_water".into()],
        clips: [80, 20, 40],
        method: Method::Classifier,
        eta: 3,
        rungs: RUNGS.to_vec(),
        seeds: vec![1, 2],
        parameters: vec![axis("optimiser.lr", true), axis("model.channels", false), axis("model.dropout", false)],
        trials,
        planned: 9,
    }
}

/// Makes a search of nine trials, of which number 7 is the best and number 8 failed.
pub fn finished() -> SearchData {
    let score = |number: usize, rung: usize| 20.0 + 10.0 * rung as f64 + number as f64 * 1.5;
    let scores = |number: usize, rungs: usize| (0..rungs).map(|rung| score(number, rung)).collect::<Vec<_>>();
    let mut trials: Vec<TrialData> =
        (0..6).map(|number| trial(number, TrialState::Paused, &scores(number, 1))).collect();
    trials.push(trial(6, TrialState::Paused, &scores(6, 2)));
    trials.push(trial(7, TrialState::Paused, &scores(7, 3)));
    trials.push(TrialData { reason: Some("the loss is not finite".into()), ..trial(8, TrialState::Failed, &[]) });
    search(trials)
}
