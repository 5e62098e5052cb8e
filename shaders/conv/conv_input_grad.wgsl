// Gradient of a convolution's input, taken through LeakyReLU and dropout of the layer before (SPEC 2). In scalar
// pseudocode:
//
//     for each input channel i and position (t, m):
//         sum = 0
//         for each output channel o and tap k:
//             sum += weight[o, i, k] · dense[o, (t, m) - k]
//         grad_input[i, t, m] = sum · argmax_factor(input_argmax[i, t, m])
//     where dense[o, position] = grad_output[o, window] if the position won its pool window, else 0
//
// A thread computes the positions of TILE_T × TILE_M pool windows for CHANNEL_VECTORS vectors of input channels; LANES
// neighbouring threads compute neighbouring vectors of the same positions. The taps of positions at the edge of the
// tile reach into a halo of windows around it. The dense gradient before the pool is never stored in memory: a thread
// reads the windows of tile and halo, and puts the gradient of each at its winner in the registers of the patch:
//
//     +---------------------+      windows: those of the tile, and HALO_T, HALO_M more on every side
//     | halo                |
//     |  + - - - - - - - +  |      patch (dashed): the positions of the tile, and PAD more on every side
//     |  '  +---------+  '  |
//     |  '  |  tile   |  '  |      tile: the positions whose sums the thread keeps
//     |  '  +---------+  '  |
//     |  + - - - - - - - +  |
//     +---------------------+
import package::conv::shape::{PAD, POOL_T, POOL_M, MEMBERS, IN, TIME, MEL, OUT, WINDOWS_T, TAPS};
import package::conv::tile::{TILE_T, TILE_M, WORKGROUP, thread_tile, INDEX_BOUND, POSITIONS, CHANNEL_VECTORS};
import package::conv::tile::{PATCH_T, PATCH_M, tap_weights, add_taps, Tile, LANES, COLUMNS};
import package::lib::member::Member;
import package::lib::pool_argmax::{argmax_words, argmax_shift, argmax_factor, argmax_code_in};
import slot::store::{StoreVector, STORE_WIDTH, store_vector};
import slot::workgroup_uniform::workgroup_uniform;
import slot::channels::{Channels, CHANNELS_PER_VECTOR, channel_of};
import slot::weights::{WEIGHT_BINDINGS, CHANNELS_PER_BINDING};
import slot::grad_output_plane::plane_context;
import package::conv::pool_windows::PoolWindows;
import slot::grad_output_row::grad_output_row;

const SLOPE: f32 = 0.2;
const DROPOUT_SCALE: f32 = 1.25;
const ARGMAX_PER_WORD: u32 = 2u;       // codes in a word of `pool_argmax`
const INPUT_ARGMAX_PER_WORD: u32 = 2u; // codes in a word of `input_argmax`
const POSITIONS_PER_WORD: u32 = 2u;    // neighbouring positions of a tile whose codes share a word

const HALO_T: u32 = (PAD + POOL_T - 1u) / POOL_T; // windows beside the tile that reach into its patch
const HALO_M: u32 = (PAD + POOL_M - 1u) / POOL_M;
const PATCH_WINDOWS_T: u32 = TILE_T + 2u * HALO_T;
const PATCH_WINDOWS_M: u32 = TILE_M + 2u * HALO_M;

