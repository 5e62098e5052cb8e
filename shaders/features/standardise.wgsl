// Every band brought to mean 0 and deviation 1 (SPEC 1), in place.
import slot::rounding::rounded;

const FRAMES: u32 = 5u;
const BANDS: u32 = 64u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read_write> features: array<f32>; // [example, frame, band]
@group(0) @binding(1) var<storage, read> mean: array<f32>;           // [band]
@group(0) @binding(2) var<storage, read> scale: array<f32>;          // [band]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= FRAMES * BANDS) {
        return;
    }
    let band = id.x % BANDS;
    let at = id.y * FRAMES * BANDS + id.x;
    features[at] = rounded((features[at] - mean[band]) * scale[band]);
}
