// Convolution, bias, LeakyReLU, dropout and max-pool in one (SPEC 2).
//
// A thread computes TILE_T × TILE_M pool windows of UNITS units of output channels; LANES neighbours compute neighbouring
// units of the same windows. The input near the tile is loaded into registers once for each input channel and used for
// all of them, because a load costs as much as tens of multiply-adds.
const MEMBERS: u32 = 1u;
const IN: u32 = 2u;
const OUT: u32 = 5u;
const TIME: u32 = 6u;
const MEL: u32 = 8u;
const KERNEL: u32 = 3u;
const POOL_T: u32 = 2u;
const POOL_M: u32 = 2u;
const LAYER: u32 = 0u;
const SLOPE: f32 = 0.2;
const PACKED: u32 = 64u;    // vec4s of one member
const PER_WORD: u32 = 2u;   // codes in a word of the routes
const TILE_CODES: u32 = 2u; // codes of one word that a tile has: PER_WORD, or all of a narrower tile
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const UNITS: u32 = 1u;
const LANES: u32 = 1u;
const JOINED: u32 = 2u;     // sums that take turns
const WORKGROUP: u32 = 64u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const TAP_UNITS: u32 = (OUT + 3u) / 4u * 4u / WIDTH; // units of one tap in the packed weights
const BIAS_AT: u32 = IN * TAPS * TAP_UNITS;
const UNIT_GROUPS: u32 = ((OUT + WIDTH - 1u) / WIDTH + UNITS * LANES - 1u) / (UNITS * LANES);
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const POSITIONS: u32 = ROWS * COLUMNS;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const WINDOW: u32 = POOL_T * POOL_M;
const BLOCKS: u32 = (WINDOW + 3u) / 4u; // random blocks of one window

@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(3) var<storage, read> members: array<Member>;    // [member]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    // The number of chunks follows from the tensors, so that batches of every size share one compiled kernel.
    let chunks = arrayLength(&output) / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
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
    for (var u = 0u; u < UNITS; u++) { // unroll
        let bias = weights_at(weights + BIAS_AT + min(first_unit + u * LANES, TAP_UNITS - 1u));
        for (var p = 0u; p < POSITIONS; p++) { // unroll
            sums[p * UNITS + u] = bias;
        }
    }
    for (var channel = 0u; channel < IN; channel++) {
        let plane = (chunk * IN + group_uniform(channel, IN)) * TIME * MEL;
        var near: array<f32, PATCH_T * PATCH_M>;
        for (var r = 0u; r < PATCH_T; r++) { // unroll
            let values = input_row(plane, window_t * POOL_T + r, window_m * POOL_M);
            for (var c = 0u; c < PATCH_M; c++) { // unroll
                near[r * PATCH_M + c] = values[c];
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
                        joined[s] += kernel[k] * near[((j * JOINED + s) / COLUMNS + k / KERNEL) * PATCH_M + (j * JOINED + s) % COLUMNS + k % KERNEL];
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
            let out = (first_unit + u * LANES) * WIDTH + i;
            for (var w = 0u; w < TILE_T * TILE_M / TILE_CODES; w++) { // unroll
                let t = window_t + w * TILE_CODES / TILE_M;
                let m = window_m + w * TILE_CODES % TILE_M;
                let row_at = (tile / (TILES_M * TILES_T) * OUT + out) * WINDOWS_T + t; // among those of its member
                var word = 0u;
                for (var x = 0u; x < TILE_CODES; x++) { // unroll
                    let window = row_at * WINDOWS_M + m + x;
                    var random: array<vec2<u32>, BLOCKS>;
                    for (var b = 0u; b < BLOCKS; b++) { // unroll
                        random[b] = dropout_bits(member, LAYER, window * BLOCKS + b);
                    }
                    var best = 0.0;
                    var code = 0u;
                    for (var p = 0u; p < WINDOW; p++) { // unroll
                        let row_of = w * TILE_CODES / TILE_M * POOL_T + p / POOL_M;
                        let column_of = (w * TILE_CODES % TILE_M + x) * POOL_M + p % POOL_M;
                        let value = channel_of(sums[(row_of * COLUMNS + column_of) * UNITS + u], i);
                        let kept = dropout_keeps(random[p / 4u], p % 4u);
                        let passed = select(0.0, select(SLOPE * value, value, value > 0.0) * DROPOUT_SCALE, kept);
                        if (p == 0u || passed > best) {
                            best = passed;
                            code = route_code(p, select(DROPPED, select(NEGATIVE, POSITIVE, value > 0.0), kept));
                        }
                    }
                    word |= select(0u, code, m + x < WINDOWS_M) << code_shift(x, PER_WORD);
                    if (t < WINDOWS_T && m + x < WINDOWS_M && out < OUT) {
                        output[member * chunks * OUT * WINDOWS_T * WINDOWS_M + window] = best;
                    }
                }
                if (t < WINDOWS_T && m < WINDOWS_M && out < OUT) {
                    let row_words = code_words(WINDOWS_M, PER_WORD);
                    store_codes((member * chunks * OUT * WINDOWS_T + row_at) * row_words + m / PER_WORD, word);
                }
            }
        }
    }
}
