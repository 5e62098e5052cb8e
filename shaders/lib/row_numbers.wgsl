// As row.wgsl, with the numbers from 0 to 15 behind the row. WGSL has no arrays in immediates, but it has matrices.
struct Row {
    index: u32,
    numbers: mat4x4<f32>,
}
var<immediate> row: Row;
