// One training step of the tagger G in one dispatch (SPEC 3, 4.1): its layers forward, binary cross-entropy from logits
// (the paper's equation 1), and backward to the gradients of its weights, its biases and, where E is trained too, the
// embeddings.
//
// The batch of a member is divided into SPLITS parts, one for each workgroup, and each has its own partial sums of the
// gradients. A workgroup takes EXAMPLES_PER_PASS examples at a time through all layers, and hands values and gradients
// from layer to layer through `activations`. In the forward pass, a thread computes OUTPUTS_PER_THREAD outputs of a
// layer and its neighbours the outputs beside them; in the backward pass, the same holds for inputs. A weight that a
// thread loads serves all examples of the pass; a value or a gradient, which is the same for the whole workgroup,
// serves all outputs of the thread.
//
// Arrays of sums and of their factors are indexed by constants alone, so that they stay in registers. Loads, stores and
// random bits stand in rolled loops around them that work on copies: unrolled, they would be very long code to compile.
import package::lib::member::Member;
import package::lib::sum::workgroup_sum;
import package::lib::math::{exp_accurate, ln_one_plus};
import slot::workgroup_uniform::workgroup_uniform;
import slot::step::step_index;
import slot::dropout::{DROPOUT_SCALE, dropout_keeps, dropout_bits};
import slot::grad_input::{HAS_GRAD_INPUT, store_grad_input};

const MEMBERS: u32 = 1u;
const BATCH_SIZE: u32 = 3u;         // examples of one member's batch
const CLASSES: u32 = 4u;
const LAYERS: u32 = 2u;
const FIRST_LAYER: u32 = 4u;        // the number of G's first layer, which enters the dropout counter
const UNITS: u32 = 10u;             // outputs of all layers
const SLOPE: f32 = 0.2;
const PARTIALS: u32 = 100u;         // elements of one member
const SPLITS: u32 = 1u;             // workgroups of one member, each with its own partial sums
const EXAMPLES_PER_PASS: u32 = 3u;  // examples of a pass
const OUTPUTS_PER_THREAD: u32 = 2u; // outputs, or inputs, of a thread
const WORKGROUP: u32 = 8u;

const IN: array<u32, 2> = array<u32, 2>(5u, 6u);           // [layer], inputs
const OUT: array<u32, 2> = array<u32, 2>(6u, 4u);          // [layer], outputs
const INPUT_START: array<u32, 2> = array<u32, 2>(0u, 0u);  // [layer], unit at which its inputs start
const OUTPUT_START: array<u32, 2> = array<u32, 2>(0u, 6u); // [layer], unit at which its outputs start
const PACKED_AT: array<u32, 2> = array<u32, 2>(0u, 36u);   // [layer], elements before its weights
const PACKED: array<u32, 2> = array<u32, 2>(36u, 28u);     // [layer], elements of one member
const PARTIALS_AT: array<u32, 2> = array<u32, 2>(0u, 36u); // [layer], elements before its partial sums

const LARGEST_SPLIT: u32 = (BATCH_SIZE + SPLITS - 1u) / SPLITS;
const PASSES: u32 = (LARGEST_SPLIT + EXAMPLES_PER_PASS - 1u) / EXAMPLES_PER_PASS;

@group(0) @binding(0) var<storage, read> embedding: array<f32>;         // [member, slot, dimension]
@group(0) @binding(1) var<storage, read> packed: array<f32>;            // [layer, member, (in, out) then biases (out)]
@group(0) @binding(2) var<storage, read_write> activations: array<f32>; // [member, slot, (value, gradient), output of any layer]
@group(0) @binding(3) var<storage, read> members: array<Member>;        // [member]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;    // [member, …, split, weights (out, in) then biases (out)]
@group(0) @binding(5) var<storage, read> targets: array<f32>;           // [example, class]
@group(0) @binding(6) var<storage, read> batches: array<u32>;           // [step, member, slot]
@group(0) @binding(7) var<storage, read_write> losses: array<f32>;      // [step, member, split]

