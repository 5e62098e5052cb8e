//! Learning curves of a training, as reports show them.

use serde::{Deserialize, Serialize};

use crate::config::{Method, StageName};

/// An epoch of one seed's training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Trained stage.
    pub stage: StageName,
    /// Epoch of the stage, counted from 0.
    pub epoch: usize,
    /// Mean training loss.
    pub loss: f64,
    /// Validation score in %: macro-F1, or F(x) (SPEC §4) while the embedding model E is trained alone.
    pub score: f64,
}

/// Reads the learning curves of `seeds` trainings by `method`, `[seed][epoch]`, from JSON.
///
/// # Errors
/// A message when the JSON is of another kind, the number of seeds differs, the method has no such stage, or epochs do
/// not follow each other.
pub fn curves_from_json(text: &str, seeds: usize, method: Method) -> Result<Vec<Vec<CurvePoint>>, String> {
    let curves: Vec<Vec<CurvePoint>> =
        serde_json::from_str(text).map_err(|e| format!("these are no learning curves: {e}"))?;
    check_curves(&curves, seeds, method).map(|()| curves)
}

/// Checks that `curves`, `[seed][epoch]`, can be those of `seeds` trainings by `method`.
///
/// # Errors
/// A message when the number of seeds differs, the method has no such stage, or epochs do not follow each other.
pub fn check_curves(curves: &[Vec<CurvePoint>], seeds: usize, method: Method) -> Result<(), String> {
    if curves.len() != seeds {
        return Err(format!("there are learning curves of {} seeds, not of {seeds}", curves.len()));
    }
    let stages = StageName::of(method);
    for (seed, curve) in curves.iter().enumerate() {
        // Stage index and epoch of the previous point.
        let mut last: Option<(usize, usize)> = None;
        for CurvePoint { stage, epoch, .. } in curve {
            let place = stages.iter().position(|known| known == stage);
            let stage = stage.name();
            let place = place.ok_or_else(|| format!("{stage:?} is no stage of the method {}", method.name()))?;
            let follows = match last {
                Some((before, _)) if before < place => *epoch == 0,
                Some((before, last)) => before == place && last.checked_add(1) == Some(*epoch),
                None => *epoch == 0,
            };
            if !follows {
                return Err(format!("the epochs of curve {seed} do not follow each other: {stage}, {epoch}"));
            }
            last = Some((place, *epoch));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_a_training_that_can_be() {
        let point =
            |stage: &str, epoch: usize| format!(r#"{{"stage":"{stage}","epoch":{epoch},"loss":0.5,"score":50.0}}"#);
        let curve = |points: &[(&str, usize)]| {
            format!("[{}]", points.iter().map(|(stage, epoch)| point(stage, *epoch)).collect::<Vec<_>>().join(","))
        };
        let read = |curves: &[String]| curves_from_json(&format!("[{}]", curves.join(",")), 2, Method::Triplets);
        let whole = curve(&[("triplets", 0), ("triplets", 1), ("tagger", 0), ("tagger", 1)]);
        assert_eq!(read(&[whole.clone(), curve(&[])]).unwrap()[0].len(), 4);
        let cases = [
            (vec![], "of 0 seeds, not of 2"),
            (vec![whole.clone()], "of 1 seeds, not of 2"),
            (vec![whole.clone(), curve(&[("classifier", 0)])], "is no stage of the method triplets"),
            (vec![whole.clone(), curve(&[("triplets", 1)])], "do not follow each other: triplets, 1"),
            (vec![whole.clone(), curve(&[("tagger", 0), ("triplets", 0)])], "do not follow each other: triplets, 0"),
            (vec![whole.clone(), curve(&[("tagger", 0), ("tagger", 0)])], "do not follow each other: tagger, 0"),
            (vec![whole, "{}".into()], "no learning curves"),
        ];
        for (curves, expected) in cases {
            let reason = read(&curves).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
