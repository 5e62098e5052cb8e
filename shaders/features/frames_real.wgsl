// The frames of an example before the end of its clip, at least one.
import kernel::{FRAMES, FIRST};

@group(0) @binding(2) var<storage, read> real_frames: array<u32>; // [example], of all shards

fn frames_of(example: u32) -> u32 {
    return clamp(real_frames[FIRST + example], 1u, FRAMES);
}
