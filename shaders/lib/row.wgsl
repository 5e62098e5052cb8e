// The row of the schedule that this dispatch computes.
var<immediate> row: u32;
