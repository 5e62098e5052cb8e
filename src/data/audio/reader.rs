//! The interface of a format's reader: the layout of a file, and its frames block by block.

/// Layout of a file's sound, from its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamLayout {
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Number of frames.
    pub frames: Frames,
}

/// The number of frames of a file, before they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// The headers do not tell.
    Unknown,
    /// Number in a header, which may be wrong.
    Claimed(u64),
    /// Number that follows from the file's size.
    There(u64),
}

impl Frames {
    /// Returns the number, right or wrong, if there is one.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Claimed(n) | Self::There(n) => Some(n),
        }
    }
}

/// A reader of one format. After an error, nothing more is asked of a reader.
pub(super) trait Reader {
    /// Returns the layout of the sound.
    fn layout(&self) -> StreamLayout;

    /// Replaces `block` by the next frames, channels of a frame adjacent, and returns whether there were more. A block
    /// may be empty. Damage ends the frames, and is a warning.
    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, String>;

    /// Returns the faults of the file, after its last frame was read.
    fn warnings(&mut self) -> Vec<String>;
}
