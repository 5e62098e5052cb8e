// Log-mel bands of centred, windowed frames (SPEC 1), from audio to the example store in the registers of one thread.
//
// This is the form for adapters that compute several threads in the lanes of a vector: each thread has a frame of its
// own, so nothing is exchanged and every index is a constant. The 256 pairs of samples of a frame are the points of a
// complex FFT of 16 × 16. The sizes of batch and store are read from the tensors, so batches and stores of every size
// use the same code.
import package::lib::fft4::{fft4, modulus};
import package::lib::math::ln_accurate;
import slot::step::step_index;
import slot::workgroup_uniform::workgroup_uniform;

const FRAMES: u32 = 5u;
const HOP: u32 = 160u;     // even, as LEAD is
const LEAD: u32 = 0u;      // samples before the centre of the first frame
const FIRST_ROW: u32 = 1u; // the window lets samples through in ROWS of the sixteen rows of 32, from this one on
const ROWS: u32 = 14u;
const BANDS: u32 = 64u;    // a multiple of four
const OFFSET: f32 = 0.01;
const WORKGROUP: u32 = 8u;

const FIRST_BIN: array<u32, 1> = array<u32, 1>(0u);     // [band], of its triangle
const BINS: array<u32, 1> = array<u32, 1>(0u);          // [band], bins of its triangle
const WEIGHTS_START: array<u32, 1> = array<u32, 1>(0u);         // [band], where its weights begin
const WEIGHTS: array<f32, 1> = array<f32, 1>(0.0);      // of all triangles, one after another

@group(0) @binding(0) var<storage, read> audio: array<vec2<f32>>;          // [segment, samples]
@group(0) @binding(1) var<storage, read> lengths: array<u32>;              // [segment of the batch], samples that count
@group(0) @binding(2) var<uniform> window: array<vec4<f32>, 128>;          // [j, row of 16, sample of 2]
@group(0) @binding(3) var<uniform> turns: array<vec4<f32>, 128>;           // [j, r] of 16: e^(−2πi j r / 256)
@group(0) @binding(4) var<uniform> halves: array<vec4<f32>, 72>;           // [r, s] of 9 and 16: e^(−2πi (r + 16 s) / 512)
@group(0) @binding(5) var<storage, read_write> features: array<vec4<f32>>; // [example, frame, band]