struct Layer {
    index: u32,
    inputs: u32,
    outputs: u32,
    start: u32,    // unit at which its inputs start
    end: u32,      // unit at which its outputs start
    packed: u32,   // element at which its member's weights start
    partials: u32, // element at which the gradients of the split start
}

// The examples of a workgroup: its split, and those of the current pass.
struct Examples {
    local: u32,
    member: u32,
    start: u32, // first slot of the split
    end: u32,   // slot after its last
    first: u32, // first slot of the pass
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    // A member that trains no more takes part: some compilers refuse barriers behind a condition that is loaded.
    let member = workgroup_uniform(group.z, MEMBERS);
    let split = workgroup_uniform(group.x, SPLITS);
    let start = split * BATCH_SIZE / SPLITS;
    let end = (split + 1u) * BATCH_SIZE / SPLITS;
    var layers: array<Layer, LAYERS>;
    for (var l = 0u; l < LAYERS; l++) { // unroll
        let partials_at = partials_of(member, split, PARTIALS_AT[l], IN[l], OUT[l]);
        layers[l] = Layer(l, IN[l], OUT[l], INPUT_START[l], OUTPUT_START[l], PACKED_AT[l] + member * PACKED[l], partials_at);
    }
    if (start == end) {
        for (var l = 0u; l < LAYERS; l++) { // unroll
            clear(local, layers[l]);
        }
    }
    var loss = 0.0;
    for (var passed = 0u; passed < end - start; passed += EXAMPLES_PER_PASS) {
        let examples = Examples(local, member, start, end, start + workgroup_uniform(passed, BATCH_SIZE));
        for (var l = 0u; l < LAYERS; l++) { // unroll
            forward(examples, layers[l]);
            storageBarrier();
        }
        loss += cross_entropy(examples);
        storageBarrier();
        for (var back = 0u; back < LAYERS; back++) { // unroll
            backward(examples, layers[LAYERS - 1u - back]);
            storageBarrier();
        }
    }
    let total = workgroup_sum(local, loss);
    if (local == 0u) {
        losses[(step_index() * MEMBERS + member) * SPLITS + split] = total / f32(BATCH_SIZE * CLASSES);
    }
}

// Element at which the partial sums of a layer start. The sums of a split fill whole vec4s, because `adam` reads four at
// a time.
fn partials_of(member: u32, split: u32, at: u32, inputs: u32, outputs: u32) -> u32 {
    return member * PARTIALS + at + split * (((inputs + 1u) * outputs + 3u) / 4u * 4u);
}

// Elements of `activations`: the value of a unit and its gradient.
fn value_at(examples: Examples, slot: u32, unit: u32) -> u32 {
    return (examples.member * BATCH_SIZE + slot) * 2u * UNITS + unit;
}

fn grad_at(examples: Examples, slot: u32, unit: u32) -> u32 {
    return value_at(examples, slot, unit) + UNITS;
}

// Input `i` of a layer for the example in `slot`.
fn input_of(examples: Examples, layer: Layer, slot: u32, i: u32) -> f32 {
    if (layer.index == 0u) {
        return embedding[(examples.member * BATCH_SIZE + slot) * layer.inputs + i];
    }
    return activations[value_at(examples, slot, layer.start + i)];
}

// Examples of the pass: fewer than EXAMPLES_PER_PASS at the end of a split.
fn examples_in(examples: Examples) -> u32 {
    return min(EXAMPLES_PER_PASS, examples.end - examples.first);
}

// The slot of example `r` of the pass, or the last one where there are fewer.
fn slot_of(examples: Examples, r: u32) -> u32 {
    return min(examples.first + r, examples.end - 1u);
}

// Input `i` of a layer for all examples of the pass.
fn inputs_of(examples: Examples, layer: Layer, i: u32) -> array<f32, EXAMPLES_PER_PASS> {
    var values: array<f32, EXAMPLES_PER_PASS>;
    for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
        values[r] = input_of(examples, layer, slot_of(examples, r), i);
    }
    return values;
}

