// Gradient of `chunk_mean`, carried on through the last convolution's pool, dropout and LeakyReLU (SPEC 2).
const SEGMENTS: u32 = 2u; // of one member
const CHUNKS: u32 = 3u;   // of one segment
const CHANNELS: u32 = 5u;
const TIME: u32 = 2u;
const MEL: u32 = 2u;
const SLOPE: f32 = 0.2;
const DROPOUT_SCALE: f32 = 1.25;
const LOWER_PER_WORD: u32 = 2u; // codes in a word of the routes
const WORKGROUP: u32 = 64u;

const SIZE: u32 = MEL * CHANNELS;
const ELEMENTS: u32 = SEGMENTS * CHUNKS * CHANNELS * TIME * MEL; // of one member

@group(0) @binding(0) var<storage, read> d_embedding: array<f32>;           // [member, segment, mel · channel]
@group(0) @binding(1) var<storage, read_write> lower_gradients: array<f32>; // [member, segment, chunk, channel, time, mel]
@group(0) @binding(2) var<storage, read> lower_codes: array<u32>;           // [member, segment, chunk, channel, time, word]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= ELEMENTS) {
        return;
    }
    let at = group.z * ELEMENTS + id.x;
    let mel = at % MEL;
    let channel = at / (MEL * TIME) % CHANNELS;
    let segment = at / (MEL * TIME * CHANNELS * CHUNKS);
    let gradient = d_embedding[segment * SIZE + mel * CHANNELS + channel] / f32(CHUNKS * TIME);
    let word = lower_codes[at / MEL * code_words(MEL, LOWER_PER_WORD) + mel / LOWER_PER_WORD];
    lower_gradients[at] = gradient * route_factor(code_in(word, mel, LOWER_PER_WORD), SLOPE, DROPOUT_SCALE);
}
