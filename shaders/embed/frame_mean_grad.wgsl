// Gradient of `frame_mean`, taken through max-pool, dropout and LeakyReLU of the last convolution (SPEC 2). One
// workgroup for each time step of each chunk.
import package::lib::sum::workgroup_sum;
import package::lib::pool_argmax::{argmax_words, argmax_factor, argmax_code_in};

const SEGMENTS: u32 = 2u;              // of one member
const CHUNKS: u32 = 3u;                // of one segment
const CHANNELS: u32 = 5u;
const TIME: u32 = 2u;
const MEL: u32 = 2u;
const SLOPE: f32 = 0.2;
const DROPOUT_SCALE: f32 = 1.25;
const INPUT_ARGMAX_PER_WORD: u32 = 2u; // codes in a word of the routes
const WORKGROUP: u32 = 64u;

const SIZE: u32 = MEL * CHANNELS;

@group(0) @binding(0) var<storage, read> grad_output: array<f32>;      // [member, segment, mel · channel]
@group(0) @binding(1) var<storage, read> pooled: array<f32>;           // [member, segment, chunk, channel, time, mel]
@group(0) @binding(2) var<storage, read_write> grad_input: array<f32>; // [member, segment, chunk, channel, time, mel]
@group(0) @binding(3) var<storage, read> input_argmax: array<u32>;     // [member, segment, chunk, channel, time, word]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let chunk = group.z * SEGMENTS * CHUNKS + group.x / TIME;
    let t = group.x % TIME;
    let segment = chunk / CHUNKS;
    var squares = 0.0;
    var along = 0.0;
    for (var coordinate = local; coordinate < SIZE; coordinate += WORKGROUP) {
        let value = pooled[element(chunk, t, coordinate)];
        squares += value * value;
        along += value * grad_output[segment * SIZE + coordinate];
    }
    let length = sqrt(workgroup_sum(local, squares));
    let slope = select(0.0, workgroup_sum(local, along) / (length * length), length > 1e-12);
    for (var coordinate = local; coordinate < SIZE; coordinate += WORKGROUP) {
        let at = element(chunk, t, coordinate);
        let gradient = (grad_output[segment * SIZE + coordinate] - pooled[at] * slope) / max(length, 1e-12);
        let mel = coordinate / CHANNELS;
        let word = input_argmax[at / MEL * argmax_words(MEL, INPUT_ARGMAX_PER_WORD) + mel / INPUT_ARGMAX_PER_WORD];
        let factor = argmax_factor(argmax_code_in(word, mel, INPUT_ARGMAX_PER_WORD), SLOPE, DROPOUT_SCALE);
        grad_input[at] = gradient / f32(CHUNKS * TIME) * factor;
    }
}

fn element(chunk: u32, t: u32, coordinate: u32) -> u32 {
    return ((chunk * CHANNELS + coordinate % CHANNELS) * TIME + t) * MEL + coordinate / CHANNELS;
}
