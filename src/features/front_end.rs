//! The kernels between audio and log-mel, as they suit the device: one that keeps a frame in registers, or two with the
//! magnitudes between them.

use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::log_mel::LogMel;
use crate::kernels::mel::Mel;
use crate::kernels::spectrum::Spectrum;

/// Audio of a batch of segments on the GPU, and what turns it into log-mel.
pub(super) struct FrontEnd {
    /// `[segment, samples]`
    pub audio: Tensor<f32>,
    /// `[segment]`: samples of each that count.
    pub lengths: Tensor<u32>,
    /// Where in its row of `audio` the first frame of a segment is centred.
    pub lead: usize,
    config: FeatureConfig,
    /// Where magnitudes go through memory.
    spectrum: Option<Spectrum>,
}

impl FrontEnd {
    /// Makes the tensors for `segments` segments of up to `samples` samples and exactly `frames` frames each.
    ///
    /// # Errors
    /// As [`Gpu::tensor`].
    pub fn new(
        gpu: &Gpu,
        config: &FeatureConfig,
        segments: usize,
        samples: usize,
        frames: usize,
        lead: usize,
    ) -> Result<Self> {
        let config = config.clone();
        if LogMel::suits(gpu.class(), &config) {
            // The kernel takes two samples at a time.
            let audio = gpu.tensor("audio", &[segments, samples.next_multiple_of(2)])?;
            return Ok(Self { audio, lengths: gpu.tensor("lengths", &[segments])?, lead, config, spectrum: None });
        }
        let spectrum = Spectrum { lead, ..Spectrum::new(gpu, &config, segments, samples, frames)? };
        let (audio, lengths) = (spectrum.audio.clone(), spectrum.lengths.clone());
        Ok(Self { audio, lengths, lead, config, spectrum: Some(spectrum) })
    }

    /// Pushes what turns the audio into the log-mel of `features`, `[example, frame, band]`; row r of the schedule writes
    /// the examples from r · segments on.
    ///
    /// # Errors
    /// What making tensors may report.
    pub fn push(&self, gpu: &Gpu, recording: &mut Recording, features: &Tensor<f32>) -> Result<()> {
        let Some(spectrum) = &self.spectrum else {
            recording.push(LogMel::new(gpu, &self.config, &self.audio, &self.lengths, features, self.lead)?);
            return Ok(());
        };
        recording.push(spectrum.clone());
        recording.push(Mel::new(gpu, &self.config, &spectrum.magnitude, features)?);
        Ok(())
    }
}
