// Training: the winner's code is kept for the backward pass.
@group(0) @binding(4) var<storage, read_write> routed: array<Routed>; // [member, chunk, out, windows_t, windows_m]

fn store_route(at: u32, code: u32) {
    routed[at].code = code;
}
