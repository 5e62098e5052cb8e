// A layer's input in a tensor of its own, chunk after chunk.
import package::conv::shape::{IN, TIME, MEL};

// Element at which the plane of a channel starts. Chunks are counted over all members, of which each has `chunks`.
fn input_plane(chunks: u32, chunk: u32, channel: u32) -> u32 {
    return (chunk * IN + channel) * TIME * MEL;
}
