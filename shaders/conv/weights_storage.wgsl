// Weights behind a storage binding: any size.
@group(0) @binding(1) var<storage, read> packed: array<vec4<f32>>; // [member, …] of one layer
