// Gradient of a convolution's input, carried on through the layer below: its pool, dropout and LeakyReLU (SPEC 2).
//
// A thread computes the positions of TILE_T × TILE_M pool windows for 4·QUADS input channels. The gradient before the
// pool is never stored: each window's gradient is put at its winner in registers.
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
const PACKED: u32 = 64u; // vec4s of one member
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const QUADS: u32 = 1u;
const WORKGROUP: u32 = 64u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const IN_QUADS: u32 = (IN + 3u) / 4u;
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const HALO_T: u32 = (PAD + POOL_T - 1u) / POOL_T; // windows beside the tile that reach into its near
const HALO_M: u32 = (PAD + POOL_M - 1u) / POOL_M;
const NEAR_T: u32 = TILE_T + 2u * HALO_T;
const NEAR_M: u32 = TILE_M + 2u * HALO_M;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;

@group(0) @binding(0) var<storage, read> upper: array<Routed>;       // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(2) var<storage, read_write> lower: array<Routed>; // [member, chunk, in, time, mel]
@group(0) @binding(3) var<storage, read> members: array<Member>;     // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let chunks = arrayLength(&upper) / (MEMBERS * OUT * WINDOWS_T * WINDOWS_M);
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

    var row_at: array<u32, NEAR_T>;
    var row_inside: array<bool, NEAR_T>;
    for (var r = 0u; r < NEAR_T; r++) { // unroll
        let t = window_t + r;
        row_inside[r] = t >= HALO_T && t < WINDOWS_T + HALO_T;
        row_at[r] = (clamp(t, HALO_T, WINDOWS_T + HALO_T - 1u) - HALO_T) * WINDOWS_M;
    }
    var column_at: array<u32, NEAR_M>;
    var column_inside: array<bool, NEAR_M>;
    for (var c = 0u; c < NEAR_M; c++) { // unroll
        let m = window_m + c;
        column_inside[c] = m >= HALO_M && m < WINDOWS_M + HALO_M;
        column_at[c] = clamp(m, HALO_M, WINDOWS_M + HALO_M - 1u) - HALO_M;
    }

    var sums: array<vec4<f32>, ROWS * COLUMNS * QUADS>;
    for (var p = 0u; p < ROWS * COLUMNS * QUADS; p++) { // unroll
        sums[p] = vec4<f32>(0.0);
    }
    for (var channel = 0u; channel < OUT; channel++) {
        let plane = (chunk * OUT + channel) * WINDOWS_T * WINDOWS_M;
        var gradient: array<f32, NEAR_T * NEAR_M>;
        var winner: array<u32, NEAR_T * NEAR_M>;
        for (var r = 0u; r < NEAR_T; r++) { // unroll
            for (var c = 0u; c < NEAR_M; c++) { // unroll
                let routed = upper[plane + row_at[r] + column_at[c]];
                gradient[r * NEAR_M + c] = select(0.0, routed.gradient, row_inside[r] && column_inside[c]);
                winner[r * NEAR_M + c] = route_position(routed.code);
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
        let taps = weights + channel * TAPS * IN_QUADS;
        for (var q = 0u; q < QUADS; q++) { // unroll
            var kernel: array<vec4<f32>, TAPS>;
            for (var k = 0u; k < TAPS; k++) { // unroll
                kernel[k] = weight_at(taps + k * IN_QUADS + min(first_quad + q, IN_QUADS - 1u));
            }
            // All taps of one sum after another, so that it stays in registers meanwhile.
            for (var p = 0u; p < ROWS * COLUMNS; p++) { // unroll
                var sum = sums[p * QUADS + q];
                for (var k = 0u; k < TAPS; k++) { // unroll
                    sum += kernel[k] * near[(p / COLUMNS + KERNEL - 1u - k / KERNEL) * PATCH_M + p % COLUMNS + KERNEL - 1u - k % KERNEL];
                }
                sums[p * QUADS + q] = sum;
            }
        }
    }

    for (var p = 0u; p < ROWS * COLUMNS; p++) { // unroll
        let t = window_t * POOL_T + p / COLUMNS;
        let m = window_m * POOL_M + p % COLUMNS;
        if (t < TIME && m < MEL) {
            for (var q = 0u; q < QUADS; q++) { // unroll
                for (var lane = 0u; lane < 4u; lane++) { // unroll
                    let channel = (first_quad + q) * 4u + lane;
                    if (channel < IN) {
                        let at = ((chunk * IN + channel) * TIME + t) * MEL + m;
                        lower[at].gradient = sums[p * QUADS + q][lane] * route_factor(lower[at].code, SLOPE, DROPOUT_SCALE);
                    }
                }
            }
        }
    }
}
