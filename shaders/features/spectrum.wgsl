// Magnitude spectra of centred, windowed frames (SPEC 1) by a real FFT.
//
// The FFT/2 pairs of a frame are the points of a complex FFT, sixteen in the registers of each thread: every stage is
// an FFT of radix 2, 4 or 16 in registers, then an exchange through workgroup memory that leaves the points in order
// (Stockham). Frames that the segment does not have, and samples beyond its ends, are zero.
import package::lib::fft4::{fft4, modulus};

const SAMPLES: u32 = 700u;            // stride of a segment
const FRAMES: u32 = 5u;
const FFT: u32 = 512u;                // a power of two, at least 32
const HOP: u32 = 160u;
const LEAD: u32 = 0u;                 // samples before the centre of the first frame
const FRAMES_PER_WORKGROUP: u32 = 4u; // frames per workgroup
const RADIX2: u32 = 0u;               // whether a stage of radix 2 is needed
const RADIX4: u32 = 0u;               // whether a stage of radix 4 is needed
const RADIX16: u32 = 2u;              // stages of radix 16: 2^RADIX2 · 4^RADIX4 · 16^RADIX16 = FFT / 2
const SKEW: u32 = 1u;                 // 1: a gap after every sixteen points keeps strided accesses in different memory banks

const POINTS: u32 = FFT / 2u;
const BINS: u32 = POINTS + 1u;
const LANES: u32 = POINTS / 16u;   // threads per frame
const AREA: u32 = POINTS + LANES * SKEW;

@group(0) @binding(0) var<storage, read> audio: array<f32>;           // [segment, samples]
@group(0) @binding(1) var<storage, read> lengths: array<u32>;         // [segment], samples that count
@group(0) @binding(2) var<storage, read> window: array<vec2<f32>>;    // [fft / 2]
@group(0) @binding(3) var<storage, read> roots: array<vec2<f32>>;     // [fft], e^(−2πi k / fft)
@group(0) @binding(4) var<storage, read_write> magnitude: array<f32>; // [segment, frame, bin]

var<workgroup> exchange: array<vec2<f32>, AREA * FRAMES_PER_WORKGROUP>;

fn multiply(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(fma(a.x, b.x, -a.y * b.y), fma(a.x, b.y, a.y * b.x));
}

// Where point `i` of the frame in `slot` lies in workgroup memory.
fn exchange_index(slot: u32, i: u32) -> u32 {
    return slot * AREA + i + i / 16u * SKEW;
}

