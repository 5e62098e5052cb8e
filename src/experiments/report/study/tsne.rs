//! Layout of points of many dimensions in two (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008).
//!
//! The exact algorithm runs on one thread. For some hundred points it takes a fraction of a second, and the same points
//! give the same bits, which approximations that share their sums among threads do not guarantee.

use crate::base::counter_rng::Key;

const ITERATIONS: usize = 750;
/// Number of first iterations in which similarities are exaggerated, so that clusters are pulled together.
const EXAGGERATED: usize = 250;
const EXAGGERATION: f64 = 12.0;
const LEARNING_RATE: f64 = 50.0;
const PERPLEXITY: f64 = 30.0;

/// Lays out `points`, which are finite and of one length, around the origin. `key` draws the start positions.
///
/// The perplexity is 30, or a third of the number of other points if that is less. Points that all coincide are all
/// placed at the origin.
pub fn tsne(points: &[&[f32]], key: Key) -> Vec<[f64; 2]> {
    let n = points.len();
    let Some(similarities) = similarities(points) else { return vec![[0.0; 2]; n] };
    let mut stream = key.stream();
    let mut places: Vec<[f64; 2]> = (0..n).map(|_| [1e-4 * stream.normal(), 1e-4 * stream.normal()]).collect();
    let (mut velocities, mut gains) = (vec![[0.0; 2]; n], vec![[1.0_f64; 2]; n]);
    let (mut gradient, mut nearness) = (vec![[0.0; 2]; n], vec![0.0; n * (n - 1) / 2]);
    for iteration in 0..ITERATIONS {
        let early = iteration < EXAGGERATED;
        let (exaggeration, momentum) = if early { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        add_gradient(&places, &similarities, exaggeration, &mut nearness, &mut gradient);
        for (i, d_place) in gradient.iter_mut().enumerate() {
            for (axis, d) in d_place.iter_mut().enumerate() {
                // A gain grows while a point keeps its direction.
                let gain = &mut gains[i][axis];
                let turned = (*d > 0.0) == (velocities[i][axis] > 0.0);
                *gain = if turned { (*gain * 0.8).max(0.01) } else { *gain + 0.2 };
                velocities[i][axis] = momentum * velocities[i][axis] - LEARNING_RATE * *gain * *d;
                places[i][axis] += velocities[i][axis];
                *d = 0.0;
            }
        }
        centre(&mut places);
    }
    places
}

fn centre(places: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = places.iter().map(|place| place[axis]).sum::<f64>() / places.len() as f64;
        places.iter_mut().for_each(|place| place[axis] -= mean);
    }
}

/// Adds the gradient of the divergence to `gradient`. `nearness` is scratch space for 1/(1 + d²) of every pair i < j,
/// row by row.
fn add_gradient(
    places: &[[f64; 2]],
    similarities: &[f64],
    exaggeration: f64,
    nearness: &mut [f64],
    gradient: &mut [[f64; 2]],
) {
    let n = places.len();
    let mut rest = &mut *nearness;
    let mut total = 0.0;
    for (i, a) in places.iter().enumerate() {
        let (row, after) = rest.split_at_mut(n - 1 - i);
        for (near, b) in row.iter_mut().zip(&places[i + 1..]) {
            *near = 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
        }
        total += 2.0 * row.iter().sum::<f64>();
        rest = after;
    }
    let (mut nearness, mut similarities) = (&*nearness, similarities);
    for (i, a) in places.iter().enumerate() {
        let ((near, near_after), (similar, similar_after)) =
            (nearness.split_at(n - 1 - i), similarities.split_at(n - 1 - i));
        let (before, others) = gradient.split_at_mut(i + 1);
        let own = &mut before[i];
        for (((near, similar), b), other) in near.iter().zip(similar).zip(&places[i + 1..]).zip(others) {
            let pull = 4.0 * (exaggeration * similar - near / total) * near;
            for axis in 0..2 {
                let d = pull * (a[axis] - b[axis]);
                own[axis] += d;
                other[axis] -= d;
            }
        }
        (nearness, similarities) = (near_after, similar_after);
    }
}

