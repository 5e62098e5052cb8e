// The tile of a thread in a forward convolution and in the gradient of the input, and the sums over the taps.
//
// A layer's plane is cut into tiles of TILE_T × TILE_M pool windows. A thread keeps one sum for each position of its
// tile and each channel of its vectors. A tap moves the kernel over the plane, so the sums of a tile need the patch:
// the tile and PAD positions around it. Positions of the patch outside the plane are zero.
//
//         PATCH_M = TILE_M · POOL_M + KERNEL - 1 columns
//         +-----------------------+
//         | halo of PAD positions |      for each channel of the other side:
//         |  +-----------------+  |          load the patch and, for each vector, the weights of all taps
//         |  | tile: ROWS ×    |  |          for each position p of the tile and tap k:
//         |  | COLUMNS sums    |  |              sums[p] += weights[k] · patch[p + k]
//         |  +-----------------+  |
//         +-----------------------+
//
// Tiles are numbered over all chunks of a member, and LANES threads share one.
import package::conv::shape::{WINDOWS_T, WINDOWS_M, POOL_T, POOL_M, KERNEL, MEMBERS, TAPS};
import slot::channels::{CHANNELS_PER_VECTOR, Channels, load_weights};
import slot::workgroup_uniform::workgroup_uniform;

const PACKED: u32 = 64u;         // vec4s of one member's weights
const CHANNELS: u32 = 5u;        // channels that are computed: outputs in the forward pass, inputs in the backward pass
const TILE_T: u32 = 1u;          // pool windows of a tile along time
const TILE_M: u32 = 2u;          // and along mel
const CHANNEL_VECTORS: u32 = 1u; // vectors of channels of a thread
const LANES: u32 = 1u;           // neighbouring threads that share a tile
const SUMS_PER_BLOCK: u32 = 2u;  // sums that are in registers together
// [tap], its position in the patch: in reverse order in the backward pass
const TAP_ORDER: array<u32, 9> = array<u32, 9>(0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
const WORKGROUP: u32 = 64u;

const TAP_VECTORS: u32 = (CHANNELS + 3u) / 4u * 4u / CHANNELS_PER_VECTOR; // vectors of one tap in the packed weights
const VECTORS: u32 = (CHANNELS + CHANNELS_PER_VECTOR - 1u) / CHANNELS_PER_VECTOR;
const VECTOR_GROUPS: u32 = (VECTORS + CHANNEL_VECTORS * LANES - 1u) / (CHANNEL_VECTORS * LANES);
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const POSITIONS: u32 = ROWS * COLUMNS;
const PATCH_T: u32 = ROWS + KERNEL - 1u;
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const INDEX_BOUND: u32 = 0xffffffu; // above every index of a tile or chunk

// The tile and the channels of a thread.
struct Tile {
    member: u32,
    chunk: u32,        // of its member
    window_t: u32,     // first pool window
    window_m: u32,
    first_vector: u32, // of channels; the next one is LANES further
    weights: u32,      // vector at which the weights of the member start
}

// The tile of a thread. Threads beyond the last tile get a chunk beyond the last one.
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

// Weights of tap `tap` for vector `v` of a thread, from the given binding. Taps are counted over all channels of the other
// side.
fn tap_weights(tile: Tile, weight_binding: u32, tap: u32, v: u32) -> Channels {
    let vector = min(tile.first_vector + v * LANES, TAP_VECTORS - 1u);
    return load_weights(weight_binding, tile.weights + tap * TAP_VECTORS + vector);
}

// Adds one channel of the other side to the sums of one vector. A function of its own keeps the unrolled code short: naga's
// time grows with the square of the length of a function.
fn add_taps(
    sums: array<Channels, POSITIONS>,
    kernel: array<Channels, TAPS>,
    input_patch: array<array<f32, PATCH_M>, PATCH_T>,
) -> array<Channels, POSITIONS> {
    var added: array<Channels, POSITIONS>;
    // A few sums with all their taps, then the next few: the sums of a block stay in registers meanwhile.
    for (var j = 0u; j < POSITIONS / SUMS_PER_BLOCK; j++) { // unroll
        var block: array<Channels, SUMS_PER_BLOCK>;
        for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
            block[s] = sums[j * SUMS_PER_BLOCK + s];
        }
        for (var k = 0u; k < TAPS; k++) { // unroll
            for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
                let position = j * SUMS_PER_BLOCK + s;
                let row = position / COLUMNS + TAP_ORDER[k] / KERNEL;
                let column = position % COLUMNS + TAP_ORDER[k] % KERNEL;
                block[s] += kernel[k] * input_patch[row][column];
            }
        }
        for (var s = 0u; s < SUMS_PER_BLOCK; s++) { // unroll
            added[j * SUMS_PER_BLOCK + s] = block[s];
        }
    }
    return added;
}
