// Inverted dropout (SPEC 2): 16 random bits for each of the four lanes of a block. The bits are a pure function of the
// member's key, the step, the layer and the block, so the backward pass can form them again.
import package::lib::step::ScheduleStep;
import package::lib::rng::threefry2x32;
import slot::step::step_index;
import kernel::{MEMBERS, members};

const DROPOUT_THRESHOLD: u32 = 13107u; // p · 2^16
const DROPOUT_SCALE: f32 = 1.25;       // 1 / (1 − p)

@group(0) @binding(8) var<storage, read> schedule: array<ScheduleStep>; // [step, member]

fn dropout_bits(member: u32, layer: u32, block: u32) -> vec2<u32> {
    let t = schedule[step_index() * MEMBERS + member].t;
    return threefry2x32(members[member].dropout_key, vec2<u32>(t, (layer << 28u) | block));
}

fn dropout_keeps(bits: vec2<u32>, lane: u32) -> bool {
    let word = select(bits.x, bits.y, lane >= 2u);
    return ((word >> ((lane & 1u) * 16u)) & 0xffffu) >= DROPOUT_THRESHOLD;
}
