// Gradients of a convolution's weights and biases (SPEC 2), as SPLITS partial sums that `adam` adds up in order
// (split-K). In scalar pseudocode:
//
//     for each split, output channel o, input channel i and tap k:
//         sum = 0
//         for each pool window w of the split:
//             position = the winner of w in the plane of o
//             sum += grad_output[o, w] · input[i, position + k]
//         partials[split, o, i, k] = sum
//
// The windows of all chunks are cut into strips, TILE_M windows wide and as long as a chunk. A thread sums the strips
// of one split, for OUTPUTS output channels × INPUTS input channels × all taps; LANES neighbouring threads take
// neighbouring output channels. Going along a strip, the thread keeps a patch of the input in registers, and moves it
// by a row of windows at each step, so that each input value is loaded once:
//
//            TILE_M windows
//         +-----------------+   ^ time
//         | already summed  |   |
//         +-----------------+   patch: POOL_T + KERNEL - 1 rows of the input. The first KERNEL - 1 of them are the last ones
//         |  row of windows |          of the step before; the others are loaded. PAD columns on either side belong to it.
//         +-----------------+
import package::conv::shape::{OUT, IN, WINDOWS_M, POOL_M, POOL_T, KERNEL, TAPS, MEMBERS, WINDOWS_T};
import package::lib::member::Member;
import package::conv::pool_windows::{pool_argmax, PoolWindows};
import package::lib::pool_argmax::argmax_words;
import slot::workgroup_uniform::workgroup_uniform;
import slot::input_plane::input_plane;
import slot::input_row::input_row;
import slot::grad_output_plane::{PlaneContext, plane_context};
import slot::grad_output_row::grad_output_row;

const PARTIALS: u32 = 1000u;     // elements of one member
const PARTIALS_AT: u32 = 0u;     // elements before this layer
const SPLITS: u32 = 2u;          // partial sums of every parameter
const ARGMAX_PER_WORD: u32 = 2u; // codes in a word of `pool_argmax`
const TILE_M: u32 = 2u;          // pool windows of a strip along mel
const INPUTS: u32 = 1u;          // input channels of a thread
const OUTPUTS: u32 = 4u;         // output channels of a thread
const LANES: u32 = 1u;           // neighbouring threads that take neighbouring output channels
const WORKGROUP: u32 = 32u;

const OUT_GROUPS: u32 = (OUT + OUTPUTS * LANES - 1u) / (OUTPUTS * LANES);
const IN_GROUPS: u32 = (IN + INPUTS - 1u) / INPUTS;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const COLUMNS: u32 = TILE_M * POOL_M;
const HALO_T: u32 = 0u; // a strip needs no windows beside it
const HALO_M: u32 = 0u;
const PATCH_WINDOWS_M: u32 = TILE_M;
const PATCH_T: u32 = POOL_T + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const PARAMETERS: u32 = (OUT * IN * TAPS + OUT + 3u) / 4u * 4u; // as `adam` has them, four at a time

alias Patch = array<array<f32, PATCH_M>, PATCH_T>;

