//! WAV files made byte by byte, right and wrong ones.

/// A chunk of a RIFF file; `length` is what its header says.
pub fn chunk(name: &[u8; 4], length: usize, body: &[u8]) -> Vec<u8> {
    [name, &(length as u32).to_le_bytes()[..], body].concat()
}

/// A RIFF file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &body].concat()
}

/// A fmt chunk at 16 kHz.
pub fn format(codec: u16, channels: u16, bits: u16) -> Vec<u8> {
    let frame_bytes = channels * bits / 8;
    let mut body = Vec::new();
    body.extend(codec.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(16_000u32.to_le_bytes());
    body.extend((16_000 * u32::from(frame_bytes)).to_le_bytes());
    body.extend(frame_bytes.to_le_bytes());
    body.extend(bits.to_le_bytes());
    chunk(b"fmt ", 16, &body)
}

/// A tone as 16-bit samples: `n` frames of as many channels as there are gains.
pub fn tone16(n: usize, gains: &[f64]) -> Vec<u8> {
    let sample = |i: usize, gain: &f64| ((0.1 * i as f64).sin() * 9_000.0 * gain).round() as i16;
    (0..n).flat_map(|i| gains.iter().flat_map(move |gain| sample(i, gain).to_le_bytes())).collect()
}

/// The same as 32-bit floats, whose peak is `peak`.
pub fn tone32(n: usize, peak: f64) -> Vec<u8> {
    (0..n).flat_map(|i| (((0.1 * i as f64).sin() * peak) as f32).to_le_bytes()).collect()
}
