// Convolution, bias, LeakyReLU, dropout and max-pool in one (SPEC 2).
//
// A thread computes TILE_T × TILE_M pool windows of 4·QUADS output channels: the input near of one input channel is
// loaded into registers once and used for all of them, because a load costs as much as tens of multiply-adds.
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
const PACKED: u32 = 64u; // vec4s of one member
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const QUADS: u32 = 1u;
const WORKGROUP: u32 = 64u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const OUT_QUADS: u32 = (OUT + 3u) / 4u;
const BIAS_AT: u32 = IN * TAPS * OUT_QUADS;
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const WINDOW: u32 = POOL_T * POOL_M;
const BLOCKS: u32 = (WINDOW + 3u) / 4u; // random blocks of one window

@group(0) @binding(0) var<storage, read> input: array<f32>;         // [member, chunk, in, time, mel]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(3) var<storage, read> members: array<Member>;    // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    // The number of chunks follows from the tensors, so that batches of every size share one compiled kernel.
    let chunks = arrayLength(&output) / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
    let member = group.z;
    let tile = id.x;
    if (tile >= chunks * TILES_T * TILES_M || members[member].alive == 0u) {
        return;
    }
    let first_quad = group.y * QUADS;
    let window_m = (tile % TILES_M) * TILE_M;
    let window_t = (tile / TILES_M % TILES_T) * TILE_T;
    let chunk = member * chunks + tile / (TILES_M * TILES_T);
    let weights = member * PACKED;

    // The near's rows and columns, clamped into the plane; what lies outside counts as zero.
    var row_at: array<u32, PATCH_T>;
    var row_inside: array<bool, PATCH_T>;
    for (var r = 0u; r < PATCH_T; r++) { // unroll
        let t = window_t * POOL_T + r;
        row_inside[r] = t >= PAD && t < TIME + PAD;
        row_at[r] = (clamp(t, PAD, TIME + PAD - 1u) - PAD) * MEL;
    }
    var column_at: array<u32, PATCH_M>;
    var column_inside: array<bool, PATCH_M>;
    for (var c = 0u; c < PATCH_M; c++) { // unroll
        let m = window_m * POOL_M + c;
        column_inside[c] = m >= PAD && m < MEL + PAD;
        column_at[c] = clamp(m, PAD, MEL + PAD - 1u) - PAD;
    }

    var sums: array<vec4<f32>, ROWS * COLUMNS * QUADS>;
    for (var q = 0u; q < QUADS; q++) { // unroll
        let bias = weight_at(weights + BIAS_AT + min(first_quad + q, OUT_QUADS - 1u));
        for (var p = 0u; p < ROWS * COLUMNS; p++) { // unroll
            sums[p * QUADS + q] = bias;
        }
    }
    for (var channel = 0u; channel < IN; channel++) {
        let plane = (chunk * IN + channel) * TIME * MEL;
        var near: array<f32, PATCH_T * PATCH_M>;
        for (var r = 0u; r < PATCH_T; r++) { // unroll
            for (var c = 0u; c < PATCH_M; c++) { // unroll
                near[r * PATCH_M + c] = select(0.0, input[plane + row_at[r] + column_at[c]], row_inside[r] && column_inside[c]);
            }
        }
        let taps = weights + channel * TAPS * OUT_QUADS;
        for (var q = 0u; q < QUADS; q++) { // unroll
            var kernel: array<vec4<f32>, TAPS>;
            for (var k = 0u; k < TAPS; k++) { // unroll
                kernel[k] = weight_at(taps + k * OUT_QUADS + min(first_quad + q, OUT_QUADS - 1u));
            }
            // All taps of one sum after another, so that it stays in registers meanwhile.
            for (var p = 0u; p < ROWS * COLUMNS; p++) { // unroll
                var sum = sums[p * QUADS + q];
                for (var k = 0u; k < TAPS; k++) { // unroll
                    sum += kernel[k] * near[(p / COLUMNS + k / KERNEL) * PATCH_M + p % COLUMNS + k % KERNEL];
                }
                sums[p * QUADS + q] = sum;
            }
        }
    }

    // Every window's random bits, in a rolled loop: written out, the generator would be most of the code.
    var random: array<vec2<u32>, TILE_T * TILE_M * QUADS * 4u * BLOCKS>;
    for (var i = 0u; i < TILE_T * TILE_M * QUADS * 4u * BLOCKS; i++) {
        let w = i / (QUADS * 4u * BLOCKS);
        let window = window_at(tile, first_quad * 4u + i / BLOCKS % (QUADS * 4u), window_t + w / TILE_M, window_m + w % TILE_M);
        random[i] = dropout_bits(member, LAYER, window * BLOCKS + i % BLOCKS);
    }
    for (var w = 0u; w < TILE_T * TILE_M; w++) { // unroll
        let t = window_t + w / TILE_M;
        let m = window_m + w % TILE_M;
        for (var q = 0u; q < QUADS; q++) { // unroll
            for (var lane = 0u; lane < 4u; lane++) { // unroll
                let out = (first_quad + q) * 4u + lane;
                var best = 0.0;
                var code = 0u;
                for (var p = 0u; p < WINDOW; p++) { // unroll
                    let row_of = w / TILE_M * POOL_T + p / POOL_M;
                    let column_of = w % TILE_M * POOL_M + p % POOL_M;
                    let x = sums[(row_of * COLUMNS + column_of) * QUADS + q][lane];
                    let kept = dropout_keeps(random[((w * QUADS + q) * 4u + lane) * BLOCKS + p / 4u], p % 4u);
                    let value = select(0.0, select(SLOPE * x, x, x > 0.0) * DROPOUT_SCALE, kept);
                    if (p == 0u || value > best) {
                        best = value;
                        code = route_code(p, select(DROPPED, select(NEGATIVE, POSITIVE, x > 0.0), kept));
                    }
                }
                if (t < WINDOWS_T && m < WINDOWS_M && out < OUT) {
                    let at = member * chunks * OUT * WINDOWS_T * WINDOWS_M + window_at(tile, out, t, m);
                    output[at] = best;
                    store_route(at, code);
                }
            }
        }
    }
}

// Place of a pool window among those of its member.
fn window_at(tile: u32, out: u32, t: u32, m: u32) -> u32 {
    return ((tile / (TILES_M * TILES_T) * OUT + out) * WINDOWS_T + t) * WINDOWS_M + m;
}