/// Returns the similarity of every pair i < j, row by row; all pairs in both orders sum to 1. `None` for points that
/// coincide.
fn similarities(points: &[&[f32]]) -> Option<Vec<f64>> {
    let n = points.len();
    let mut squares = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let square = points[i].iter().zip(points[j]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            (squares[i * n + j], squares[j * n + i]) = (square, square);
        }
    }
    // Distances within the rounding of f32 count as 0.
    let norm =
        points.iter().flat_map(|point| point.iter()).map(|x| f64::from(*x).powi(2)).sum::<f64>() / n.max(1) as f64;
    let mean = squares.iter().sum::<f64>() / (n * n).max(1) as f64;
    if mean <= 1e-12 * norm {
        return None;
    }
    squares.iter_mut().for_each(|square| *square /= mean);
    let perplexity = ((n - 1) as f64 / 3.0).clamp(1.0, PERPLEXITY);
    let rows: Vec<Vec<f64>> = (0..n).map(|i| neighbours(&squares[i * n..][..n], i, perplexity)).collect();
    let pair = |i: usize, j: usize| ((rows[i][j] + rows[j][i]) / (2 * n) as f64).max(1e-12);
    Some((0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).collect())
}

/// Returns the weights of a Gaussian over the other points around point `own`, with the width that gives the wanted
/// perplexity.
fn neighbours(squares: &[f64], own: usize, perplexity: f64) -> Vec<f64> {
    let others = || (0..squares.len()).filter(|j| *j != own);
    let nearest = others().map(|j| squares[j]).fold(f64::INFINITY, f64::min);
    let (mut precision, mut low, mut high) = (1.0, 0.0, f64::INFINITY);
    let mut row = vec![0.0; squares.len()];
    for _ in 0..64 {
        // Relative to the nearest point, so that the sum is at least 1.
        others().for_each(|j| row[j] = (-precision * (squares[j] - nearest)).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= sum);
        let energy: f64 = others().map(|j| row[j] * (squares[j] - nearest)).sum();
        let excess = sum.ln() + precision * energy - perplexity.ln();
        if excess.abs() < 1e-5 {
            break;
        }
        if excess > 0.0 {
            low = precision;
            precision = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * precision };
        } else {
            high = precision;
            precision = f64::midpoint(low, high);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes `n` points around as many corners as there are classes.
    fn clusters(n: usize, classes: usize) -> Vec<Vec<f32>> {
        let mut stream = Key::new(3).stream();
        let corner = |i: usize, d: usize| if d % classes == i % classes { 2.0 } else { 0.0 };
        (0..n).map(|i| (0..40).map(|d| (corner(i, d) + 0.2 * stream.normal()) as f32).collect()).collect()
    }

    fn layout(points: &[Vec<f32>], seed: u64) -> Vec<[f64; 2]> {
        tsne(&points.iter().map(Vec::as_slice).collect::<Vec<_>>(), Key::new(seed))
    }

    fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
        (a[0] - b[0]).hypot(a[1] - b[1])
    }

    #[test]
    fn points_of_one_cluster_are_neighbours() {
        let places = layout(&clusters(120, 4), 1);
        for (i, place) in places.iter().enumerate() {
            let others = (0..places.len()).filter(|j| *j != i);
            let nearest = others.min_by(|a, b| distance(*place, places[*a]).total_cmp(&distance(*place, places[*b])));
            assert_eq!(nearest.unwrap() % 4, i % 4, "point {i}");
        }
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let points = clusters(60, 3);
        assert_eq!(layout(&points, 1), layout(&points, 1));
        assert_ne!(layout(&points, 1), layout(&points, 2));
    }

    #[test]
    fn few_and_repeated_points_have_finite_places() {
        let mut halves: Vec<Vec<f32>> = (0..20).flat_map(|_| clusters(2, 2)).collect();
        halves.extend(clusters(1, 2));
        let far = vec![vec![1e30_f32; 3], vec![-1e30; 3], vec![0.0; 3]];
        let cases = [0, 1, 2, 3, 4, 10, 20].map(|n| clusters(n, 2)).into_iter().chain([halves, far]);
        for points in cases {
            let places = layout(&points, 1);
            assert_eq!(places.len(), points.len());
            assert!(places.iter().flatten().all(|x| x.is_finite()), "{} points: {places:?}", points.len());
        }
    }

    #[test]
    fn points_that_coincide_stay_together() {
        let mut points = vec![vec![0.7_f32; 130]; 50];
        points[7][3] += 1e-7;
        assert_eq!(layout(&points, 1), vec![[0.0; 2]; 50]);
        assert_eq!(layout(&vec![vec![0.0_f32; 130]; 9], 1), vec![[0.0; 2]; 9]);
    }
}