fn multiply(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// z · e^(−πi/4)
fn eighth(z: vec2<f32>) -> vec2<f32> {
    return 0.7071067812 * vec2<f32>(z.x + z.y, z.y - z.x);
}

// z · e^(−3πi/4)
fn three_eighths(z: vec2<f32>) -> vec2<f32> {
    return 0.7071067812 * vec2<f32>(z.y - z.x, -z.x - z.y);
}

// 16 = 4 × 4: columns, the twiddles between, rows; the result is transposed back.
fn fft16(u: ptr<function, array<vec2<f32>, 16>>) {
    for (var c = 0u; c < 4u; c++) { // unroll
        let four = fft4((*u)[c], (*u)[c + 4u], (*u)[c + 8u], (*u)[c + 12u]);
        (*u)[c] = four.a;
        (*u)[c + 4u] = four.b;
        (*u)[c + 8u] = four.c;
        (*u)[c + 12u] = four.d;
    }
    (*u)[5u] = multiply((*u)[5u], vec2<f32>(0.9238795325, -0.3826834324));
    (*u)[6u] = eighth((*u)[6u]);
    (*u)[7u] = multiply((*u)[7u], vec2<f32>(0.3826834324, -0.9238795325));
    (*u)[9u] = eighth((*u)[9u]);
    (*u)[10u] = vec2<f32>((*u)[10u].y, -(*u)[10u].x);
    (*u)[11u] = three_eighths((*u)[11u]);
    (*u)[13u] = multiply((*u)[13u], vec2<f32>(0.3826834324, -0.9238795325));
    (*u)[14u] = three_eighths((*u)[14u]);
    (*u)[15u] = multiply((*u)[15u], vec2<f32>(-0.9238795325, 0.3826834324));
    let w = fft4((*u)[0u], (*u)[1u], (*u)[2u], (*u)[3u]);
    let x = fft4((*u)[4u], (*u)[5u], (*u)[6u], (*u)[7u]);
    let y = fft4((*u)[8u], (*u)[9u], (*u)[10u], (*u)[11u]);
    let z = fft4((*u)[12u], (*u)[13u], (*u)[14u], (*u)[15u]);
    *u = array<vec2<f32>, 16>(w.a, x.a, y.a, z.a, w.b, x.b, y.b, z.b, w.c, x.c, y.c, z.c, w.d, x.d, y.d, z.d);
}

// Magnitudes of bins k and 256 − k, of which `p` and `q` are the points and `root` is e^(−2πi k / 512).
fn bins(p: vec2<f32>, q: vec2<f32>, root: vec2<f32>) -> vec2<f32> {
    let even = 0.5 * vec2<f32>(p.x + q.x, p.y - q.y);
    let odd = multiply(0.5 * vec2<f32>(p.y + q.y, q.x - p.x), root);
    return vec2<f32>(modulus(even + odd), modulus(even - odd));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let segments = arrayLength(&lengths);
    let stride = arrayLength(&audio) / segments;
    let segment = id.x / FRAMES;
    let frame = id.x % FRAMES;
    // Row r of the schedule writes the examples from r · segments on.
    let example = step_index() * segments + segment;
    let at = (example * FRAMES + frame) * (BANDS / 4u);
    if (segment >= segments || at >= arrayLength(&features)) {
        return;
    }
    let length = lengths[segment];
    let centre = LEAD + frame * HOP;
    // A frame centred beyond the signal's end does not exist, even where it would still overlap the last samples.
    let limit = select(0u, length, centre <= length);
    // Before the signal's start the position wraps around and is beyond its end as well.
    let start = centre - 256u;

    // Point n is the pair of samples 2n and 2n + 1; an FFT of every sixteenth from j on. One at a time, because large
    // code is slow to fetch.
    var v: array<vec2<f32>, 256>;
    for (var i = 0u; i < 16u; i++) {
        let j = workgroup_uniform(i, 16u);
        var points: array<vec2<f32>, 16>;
        for (var e = 0u; e < 16u; e++) { // unroll
            points[e] = vec2<f32>(0.0);
        }
        for (var e = 0u; e < ROWS; e++) { // unroll
            let position = start + 2u * j + 32u * (FIRST_ROW + e);
            let pair = audio[segment * stride + min(position / 2u, stride - 1u)];
            let within = vec2<u32>(position, position + 1u) < vec2<u32>(limit);
            let rows = window[8u * j + (FIRST_ROW + e) / 2u];
            points[FIRST_ROW + e] = select(vec2<f32>(0.0), pair, within) * select(rows.xy, rows.zw, (FIRST_ROW + e) % 2u == 1u);
        }
        fft16(&points);
        for (var r = 0u; r < 8u; r++) { // unroll
            let w = turns[8u * j + r];
            v[j + 32u * r] = multiply(points[2u * r], w.xy);
            v[j + 32u * r + 16u] = multiply(points[2u * r + 1u], w.zw);
        }
    }

    // The points hold the spectra of the even and the odd samples; bins k and 256 − k share both. With bins r, r + 16 and
    // so on come those from 16 − r on.
    var magnitude: array<f32, 257>;
    for (var i = 0u; i < 7u; i++) { // unroll
        var low: array<vec2<f32>, 16>;
        var high: array<vec2<f32>, 16>;
        for (var j = 0u; j < 16u; j++) { // unroll
            low[j] = v[16u * (i + 1u) + j];
            high[j] = v[240u - 16u * i + j];
        }
        fft16(&low);
        fft16(&high);
        for (var s = 0u; s < 8u; s++) { // unroll
            let w = halves[8u * (i + 1u) + s];
            let first = bins(low[2u * s], high[15u - 2u * s], w.xy);
            let second = bins(low[2u * s + 1u], high[14u - 2u * s], w.zw);
            magnitude[i + 1u + 32u * s] = first.x;
            magnitude[255u - i - 32u * s] = first.y;
            magnitude[i + 17u + 32u * s] = second.x;
            magnitude[239u - i - 32u * s] = second.y;
        }
    }
    // Bins whose partner is of the same FFT.
    {
        var low: array<vec2<f32>, 16>;
        var high: array<vec2<f32>, 16>;
        for (var j = 0u; j < 16u; j++) { // unroll
            low[j] = v[j];
            high[j] = v[128u + j];
        }
        fft16(&low);
        fft16(&high);
        for (var s = 0u; s < 4u; s++) { // unroll
            let v = halves[s];
            let w = halves[64u + s];
            let first = bins(low[2u * s], low[(16u - 2u * s) % 16u], v.xy);
            let second = bins(low[2u * s + 1u], low[15u - 2u * s], v.zw);
            let third = bins(high[2u * s], high[15u - 2u * s], w.xy);
            let fourth = bins(high[2u * s + 1u], high[14u - 2u * s], w.zw);
            magnitude[32u * s] = first.x;
            magnitude[256u - 32u * s] = first.y;
            magnitude[32u * s + 16u] = second.x;
            magnitude[240u - 32u * s] = second.y;
            magnitude[32u * s + 8u] = third.x;
            magnitude[248u - 32u * s] = third.y;
            magnitude[32u * s + 24u] = fourth.x;
            magnitude[232u - 32u * s] = fourth.y;
        }
        magnitude[128u] = modulus(low[8u]);
    }

    var sums: array<vec4<f32>, BANDS / 4u>;
    for (var quad = 0u; quad < BANDS / 4u; quad++) { // unroll
        for (var b = 0u; b < 4u; b++) { // unroll
            var sum = 0.0;
            for (var k = 0u; k < BINS[4u * quad + b]; k++) { // unroll
                sum += magnitude[FIRST_BIN[4u * quad + b] + k] * WEIGHTS[WEIGHTS_START[4u * quad + b] + k];
            }
            sums[quad][b] = sum;
        }
    }
    for (var i = 0u; i < BANDS / 4u; i++) {
        let quad = workgroup_uniform(i, BANDS / 4u);
        let x = sums[quad] + OFFSET;
        features[at + quad] = vec4<f32>(ln_accurate(x.x), ln_accurate(x.y), ln_accurate(x.z), ln_accurate(x.w));
    }
}
