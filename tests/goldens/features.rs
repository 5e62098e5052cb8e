//! features.safetensors: window, filters, spectra, log-mel segments, statistics, standardised segments (SPEC §1).

use weaklabel::config::FeatureConfig;
use weaklabel::data::features::{ExampleStore, RunningMoments, extract, standardise};
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::mel::{Mel, filters};
use weaklabel::kernels::spectrum::{Spectrum, hann_window};

use crate::file::{File, Golden, assert_close};

const TOLERANCE: f64 = 1e-5;

/// SPEC's geometry, with FFT length and bands as the file has them.
fn config(file: &File) -> FeatureConfig {
    let (window, filters) = (file.get("window"), file.get("mel_filters"));
    FeatureConfig { fft: window.shape[0], bands: filters.shape[0], ..FeatureConfig::default() }
}

fn narrow(values: impl IntoIterator<Item = f64>) -> Vec<f32> {
    values.into_iter().map(|x| x as f32).collect()
}

#[test]
fn window_and_filters_are_the_reference_ones() {
    let file = File::load("features.safetensors");
    let config = config(&file);
    assert_close("window", &narrow(hann_window(config.window, config.fft)), file.get("window"), TOLERANCE);
    assert_close("mel_filters", &narrow(filters(&config).concat()), file.get("mel_filters"), TOLERANCE);
}

/// Magnitudes `[frame, bin]` and log-mel `[frame, band]` of one signal, straight from the kernels.
fn spectra(gpu: &Gpu, config: &FeatureConfig, audio: &Golden, frames: usize) -> [Vec<f32>; 2] {
    let samples = audio.values.len();
    let spectrum = Spectrum::new(gpu, config, 1, samples, frames).unwrap();
    let magnitude = spectrum.magnitude.clone();
    let features = gpu.tensor("features", &[1, frames, config.bands]).unwrap();
    gpu.write(&spectrum.audio, 0, &audio.f32());
    gpu.write(&spectrum.lengths, 0, &[samples as u32]);
    let mut recording = Recording::new("features");
    recording.push(spectrum);
    recording.push(Mel::new(gpu, config, &magnitude, &features).unwrap());
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
    [gpu.read(&magnitude).unwrap(), gpu.read(&features).unwrap()]
}

#[test]
fn spectra_and_mel_bands_agree() {
    let file = File::load("features.safetensors");
    let config = config(&file);
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".audio") {
        let golden = |what: &str| file.get(&format!("{case}.{what}"));
        let frames = golden("stft_magnitude").shape[0];
        let [magnitude, logmel] = spectra(&gpu, &config, golden("audio"), frames);
        assert_close(&format!("{case}.stft_magnitude"), &magnitude, golden("stft_magnitude"), TOLERANCE);
        assert_close(&format!("{case}.logmel"), &logmel, golden("logmel"), TOLERANCE);
        let mel = narrow(logmel.iter().map(|&x| f64::from(x).exp() - config.log_offset));
        assert_close(&format!("{case}.mel"), &mel, golden("mel"), TOLERANCE);
    }
}

#[test]
fn the_log_mel_kernel_agrees_on_reference_spectra() {
    let file = File::load("features.safetensors");
    let config = config(&file);
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".audio") {
        let golden = file.get(&format!("{case}.stft_magnitude"));
        let [frames, bins] = [golden.shape[0], golden.shape[1]];
        let magnitude = gpu.tensor_from("magnitude", &[1, frames, bins], &golden.f32()).unwrap();
        let features = gpu.tensor("features", &[1, frames, config.bands]).unwrap();
        let mut recording = Recording::new("mel");
        recording.push(Mel::new(&gpu, &config, &magnitude, &features).unwrap());
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        let logmel = file.get(&format!("{case}.logmel"));
        let error =
            assert_close(&format!("{case}: spectrum to logmel"), &gpu.read(&features).unwrap(), logmel, TOLERANCE);
        assert!(error < 1e-6, "the logarithm itself is good to 2 ulp, so {error:.1e} is too much");
    }
}

fn read(gpu: &Gpu, store: &ExampleStore) -> Vec<f32> {
    gpu.read(&store.shards()[0].tensor).unwrap()
}

#[test]
fn reference_segments_have_the_reference_statistics_and_standardise_to_the_reference() {
    let file = File::load("features.safetensors");
    let config = config(&file);
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut total = RunningMoments::empty(config.bands);
    let mut stores = Vec::new();
    for case in file.cases(".segment") {
        let segment = file.get(&format!("{case}.segment"));
        let store = ExampleStore::new(&gpu, 1, segment.shape[0], config.bands).unwrap();
        gpu.write(&store.shards()[0].tensor, 0, &segment.f32());
        total.merge(&RunningMoments::of(&gpu, &store, None).unwrap());
        stores.push((case, store));
    }
    let statistics = total.statistics();
    assert_close("standard.mean", &narrow(statistics.mean.clone()), file.get("standard.mean"), TOLERANCE);
    assert_close("standard.std", &narrow(statistics.std.clone()), file.get("standard.std"), TOLERANCE);
    for (case, store) in stores {
        standardise(&gpu, &store, &statistics, config.epsilon).unwrap();
        let golden = file.get(&format!("{case}.standardised"));
        assert_close(&format!("{case}.standardised"), &read(&gpu, &store), golden, TOLERANCE);
    }
}

/// From audio to standardised features, everything computed here. Between a pure tone and the bins far from it lie
/// seven digits, which is all that f32 has: what an FFT in f32 leaves there is a few times 1e-8 of the tone, the
/// logarithm's offset of 0.01 keeps some of it, and dividing by a small deviation enlarges it. An FFT in f32 on the CPU
/// gives 7e-6 for the log-mel bands of the reference chirp and 2e-5 after standardisation, as the kernels do; hence the
/// last bound.
#[test]
fn audio_becomes_the_reference_segments() {
    let file = File::load("features.safetensors");
    let config = config(&file);
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut total = RunningMoments::empty(config.bands);
    let mut stores = Vec::new();
    for case in file.cases(".audio") {
        let segment = file.get(&format!("{case}.segment"));
        let audio = file.get(&format!("{case}.audio")).f32();
        let (store, _) = extract(&gpu, &config, 1, segment.shape[0], &|_| Ok((audio.clone(), ())), &|_| {}).unwrap();
        assert_close(&format!("{case}.segment from audio"), &read(&gpu, &store), segment, TOLERANCE);
        total.merge(&RunningMoments::of(&gpu, &store, None).unwrap());
        stores.push((case, store));
    }
    let statistics = total.statistics();
    assert_close("mean from audio", &narrow(statistics.mean.clone()), file.get("standard.mean"), TOLERANCE);
    assert_close("deviation from audio", &narrow(statistics.std.clone()), file.get("standard.std"), TOLERANCE);
    for (case, store) in stores {
        standardise(&gpu, &store, &statistics, config.epsilon).unwrap();
        let golden = file.get(&format!("{case}.standardised"));
        assert_close(&format!("{case}.standardised from audio"), &read(&gpu, &store), golden, 5.0 * TOLERANCE);
    }
}
