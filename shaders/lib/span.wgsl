// One layer's parameters: where they stand among all, where their partial gradients are, and where the kernels that use
// them expect them.
struct Span {
    first: u32,           // parameter of one member
    count: u32,           // parameters
    partials: u32,        // elements of one member before this layer's partial sums
    slices: u32,          // partial sums of every parameter
    forward: u32,         // elements before this layer's forward layout
    forward_stride: u32,  // elements of one member in it
    backward: u32,        // the same for the transposed layout
    backward_stride: u32,
}

// Which span a parameter belongs to.
fn span_of(parameter: u32) -> u32 {
    var span = 0u;
    while (span + 1u < SPANS && parameter >= spans[span + 1u].first) {
        span++;
    }
    return span;
}

// Writes a parameter to the places from which the kernels read it; NOWHERE where there is none.
const NOWHERE: u32 = 0xffffffffu;

fn scatter(member: u32, parameter: u32, span: u32, value: f32) {
    let place = places[parameter];
    packed[spans[span].forward + member * spans[span].forward_stride + place.x] = value;
    if (place.y != NOWHERE) {
        packed[spans[span].backward + member * spans[span].backward_stride + place.y] = value;
    }
}
