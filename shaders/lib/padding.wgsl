// The padding of a batch: the chunks of a segment that lie behind the end of its clip.
import package::lib::step_index::step_index;

const BATCH: u32 = 2u;         // segments of the batches of all members
const CHUNKS: u32 = 3u;        // chunks of one segment, padding included
const CHUNK_FRAMES: u32 = 20u; // frames of one chunk

@group(0) @binding(0) var<storage, read> batches: array<u32>;     // [step, member, slot]; NO_EXAMPLE fills up a last batch
@group(0) @binding(1) var<storage, read> real_frames: array<u32>; // [example]: frames before the end of its clip

// Chunks with at least one real frame, of segment `slot` counted over all members; at least one. An empty slot has no
// padding.
fn real_chunks(slot: u32) -> u32 {
    let example = batches[step_index() * BATCH + slot];
    if (example >= arrayLength(&real_frames)) {
        return CHUNKS;
    }
    return clamp((real_frames[example] + CHUNK_FRAMES - 1u) / CHUNK_FRAMES, 1u, CHUNKS);
}
