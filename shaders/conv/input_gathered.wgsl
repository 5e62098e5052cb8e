// The first layer's input, read from the example store that all members share (SPEC 4): `batches` says which example
// stands where in the batch.
import package::conv::shape::{MEMBERS, TIME, MEL};
import slot::step::step_index;
import slot::workgroup_uniform::workgroup_uniform;

const EXAMPLE_CHUNKS: u32 = 1u; // chunks of one example
const NO_EXAMPLE: u32 = 0xffffffffu;
@group(0) @binding(9) var<storage, read> batches: array<u32>; // [step, member, slot]

// Element at which a chunk's only plane starts. Chunks are counted over all members, of which each has `chunks`. A slot
// without an example has the first.
fn input_plane(chunks: u32, chunk: u32, channel: u32) -> u32 {
    let batch_size = chunks / EXAMPLE_CHUNKS;
    let id = batches[step_index() * MEMBERS * batch_size + chunk / EXAMPLE_CHUNKS];
    let example = workgroup_uniform(select(id, 0u, id == NO_EXAMPLE), 0xffffffu);
    return (example * EXAMPLE_CHUNKS + chunk % EXAMPLE_CHUNKS) * TIME * MEL;
}
