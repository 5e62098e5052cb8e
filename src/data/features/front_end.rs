//! The kernels from audio to log-mel. Depending on the device, it is one kernel that keeps a frame in registers, or two
//! kernels with the magnitudes in memory between them.

use crate::Result;
use crate::config::FeatureConfig;
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::log_mel::LogMel;
use crate::kernels::mel::Mel;
use crate::kernels::spectrum::Spectrum;

/// Audio of a batch of segments on the GPU, and the kernels that compute log-mel from it.
pub(super) struct FrontEnd {
    /// Audio, `[segment, samples]`.
    pub audio: Tensor<f32>,
    /// Number of valid samples of each segment, `[segment]`.
    pub lengths: Tensor<u32>,
    /// Position in a row of `audio` at which the segment's first frame is centred.
    pub lead: usize,
    config: FeatureConfig,
    /// The kernel that writes magnitudes to memory; `None` where one kernel computes log-mel.
    spectrum: Option<Spectrum>,
}

impl FrontEnd {
    /// Makes the tensors for `segments` segments of up to `samples` samples and exactly `frames` frames each.
    ///
    /// # Errors
    /// The errors of [`Gpu::tensor`].
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

    /// Pushes the kernels that compute log-mel from the audio into `features`, `[example, frame, band]`. Row r of the
    /// schedule writes the examples from r · segments on.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn push(&self, gpu: &Gpu, recording: &mut Recording, features: &Tensor<f32>) -> Result<()> {
        let Some(spectrum) = &self.spectrum else {
            let log_mel = LogMel::new(gpu, &self.config, &self.audio, &self.lengths, features)?;
            recording.push(LogMel { lead: self.lead, ..log_mel });
            return Ok(());
        };
        recording.push(spectrum.clone());
        recording.push(Mel::new(gpu, &self.config, &spectrum.magnitude, features)?);
        Ok(())
    }
}
