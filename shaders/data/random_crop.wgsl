// Copies a random part of each example of a batch that is in this shard of the store into the members' inputs: other
// parts at every step and for every member. The part lies before the end of the example's clip, if that is long enough.
import package::lib::member::Member;
import package::lib::rng::threefry2x32;
import package::lib::step::ScheduleStep;
import package::lib::step_index::step_index;
import slot::stored::stored_value;

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 4u;      // examples of one member's batch
const FRAMES: u32 = 2u;          // frames of the part
const EXAMPLE_FRAMES: u32 = 5u;  // frames of an example
const BANDS: u32 = 4u;
const FIRST: u32 = 0u;           // first position of the shard
const COUNT: u32 = 3u;           // examples in the shard
const WORKGROUP: u32 = 64u;
const CROP_LAYER: u32 = 15u;     // where dropout has the number of a layer, so that both may share a key

@group(0) @binding(1) var<storage, read> batches: array<u32>;           // [step, member, slot]: ids of examples
@group(0) @binding(6) var<storage, read> positions: array<u32>;         // [step, member, slot]; those of other shards are skipped
@group(0) @binding(2) var<storage, read> real_frames: array<u32>;       // [example]: frames before the end of its clip
@group(0) @binding(3) var<storage, read> members: array<Member>;        // [member]
@group(0) @binding(4) var<storage, read> schedule: array<ScheduleStep>; // [step, member]
@group(0) @binding(5) var<storage, read_write> input: array<f32>;       // [member, slot, frame of the part, band]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let slot = group.z * BATCH_SIZE + group.y;
    let position = positions[step_index() * MEMBERS * BATCH_SIZE + slot];
    if (id.x >= FRAMES * BANDS || position < FIRST || position >= FIRST + COUNT) {
        return;
    }
    let example = batches[step_index() * MEMBERS * BATCH_SIZE + slot];
    let t = schedule[step_index() * MEMBERS + group.z].t;
    let bits = threefry2x32(members[group.z].dropout_key, vec2<u32>(t, (CROP_LAYER << 28u) | group.y));
    let starts = clamp(real_frames[example], FRAMES, EXAMPLE_FRAMES) - FRAMES + 1u;
    // The product fits into 32 bits, since an example has fewer than 2^16 frames.
    let start = ((bits.x >> 16u) * starts) >> 16u;
    input[slot * FRAMES * BANDS + id.x] = stored_value(((position - FIRST) * EXAMPLE_FRAMES + start) * BANDS + id.x);
}