@compute @workgroup_size(LANES * FRAMES_PER_WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let slot = thread / LANES;
    let lane = thread % LANES;
    let frame = group.x * FRAMES_PER_WORKGROUP + slot;
    let segment = group.y;
    let length = lengths[segment];
    let centre = LEAD + frame * HOP;
    // A frame centred beyond the signal's end does not exist, even where it would still overlap the last samples.
    let limit = select(0u, length, centre <= length);

    var v: array<vec2<f32>, 16>;
    for (var e = 0u; e < 16u; e++) { // unroll
        let first = 2u * (lane + e * LANES);
        // Before the signal's start the position wraps around and is beyond its end as well.
        let position = centre + first - POINTS;
        let at = segment * SAMPLES;
        let x = select(0.0, audio[at + min(position, SAMPLES - 1u)], position < limit);
        let y = select(0.0, audio[at + min(position + 1u, SAMPLES - 1u)], position + 1u < limit);
        v[e] = vec2<f32>(x, y) * window[lane + e * LANES];
    }

    var done = 1u; // product of the radices so far
    for (var stage = 0u; stage < RADIX2; stage++) { // unroll
        for (var e = 0u; e < 8u; e++) { // unroll
            let sum = v[e] + v[e + 8u];
            let difference = v[e] - v[e + 8u];
            let at = 2u * (lane + e * LANES);
            exchange[exchange_index(slot, at)] = sum;
            exchange[exchange_index(slot, at + 1u)] = difference;
        }
        workgroupBarrier();
        for (var e = 0u; e < 16u; e++) { // unroll
            v[e] = exchange[exchange_index(slot, lane + e * LANES)];
        }
        done = 2u;
        workgroupBarrier();
    }
    for (var stage = 0u; stage < RADIX4; stage++) { // unroll
        for (var e = 0u; e < 4u; e++) { // unroll
            let j = lane + e * LANES;
            let turn = j % done * (FFT / 4u / done);
            let four = fft4(v[e], multiply(v[e + 4u], roots[turn]), multiply(v[e + 8u], roots[2u * turn]), multiply(v[e + 12u], roots[3u * turn]));
            let at = j / done * done * 4u + j % done;
            exchange[exchange_index(slot, at)] = four.a;
            exchange[exchange_index(slot, at + done)] = four.b;
            exchange[exchange_index(slot, at + 2u * done)] = four.c;
            exchange[exchange_index(slot, at + 3u * done)] = four.d;
        }
        workgroupBarrier();
        for (var e = 0u; e < 16u; e++) { // unroll
            v[e] = exchange[exchange_index(slot, lane + e * LANES)];
        }
        done *= 4u;
        workgroupBarrier();
    }
    for (var stage = 0u; stage < RADIX16; stage++) { // unroll
        let turn = lane % done * (FFT / 16u / done);
        if (RADIX2 + RADIX4 + stage > 0u) {
            // Six roots are loaded and nine are products of two: a load costs more than a product, and longer chains
            // of products would lose accuracy.
            let w1 = roots[turn];
            let w2 = roots[2u * turn];
            let w3 = roots[3u * turn];
            v[1u] = multiply(v[1u], w1);
            v[2u] = multiply(v[2u], w2);
            v[3u] = multiply(v[3u], w3);
            for (var i = 0u; i < 3u; i++) { // unroll
                let w = roots[(4u * i + 4u) * turn];
                v[4u * i + 4u] = multiply(v[4u * i + 4u], w);
                v[4u * i + 5u] = multiply(v[4u * i + 5u], multiply(w, w1));
                v[4u * i + 6u] = multiply(v[4u * i + 6u], multiply(w, w2));
                v[4u * i + 7u] = multiply(v[4u * i + 7u], multiply(w, w3));
            }
        }
        // 16 = 4 × 4: columns, the twiddles between, rows; the result is transposed.
        for (var c = 0u; c < 4u; c++) { // unroll
            let four = fft4(v[c], v[c + 4u], v[c + 8u], v[c + 12u]);
            v[c] = four.a;
            v[c + 4u] = four.b;
            v[c + 8u] = four.c;
            v[c + 12u] = four.d;
        }
        v[5u] = multiply(v[5u], vec2<f32>(0.9238795325, -0.3826834324));
        v[6u] = multiply(v[6u], vec2<f32>(0.7071067812, -0.7071067812));
        v[7u] = multiply(v[7u], vec2<f32>(0.3826834324, -0.9238795325));
        v[9u] = multiply(v[9u], vec2<f32>(0.7071067812, -0.7071067812));
        v[10u] = vec2<f32>(v[10u].y, -v[10u].x);
        v[11u] = multiply(v[11u], vec2<f32>(-0.7071067812, -0.7071067812));
        v[13u] = multiply(v[13u], vec2<f32>(0.3826834324, -0.9238795325));
        v[14u] = multiply(v[14u], vec2<f32>(-0.7071067812, -0.7071067812));
        v[15u] = multiply(v[15u], vec2<f32>(-0.9238795325, 0.3826834324));
        let at = lane / done * done * 16u + lane % done;
        for (var r = 0u; r < 4u; r++) { // unroll
            let four = fft4(v[4u * r], v[4u * r + 1u], v[4u * r + 2u], v[4u * r + 3u]);
            exchange[exchange_index(slot, at + r * done)] = four.a;
            exchange[exchange_index(slot, at + (r + 4u) * done)] = four.b;
            exchange[exchange_index(slot, at + (r + 8u) * done)] = four.c;
            exchange[exchange_index(slot, at + (r + 12u) * done)] = four.d;
        }
        workgroupBarrier();
        if (stage + 1u < RADIX16) {
            for (var e = 0u; e < 16u; e++) { // unroll
                v[e] = exchange[exchange_index(slot, lane + e * LANES)];
            }
            workgroupBarrier();
        }
        done *= 16u;
    }

    if (frame >= FRAMES) {
        return;
    }
    // The points hold the spectra of the even and the odd samples; bins k and FFT/2 − k share both.
    let row = (segment * FRAMES + frame) * BINS;
    for (var k = lane; k < POINTS / 2u; k += LANES) {
        let p = exchange[exchange_index(slot, k)];
        let q = exchange[exchange_index(slot, (POINTS - k) % POINTS)];
        let even = 0.5 * vec2<f32>(p.x + q.x, p.y - q.y);
        let odd = multiply(0.5 * vec2<f32>(p.y + q.y, q.x - p.x), roots[k]);
        magnitude[row + k] = modulus(even + odd);
        magnitude[row + POINTS - k] = modulus(even - odd);
    }
    if (lane == 0u) {
        magnitude[row + POINTS / 2u] = modulus(exchange[exchange_index(slot, POINTS / 2u)]);
    }
}
