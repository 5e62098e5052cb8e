// As row.wgsl, with the numbers from 0 to 15 behind the row.
struct Row {
    index: u32,
    numbers: array<vec4<u32>, 4>,
}
var<immediate> row: Row;