fn forward(examples: Examples, layer: Layer) {
    for (var first = examples.local; first < layer.outputs; first += WORKGROUP * OUTPUTS_PER_THREAD) {
        var sums: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>;
        for (var u = 0u; u < OUTPUTS_PER_THREAD; u++) { // unroll
            for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
                sums[u][r] = 0.0;
            }
        }
        for (var i = 0u; i < layer.inputs; i++) {
            let input = workgroup_uniform(i, layer.inputs);
            let values = inputs_of(examples, layer, input);
            for (var u = 0u; u < OUTPUTS_PER_THREAD; u++) { // unroll
                let weight = packed[layer.packed + input * layer.outputs + min(first + u * WORKGROUP, layer.outputs - 1u)];
                for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
                    sums[u][r] += values[r] * weight;
                }
            }
        }
        store_outputs(examples, layer, first, sums);
    }
}

// Stores the outputs of a thread: sum and bias, followed by LeakyReLU and dropout in all layers but the last.
fn store_outputs(examples: Examples, layer: Layer, first: u32, sums: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>) {
    for (var u = 0u; u < OUTPUTS_PER_THREAD && first + u * WORKGROUP < layer.outputs; u++) {
        let o = first + u * WORKGROUP;
        let bias = packed[layer.packed + layer.inputs * layer.outputs + o];
        for (var r = 0u; r < examples_in(examples); r++) {
            var x = sums[u][r] + bias;
            if (layer.index + 1u < LAYERS) {
                let kept = is_kept(examples, layer.index, (examples.first + r) * layer.outputs + o);
                x = select(0.0, select(SLOPE * x, x, x > 0.0) * DROPOUT_SCALE, kept);
            }
            activations[value_at(examples, examples.first + r, layer.end + o)] = x;
        }
    }
}

fn is_kept(examples: Examples, layer: u32, element: u32) -> bool {
    return dropout_keeps(dropout_bits(examples.member, FIRST_LAYER + layer, element / 4u), element % 4u);
}

// A thread's part of the sum of losses; stores the gradients of the logits.
fn cross_entropy(examples: Examples) -> f32 {
    var sum = 0.0;
    for (var at = examples.local; at < examples_in(examples) * CLASSES; at += WORKGROUP) {
        let slot = examples.first + at / CLASSES;
        let example = batches[(step_index() * MEMBERS + examples.member) * BATCH_SIZE + slot];
        let logit = UNITS - CLASSES + at % CLASSES;
        let y = targets[example * CLASSES + at % CLASSES];
        let x = activations[value_at(examples, slot, logit)];
        let e = exp_accurate(-abs(x));
        sum += max(x, 0.0) - x * y + ln_one_plus(e);
        activations[grad_at(examples, slot, logit)] = (select(e, 1.0, x >= 0.0) / (1.0 + e) - y) / f32(BATCH_SIZE * CLASSES);
    }
    return sum;
}

// Gradients of a layer's weights, of its biases (as weights of an input that is always 1) and of its inputs.
fn backward(examples: Examples, layer: Layer) {
    let wants_grad_input = layer.index > 0u || HAS_GRAD_INPUT;
    for (var first = examples.local; first <= layer.inputs; first += WORKGROUP * OUTPUTS_PER_THREAD) {
        let loaded = load_inputs(examples, layer, first); // a copy is what the sums read
        var inputs: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>;
        var grad_inputs: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>;
        for (var u = 0u; u < OUTPUTS_PER_THREAD; u++) { // unroll
            for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
                inputs[u][r] = loaded[u][r];
                grad_inputs[u][r] = 0.0;
            }
        }
        for (var o = 0u; o < layer.outputs; o++) {
            let out = workgroup_uniform(o, layer.outputs);
            var grad_outputs: array<f32, EXAMPLES_PER_PASS>;
            for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
                grad_outputs[r] = activations[grad_at(examples, slot_of(examples, r), layer.end + out)];
            }
            for (var u = 0u; u < OUTPUTS_PER_THREAD; u++) { // unroll
                let i = first + u * WORKGROUP;
                if (i <= layer.inputs) {
                    add_weight_grad(examples, layer, i, out, inputs[u], grad_outputs);
                }
                if (wants_grad_input) {
                    let weight = packed[layer.packed + min(i, layer.inputs - 1u) * layer.outputs + out];
                    for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
                        grad_inputs[u][r] += grad_outputs[r] * weight;
                    }
                }
            }
        }
        if (wants_grad_input) {
            store_grad_inputs(examples, layer, first, grad_inputs);
        }
    }
}

