//! A made-up search: sixty trials on four rungs, seven parameters of every kind.

use weaklabel::base::counter_rng::{Key, Stream};
use weaklabel::config::{Method, StageName};
use weaklabel::experiments::report::search::{ParameterAxis, ParameterValue, SearchData, TrialData};
use weaklabel::experiments::search::TrialState;
use weaklabel::output::CurvePoint;

const RUNGS: [usize; 4] = [3, 9, 27, 81];
const SEEDS: [u64; 2] = [1, 2];
const TRIALS: usize = 60;
const ETA: usize = 3;

/// A search that was interrupted near its end, whose best learning rate is near 0.002.
pub fn full() -> SearchData {
    let mut trials: Vec<TrialData> = (0..TRIALS).map(trial).collect();
    // Promote the best of each rung, and note why the others stay.
    let mut climbing: Vec<usize> = (0..TRIALS).filter(|number| trials[*number].state == TrialState::Paused).collect();
    for (rung, epochs) in RUNGS.iter().enumerate() {
        for &number in &climbing {
            let trial = &mut trials[number];
            let score = |seed: &Vec<CurvePoint>| seed[epochs - 1].score;
            let scores: Vec<f64> = trial.curves.iter().map(score).collect();
            trial.scores.push(scores.iter().sum::<f64>() / scores.len() as f64);
        }
        climbing.sort_by(|a, b| trials[*b].scores[rung].total_cmp(&trials[*a].scores[rung]));
        climbing.truncate(climbing.len() / ETA);
    }
    for trial in &mut trials {
        let epochs = RUNGS[trial.scores.len().max(1) - 1];
        trial.curves.iter_mut().for_each(|seed| seed.truncate(epochs));
        trial.seconds = 7.5 * epochs as f64;
    }
    let axis = |name: &str, log: bool| ParameterAxis { name: name.into(), log };
    SearchData {
        title: "A made-up search".into(),
        soundbank: "made up <for this test> & nothing else".into(),
        classes: ["Alarm_bell_ringing", "Cat", "Dog", "Running_water", "Speech"].map(str::to_owned).to_vec(),
        clips: [2700, 300, 750],
        method: Method::Classifier,
        eta: ETA,
        rungs: RUNGS.to_vec(),
        seeds: SEEDS.to_vec(),
        parameters: vec![
            axis("optimiser.lr", true),
            axis("optimiser.weight_decay", true),
            axis("model.dropout", false),
            axis("model.channels", false),
            axis("train.batch", true),
            axis("train.a_key_with_quite_a_long_name", false),
            axis("features.mels", false),
        ],
        trials,
        planned: 64,
    }
}

fn trial(number: usize) -> TrialData {
    let mut stream = Key::new(number as u64).named("made-up trial").stream();
    let lr = 10_f64.powf(stream.uniform(-5.0, -1.0));
    let decay = 10_f64.powf(stream.uniform(-7.0, -3.0));
    let dropout = stream.uniform(0.0, 0.5);
    let channels = *stream.choose(&["[16, 16, 32]", "[32, 32, 64]", "[64, 64, 128, 128, 256]"]);
    let batch = *stream.choose(&[16.0, 32.0, 64.0, 128.0]);
    let choice = *stream.choose(&["<b>segment</b> & more", "clip", "event"]);
    let level = (55.0 - 9.0 * (lr / 0.002).log10().powi(2) - 20.0 * (dropout - 0.2).powi(2)).max(3.0);
    let curve = |seed: u64, stream: &mut Stream| -> Vec<CurvePoint> {
        let rate = 4.0 + 8.0 * dropout + seed as f64;
        let score = |epoch: usize, noise: f64| (level * (1.0 - (-(epoch as f64 + 1.0) / rate).exp()) + noise).max(0.0);
        (0..RUNGS[3])
            .map(|epoch| CurvePoint {
                stage: StageName::Classifier,
                epoch,
                loss: 0.7 / (1.0 + epoch as f64 / 10.0),
                score: score(epoch, stream.normal()),
            })
            .collect()
    };
    let curves = SEEDS.iter().map(|seed| curve(*seed, &mut stream)).collect();
    let (state, reason) = match number {
        20 => (TrialState::Failed, Some("GPU is out of memory: 1.2 GiB were asked for & <none> were left".to_owned())),
        57.. => (TrialState::Running, None),
        _ => (TrialState::Paused, None),
    };
    TrialData {
        number,
        values: vec![
            Some(ParameterValue::Number(lr)),
            Some(ParameterValue::Number(decay)),
            Some(ParameterValue::Number(dropout)),
            Some(ParameterValue::Text(channels.into())),
            Some(ParameterValue::Number(batch)),
            (!number.is_multiple_of(3)).then(|| ParameterValue::Text(choice.into())),
            Some(ParameterValue::Number(64.0)),
        ],
        state,
        scores: Vec::new(),
        curves,
        reason,
        seconds: 0.0,
        adapters: vec![format!("made-up adapter {}", number % 2)],
    }
}
