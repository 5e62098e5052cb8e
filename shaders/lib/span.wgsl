// The parameters of one layer: their position among all parameters, the position of their partial gradients, and the
// positions at which other kernels read them.
import slot::workgroup_uniform::workgroup_uniform;
import kernel::{SPANS, spans, places, packed};

struct Span {
    first: u32,           // parameter of one member
    count: u32,           // parameters, a multiple of four
    partials: u32,        // elements of one member before this layer's partial sums
    splits: u32,          // partial sums of every parameter
    forward: u32,         // elements before this layer's forward layout
    forward_stride: u32,  // elements of one member in it
    backward: u32,        // the same for the transposed layout
    backward_stride: u32,
    first_group: u32,     // workgroups before those of this layer
}

// The span that a workgroup works on.
fn span_of(group: u32) -> Span {
    var span = 0u;
    for (var s = 0u; s < SPANS - 1u; s++) { // unroll
        span += u32(group >= spans[s + 1u].first_group);
    }
    return spans[workgroup_uniform(span, SPANS)];
}

// Writes four parameters to the places from which the kernels read them; NOWHERE where there is none.
const NOWHERE: u32 = 0xffffffffu;

fn scatter(member: u32, four: u32, span: Span, values: vec4<f32>) {
    let forward = places[2u * four];
    let backward = places[2u * four + 1u];
    for (var i = 0u; i < 4u; i++) { // unroll
        if (forward[i] != NOWHERE) {
            packed[span.forward + member * span.forward_stride + forward[i]] = values[i];
        }
        if (backward[i] != NOWHERE) {
            packed[span.backward + member * span.backward_stride + backward[i]] = values[i];
        }
    }
}
