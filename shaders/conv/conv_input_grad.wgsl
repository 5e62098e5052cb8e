// Gradient of a convolution's input, carried on through the layer below: its pool, dropout and LeakyReLU (SPEC 2).
//
// A thread computes the positions of TILE_T × TILE_M pool windows for UNITS units of input channels; LANES neighbours
// compute neighbouring units of the same positions. The gradient before the pool is never stored: each window's gradient is
// put at its winner in registers.
const MEMBERS: u32 = 1u;
const IN: u32 = 5u;
const OUT: u32 = 2u;
const TIME: u32 = 6u;
const MEL: u32 = 8u;
const KERNEL: u32 = 3u;
const POOL_T: u32 = 2u;
const POOL_M: u32 = 2u;
const SLOPE: f32 = 0.2;
const DROPOUT_SCALE: f32 = 1.25;
const PACKED: u32 = 64u;         // vec4s of one member
const PER_WORD: u32 = 2u;        // codes in a word of this layer's routes
const LOWER_PER_WORD: u32 = 2u;  // codes in a word of those of the layer below
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const UNITS: u32 = 1u;
const LANES: u32 = 1u;
const JOINED: u32 = 2u;          // sums that take turns
const WORKGROUP: u32 = 64u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const TAP_UNITS: u32 = (IN + 3u) / 4u * 4u / WIDTH; // units of one tap in the packed weights
const UNIT_GROUPS: u32 = ((IN + WIDTH - 1u) / WIDTH + UNITS * LANES - 1u) / (UNITS * LANES);
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const POSITIONS: u32 = ROWS * COLUMNS;
const HALO_T: u32 = (PAD + POOL_T - 1u) / POOL_T; // windows beside the tile that reach into its near
const HALO_M: u32 = (PAD + POOL_M - 1u) / POOL_M;
const NEAR_T: u32 = TILE_T + 2u * HALO_T;
const NEAR_M: u32 = TILE_M + 2u * HALO_M;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;

@group(0) @binding(2) var<storage, read_write> lower_gradients: array<f32>; // [member, chunk, in, time, mel]
@group(0) @binding(3) var<storage, read> members: array<Member>;            // [member]
@group(0) @binding(4) var<storage, read> lower_codes: array<u32>;           // [member, chunk, in, time, word]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let chunks = arrayLength(&lower_gradients) / (MEMBERS * IN * TIME * MEL);
    let member = group_uniform(group.z, MEMBERS);
    let tile = group_uniform((group.y / UNIT_GROUPS * groups.x * WORKGROUP + id.x) / LANES, 0xffffffu);
    if (tile >= chunks * TILES_T * TILES_M || members[member].alive == 0u) {
        return;
    }
    let first_unit = group.y % UNIT_GROUPS * UNITS * LANES + id.x % LANES;
    let window_m = tile % TILES_M * TILE_M;
    let window_t = tile / TILES_M % TILES_T * TILE_T;
    let chunk = group_uniform(member * chunks + tile / (TILES_M * TILES_T), 0xffffffu);
    let weights = member * (PACKED * 4u / WIDTH);

    var sums: array<Unit, POSITIONS * UNITS>;
    for (var p = 0u; p < POSITIONS * UNITS; p++) { // unroll
        sums[p] = Unit();
    }
    for (var channel = 0u; channel < OUT; channel++) {
        let plane = (chunk * OUT + group_uniform(channel, OUT)) * WINDOWS_T;
        var gradient: array<f32, NEAR_T * NEAR_M>;
        var winner: array<u32, NEAR_T * NEAR_M>;
        for (var r = 0u; r < NEAR_T; r++) { // unroll
            let windows = upper_row(plane, window_t + r, window_m);
            for (var c = 0u; c < NEAR_M; c++) { // unroll
                gradient[r * NEAR_M + c] = windows.gradient[c];
                winner[r * NEAR_M + c] = windows.winner[c];
            }
        }
        var near: array<f32, PATCH_T * PATCH_M>;
        for (var r = 0u; r < PATCH_T; r++) { // unroll
            for (var c = 0u; c < PATCH_M; c++) { // unroll
                let t = r + HALO_T * POOL_T - PAD;
                let m = c + HALO_M * POOL_M - PAD;
                let window = t / POOL_T * NEAR_M + m / POOL_M;
                near[r * PATCH_M + c] = select(0.0, gradient[window], winner[window] == t % POOL_T * POOL_M + m % POOL_M);
            }
        }
        let taps = weights + channel * TAPS * TAP_UNITS;
        for (var u = 0u; u < UNITS; u++) { // unroll
            var kernel: array<Unit, TAPS>;
            for (var k = 0u; k < TAPS; k++) { // unroll
                kernel[k] = weights_at(taps + k * TAP_UNITS + min(first_unit + u * LANES, TAP_UNITS - 1u));
            }
            // A few sums with all their taps, then the next few: they stay in registers meanwhile.
            for (var j = 0u; j < POSITIONS / JOINED; j++) { // unroll
                var joined: array<Unit, JOINED>;
                for (var s = 0u; s < JOINED; s++) { // unroll
                    joined[s] = sums[(j * JOINED + s) * UNITS + u];
                }
                for (var k = 0u; k < TAPS; k++) { // unroll
                    for (var s = 0u; s < JOINED; s++) { // unroll
                        joined[s] += kernel[k] * near[((j * JOINED + s) / COLUMNS + KERNEL - 1u - k / KERNEL) * PATCH_M + (j * JOINED + s) % COLUMNS + KERNEL - 1u - k % KERNEL];
                    }
                }
                for (var s = 0u; s < JOINED; s++) { // unroll
                    sums[(j * JOINED + s) * UNITS + u] = joined[s];
                }
            }
        }
    }

    for (var u = 0u; u < UNITS; u++) { // unroll
        for (var i = 0u; i < WIDTH; i++) { // unroll
            let channel = (first_unit + u * LANES) * WIDTH + i;
            for (var p = 0u; p < POSITIONS; p++) { // unroll
                let t = window_t * POOL_T + p / COLUMNS;
                let m = window_m * POOL_M + p % COLUMNS;
                if (t < TIME && m < MEL && channel < IN) {
                    let row_at = (chunk * IN + channel) * TIME + t;
                    let word = lower_codes[row_at * code_words(MEL, LOWER_PER_WORD) + m / LOWER_PER_WORD];
                    let factor = route_factor(code_in(word, m, LOWER_PER_WORD), SLOPE, DROPOUT_SCALE);
                    lower_gradients[row_at * MEL + m] = channel_of(sums[p * UNITS + u], i) * factor;
                }
            }
        }
    }
}
