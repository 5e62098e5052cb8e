// Sets everything in the padding of a batch to zero: the chunks of a segment that lie behind the end of its clip. A pool
// argmax of zero is DROPPED, so nothing of the padding has a gradient either.
import package::lib::padding::{real_chunks, CHUNKS};

alias Word = f32; // the type of the values

const BATCH_SIZE: u32 = 2u;   // segments of one member's batch
const CHUNK_WORDS: u32 = 10u; // words of one chunk
const WORKGROUP: u32 = 64u;

@group(0) @binding(2) var<storage, read_write> words: array<Word>; // [member, slot, chunk, word]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let slot = group.z * BATCH_SIZE + group.y;
    let first = real_chunks(slot) * CHUNK_WORDS;
    if (id.x >= CHUNKS * CHUNK_WORDS || id.x < first) {
        return;
    }
    words[slot * CHUNKS * CHUNK_WORDS + id.x] = Word();
}
