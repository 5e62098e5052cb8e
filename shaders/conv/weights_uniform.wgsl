// Weights behind a uniform binding: up to 64 KiB, and far cheaper to load on software adapters.
const PACKED_SIZE: u32 = 64u;
@group(0) @binding(1) var<uniform> packed: array<vec4<f32>, PACKED_SIZE>; // [member, …] of one layer
