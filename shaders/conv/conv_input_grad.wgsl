// Gradient of a convolution's input, carried on through the layer below: its pool, dropout and LeakyReLU (SPEC 2).
//
// A thread computes the positions of TILE_T × TILE_M pool windows for UNITS units of input channels; LANES neighbours
// compute neighbouring units of the same positions. The gradient before the pool is never stored: each window's gradient is
// put at its winner in registers.
import package::conv::shape::{PAD, POOL_T, POOL_M, MEMBERS, IN, TIME, MEL, OUT, WINDOWS_T, TAPS};
import package::conv::tile::{TILE_T, TILE_M, WORKGROUP, place_of, MOST, POSITIONS, UNITS, PATCH_T, PATCH_M};
import package::conv::tile::{tap_weights, add_taps, Place, LANES, COLUMNS};
import package::lib::member::Member;
import package::lib::route::{code_words, code_shift, route_factor, code_in};
import slot::store::{Stored, STORED, stored_of};
import slot::workgroup_uniform::group_uniform;
import slot::channels::{Unit, WIDTH, channel_of};
import slot::weights::{PARTS, PART_CHANNELS};
import slot::grad_output_plane::upper_above;
import slot::grad_output_row::upper_row;

const SLOPE: f32 = 0.2;
const DROPOUT_SCALE: f32 = 1.25;
const PER_WORD: u32 = 2u;        // codes in a word of this layer's routes
const LOWER_PER_WORD: u32 = 2u;  // codes in a word of those of the layer below
const LOWER_CODES: u32 = 2u;     // of them, neighbours that a tile has in the same word

const HALO_T: u32 = (PAD + POOL_T - 1u) / POOL_T; // windows beside the tile that reach into its near
const HALO_M: u32 = (PAD + POOL_M - 1u) / POOL_M;
const NEAR_T: u32 = TILE_T + 2u * HALO_T;
const NEAR_M: u32 = TILE_M + 2u * HALO_M;

@group(0) @binding(2) var<storage, read_write> lower_gradients: array<Stored>; // [member, chunk, in, time, mel / STORED]
@group(0) @binding(3) var<storage, read> members: array<Member>;               // [member]
@group(0) @binding(4) var<storage, read> lower_codes: array<u32>;              // [member, chunk, in, time, word]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let chunks = arrayLength(&lower_gradients) * STORED / (MEMBERS * IN * TIME * MEL);
    let place = place_of(id, group, groups);
    if (place.chunk >= chunks || members[place.member].alive == 0u) {
        return;
    }
    let chunk = group_uniform(place.member * chunks + place.chunk, MOST);

    var sums: array<array<Unit, POSITIONS>, UNITS>;
    for (var u = 0u; u < UNITS; u++) { // unroll
        for (var p = 0u; p < POSITIONS; p++) { // unroll
            sums[u][p] = Unit();
        }
    }
    for (var part = 0u; part < PARTS; part++) { // unroll
        let end = select((part + 1u) * PART_CHANNELS, OUT, part + 1u == PARTS);
        for (var channel = part * PART_CHANNELS; channel < end; channel++) {
            let plane = (chunk * OUT + group_uniform(channel, OUT)) * WINDOWS_T;
            var gradient: array<f32, NEAR_T * NEAR_M>;
            var winner: array<u32, NEAR_T * NEAR_M>;
            let above = upper_above(plane, place.window_m);
            for (var r = 0u; r < NEAR_T; r++) { // unroll
                let windows = upper_row(above, plane, place.window_t + r, place.window_m);
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
            for (var u = 0u; u < UNITS; u++) { // unroll
                var kernel: array<Unit, TAPS>;
                for (var k = 0u; k < TAPS; k++) { // unroll
                    kernel[k] = tap_weights(place, part, channel * TAPS + k, u);
                }
                sums[u] = add_taps(sums[u], kernel, near);
            }
        }
    }

    for (var u = 0u; u < UNITS; u++) { // unroll
        store_carried(place, chunk, u, sums[u]);
    }
}

// Carries the sums of a thread's unit `u` through dropout and LeakyReLU of the layer below, and stores them.
fn store_carried(place: Place, chunk: u32, u: u32, sums: array<Unit, POSITIONS>) {
    for (var i = 0u; i < WIDTH; i++) { // unroll
        let channel = (place.first_unit + u * LANES) * WIDTH + i;
        for (var w = 0u; w < POSITIONS / LOWER_CODES; w++) { // unroll
            let t = place.window_t * POOL_T + w * LOWER_CODES / COLUMNS;
            let m = place.window_m * POOL_M + w * LOWER_CODES % COLUMNS;
            if (t < TIME && m < MEL && channel < IN) {
                let row_at = (chunk * IN + channel) * TIME + t;
                let word = lower_codes[row_at * code_words(MEL, LOWER_PER_WORD) + m / LOWER_PER_WORD]
                    >> code_shift(m, LOWER_PER_WORD);
                var carried: array<f32, STORED>;
                for (var x = 0u; x < LOWER_CODES; x++) { // unroll
                    let factor = route_factor(code_in(word, x, LOWER_PER_WORD), SLOPE, DROPOUT_SCALE);
                    carried[x % STORED] = channel_of(sums[w * LOWER_CODES + x], i) * factor;
                    if (x % STORED == STORED - 1u && m + x < MEL) {
                        lower_gradients[(row_at * MEL + m + x) / STORED] = stored_of(carried);
                    }
                }
            }
        }
    }
}