@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // [member, …, split, weights (out, in, tap) then biases (out)]
@group(0) @binding(3) var<storage, read> members: array<Member>;     // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let chunks = arrayLength(&pool_argmax) / (MEMBERS * OUT * WINDOWS_T * argmax_words(WINDOWS_M, ARGMAX_PER_WORD));
    let strips = chunks * TILES_M;
    let member = workgroup_uniform(group.z, MEMBERS);
    let job = workgroup_uniform(id.x / LANES, 0xffffffu);
    if (job >= SPLITS * OUT_GROUPS * IN_GROUPS || members[member].alive == 0u) {
        return;
    }
    let first_in = job % IN_GROUPS * INPUTS;
    let first_out = job / IN_GROUPS % OUT_GROUPS * OUTPUTS * LANES + id.x % LANES;
    let split = job / (IN_GROUPS * OUT_GROUPS);

    var sums: array<array<f32, INPUTS * TAPS>, OUTPUTS>;
    var bias: array<f32, OUTPUTS>;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var s = 0u; s < INPUTS * TAPS; s++) { // unroll
            sums[o][s] = 0.0;
        }
        bias[o] = 0.0;
    }
    let end = (split + 1u) * strips / SPLITS;
    for (var strip = split * strips / SPLITS; strip < end; strip++) {
        let chunk = workgroup_uniform(member * chunks + strip / TILES_M, 0xffffffu);
        let window_m = workgroup_uniform(strip % TILES_M, TILES_M) * TILE_M;
        // The last KERNEL - 1 rows of the patch before the first step.
        var input_patch: array<Patch, INPUTS>;
        var planes: array<u32, INPUTS>;
        for (var i = 0u; i < INPUTS; i++) { // unroll
            planes[i] = input_plane(chunks, chunk, min(first_in + i, IN - 1u));
            for (var r = 0u; r < KERNEL - 1u; r++) { // unroll
                input_patch[i][POOL_T + r] = input_row(planes[i], r, window_m * POOL_M);
            }
        }
        var contexts: array<PlaneContext, OUTPUTS>;
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            contexts[o] = plane_context(first_window_row(chunk, first_out + o * LANES), window_m);
        }
        for (var along = 0u; along < WINDOWS_T; along++) {
            let window_t = workgroup_uniform(along, WINDOWS_T);
            for (var i = 0u; i < INPUTS; i++) { // unroll
                for (var row = 0u; row < KERNEL - 1u; row++) { // unroll
                    input_patch[i][row] = input_patch[i][POOL_T + row];
                }
                for (var r = 0u; r < POOL_T; r++) { // unroll
                    let row = KERNEL - 1u + r;
                    input_patch[i][row] = input_row(planes[i], window_t * POOL_T + row, window_m * POOL_M);
                }
            }
            for (var o = 0u; o < OUTPUTS; o++) { // unroll
                let windows = grad_output_row(contexts[o], first_window_row(chunk, first_out + o * LANES), window_t, window_m);
                for (var w = 0u; w < TILE_M; w++) { // unroll
                    bias[o] += windows.grad[w];
                }
                sums[o] = add_windows(sums[o], input_patch, windows);
            }
        }
    }

    let base = member * PARTIALS + PARTIALS_AT + split * PARAMETERS;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        let out = first_out + o * LANES;
        if (out < OUT) {
            for (var i = 0u; i < INPUTS; i++) { // unroll
                if (first_in + i < IN) {
                    for (var k = 0u; k < TAPS; k++) { // unroll
                        partials[base + (out * IN + first_in + i) * TAPS + k] = sums[o][i * TAPS + k];
                    }
                }
            }
            if (first_in == 0u) {
                partials[base + OUT * IN * TAPS + out] = bias[o];
            }
        }
    }
}

// The row of windows at which the plane of output channel `out` starts.
fn first_window_row(chunk: u32, out: u32) -> u32 {
    return (chunk * OUT + min(out, OUT - 1u)) * WINDOWS_T;
}

// Adds one row of windows to the sums of one output channel: each gradient times the inputs that the taps meet at its
// winner.
fn add_windows(
    sums: array<f32, INPUTS * TAPS>,
    input_patch: array<Patch, INPUTS>,
    windows: PoolWindows,
) -> array<f32, INPUTS * TAPS> {
    var added: array<f32, INPUTS * TAPS>;
    // The taps of one kernel row after those of another: the sums of a row stay in registers meanwhile.
    for (var k = 0u; k < INPUTS * KERNEL; k++) { // unroll
        let rows = input_patch[k / KERNEL];
        var block: array<f32, KERNEL>;
        for (var s = 0u; s < KERNEL; s++) { // unroll
            block[s] = sums[k * KERNEL + s];
        }
        for (var w = 0u; w < TILE_M; w++) { // unroll
            // The inputs of this kernel row at the winner: its row in the window is chosen first, then its column.
            var row: array<f32, POOL_M + KERNEL - 1u>;
            for (var c = 0u; c < POOL_M + KERNEL - 1u; c++) { // unroll
                row[c] = rows[k % KERNEL][w * POOL_M + c];
                for (var p = 0u; p < POOL_T - 1u; p++) { // unroll
                    let below = k % KERNEL + p + 1u;
                    row[c] = select(row[c], rows[below][w * POOL_M + c], windows.argmax[w] / POOL_M == p + 1u);
                }
            }
            for (var s = 0u; s < KERNEL; s++) { // unroll
                var value = row[s];
                for (var p = 0u; p < POOL_M - 1u; p++) { // unroll
                    value = select(value, row[s + p + 1u], windows.argmax[w] % POOL_M == p + 1u);
                }
                block[s] += windows.grad[w] * value;
            }
        }
        for (var s = 0u; s < KERNEL; s++) { // unroll
            added[k * KERNEL + s] = block[s];
        }
    }
    return added;
}
