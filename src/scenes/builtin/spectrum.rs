//! What the tests hear: power spectra and a few numbers drawn from them.

use super::RATE;

const SIZE: usize = 2048;

/// The mean power spectrum over Hann windows of 2048 samples, as (frequency in hertz, power).
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

/// The power spectrum where the tagger hears (SPEC §1): 125 Hz to 7.5 kHz.
fn audible(x: &[f64]) -> Vec<(f64, f64)> {
    power(x).into_iter().filter(|(hz, _)| (125.0..7500.0).contains(hz)).collect()
}

/// The power-weighted mean frequency in hertz.
pub fn centroid(x: &[f64]) -> f64 {
    let spectrum = audible(x);
    spectrum.iter().map(|(hz, p)| hz * p).sum::<f64>() / spectrum.iter().map(|(_, p)| p).sum::<f64>()
}

/// How far single lines stand out of their surroundings, in decibels: each bin's level above the median of the 31 around
/// it, averaged with the bins' power as weight. Near 0 for noise of any colour.
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

/// The relative standard deviation of the level over windows of 20 ms: 0 for a steady sound, large for one of bursts.
pub fn unrest(x: &[f64]) -> f64 {
    let levels: Vec<f64> =
        x.chunks(882).map(|c| (c.iter().map(|v| v * v).sum::<f64>() / c.len() as f64).sqrt()).collect();
    let mean = levels.iter().sum::<f64>() / levels.len() as f64;
    (levels.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / levels.len() as f64).sqrt() / mean
}
