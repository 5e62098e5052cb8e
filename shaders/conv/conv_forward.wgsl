// Convolution, bias, LeakyReLU, dropout and max-pool of one layer in one dispatch (SPEC 2):
//
//     output[o, window] = max over the window of drop(leaky(bias[o] + Σ_i Σ_k weight[o, i, k] · input[i, position + k]))
//
// A thread computes a tile of TILE_T × TILE_M pool windows for CHANNEL_VECTORS vectors of output channels; `tile.wgsl`
// has the drawing. LANES neighbouring threads compute neighbouring vectors of the same tile. The input patch of the
// tile is loaded into registers once for each input channel and serves all output channels of the thread, because one
// load costs as much as tens of multiply-adds.
import package::conv::shape::{POOL_T, POOL_M, MEMBERS, OUT, WINDOWS_T, WINDOWS_M, IN, TAPS};
import package::lib::member::Member;
import package::conv::tile::{WORKGROUP, thread_tile, INDEX_BOUND, POSITIONS, CHANNEL_VECTORS, tap_weights, PATCH_T};
import package::conv::tile::{PATCH_M, add_taps, Tile, LANES, TILE_T, TILE_M, COLUMNS};
import package::lib::pool_argmax::{argmax_code, DROPPED, NEGATIVE, POSITIVE, argmax_shift, argmax_words};
import slot::store::{StoreVector, STORE_WIDTH, store_vector};
import slot::workgroup_uniform::workgroup_uniform;
import slot::channels::{Channels, CHANNELS_PER_VECTOR, channel_of};
import slot::weights::{WEIGHT_BINDINGS, CHANNELS_PER_BINDING};
import slot::input_plane::input_plane;
import slot::input_row::input_row;
import slot::dropout::{dropout_bits, dropout_keeps, DROPOUT_SCALE};
import slot::pool_argmax::store_argmax;

const LAYER: u32 = 0u;
const SLOPE: f32 = 0.2;
const ARGMAX_PER_WORD: u32 = 2u;  // codes in a word of `pool_argmax`
const WINDOWS_PER_WORD: u32 = 2u; // neighbouring windows of a tile whose codes share a word

const WINDOW: u32 = POOL_T * POOL_M;
const BLOCKS: u32 = (WINDOW + 3u) / 4u; // random blocks of one window

@group(0) @binding(2) var<storage, read_write> output: array<StoreVector>; // [member, chunk, out, windows_t, windows_m / STORE_WIDTH]
@group(0) @binding(3) var<storage, read> members: array<Member>;           // [member]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    // The number of chunks follows from the tensors, so that batches of every size share one compiled kernel.
    let chunks = arrayLength(&output) * STORE_WIDTH / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
    let tile = thread_tile(id, group, groups);
    if (tile.chunk >= chunks || members[tile.member].alive == 0u) {
        return;
    }
    let chunk = workgroup_uniform(tile.member * chunks + tile.chunk, INDEX_BOUND);

    var sums: array<array<Channels, POSITIONS>, CHANNEL_VECTORS>;
    for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
        let bias = tap_weights(tile, WEIGHT_BINDINGS - 1u, IN * TAPS, v);
        for (var p = 0u; p < POSITIONS; p++) { // unroll
            sums[v][p] = bias;
        }
    }
    for (var weight_binding = 0u; weight_binding < WEIGHT_BINDINGS; weight_binding++) { // unroll
        let end = select((weight_binding + 1u) * CHANNELS_PER_BINDING, IN, weight_binding + 1u == WEIGHT_BINDINGS);
        for (var channel = weight_binding * CHANNELS_PER_BINDING; channel < end; channel++) {
            let plane = input_plane(chunks, chunk, workgroup_uniform(channel, IN));
            var input_patch: array<array<f32, PATCH_M>, PATCH_T>;
            for (var row = 0u; row < PATCH_T; row++) { // unroll
                input_patch[row] = input_row(plane, tile.window_t * POOL_T + row, tile.window_m * POOL_M);
            }
            for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
                var kernel: array<Channels, TAPS>;
                for (var k = 0u; k < TAPS; k++) { // unroll
                    kernel[k] = tap_weights(tile, weight_binding, channel * TAPS + k, v);
                }
                sums[v] = add_taps(sums[v], kernel, input_patch);
            }
        }
    }

    for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
        store_pooled(tile, chunks, v, sums[v]);
    }
}

// LeakyReLU, dropout and max-pool of the sums of vector `v`; stores the outputs and the winners.
fn store_pooled(tile: Tile, chunks: u32, v: u32, sums: array<Channels, POSITIONS>) {
    for (var i = 0u; i < CHANNELS_PER_VECTOR; i++) { // unroll
        let out = (tile.first_vector + v * LANES) * CHANNELS_PER_VECTOR + i;
        for (var w = 0u; w < TILE_T * TILE_M / WINDOWS_PER_WORD; w++) { // unroll
            let tile_t = w * WINDOWS_PER_WORD / TILE_M;
            let tile_m = w * WINDOWS_PER_WORD % TILE_M;
            let t = tile.window_t + tile_t;
            let m = tile.window_m + tile_m;
            let row_at = (tile.chunk * OUT + out) * WINDOWS_T + t; // among those of its member
            var word = 0u;
            var bests: array<f32, STORE_WIDTH>;
            for (var x = 0u; x < WINDOWS_PER_WORD; x++) { // unroll
                let window = row_at * WINDOWS_M + m + x;
                var random: array<vec2<u32>, BLOCKS>;
                for (var b = 0u; b < BLOCKS; b++) { // unroll
                    random[b] = dropout_bits(tile.member, LAYER, window * BLOCKS + b);
                }
                var best = 0.0;
                var code = 0u;
                for (var p = 0u; p < WINDOW; p++) { // unroll
                    let row = tile_t * POOL_T + p / POOL_M;
                    let column = (tile_m + x) * POOL_M + p % POOL_M;
                    let value = channel_of(sums[row * COLUMNS + column], i);
                    let kept = dropout_keeps(random[p / 4u], p % 4u);
                    let passed = select(0.0, select(SLOPE * value, value, value > 0.0) * DROPOUT_SCALE, kept);
                    if (p == 0u || passed > best) {
                        best = passed;
                        code = argmax_code(p, select(DROPPED, select(NEGATIVE, POSITIVE, value > 0.0), kept));
                    }
                }
                word |= select(0u, code, m + x < WINDOWS_M) << argmax_shift(x, ARGMAX_PER_WORD);
                bests[x % STORE_WIDTH] = best;
                if (x % STORE_WIDTH == STORE_WIDTH - 1u && t < WINDOWS_T && m + x < WINDOWS_M && out < OUT) {
                    output[(tile.member * chunks * OUT * WINDOWS_T * WINDOWS_M + window) / STORE_WIDTH] = store_vector(bests);
                }
            }
            if (t < WINDOWS_T && m < WINDOWS_M && out < OUT) {
                let row_words = argmax_words(WINDOWS_M, ARGMAX_PER_WORD);
                store_argmax((tile.member * chunks * OUT * WINDOWS_T + row_at) * row_words + m / ARGMAX_PER_WORD, word);
            }
        }
    }
}