@group(0) @binding(2) var<storage, read_write> grad_input: array<StoreVector>; // [member, chunk, in, time, mel / STORE_WIDTH]
@group(0) @binding(3) var<storage, read> members: array<Member>;               // [member]
@group(0) @binding(4) var<storage, read> input_argmax: array<u32>;             // [member, chunk, in, time, word]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let chunks = arrayLength(&grad_input) * STORE_WIDTH / (MEMBERS * IN * TIME * MEL);
    let tile = thread_tile(id, group, groups);
    if (tile.chunk >= chunks || members[tile.member].alive == 0u) {
        return;
    }
    let chunk = workgroup_uniform(tile.member * chunks + tile.chunk, INDEX_BOUND);

    var sums: array<array<Channels, POSITIONS>, CHANNEL_VECTORS>;
    for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
        for (var p = 0u; p < POSITIONS; p++) { // unroll
            sums[v][p] = Channels();
        }
    }
    for (var weight_binding = 0u; weight_binding < WEIGHT_BINDINGS; weight_binding++) { // unroll
        let end = select((weight_binding + 1u) * CHANNELS_PER_BINDING, OUT, weight_binding + 1u == WEIGHT_BINDINGS);
        for (var channel = weight_binding * CHANNELS_PER_BINDING; channel < end; channel++) {
            let plane = (chunk * OUT + workgroup_uniform(channel, OUT)) * WINDOWS_T;
            var windows: array<PoolWindows, PATCH_WINDOWS_T>;
            let context = plane_context(plane, tile.window_m);
            for (var row = 0u; row < PATCH_WINDOWS_T; row++) { // unroll
                windows[row] = grad_output_row(context, plane, tile.window_t + row, tile.window_m);
            }
            var grad_patch: array<array<f32, PATCH_M>, PATCH_T>;
            for (var row = 0u; row < PATCH_T; row++) { // unroll
                for (var column = 0u; column < PATCH_M; column++) { // unroll
                    let t = row + HALO_T * POOL_T - PAD;
                    let m = column + HALO_M * POOL_M - PAD;
                    let grad = windows[t / POOL_T].grad[m / POOL_M];
                    let argmax = windows[t / POOL_T].argmax[m / POOL_M];
                    grad_patch[row][column] = select(0.0, grad, argmax == t % POOL_T * POOL_M + m % POOL_M);
                }
            }
            for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
                var kernel: array<Channels, TAPS>;
                for (var k = 0u; k < TAPS; k++) { // unroll
                    kernel[k] = tap_weights(tile, weight_binding, channel * TAPS + k, v);
                }
                sums[v] = add_taps(sums[v], kernel, grad_patch);
            }
        }
    }

    for (var v = 0u; v < CHANNEL_VECTORS; v++) { // unroll
        store_grad_input(tile, chunk, v, sums[v]);
    }
}

// Multiplies the sums of vector `v` with the slopes of LeakyReLU and dropout of the layer before, and stores them.
fn store_grad_input(tile: Tile, chunk: u32, v: u32, sums: array<Channels, POSITIONS>) {
    for (var i = 0u; i < CHANNELS_PER_VECTOR; i++) { // unroll
        let channel = (tile.first_vector + v * LANES) * CHANNELS_PER_VECTOR + i;
        for (var w = 0u; w < POSITIONS / POSITIONS_PER_WORD; w++) { // unroll
            let t = tile.window_t * POOL_T + w * POSITIONS_PER_WORD / COLUMNS;
            let m = tile.window_m * POOL_M + w * POSITIONS_PER_WORD % COLUMNS;
            if (t < TIME && m < MEL && channel < IN) {
                let row_at = (chunk * IN + channel) * TIME + t;
                let word = input_argmax[row_at * argmax_words(MEL, INPUT_ARGMAX_PER_WORD) + m / INPUT_ARGMAX_PER_WORD]
                    >> argmax_shift(m, INPUT_ARGMAX_PER_WORD);
                var values: array<f32, STORE_WIDTH>;
                for (var x = 0u; x < POSITIONS_PER_WORD; x++) { // unroll
                    let factor = argmax_factor(argmax_code_in(word, x, INPUT_ARGMAX_PER_WORD), SLOPE, DROPOUT_SCALE);
                    values[x % STORE_WIDTH] = channel_of(sums[w * POSITIONS_PER_WORD + x], i) * factor;
                    if (x % STORE_WIDTH == STORE_WIDTH - 1u && m + x < MEL) {
                        grad_input[(row_at * MEL + m + x) / STORE_WIDTH] = store_vector(values);
                    }
                }
            }
        }
    }
}
