//! The paper's results (SPEC §7): F1 in % by method and by the lengths of training and test segments.
//!
//! The paper used other sounds than a study, so its numbers stand beside a study's and are never compared with them one
//! by one.

use crate::config::{Method, Variant};

/// Datasets in the order of the paper's tables.
pub const VARIANTS: [Variant; 2] = [Variant::Ms200, Variant::Waa];

/// Lengths of training and of test segments in the paper, in seconds.
pub const SECONDS: [f64; 3] = [0.2, 1.0, 10.0];

/// Mean and standard deviation, `[method][training length][test length]`.
type Scores = [[[(f64, f64); 3]; 3]; 3];

/// The paper's Table 2.
const MS200: Scores = [
    [
        [(45.8, 2.9), (29.6, 1.7), (3.7, 0.5)],
        [(44.2, 1.8), (47.4, 3.2), (12.7, 2.4)],
        [(39.8, 1.9), (49.3, 3.2), (36.7, 3.8)],
    ],
    [
        [(42.5, 1.0), (2.6, 0.4), (0.0, 0.0)],
        [(39.1, 2.4), (28.9, 2.7), (0.1, 0.1)],
        [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)],
    ],
    [
        [(41.2, 3.5), (9.4, 2.7), (0.0, 0.0)],
        [(38.8, 1.8), (36.1, 2.1), (1.1, 1.3)],
        [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)],
    ],
];

/// The paper's Table 3.
const WAA: Scores = [
    [
        [(45.8, 2.9), (49.0, 4.1), (26.8, 3.1)],
        [(46.9, 1.2), (57.5, 2.5), (38.0, 1.9)],
        [(40.2, 2.0), (54.2, 0.7), (51.0, 2.3)],
    ],
    [
        [(42.5, 1.0), (38.2, 3.6), (11.7, 3.2)],
        [(41.7, 7.0), (44.8, 10.9), (18.3, 7.3)],
        [(9.1, 3.2), (10.2, 2.0), (2.8, 0.7)],
    ],
    [
        [(41.2, 3.5), (36.1, 7.3), (9.5, 4.3)],
        [(45.2, 0.4), (52.4, 3.9), (22.0, 3.4)],
        [(29.9, 6.2), (35.8, 10.9), (28.6, 11.0)],
    ],
];

/// Returns mean and standard deviation of F1 in %; `None` for a length that the paper does not have.
pub fn score(variant: Variant, method: Method, train_seconds: f64, test_seconds: f64) -> Option<(f64, f64)> {
    let scores = match variant {
        Variant::Ms200 => &MS200,
        Variant::Waa => &WAA,
    };
    let method = match method {
        Method::Classifier => 0,
        Method::Triplets => 1,
        Method::Prototypes => 2,
    };
    let place = |length: f64| SECONDS.iter().position(|seconds| *seconds == length);
    Some(scores[method][place(train_seconds)?][place(test_seconds)?])
}

/// Returns the paper's name of a dataset.
pub fn dataset(variant: Variant) -> &'static str {
    match variant {
        Variant::Ms200 => "200 ms dataset",
        Variant::Waa => "WAA1",
    }
}

/// Returns the number of the paper's table with a dataset's scores.
pub fn table(variant: Variant) -> usize {
    match variant {
        Variant::Ms200 => 2,
        Variant::Waa => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the rows of the form `| Classifier 0.2 | 45.8 ± 2.9 | … |` below the line that starts with `heading`.
    fn specified(heading: &str) -> Vec<(String, Vec<(f64, f64)>)> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md");
        let spec = std::fs::read_to_string(path).unwrap();
        let lines = spec.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
        let rows = lines.take_while(|line| line.starts_with('|')).filter(|line| line.contains('±'));
        rows.map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let number = |text: &str| text.trim().parse().unwrap();
            let score = |cell: &&str| cell.split_once('±').map(|(mean, sd)| (number(mean), number(sd))).unwrap();
            (cells[0].to_lowercase(), cells[1..].iter().map(score).collect())
        })
        .collect()
    }

    #[test]
    fn the_scores_are_those_of_the_specification() {
        for (variant, heading) in [(Variant::Ms200, "Table 2,"), (Variant::Waa, "Table 3,")] {
            let rows = specified(heading);
            assert_eq!(rows.len(), 9);
            for (name, scores) in rows {
                let (method, train) = name.split_once(' ').unwrap();
                let method = Method::all().into_iter().find(|m| m.name() == method).unwrap();
                let ours = SECONDS.map(|test| score(variant, method, train.parse().unwrap(), test).unwrap());
                assert_eq!(ours.as_slice(), scores, "{variant:?}, {name}");
            }
        }
    }

    #[test]
    fn a_length_that_the_paper_does_not_have_has_no_score() {
        assert_eq!(score(Variant::Waa, Method::Triplets, 5.0, 1.0), None);
        assert_eq!(score(Variant::Waa, Method::Triplets, 1.0, 0.5), None);
    }
}
