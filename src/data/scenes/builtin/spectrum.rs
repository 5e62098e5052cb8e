//! Measurements for the tests: power spectra, and a few numbers derived from them.

use super::RATE;

const SIZE: usize = 2048;

/// Computes the mean power spectrum over Hann windows of 2048 samples, as (frequency in hertz, power).
pub fn power(x: &[f64]) -> Vec<(f64, f64)> {
    let transform = realfft::RealFftPlanner::<f64>::new().plan_fft_forward(SIZE);
    let mut sum = vec![0.0; SIZE / 2 + 1];
    for start in (0..=x.len().saturating_sub(SIZE)).step_by(SIZE / 2) {
        let mut window = transform.make_input_vec();
        for (i, w) in window.iter_mut().enumerate() {
            let hann = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / SIZE as f64).cos();
            *w = hann * x.get(start + i).copied().unwrap_or(0.0);
        }
        let mut bins = transform.make_output_vec();
        transform.process(&mut window, &mut bins).expect("buffers made by the plan");
        for (s, bin) in sum.iter_mut().zip(&bins) {
            *s += bin.norm_sqr();
        }
    }
    sum.into_iter().enumerate().map(|(k, p)| (k as f64 * f64::from(RATE) / SIZE as f64, p)).collect()
}

/// Computes the power spectrum within the tagger's frequency range (SPEC §1): 125 Hz to 7.5 kHz.
fn audible(x: &[f64]) -> Vec<(f64, f64)> {
    power(x).into_iter().filter(|(hz, _)| (125.0..7500.0).contains(hz)).collect()
}

/// Computes the power-weighted mean frequency in hertz.
pub fn centroid(x: &[f64]) -> f64 {
    let spectrum = audible(x);
    spectrum.iter().map(|(hz, p)| hz * p).sum::<f64>() / spectrum.iter().map(|(_, p)| p).sum::<f64>()
}

/// Computes by how many decibels single lines exceed their surroundings: the level of each bin above the median of the
/// 31 bins around it, averaged with the bins' power as weight. Noise of any colour gives a value near 0.
pub fn tonality(x: &[f64]) -> f64 {
    let spectrum = audible(x);
    let total: f64 = spectrum.iter().map(|(_, p)| p).sum();
    let prominence = |(i, &(_, p)): (usize, &(f64, f64))| {
        let mut around: Vec<f64> =
            spectrum[i.saturating_sub(15)..(i + 16).min(spectrum.len())].iter().map(|(_, p)| *p).collect();
        around.sort_by(f64::total_cmp);
        p / total * 10.0 * (p / around[around.len() / 2].max(1e-30)).log10()
    };
    spectrum.iter().enumerate().map(prominence).sum()
}

/// Computes the relative standard deviation of the level over windows of 20 ms: 0 for a steady sound, large for bursts.
pub fn unrest(x: &[f64]) -> f64 {
    let levels: Vec<f64> =
        x.chunks(882).map(|c| (c.iter().map(|v| v * v).sum::<f64>() / c.len() as f64).sqrt()).collect();
    let mean = levels.iter().sum::<f64>() / levels.len() as f64;
    (levels.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / levels.len() as f64).sqrt() / mean
}
