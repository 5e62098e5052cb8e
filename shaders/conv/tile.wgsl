// The tiles that a layer's plane is cut into, and the threads that compute them: the input and the output of a layer have
// the same ones.
import package::conv::shape::{WINDOWS_T, WINDOWS_M, POOL_T, POOL_M, KERNEL, MEMBERS, TAPS};
import slot::channels::{CHANNELS_PER_VECTOR, Channels, load_weights};
import slot::workgroup_uniform::workgroup_uniform;

const PACKED: u32 = 64u;   // vec4s of one member's weights
const CHANNELS: u32 = 5u;  // those that the threads compute: the outputs forward, the inputs on the way back
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const CHANNEL_VECTORS: u32 = 1u;
const LANES: u32 = 1u;
const SUMS_PER_BLOCK: u32 = 2u;    // sums that take turns
const TAP_ORDER: array<u32, 9> = array<u32, 9>(0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u); // [tap], place it sees: on the way back the last one first
const WORKGROUP: u32 = 64u;

const TAP_VECTORS: u32 = (CHANNELS + 3u) / 4u * 4u / CHANNELS_PER_VECTOR; // units of one tap in the packed weights
const VECTOR_GROUPS: u32 = ((CHANNELS + CHANNELS_PER_VECTOR - 1u) / CHANNELS_PER_VECTOR + CHANNEL_VECTORS * LANES - 1u) / (CHANNEL_VECTORS * LANES);
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const POSITIONS: u32 = ROWS * COLUMNS;
const PATCH_T: u32 = ROWS + KERNEL - 1u; // the tile and what its taps reach
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const INDEX_BOUND: u32 = 0xffffffu;             // bound of the numbers that have no other

// What a thread computes.
struct Tile {
    member: u32,
    chunk: u32,      // of its member
    window_t: u32,   // first pool window
    window_m: u32,
    first_vector: u32, // of channels; the next is LANES further
    weights: u32,    // unit at which the member's weights start
}

// The place of a thread; its chunk lies behind the last one where there is nothing to compute.
fn thread_tile(id: vec3<u32>, group: vec3<u32>, groups: vec3<u32>) -> Tile {
    // Workgroups that exceed the first axis are folded into the second.
    let index = workgroup_uniform((group.y / VECTOR_GROUPS * groups.x * WORKGROUP + id.x) / LANES, INDEX_BOUND);
    let member = workgroup_uniform(group.z, MEMBERS);
    var tile: Tile;
    tile.member = member;
    tile.chunk = index / (TILES_M * TILES_T);
    tile.window_t = index / TILES_M % TILES_T * TILE_T;
    tile.window_m = index % TILES_M * TILE_M;
    tile.first_vector = group.y % VECTOR_GROUPS * CHANNEL_VECTORS * LANES + id.x % LANES;
    tile.weights = member * (PACKED * 4u / CHANNELS_PER_VECTOR);
    return tile;
}

// Weights of tap `tap` of a thread's unit `u`, behind binding `part`; taps are counted over all channels of the other side.
fn tap_weights(tile: Tile, weight_binding: u32, tap: u32, v: u32) -> Channels {
    return load_weights(weight_binding, tile.weights + tap * TAP_VECTORS + min(tile.first_vector + v * LANES, TAP_VECTORS - 1u));
}

// The sums of one unit with what its taps see of one channel added. Functions keep the unrolled loops short: naga's time grows
// with the square of a function's length.
fn add_taps(sums: array<Channels, POSITIONS>, kernel: array<Channels, TAPS>, input_patch: array<f32, PATCH_T * PATCH_M>) -> array<Channels, POSITIONS> {
    var added: array<Channels, POSITIONS>;
    // A few sums with all their taps, then the next few: they stay in registers meanwhile.
    for (var j = 0u; j < POSITIONS / SUMS_PER_BLOCK; j++) { // unroll
        var block: array<Channels, SUMS_PER_BLOCK>;
        for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
            block[s] = sums[j * SUMS_PER_BLOCK + s];
        }
        for (var k = 0u; k < TAPS; k++) { // unroll
            for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
                block[s] += kernel[k] * input_patch[((j * SUMS_PER_BLOCK + s) / COLUMNS + TAP_ORDER[k] / KERNEL) * PATCH_M + (j * SUMS_PER_BLOCK + s) % COLUMNS + TAP_ORDER[k] % KERNEL];
            }
        }
        for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
            added[j * SUMS_PER_BLOCK + s] = block[s];
        }
    }
    return added;
}
