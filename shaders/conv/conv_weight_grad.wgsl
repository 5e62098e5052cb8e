// Gradients of a convolution's weights and biases (SPEC 2), as SLICES partial sums that `adam` adds up in order.
//
// A thread sums OUTPUTS output channels × INPUTS input channels × all taps over its slice of the strips. A strip is
// TILE_M pool windows wide and as long as one chunk; going along it, a thread loads each input value once.
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
const TILE_M: u32 = 2u;
const INPUTS: u32 = 1u;
const OUTPUTS: u32 = 4u;
const WORKGROUP: u32 = 32u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const OUT_GROUPS: u32 = (OUT + OUTPUTS - 1u) / OUTPUTS;
const IN_GROUPS: u32 = (IN + INPUTS - 1u) / INPUTS;
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const COLUMNS: u32 = TILE_M * POOL_M;
const PATCH_T: u32 = POOL_T + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const PATCH: u32 = PATCH_T * PATCH_M;
const PARAMETERS: u32 = OUT * IN * TAPS + OUT;

@group(0) @binding(0) var<storage, read> input: array<f32>;           // [member, chunk, in, time, mel]
@group(0) @binding(1) var<storage, read> upper: array<Routed>;        // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;  // [member, …, slice, weights (out, in, tap) then biases (out)]
@group(0) @binding(3) var<storage, read> members: array<Member>;      // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let chunks = arrayLength(&upper) / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
    let strips = chunks * TILES_M;
    let member = group.z;
    if (id.x >= SLICES * OUT_GROUPS * IN_GROUPS || members[member].alive == 0u) {
        return;
    }
    let first_in = id.x % IN_GROUPS * INPUTS;
    let first_out = id.x / IN_GROUPS % OUT_GROUPS * OUTPUTS;
    let slice = id.x / (IN_GROUPS * OUT_GROUPS);

    var sums: array<f32, OUTPUTS * INPUTS * TAPS>;
    for (var s = 0u; s < OUTPUTS * INPUTS * TAPS; s++) { // unroll
        sums[s] = 0.0;
    }
    var bias: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        bias[o] = 0.0;
    }
    let end = (slice + 1u) * strips / SLICES;
    for (var strip = slice * strips / SLICES; strip < end; strip++) {
        let chunk = member * chunks + strip / TILES_M;
        let window_m = strip % TILES_M * TILE_M;
        // The rows that the first windows have in common with those before them.
        var near: array<f32, INPUTS * PATCH>;
        for (var i = 0u; i < INPUTS; i++) { // unroll
            for (var r = 0u; r < KERNEL - 1u; r++) { // unroll
                for (var c = 0u; c < PATCH_M; c++) { // unroll
                    near[i * PATCH + (POOL_T + r) * PATCH_M + c] = input_at(chunk, first_in + i, r, window_m * POOL_M + c);
                }
            }
        }
        for (var window_t = 0u; window_t < WINDOWS_T; window_t++) {
            for (var i = 0u; i < INPUTS; i++) { // unroll
                for (var at = 0u; at < (KERNEL - 1u) * PATCH_M; at++) { // unroll
                    near[i * PATCH + at] = near[i * PATCH + POOL_T * PATCH_M + at];
                }
                for (var r = 0u; r < POOL_T; r++) { // unroll
                    for (var c = 0u; c < PATCH_M; c++) { // unroll
                        near[i * PATCH + (KERNEL - 1u + r) * PATCH_M + c] = input_at(chunk, first_in + i, window_t * POOL_T + KERNEL - 1u + r, window_m * POOL_M + c);
                    }
                }
            }
            for (var o = 0u; o < OUTPUTS; o++) { // unroll
                let plane = (chunk * OUT + min(first_out + o, OUT - 1u)) * WINDOWS_T * WINDOWS_M;
                var gradient: array<f32, POOL_T * COLUMNS>;
                for (var w = 0u; w < TILE_M; w++) { // unroll
                    let m = window_m + w;
                    let routed = upper[plane + window_t * WINDOWS_M + min(m, WINDOWS_M - 1u)];
                    let at_winner = select(0.0, routed.gradient, m < WINDOWS_M);
                    let winner = route_position(routed.code);
                    bias[o] += at_winner;
                    for (var p = 0u; p < POOL_T * POOL_M; p++) { // unroll
                        gradient[p / POOL_M * COLUMNS + w * POOL_M + p % POOL_M] = select(0.0, at_winner, winner == p);
                    }
                }
                for (var k = 0u; k < INPUTS * TAPS; k++) { // unroll
                    let corner = k / TAPS * PATCH + k % TAPS / KERNEL * PATCH_M + k % TAPS % KERNEL;
                    var sum = sums[o * INPUTS * TAPS + k];
                    for (var p = 0u; p < POOL_T * COLUMNS; p++) { // unroll
                        sum += gradient[p] * near[corner + p / COLUMNS * PATCH_M + p % COLUMNS];
                    }
                    sums[o * INPUTS * TAPS + k] = sum;
                }
            }
        }
    }

    let base = member * PARTIALS + PARTIALS_AT + slice * PARAMETERS;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        let out = first_out + o;
        if (out < OUT) {
            for (var i = 0u; i < INPUTS; i++) { // unroll
                if (first_in + i < IN) {
                    for (var k = 0u; k < TAPS; k++) { // unroll
                        partials[base + (out * IN + first_in + i) * TAPS + k] = sums[(o * INPUTS + i) * TAPS + k];
                    }
                }
            }
            if (first_in == 0u) {
                partials[base + OUT * IN * TAPS + out] = bias[o];
            }
        }
    }
}

// An input value; time and mel count from the edge of the padding, which is zero.
fn input_at(chunk: u32, channel: u32, t: u32, m: u32) -> f32 {
    let row = (chunk * IN + min(channel, IN - 1u)) * TIME + clamp(t, PAD, TIME + PAD - 1u) - PAD;
    let inside = t >= PAD && t < TIME + PAD && m >= PAD && m < MEL + PAD;
    return select(0.0, input[row * MEL + clamp(m, PAD, MEL + PAD - 1u) - PAD], inside);
}
