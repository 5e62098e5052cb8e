// Packs features into half precision, two in a word. Row r of the schedule packs a block of examples to the places from
// r · BLOCK on. Features are numbers of f16 already, so nothing is rounded here.
import package::lib::f16::f16_bits;
import package::lib::step_index::step_index;

const WORDS: u32 = 4u;    // words of one example
const BLOCK: u32 = 3u;    // examples of a block
const EXAMPLES: u32 = 7u; // examples of the shard
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> features: array<vec2<f32>>; // [example of the block, frames · bands / 2]
@group(0) @binding(1) var<storage, read_write> packed: array<u32>;   // [example, frames · bands / 2]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let example = step_index() * BLOCK + id.y;
    if (id.x >= WORDS || example >= EXAMPLES) {
        return;
    }
    let pair = features[id.y * WORDS + id.x];
    packed[example * WORDS + id.x] = f16_bits(pair.x) | (f16_bits(pair.y) << 16u);
}
