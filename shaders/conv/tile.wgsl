// The tiles that a layer's plane is cut into, and the threads that compute them: the input and the output of a layer have
// the same ones.
import package::conv::shape::{WINDOWS_T, WINDOWS_M, POOL_T, POOL_M, KERNEL, MEMBERS, TAPS};
import slot::channels::{WIDTH, Unit, weights_at};
import slot::workgroup_uniform::group_uniform;

const PACKED: u32 = 64u;   // vec4s of one member's weights
const CHANNELS: u32 = 5u;  // those that the threads compute: the outputs forward, the inputs on the way back
const TILE_T: u32 = 1u;
const TILE_M: u32 = 2u;
const UNITS: u32 = 1u;
const LANES: u32 = 1u;
const JOINED: u32 = 2u;    // sums that take turns
const SEEN: array<u32, 9> = array<u32, 9>(0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u); // [tap], place it sees: on the way back the last one first
const WORKGROUP: u32 = 64u;

const TAP_UNITS: u32 = (CHANNELS + 3u) / 4u * 4u / WIDTH; // units of one tap in the packed weights
const UNIT_GROUPS: u32 = ((CHANNELS + WIDTH - 1u) / WIDTH + UNITS * LANES - 1u) / (UNITS * LANES);
const TILES_T: u32 = (WINDOWS_T + TILE_T - 1u) / TILE_T;
const TILES_M: u32 = (WINDOWS_M + TILE_M - 1u) / TILE_M;
const ROWS: u32 = TILE_T * POOL_T;
const COLUMNS: u32 = TILE_M * POOL_M;
const POSITIONS: u32 = ROWS * COLUMNS;
const PATCH_T: u32 = ROWS + KERNEL - 1u; // the tile and what its taps reach
const PATCH_M: u32 = COLUMNS + KERNEL - 1u;
const MOST: u32 = 0xffffffu;             // bound of the numbers that have no other

// What a thread computes.
struct Place {
    member: u32,
    chunk: u32,      // of its member
    window_t: u32,   // first pool window
    window_m: u32,
    first_unit: u32, // of channels; the next is LANES further
    weights: u32,    // unit at which the member's weights start
}

// The place of a thread; its chunk lies behind the last one where there is nothing to compute.
fn place_of(id: vec3<u32>, group: vec3<u32>, groups: vec3<u32>) -> Place {
    // Workgroups that exceed the first axis are folded into the second.
    let tile = group_uniform((group.y / UNIT_GROUPS * groups.x * WORKGROUP + id.x) / LANES, MOST);
    let member = group_uniform(group.z, MEMBERS);
    var place: Place;
    place.member = member;
    place.chunk = tile / (TILES_M * TILES_T);
    place.window_t = tile / TILES_M % TILES_T * TILE_T;
    place.window_m = tile % TILES_M * TILE_M;
    place.first_unit = group.y % UNIT_GROUPS * UNITS * LANES + id.x % LANES;
    place.weights = member * (PACKED * 4u / WIDTH);
    return place;
}

// Weights of tap `tap` of a thread's unit `u`, behind binding `part`; taps are counted over all channels of the other side.
fn tap_weights(place: Place, part: u32, tap: u32, u: u32) -> Unit {
    return weights_at(part, place.weights + tap * TAP_UNITS + min(place.first_unit + u * LANES, TAP_UNITS - 1u));
}

// The sums of one unit with what its taps see of one channel added. Functions keep the unrolled loops short: naga's time grows
// with the square of a function's length.
fn add_taps(sums: array<Unit, POSITIONS>, kernel: array<Unit, TAPS>, near: array<f32, PATCH_T * PATCH_M>) -> array<Unit, POSITIONS> {
    var added: array<Unit, POSITIONS>;
    // A few sums with all their taps, then the next few: they stay in registers meanwhile.
    for (var j = 0u; j < POSITIONS / JOINED; j++) { // unroll
        var joined: array<Unit, JOINED>;
        for (var s = 0u; s < JOINED; s++) { // unroll
            joined[s] = sums[j * JOINED + s];
        }
        for (var k = 0u; k < TAPS; k++) { // unroll
            for (var s = 0u; s < JOINED; s++) { // unroll
                joined[s] += kernel[k] * near[((j * JOINED + s) / COLUMNS + SEEN[k] / KERNEL) * PATCH_M + (j * JOINED + s) % COLUMNS + SEEN[k] % KERNEL];
            }
        }
        for (var s = 0u; s < JOINED; s++) { // unroll
            added[j * JOINED + s] = joined[s];
        }
    }
    return added;
}
