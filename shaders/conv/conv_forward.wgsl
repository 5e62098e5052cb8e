// Convolution, bias, LeakyReLU, dropout and max-pool in one (SPEC 2).
//
// A thread computes TILE_T × TILE_M pool windows of UNITS units of output channels; LANES neighbours compute neighbouring
// units of the same windows. The input near the tile is loaded into registers once for each input channel and used for
// all of them, because a load costs as much as tens of multiply-adds.
import package::conv::shape::{POOL_T, POOL_M, MEMBERS, OUT, WINDOWS_T, WINDOWS_M, IN, TAPS};
import package::lib::member::Member;
import package::conv::tile::{WORKGROUP, place_of, MOST, POSITIONS, UNITS, tap_weights, PATCH_T, PATCH_M, add_taps};
import package::conv::tile::{Place, LANES, TILE_T, TILE_M, COLUMNS};
import package::lib::route::{route_code, DROPPED, NEGATIVE, POSITIVE, code_shift, code_words};
import slot::store::{Stored, STORED, stored_of};
import slot::workgroup_uniform::group_uniform;
import slot::channels::{Unit, WIDTH, channel_of};
import slot::weights::{PARTS, PART_CHANNELS};
import slot::input_plane::input_plane;
import slot::input_row::input_row;
import slot::dropout::{dropout_bits, dropout_keeps, DROPOUT_SCALE};
import slot::pool_argmax::store_codes;

const LAYER: u32 = 0u;
const SLOPE: f32 = 0.2;
const PER_WORD: u32 = 2u;   // codes in a word of the routes
const TILE_CODES: u32 = 2u; // codes of one word that a tile has: PER_WORD, or all of a narrower tile

const WINDOW: u32 = POOL_T * POOL_M;
const BLOCKS: u32 = (WINDOW + 3u) / 4u; // random blocks of one window

@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [member, chunk, out, windows_t, windows_m / STORED]
@group(0) @binding(3) var<storage, read> members: array<Member>;      // [member]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    // The number of chunks follows from the tensors, so that batches of every size share one compiled kernel.
    let chunks = arrayLength(&output) * STORED / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
    let place = place_of(id, group, groups);
    if (place.chunk >= chunks || members[place.member].alive == 0u) {
        return;
    }
    let chunk = group_uniform(place.member * chunks + place.chunk, MOST);

    var sums: array<array<Unit, POSITIONS>, UNITS>;
    for (var u = 0u; u < UNITS; u++) { // unroll
        let bias = tap_weights(place, PARTS - 1u, IN * TAPS, u);
        for (var p = 0u; p < POSITIONS; p++) { // unroll
            sums[u][p] = bias;
        }
    }
    for (var part = 0u; part < PARTS; part++) { // unroll
        let end = select((part + 1u) * PART_CHANNELS, IN, part + 1u == PARTS);
        for (var channel = part * PART_CHANNELS; channel < end; channel++) {
            let plane = input_plane(chunks, chunk, group_uniform(channel, IN));
            var near: array<f32, PATCH_T * PATCH_M>;
            for (var r = 0u; r < PATCH_T; r++) { // unroll
                let values = input_row(plane, place.window_t * POOL_T + r, place.window_m * POOL_M);
                for (var c = 0u; c < PATCH_M; c++) { // unroll
                    near[r * PATCH_M + c] = values[c];
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
        store_pooled(place, chunks, u, sums[u]);
    }
}

// Activates, drops and pools the sums of a thread's unit `u`, and stores what passes with the winners' codes.
fn store_pooled(place: Place, chunks: u32, u: u32, sums: array<Unit, POSITIONS>) {
    for (var i = 0u; i < WIDTH; i++) { // unroll
        let out = (place.first_unit + u * LANES) * WIDTH + i;
        for (var w = 0u; w < TILE_T * TILE_M / TILE_CODES; w++) { // unroll
            let t = place.window_t + w * TILE_CODES / TILE_M;
            let m = place.window_m + w * TILE_CODES % TILE_M;
            let row_at = (place.chunk * OUT + out) * WINDOWS_T + t; // among those of its member
            var word = 0u;
            var bests: array<f32, STORED>;
            for (var x = 0u; x < TILE_CODES; x++) { // unroll
                let window = row_at * WINDOWS_M + m + x;
                var random: array<vec2<u32>, BLOCKS>;
                for (var b = 0u; b < BLOCKS; b++) { // unroll
                    random[b] = dropout_bits(place.member, LAYER, window * BLOCKS + b);
                }
                var best = 0.0;
                var code = 0u;
                for (var p = 0u; p < WINDOW; p++) { // unroll
                    let row_of = w * TILE_CODES / TILE_M * POOL_T + p / POOL_M;
                    let column_of = (w * TILE_CODES % TILE_M + x) * POOL_M + p % POOL_M;
                    let value = channel_of(sums[row_of * COLUMNS + column_of], i);
                    let kept = dropout_keeps(random[p / 4u], p % 4u);
                    let passed = select(0.0, select(SLOPE * value, value, value > 0.0) * DROPOUT_SCALE, kept);
                    if (p == 0u || passed > best) {
                        best = passed;
                        code = route_code(p, select(DROPPED, select(NEGATIVE, POSITIVE, value > 0.0), kept));
                    }
                }
                word |= select(0u, code, m + x < WINDOWS_M) << code_shift(x, PER_WORD);
                bests[x % STORED] = best;
                if (x % STORED == STORED - 1u && t < WINDOWS_T && m + x < WINDOWS_M && out < OUT) {
                    output[(place.member * chunks * OUT * WINDOWS_T * WINDOWS_M + window) / STORED] = stored_of(bests);
                }
            }
            if (t < WINDOWS_T && m < WINDOWS_M && out < OUT) {
                let row_words = code_words(WINDOWS_M, PER_WORD);
                store_codes((place.member * chunks * OUT * WINDOWS_T + row_at) * row_words + m / PER_WORD, word);
            }
        }
    }
}
