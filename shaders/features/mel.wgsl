// Log-mel bands of magnitude spectra (SPEC 1), written into the example store.
//
// A thread sums one band of TILE frames over the bins of the band's triangle. That loop stays rolled: it is bound by
// its loads, and written out it takes seconds to compile.
import package::lib::step_index::step_index;
import package::lib::math::ln_accurate;

const SEGMENTS: u32 = 2u; // of a batch
const EXAMPLES: u32 = 3u; // of the store; row r of the schedule writes examples r·SEGMENTS and following
const FRAMES: u32 = 5u;
const BINS: u32 = 257u;
const BANDS: u32 = 64u;
const OFFSET: f32 = 0.01;
const TILE: u32 = 4u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> magnitude: array<f32>;      // [segment, frame, bin]
@group(0) @binding(1) var<storage, read> bins: array<vec2<u32>>;     // [band]: first bin, number of bins
@group(0) @binding(2) var<storage, read> weights: array<f32>;        // [bin of the band, band]
@group(0) @binding(3) var<storage, read_write> features: array<f32>; // [example, frame, band]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let band = id.x % BANDS;
    let first_frame = id.x / BANDS * TILE;
    let segment = id.y;
    let example = step_index() * SEGMENTS + segment;
    if (first_frame >= FRAMES || example >= EXAMPLES) {
        return;
    }
    let triangle = bins[band];
    var at: array<u32, TILE>;
    var sums: array<f32, TILE>;
    for (var t = 0u; t < TILE; t++) { // unroll
        at[t] = (segment * FRAMES + min(first_frame + t, FRAMES - 1u)) * BINS + triangle.x;
        sums[t] = 0.0;
    }
    for (var k = 0u; k < triangle.y; k++) {
        let weight = weights[k * BANDS + band];
        for (var t = 0u; t < TILE; t++) { // unroll
            sums[t] += weight * magnitude[at[t] + k];
        }
    }
    for (var t = 0u; t < TILE; t++) { // unroll
        if (first_frame + t < FRAMES) {
            features[(example * FRAMES + first_frame + t) * BANDS + band] = ln_accurate(sums[t] + OFFSET);
        }
    }
}