// The inputs of a thread; the one after the last is 1, for the biases. Zeros where there is no example.
fn load_inputs(examples: Examples, layer: Layer, first: u32) -> array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD> {
    var inputs: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>;
    for (var u = 0u; u < OUTPUTS_PER_THREAD; u++) { // unroll
        for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
            inputs[u][r] = 0.0;
        }
    }
    for (var u = 0u; u < OUTPUTS_PER_THREAD && first + u * WORKGROUP <= layer.inputs; u++) {
        let i = first + u * WORKGROUP;
        for (var r = 0u; r < examples_in(examples); r++) {
            let value = input_of(examples, layer, examples.first + r, min(i, layer.inputs - 1u));
            inputs[u][r] = select(value, 1.0, i == layer.inputs);
        }
    }
    return inputs;
}

// Adds the pass to the gradient of the weight of input `i` and output `o`, or of the bias; the first pass starts from zero.
fn add_weight_grad(
    examples: Examples,
    layer: Layer,
    i: u32,
    o: u32,
    inputs: array<f32, EXAMPLES_PER_PASS>,
    grad_outputs: array<f32, EXAMPLES_PER_PASS>,
) {
    let at = layer.partials + select(o * layer.inputs + i, layer.inputs * layer.outputs + o, i == layer.inputs);
    var sum = 0.0;
    if (PASSES > 1u && examples.first > examples.start) {
        sum = partials[at];
    }
    for (var r = 0u; r < EXAMPLES_PER_PASS; r++) { // unroll
        sum += inputs[r] * grad_outputs[r];
    }
    partials[at] = sum;
}

// Stores the gradients of the inputs of a thread, times the slopes of the LeakyReLU and dropout that they came out of. The
// embedding has neither: E takes its gradient as it is.
fn store_grad_inputs(
    examples: Examples,
    layer: Layer,
    first: u32,
    grad_inputs: array<array<f32, EXAMPLES_PER_PASS>, OUTPUTS_PER_THREAD>,
) {
    for (var u = 0u; u < OUTPUTS_PER_THREAD && first + u * WORKGROUP < layer.inputs; u++) {
        let i = first + u * WORKGROUP;
        for (var r = 0u; r < examples_in(examples); r++) {
            let slot = examples.first + r;
            if (layer.index == 0u) {
                store_grad_input((examples.member * BATCH_SIZE + slot) * layer.inputs + i, grad_inputs[u][r]);
            } else {
                let kept = is_kept(examples, layer.index - 1u, slot * layer.inputs + i);
                let positive = activations[value_at(examples, slot, layer.start + i)] > 0.0;
                let factor = select(0.0, select(SLOPE, 1.0, positive) * DROPOUT_SCALE, kept);
                activations[grad_at(examples, slot, layer.start + i)] = grad_inputs[u][r] * factor;
            }
        }
    }
}

// Zeroes the gradients of a layer, for a split without examples.
fn clear(local: u32, layer: Layer) {
    for (var at = local; at < (layer.inputs + 1u) * layer.outputs; at += WORKGROUP) {
        partials[layer.partials + at] = 0.0;
    }
}
