// The row of the schedule that this dispatch computes; in a struct, because HLSL takes an immediate in no other form.
struct Row {
    index: u32,
}
var<immediate> row: Row;

fn row_index() -> u32 {
    return row.index;
}
