// Gradients of a convolution's weights and biases (SPEC 2), as SLICES partial sums that `adam` adds up in order.
//
// A thread sums 4·QUADS output channels × one input channel × all taps over its slice of the strips; a strip is
// TILE_T rows of pool windows of one chunk.
const MEMBERS: u32 = 1u;
const IN: u32 = 2u;
const OUT: u32 = 5u;
const TIME: u32 = 6u;
const MEL: u32 = 8u;
const KERNEL: u32 = 3u;
const POOL_T: u32 = 2u;
const POOL_M: u32 = 2u;
const PARTIALS: u32 = 1000u;  // elements of one member
const PARTIALS_AT: u32 = 0u;  // elements before this layer
const SLICES: u32 = 2u;
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const QUADS: u32 = 1u;
const WORKGROUP: u32 = 32u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const OUT_QUADS: u32 = (OUT + 3u) / 4u;
const GROUPS: u32 = (OUT_QUADS + QUADS - 1u) / QUADS;
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const STRIPS_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const PARAMETERS: u32 = OUT * IN * TAPS + OUT;

@group(0) @binding(0) var<storage, read> input: array<f32>;           // [member, chunk, in, time, mel]
@group(0) @binding(1) var<storage, read> upper: array<Routed>;        // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;  // [member, …, slice, weights (out, in, tap) then biases (out)]
@group(0) @binding(3) var<storage, read> members: array<Member>;      // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let chunks = arrayLength(&upper) / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
    let strips = chunks * STRIPS_T;
    let member = group.z;
    if (id.x >= SLICES * GROUPS * IN || members[member].alive == 0u) {
        return;
    }
    let channel = id.x % IN;
    let first_out = id.x / IN % GROUPS * QUADS * 4u;
    let slice = id.x / (IN * GROUPS);

    var sums: array<vec4<f32>, TAPS * QUADS>;
    var bias: array<vec4<f32>, QUADS>;
    for (var q = 0u; q < QUADS; q++) { // unroll
        bias[q] = vec4<f32>(0.0);
        for (var k = 0u; k < TAPS; k++) { // unroll
            sums[k * QUADS + q] = vec4<f32>(0.0);
        }
    }
    let end = (slice + 1u) * strips / SLICES;
    for (var strip = slice * strips / SLICES; strip < end; strip++) {
        let chunk = member * chunks + strip / STRIPS_T;
        let window_t = strip % STRIPS_T * TILE_T;
        let plane = (chunk * IN + channel) * TIME * MEL;
        for (var tile = 0u; tile < TILES_M; tile++) {
            let window_m = tile * TILE_M;
            var near: array<f32, PATCH_T * PATCH_M>;
            for (var r = 0u; r < PATCH_T; r++) { // unroll
                let t = window_t * POOL_T + r;
                let t_inside = t >= PAD && t < TIME + PAD;
                let row_at = plane + (clamp(t, PAD, TIME + PAD - 1u) - PAD) * MEL;
                for (var c = 0u; c < PATCH_M; c++) { // unroll
                    let m = window_m * POOL_M + c;
                    let m_inside = m >= PAD && m < MEL + PAD;
                    near[r * PATCH_M + c] = select(0.0, input[row_at + clamp(m, PAD, MEL + PAD - 1u) - PAD], t_inside && m_inside);
                }
            }
            for (var w = 0u; w < TILE_T * TILE_M; w++) { // unroll
                let t = window_t + w / TILE_M;
                let m = window_m + w % TILE_M;
                let inside = t < WINDOWS_T && m < WINDOWS_M;
                let window = min(t, WINDOWS_T - 1u) * WINDOWS_M + min(m, WINDOWS_M - 1u);
                for (var q = 0u; q < QUADS; q++) { // unroll
                    var gradient: vec4<f32>;
                    var winner: vec4<u32>;
                    for (var lane = 0u; lane < 4u; lane++) { // unroll
                        let out = min(first_out + q * 4u + lane, OUT - 1u);
                        let routed = upper[(chunk * OUT + out) * WINDOWS_T * WINDOWS_M + window];
                        gradient[lane] = select(0.0, routed.gradient, inside);
                        winner[lane] = route_position(routed.code);
                    }
                    bias[q] += gradient;
                    for (var p = 0u; p < POOL_T * POOL_M; p++) { // unroll
                        let here = select(vec4<f32>(0.0), gradient, winner == vec4<u32>(p));
                        for (var k = 0u; k < TAPS; k++) { // unroll
                            sums[k * QUADS + q] += here * near[(w / TILE_M * POOL_T + p / POOL_M + k / KERNEL) * PATCH_M + w % TILE_M * POOL_M + p % POOL_M + k % KERNEL];
                        }
                    }
                }
            }
        }
    }

    let base = member * PARTIALS + PARTIALS_AT + slice * PARAMETERS;
    for (var q = 0u; q < QUADS; q++) { // unroll
        for (var lane = 0u; lane < 4u; lane++) { // unroll
            let out = first_out + q * 4u + lane;
            if (out < OUT) {
                for (var k = 0u; k < TAPS; k++) { // unroll
                    partials[base + (out * IN + channel) * TAPS + k] = sums[k * QUADS + q][lane];
                }
                if (channel == 0u) {
                    partials[base + OUT * IN * TAPS + out] = bias[q][lane];
                }
            }
        }
    }
}
